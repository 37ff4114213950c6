"""`tera chat` while the background agent answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tera.paths import Paths
from tests.agent.conftest import status_of, wait_until
from tests.conftest import Run
from tests.models.endless import add_endless
from tests.terminals import Terminal

NOTE = "The staging database listens on port 5433"
QUESTION = "Which port does the staging database use?"


def test_ctrl_c_stops_the_agents_answer_and_not_the_conversation(
    paths: Paths, tera: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_endless(paths.models_file, tmp_path / "endless")
    monkeypatch.setenv("TERA_LLM_MODEL", "endless")
    monkeypatch.setenv("TERA_ASK_MAX_TOKENS", "1500")
    tera("remember", NOTE)
    tera("search", "port")
    with Terminal("chat") as terminal:
        terminal.wait_for("> ")
        terminal.type(f"{QUESTION}\n")
        terminal.wait_for("on and")
        terminal.type("\x03")
        terminal.wait_for("stopped\n")
        terminal.wait_for("> ")
        wait_until(lambda: not (status_of(paths) or {"calls": 0})["calls"])
        assert "/remember TEXT" in terminal.ask("/help")
        terminal.type("/quit\n")
        assert terminal.exit_code() == 0
    assert tera("chat", "--list").out.endswith(f"{QUESTION}\n")


def test_a_conversation_through_the_agent(paths: Paths, tera: Callable[..., Run]) -> None:
    tera("remember", NOTE)
    tera("remember", "The production database listens on port 5434")
    run = tera("chat", "--no-llm", stdin=f"{QUESTION}\nand production?\n/why\n".encode())
    assert run.code == 0, run.err
    assert "looked for: Which port does the production database use?" in run.out
