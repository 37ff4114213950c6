from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def forbid() -> Iterator[Callable[[Path], None]]:
    """Take a file or folder out of this process's reach."""
    user = os.geteuid()
    forbidden: list[Path] = []

    def forbid(path: Path) -> None:
        path.chmod(0)
        forbidden.append(path)
        if user == 0:
            # Root may read everything; this user may not even enter the folder of the test.
            os.seteuid(65534)

    yield forbid
    os.seteuid(user)
    for path in forbidden:
        path.chmod(0o700)
