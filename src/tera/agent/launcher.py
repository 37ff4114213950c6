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

from tera.agent.address import read_address
from tera.agent.exchange import request
from tera.agent.protocol import decode_error
from tera.errors import AgentUnreachableError
from tera.paths import Paths

START_TIMEOUT_S = 30.0
KILL_TIMEOUT_S = 10.0
RETRY_S = 0.05
ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
"""glibc keeps a heap for each thread; with two the agent is half as large after an import."""

Waits = Callable[[], None]
"""Called again and again while there is nothing to do but wait."""


class CannotStartError(Exception):
    """No agent can live on this machine as it is; the work can be done without one."""

    def __init__(self, reason: str) -> None:
        """Keep the reason as the error for whoever wants an agent and nothing else."""
        super().__init__(reason)
        self.error = AgentUnreachableError(
            f"the background agent does not start: {reason}",
            hint="TERA_AGENT=off works without it; tera agent logs",
        )


def start(paths: Paths) -> bool:
    """Start an agent and wait until it listens; False when another one has the home folder.

    Raises:
        CannotStartError: It did not start.
        TeraError: It cannot work with these settings.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
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
            raise CannotStartError(error.strerror or str(error)) from error
        finally:
            os.close(writing)
        said = pipe.readline() if select.select([pipe], [], [], START_TIMEOUT_S)[0] else b""
    report: dict[str, Any] = json.loads(said) if said else {"state": "died"}
    if report["state"] == "refused":
        raise decode_error(report["error"])
    if report["state"] in ("failed", "died"):
        raise CannotStartError(report.get("reason", "it ended without a word"))
    return bool(report["state"] == "ready")


def ensure(paths: Paths, waits: Waits) -> None:
    """Wait until an agent takes calls; start one where there is none.

    Args:
        paths: The home folder.
        waits: Called while an agent finishes its work before it leaves.

    Raises:
        CannotStartError: None can be started.
        AgentUnreachableError: There is one, but it does not listen.
    """
    with _one_at_a_time(paths, waits):
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
                raise _does_not_listen()
            time.sleep(RETRY_S)


def dismiss(paths: Paths) -> None:
    """Ask the agent to leave when its work is done."""
    address = read_address(paths)
    if address:
        # It names the process that was there when it was read: another may have come since.
        request(address, "POST", "/stop", {"pid": address.pid})


def leave(paths: Paths, waits: Waits) -> bool:
    """Let the agent finish its work and end; False when there was none.

    Raises:
        AgentUnreachableError: It does not listen.
    """
    if running_pid(paths) is None:
        return False
    deadline = time.monotonic() + START_TIMEOUT_S
    while running_pid(paths) is not None:
        # Again and again: one that is starting does not hear it yet.
        dismiss(paths)
        if request(read_address(paths), "GET", "/status"):
            deadline = time.monotonic() + START_TIMEOUT_S
        elif time.monotonic() > deadline:
            raise _does_not_listen()
        waits()
        time.sleep(RETRY_S)
    return True


def kill(paths: Paths) -> bool:
    """End the agent at once; False when there was none.

    Raises:
        AgentUnreachableError: It lives on.
    """
    pid = running_pid(paths)
    if pid is None:
        return False
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while (pid := running_pid(paths)) is not None:
        with suppress(ProcessLookupError, PermissionError):
            if pid:
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise AgentUnreachableError(
                f"the background agent (process {pid or 'unknown'}) cannot be ended",
                hint=f"see who holds {paths.agent_lock}, perhaps on another machine",
            )
        time.sleep(RETRY_S)
    return True


def running_pid(paths: Paths) -> int | None:
    """Return the process that has the home folder as its agent, even if it does not answer.

    Returns:
        None when there is none; 0 for one that has not said who it is yet.
    """
    try:
        lock = os.open(paths.agent_lock, os.O_RDONLY)
    except OSError:
        return None
    with os.fdopen(lock, "rb") as file:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            # Whoever holds it has written its number into it.
            said = file.read().strip()
            return int(said) if said.isdigit() else 0
    return None


@contextmanager
def _one_at_a_time(paths: Paths, waits: Waits) -> Iterator[None]:
    """Let one process start an agent while the others wait for it."""
    paths.create()
    folder = os.open(paths.home, os.O_RDONLY)
    begun = time.monotonic()
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - begun > 1:
                    waits()
                time.sleep(RETRY_S / 5)
        yield
    finally:
        os.close(folder)


def _does_not_listen() -> AgentUnreachableError:
    return AgentUnreachableError(
        "a background agent has the home folder but does not listen",
        hint="tera agent stop --force",
    )
