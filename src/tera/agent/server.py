"""The life of the background agent: lock, socket, store, and the end after an idle time."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from tera.agent.address import Address, listen, peer_uid, write_address
from tera.agent.protocol import encode_error, settings_digest
from tera.config import Config, load_config
from tera.errors import TeraError
from tera.paths import Paths, find_paths

LOG_BYTES = 1_000_000
OLD_LOGS = 2
LOOK_EVERY_S = 0.1

log = logging.getLogger("tera.agent")


def run(report: int) -> None:
    """Be the agent of the home folder until it is stopped or idle for long enough.

    Args:
        report: A pipe's file descriptor: receives one line of JSON, whether the agent listens,
            another one has the home folder, or what went wrong.
    """
    os.umask(0o077)
    with os.fdopen(report, "w") as pipe:

        def say(state: str, **more: object) -> None:
            with suppress(OSError):
                pipe.write(json.dumps({"state": state, **more}) + "\n")
                pipe.close()

        try:
            paths = find_paths()
            config, _ = load_config(paths)
            _run(config, paths, say)
        except TeraError as error:
            log.error("%s", error.message)
            say("failed", error=encode_error(error))


def _run(config: Config, paths: Paths, say: Any) -> None:
    from filelock import FileLock, Timeout

    paths.create()
    lock = FileLock(paths.agent_lock, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        say("other")
        return
    except OSError as error:
        raise TeraError(
            f"cannot write to {paths.home}: {error.strerror or error}",
            hint="set TERA_HOME to a folder that you can write to",
        ) from error
    _log_to(paths.agent_log)
    settings = settings_digest(config, paths)
    with listen(paths) as listening:
        file = Path(listening.getsockname())
        address = Address(str(file), os.getpid())
        write_address(paths, address)
        say("ready")
        try:
            _serve(config, paths, settings, listening)
        finally:
            # Until here the lock keeps other agents from listening on the same file.
            paths.agent_address.unlink(missing_ok=True)
            file.unlink(missing_ok=True)
    log.info("process %d leaves", os.getpid())


def _serve(config: Config, paths: Paths, settings: str, listening: socket.socket) -> None:
    """Answer calls until it is time to leave."""
    from tera.agent.conversation import CurrentListener
    from tera.agent.embedding import EmbeddingThread
    from tera.upkeep import Keeper

    listener = CurrentListener()
    engine = Keeper(config, paths, listener, stays_open=True)
    # Imports of the database and of the server go on side by side.
    opening = threading.Thread(target=_open, args=(engine,), name="opening", daemon=True)
    opening.start()
    from tera.agent.app import Agent

    agent = Agent(engine, listener, settings)
    embedding = EmbeddingThread(engine)
    engine.workspace.on_waiting = embedding.wake
    embedding.start()
    embedding.wake()
    log.info("process %d listens on %s", os.getpid(), listening.getsockname())
    try:
        asyncio.run(_until_idle(agent, embedding, config.agent_idle_s, listening))
    finally:
        embedding.stop()
        engine.close()


def _open(engine: Any) -> None:
    try:
        with engine.store():
            pass
    except TeraError as error:
        # Each call tries again, and tells its client.
        log.warning("%s", error.message)
    except Exception:
        log.exception("the store does not open")


async def _until_idle(agent: Any, embedding: Any, idle_s: float, listening: socket.socket) -> None:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class OwnerOnly(H11Protocol):
        """HTTP for processes of the same user alone."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if peer_uid(transport.get_extra_info("socket")) != os.getuid():
                log.warning("a process of another user was turned away")
                transport.abort()

    config = uvicorn.Config(
        agent.app,
        http=OwnerOnly,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=1,
    )
    server = uvicorn.Server(config)
    file = Path(listening.getsockname())
    inode = file.stat().st_ino

    def is_ours() -> bool:
        try:
            return file.stat().st_ino == inode
        except OSError:
            return False

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            # Without its socket nobody can reach it, as when the login session ends.
            agent.is_stopping |= not is_ours()
            agent.is_stopping |= agent.idle_s >= idle_s and not embedding.is_busy
            if agent.is_stopping and not agent.is_working:
                server.should_exit = True

    def leave(*_: object) -> None:
        agent.is_stopping = True

    # uvicorn handles them while it serves, and raises them once more when it is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    looking = asyncio.create_task(look())
    await server.serve(sockets=[listening])
    looking.cancel()


def _log_to(file: Path) -> None:
    """Write this process's words to a file: its log, and what libraries print."""
    handler = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=OLD_LOGS)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in ("asyncio", "uvicorn", "httpx2", "huggingface_hub", "surrealdb", "filelock"):
        logging.getLogger(name).setLevel(logging.WARNING)
    printed = os.open(file, os.O_WRONLY | os.O_APPEND)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
