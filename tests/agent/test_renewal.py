"""Another embedder takes the place of the one in use, with a real agent that is killed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tera.agent.client import RemoteEngine
from tera.agent.launcher import kill
from tera.config import load_config
from tera.datatypes import Draft
from tera.model_loader import SilentListener
from tera.paths import Paths
from tests.agent.conftest import status_of, wait_until
from tests.conftest import Run

Tera = Callable[..., Run]
NOTE = "The staging database listens on port 5433"
MANY = 400


@pytest.fixture
def many(paths: Paths, mean_bert: str, tera: Tera) -> None:
    """Remember many notes, and let tiny-bert read them."""
    engine = RemoteEngine(load_config(paths)[0], paths, SilentListener())
    list(engine.remember(Draft(f"Note {number} of week {number}") for number in range(MANY)))
    assert tera("remember", NOTE).code == 0
    assert NOTE in tera("search", NOTE).out
    wait_until(lambda: facts(tera)["waiting_for_vectors"] == 0)


def facts(tera: Tera) -> dict[str, object]:
    found: dict[str, object] = json.loads(tera("status", "--json").out)
    return found


def test_searches_go_on_while_another_embedder_reads_and_agents_are_killed(
    many: None, paths: Paths, tera: Tera
) -> None:
    used = tera("models", "use", "mean-bert", "--yes")
    assert used.code == 0
    told = [f"Winter tyres {number} are in the garage" for number in range(5)]
    seen = set()
    for text in told:
        assert tera("remember", text).code == 0
        assert NOTE in tera("search", NOTE).out
        assert text in tera("search", text).out
        seen.add(facts(tera)["embedder"])
        kill(paths)
    assert seen <= {"tiny-bert", "mean-bert"}
    wait_until(lambda: facts(tera)["embedder"] == "mean-bert")
    wait_until(lambda: (status_of(paths) or {"background": "?"})["background"] == "")
    for text in (NOTE, *told):
        assert text in tera("search", text).out
    assert tera("doctor").code == 0
    assert facts(tera)["next_embedder"] is None
    assert facts(tera)["waiting_for_vectors"] == 0
