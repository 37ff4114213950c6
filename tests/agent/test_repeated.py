"""What a command asks for again, after the agent that had begun it died."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tera.batches import WRITE_BATCH
from tera.paths import Paths
from tests.conftest import Run

DYING = """
import os
from tera.store.opened import OpenStore
commit, seen = OpenStore.commit, []
def commit_and_die(*arguments):
    done = commit(*arguments)
    seen.append(done)
    if len(seen) == {batch}:
        os._exit(1)
    return done
OpenStore.commit = commit_and_die
"""


@pytest.mark.parametrize("batch", [1, 2])
def test_a_folder_whose_agent_died_becomes_one_change(
    paths: Paths,
    other_agent: Callable[[str], None],
    tera: Callable[..., Run],
    tmp_path: Path,
    batch: int,
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(WRITE_BATCH + 2):
        (folder / f"{number:03}.md").write_text(f"note {number}")
    other_agent(DYING.format(batch=batch))
    done = tera("remember", str(folder), "--json")
    assert done.code == 0, done.err
    assert len(tera("log").out.splitlines()) == 1
    assert len(tera("list").out.splitlines()) == WRITE_BATCH + 2


def test_an_edit_whose_agent_died_is_one_change(
    paths: Paths, other_agent: Callable[[str], None], tera: Callable[..., Run]
) -> None:
    other_agent(DYING.format(batch=2))
    tera("remember", "the port is 5432")
    (key,) = tera("remember", "the port is 5432").out.split()
    assert tera("edit", key, "--text", "the port is 5433").code == 0
    assert "5433" in tera("list").out
    assert len(tera("log").out.splitlines()) == 2
