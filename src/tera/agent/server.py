"""The life of the background agent: its lock, its socket, its log, the store."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from tera.agent.address import Address, identity_of, listen, read_address, write_address
from tera.agent.protocol import encode_error, settings_digest
from tera.config import Config, load_config
from tera.errors import AgentError, TeraError
from tera.paths import Paths, find_paths

LOG_BYTES = 1_000_000
OLD_LOGS = 2

log = logging.getLogger("tera.agent")


def run(report: int) -> None:
    """Be the agent of the home folder until it is stopped or idle for long enough.

    Args:
        report: A pipe's file descriptor. It receives one line of JSON: that the agent is "ready",
            that an "other" one has the home folder, that it "refused" the settings, or "failed".
    """
    os.umask(0o077)
    # Threads that wait leave the cores to others; see `tera.llms.threads`.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with os.fdopen(report, "w") as pipe:

        def say(state: str, **more: object) -> None:
            if not pipe.closed:
                with suppress(OSError):
                    pipe.write(json.dumps({"state": state, **more}) + "\n")
                    pipe.close()

        try:
            paths = find_paths()
            config, _ = load_config(paths)
            _run(config, paths, say)
        except TeraError as error:
            log.error("%s", error.message)
            is_ours = isinstance(error, AgentError)
            refused: dict[str, object] = {"error": encode_error(error)}
            say("failed", reason=error.message) if is_ours else say("refused", **refused)
        except Exception as error:
            log.exception("the agent ends")
            say("failed", reason=f"{type(error).__name__}: {error}".splitlines()[0])


def _run(config: Config, paths: Paths, say: Callable[..., None]) -> None:
    paths.create()
    with _agent_lock(paths) as is_ours:
        if not is_ours:
            say("other")
            return
        _log_to(paths.agent_log)
        _allow_many_files()
        settings = settings_digest(config, paths)
        with listen(paths) as listening:
            file = Path(listening.getsockname())
            address = Address(str(file), os.getpid(), identity_of(paths))
            try:
                _serve(config, paths, settings, listening, address, say)
            finally:
                # Until here the lock keeps other agents from listening on the same file.
                if read_address(paths) == address:
                    paths.agent_address.unlink(missing_ok=True)
                file.unlink(missing_ok=True)
                log.info("process %d leaves", os.getpid())


@contextmanager
def _agent_lock(paths: Paths) -> Iterator[bool]:
    """Hold the agent's lock for the block, with this process's number in it; False if another."""
    lock = os.open(paths.agent_lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        with suppress(OSError):
            # On a full disk only `tera agent stop --force` misses it.
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
        yield True
    finally:
        os.close(lock)


def _serve(
    config: Config,
    paths: Paths,
    settings: str,
    listening: socket.socket,
    address: Address,
    say: Callable[..., None],
) -> None:
    """Answer calls until it is time to leave."""
    from tera.agent.conversation import CurrentListener
    from tera.agent.embedding import EmbeddingThread
    from tera.upkeep import Keeper

    listener = CurrentListener()
    engine = Keeper(config, paths, listener, stays_open=True)
    # Imports of the database and of the server go on side by side.
    threading.Thread(target=_open, args=(engine,), name="opening", daemon=True).start()
    from tera.agent.app import Agent
    from tera.agent.serving import serve

    embedding = EmbeddingThread(engine)
    agent = Agent(engine, listener, settings, lambda: embedding.task)
    engine.workspace.on_waiting = embedding.wake
    embedding.start()
    embedding.wake()
    write_address(paths, address)
    say("ready")
    log.info("process %d listens on %s", os.getpid(), address.socket)
    try:
        asyncio.run(serve(agent, embedding, paths, address, listening))
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


def _allow_many_files() -> None:
    """Raise the number of open files as far as this user may: a shell may have lowered it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _log_to(file: Path) -> None:
    """Write this process's words to a file: its log, and what libraries print."""
    logging.raiseExceptions = False  # on a full disk the log has holes, and nobody to tell
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for name in ("asyncio", "uvicorn", "httpx2", "huggingface_hub", "surrealdb", "filelock"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        handler = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=OLD_LOGS)
        printed = os.open(file, os.O_WRONLY | os.O_APPEND)
    except OSError:
        # Without a log it works as well.
        root.addHandler(logging.NullHandler())
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
