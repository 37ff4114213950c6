from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tera.paths import Paths
from tests.agent.conftest import pid_of
from tests.sockets import COMMANDS, ONLY_UNIX


def test_neither_command_nor_agent_opens_any_socket_but_the_agents(
    paths: Paths, other_agent: Callable[[str], None]
) -> None:
    other_agent(ONLY_UNIX)
    pid = pid_of(paths)
    done = subprocess.run(
        [sys.executable, "-c", ONLY_UNIX + COMMANDS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Port 5433 [1]" in done.stdout
    assert pid_of(paths) == pid
    # Libraries that are not written in Python are not seen by an audit hook.
    unix = set(Path(f"/proc/{pid}/net/unix").read_text().split())
    for file in Path(f"/proc/{pid}/fd").iterdir():
        if match := re.fullmatch(r"socket:\[(\d+)\]", str(file.readlink())):
            assert match[1] in unix
