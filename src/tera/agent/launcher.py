"""Starts, replaces and stops the background agent of a home folder."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tera.agent.address import Address, read_address
from tera.agent.exchange import request
from tera.errors import AgentUnreachableError
from tera.paths import Paths

START_TIMEOUT_S = 30.0
RETRY_S = 0.05
ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
"""glibc keeps a heap for each thread; with two the agent is half as large after an import."""


def start(paths: Paths) -> bool:
    """Start an agent and wait until it listens; False when another one has the home folder.

    Raises:
        AgentUnreachableError: It did not start.
        TeraError: It said why it did not.
    """
    reading, writing = os.pipe()
    try:
        # The process forks and ends at once; what goes on belongs to no terminal.
        subprocess.run(
            [sys.executable, "-m", "tera.agent", str(writing)],
            pass_fds=(writing,),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**ALLOCATOR, **os.environ, "TERA_HOME": str(paths.home)},
            check=False,
        )
    except OSError as error:
        os.close(reading)
        raise AgentUnreachableError(
            f"the background agent does not start: {error.strerror or error}",
            hint="TERA_AGENT=off works without it",
        ) from error
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.readline() if select.select([pipe], [], [], START_TIMEOUT_S)[0] else b""
    if not said:
        raise AgentUnreachableError(
            f"the background agent did not start{_last_words(paths)}", hint="tera agent logs"
        )
    report: dict[str, Any] = json.loads(said)
    if report["state"] == "failed":
        from tera.agent.protocol import decode_error

        raise decode_error(report["error"])
    return bool(report["state"] == "ready")


def ensure(paths: Paths, waits: Callable[[], None]) -> None:
    """Wait until an agent takes calls; start one where there is none.

    Args:
        paths: The home folder.
        waits: Called again and again while an agent finishes its work before it leaves.

    Raises:
        AgentUnreachableError: None does in time.
    """
    with _one_at_a_time(paths):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            status = request(read_address(paths), "GET", "/status")
            if status and not status["stopping"]:
                return
            if status:
                waits()
            elif start(paths):
                return
            elif time.monotonic() > deadline:
                raise AgentUnreachableError(
                    "a background agent has the home folder but does not listen",
                    hint="tera agent stop --force",
                )
            time.sleep(RETRY_S)


def dismiss(paths: Paths) -> Address | None:
    """Ask the agent to leave when its work is done; None when there is none."""
    address = read_address(paths)
    if not address:
        return None
    # It names the process that was there when it was read: another may have come since.
    answer = request(address, "POST", "/stop", {"pid": address.pid})
    return address if answer else None


@contextmanager
def _one_at_a_time(paths: Paths) -> Iterator[None]:
    """Let one process start an agent while the others wait for it."""
    paths.create()
    folder = os.open(paths.home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def leave(paths: Paths, waits: Callable[[], None]) -> bool:
    """Let the agent finish its work and end; False when there was none.

    Raises:
        AgentUnreachableError: It does not answer.
    """
    if not is_running(paths):
        return False
    dismiss(paths)
    while is_running(paths):
        waits()
        time.sleep(RETRY_S)
    return True


def kill(paths: Paths) -> bool:
    """End the agent at once; False when there was none."""
    address = read_address(paths)
    if not address or not is_running(paths):
        return False
    with suppress(ProcessLookupError):
        os.kill(address.pid, signal.SIGKILL)
    while is_running(paths):
        time.sleep(RETRY_S)
    return True


def is_running(paths: Paths) -> bool:
    """Return whether an agent has the home folder, even one that does not answer."""
    try:
        lock = os.open(paths.agent_lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _last_words(paths: Paths) -> str:
    try:
        lines = paths.agent_log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return f": {lines[-1]}" if lines else ""
