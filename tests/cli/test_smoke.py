from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conftest import Run


def test_what_is_remembered_is_found_and_answered_with_a_citation(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    told = tera("remember", "The staging database listens on port 5433")
    assert told.code == 0
    (memory_id,) = told.out.split()

    found = tera("search", "staging database port", "-k", "1")
    assert found.code == 0
    assert memory_id in found.out
    assert "port 5433" in found.out

    answered = tera("ask", "Which port does the staging database use?")
    assert answered.code == 0, answered.err
    assert "Port 5433 [1], says the note." in answered.out
    assert "[7]" not in answered.out
    assert f"[1]  {memory_id}" in answered.out
