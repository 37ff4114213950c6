"""Texts without vectors: what waits for them, and what is piped in for one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera import spot
from tera.chosen import ChosenIds
from tera.datatypes import Draft, Inquiry, SearchResult
from tera.embedders import Embedder
from tera.engine import Engine
from tera.errors import ReaderError
from tera.indexes.keys import numbers_of
from tera.places import message_line
from tera.spot import MOST_ON_THE_SPOT, embed_waiting, read_along
from tests.conftest import Run

QUESTION = "Which port has the staging database?"
PIPED = "\n\n".join(
    [
        "# Hosts\n\n" + "The test database listens on port 80. " * 3,
        "# Pets\n\n" + "Rex is allergic to chicken and grain. " * 3,
        "# Ports\n\n" + "The staging database listens on port 5433. " * 3,
    ]
)


@pytest.fixture
def waiting(engine: Engine) -> Iterator[Engine]:
    """Return an engine that leaves vectors to a thread that is not there."""
    opened = Engine(engine.config, engine.paths, stays_open=True)
    opened.search("nothing yet", 1)
    yield opened
    opened.close()


@pytest.fixture
def embedder(engine: Engine) -> Embedder:
    return engine.models.embedder("tiny-bert")


def along(
    engine: Engine, text: str, question: str = QUESTION, count: int = 2
) -> list[SearchResult]:
    embedder = engine.workspace.ready_embedder()
    vector = embedder.embed_query(question)
    return read_along(engine.workspace, text, question, vector, embedder, count)


def waiting_texts(engine: Engine, question: str, among: list[str] | None = None) -> list[str]:
    embedder = engine.models.embedder("tiny-bert")
    vector = embedder.embed_query(question)
    chosen = None if among is None else ChosenIds(numbers_of(sorted(among)))
    found = embed_waiting(engine.workspace, question, vector, embedder, chosen)
    assert all(-1.001 <= cosine <= 1.001 for _, _, cosine in found)
    return [memory.text[chunk.start : chunk.end] for memory, chunk, _ in found]


# What waits.


def test_what_waits_and_shares_words_with_a_question_is_embedded_on_the_spot(
    waiting: Engine,
) -> None:
    ids = [
        done.memory.id
        for done in waiting.remember(
            [Draft("the port is 5433"), Draft("Rex"), Draft("port of call")]
        )
    ]
    assert set(waiting_texts(waiting, "port")) == {"the port is 5433", "port of call"}
    assert waiting_texts(waiting, "port 5433")[0] == "the port is 5433"
    assert waiting_texts(waiting, "port", [ids[2], ids[1]]) == ["port of call"]
    assert waiting_texts(waiting, "port", []) == []
    assert waiting_texts(waiting, "unknown") == []
    assert waiting.facts()["waiting_for_vectors"] == 3


def test_no_more_than_a_few_chunks_are_embedded_on_the_spot(waiting: Engine) -> None:
    list(waiting.remember(Draft(f"port {number}") for number in range(3 * MOST_ON_THE_SPOT)))
    assert len(waiting_texts(waiting, "port")) == MOST_ON_THE_SPOT
    long = "\n".join(message_line("Ann", datetime(2026, 1, 1), f"quay {n}") for n in range(40))
    list(waiting.remember([Draft(long, type="whatsapp")]))
    found = waiting_texts(waiting, "quay 33")
    assert len(found) == MOST_ON_THE_SPOT
    assert found[0].endswith("quay 33")


def test_a_chat_that_waits_is_found_by_its_message_and_that_messages_time(waiting: Engine) -> None:
    chat = "\n".join(
        message_line("Ann", datetime(2026, 11, day, 20), f"the port of day {day}")
        for day in (18, 20)
    )
    list(waiting.remember([Draft(chat, type="whatsapp")]))
    now = datetime(2026, 11, 21, 12).astimezone()
    best, other = waiting.search("the port yesterday evening", 5, now=now)
    assert waiting.facts()["waiting_for_vectors"] == 1
    assert best.text.endswith("day 20")
    assert best.time == 1 > other.time


def test_a_text_too_long_to_be_cut_on_the_spot_is_passed_over(
    waiting: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tera.writing.EAGER_CHARACTERS", 10)
    monkeypatch.setattr(spot, "EAGER_CHARACTERS", 10)
    list(waiting.remember([Draft("a long text about the port"), Draft("port")]))
    assert waiting_texts(waiting, "port") == ["port"]


# What is piped in.


def test_the_best_passages_of_piped_text_come_in_the_order_of_the_text(engine: Engine) -> None:
    list(engine.remember([Draft("something else")]))
    results = along(engine, PIPED)
    assert [result.start for result in results] == sorted(result.start for result in results)
    assert "test database" in results[0].text
    assert "staging database" in results[1].text
    assert all("Rex" not in result.text for result in results)
    assert all(result.text == PIPED[result.start : result.end] for result in results)
    (best,) = along(engine, PIPED, count=1)
    assert "staging database" in best.text
    assert best.score == max(result.score for result in results)
    assert best.words > 0 != best.meaning


def test_piped_text_is_read_without_any_memory_and_not_remembered(engine: Engine) -> None:
    answer = engine.ask(Inquiry(QUESTION, count=2, piped=PIPED, use_llm=False))
    assert answer.kind == "extractive"
    assert "5433" in answer.text
    assert engine.facts()["memories"] == 0


def test_no_room_for_piped_text_is_none_of_it(engine: Engine) -> None:
    assert along(engine, PIPED, count=0) == []


def test_piped_text_that_is_no_text_is_refused(engine: Engine) -> None:
    for bad in ("a\0b", "\udc80"):
        with pytest.raises(ReaderError):
            along(engine, bad)


@given(
    text=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300
    ).filter(str.strip)
)
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_piped_text_is_read(engine: Engine, text: str) -> None:
    # Nothing of one text is left for the next: none is remembered.
    for result in along(engine, text, text, 5):
        assert result.text.strip()


def test_of_a_long_piped_text_what_shares_words_is_read_and_some_of_all_of_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot, "MOST_READ_ALONG", 16)
    filler = [f"{word} is nothing much. " * 40 for word in ("Rain", "Snow", "Wind") * 10]
    text = "\n\n".join([*filler, "The staging database listens on port 5433.", *filler])
    results = along(engine, text, "staging database port", count=16)
    assert len(results) == 16
    assert any("5433" in result.text for result in results)
    assert results[0].start < len(text) / 8
    assert results[-1].start > len(text) / 2


def test_a_long_piped_text_is_said_not_to_be_read_whole(
    tera: Callable[..., Run], tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot, "MOST_READ_ALONG", 8)
    text = "\n\n".join(f"Line {number} of the port. " * 30 for number in range(40))
    asked = tera("ask", "--no-llm", "the port", stdin=text.encode())
    assert "the piped text is long: 8 of its" in asked.err
