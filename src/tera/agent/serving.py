"""The agent's web server: answers calls until it is time to leave."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tera.agent.address import Address, identity_of, peer_uid, read_address, write_address
from tera.agent.app import Agent
from tera.agent.embedding import EmbeddingThread
from tera.paths import Paths

LOOK_EVERY_S = 0.1
UNFINISHED_S = 2
"""How long a connection that has not made a whole call may delay the end."""

log = logging.getLogger(__name__)


async def serve(
    agent: Agent,
    embedding: EmbeddingThread,
    paths: Paths,
    address: Address,
    listening: socket.socket,
) -> None:
    """Answer calls until the agent is told to leave, has been idle, or cannot be reached."""
    config = uvicorn.Config(
        agent.app,
        http=_OwnerOnly,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=1,
        timeout_graceful_shutdown=UNFINISHED_S,
    )
    server = _Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, agent.stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    inode = Path(address.socket).stat().st_ino

    async def look() -> None:
        while not server.should_exit:
            await asyncio.sleep(LOOK_EVERY_S)
            is_idle = agent.idle_s >= agent.engine.config.agent_idle_s and not embedding.is_busy
            if is_idle or not _can_be_reached(paths, address, inode):
                agent.stop()
            # Till then it listens: whoever calls is told to wait for the next agent.
            if agent.is_stopping and not agent.is_working:
                server.should_exit = True

    looking = asyncio.create_task(look())
    await server.serve(sockets=[listening])
    await looking


class _Server(uvicorn.Server):
    """A server that leaves signals alone: uvicorn would stop listening while calls are answered."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _OwnerOnly(H11Protocol):
    """HTTP for processes of the same user alone."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if peer_uid(transport.get_extra_info("socket")) != os.getuid():
            log.warning("a process of another user was turned away")
            transport.abort()


def _can_be_reached(paths: Paths, address: Address, inode: int) -> bool:
    """Return whether commands find this agent; an address that is lost is written down again."""
    try:
        if identity_of(paths) != address.home or Path(address.socket).stat().st_ino != inode:
            # As when a login session ends, or the home folder was moved.
            return False
        if read_address(paths) != address:
            write_address(paths, address)
    except OSError:
        return False
    return True
