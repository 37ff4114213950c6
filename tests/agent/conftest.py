"""A home folder whose commands use a background agent of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tera.agent.address import read_address
from tera.agent.exchange import request
from tera.agent.launcher import kill
from tera.paths import Paths

PRETENDING = """
import sys
{change}
from tera.agent.server import run
run(int(sys.argv[1]))
"""


@pytest.fixture
def paths(tiny_models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Paths]:
    """Return the places of a home with the tiny models; no agent runs yet, none is left behind."""
    monkeypatch.setenv("TERA_AGENT", "on")
    runtime = tmp_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    paths = Paths(tiny_models)
    yield paths
    kill(paths)


@pytest.fixture
def other_agent(paths: Paths) -> Iterator[Callable[[str], None]]:
    """Start an agent that differs from the one a command would start: `other_agent(code)`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(change: str) -> None:
        reading, writing = os.pipe()
        code = PRETENDING.format(change=change)
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code, str(writing)],
                pass_fds=(writing,),
                start_new_session=True,
            )
        )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            assert json.loads(pipe.readline())["state"] == "ready"

    yield start
    kill(paths)
    for process in started:
        process.wait(timeout=20)


def status_of(paths: Paths) -> dict[str, object] | None:
    """Return what the agent says of itself; None when none runs."""
    return request(read_address(paths), "GET", "/status")


def pid_of(paths: Paths) -> int:
    """Return the process id of the running agent."""
    address = read_address(paths)
    assert address is not None
    return address.pid


def wait_until(claim: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until something has become true."""
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)
