from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.answer import cited_numbers
from tera.datatypes import Answer, Memory, SearchResult
from tera.embedders import Embedder, load_embedder
from tera.models import ModelSpec
from tera.quotes import MAX_QUOTES, quote_answer

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TEXTS = st.text(min_size=1, max_size=300).map(str.strip).filter(bool)


@pytest.fixture(scope="module")
def embedder(bert_folder: Path) -> Embedder:
    spec = ModelSpec(
        "tiny-bert", "embedder", "sentence-transformers", dim=32, max_tokens=512, pooling="cls"
    )
    return load_embedder(spec, bert_folder)


def result(text: str, memory_id: str = "m1", score: float = 0.9) -> SearchResult:
    return SearchResult(Memory(memory_id, text, NOW, NOW), 0, len(text), score)


def quoted(embedder: Embedder, question: str, *results: SearchResult) -> tuple[Answer, str]:
    pieces: list[str] = []
    answer = quote_answer(question, results, embedder, pieces.append)
    return answer, "".join(pieces)


def test_the_closest_sentence_is_quoted_with_its_source(embedder: Embedder) -> None:
    results = [
        result("We all need much more time. The staging database listens on port 5433.", "m1"),
        result("Our meeting is by the well this week.", "m2"),
    ]
    answer, shown = quoted(embedder, "staging database listens port 5433", *results)
    assert answer.kind == "extractive"
    assert answer.text == shown
    assert shown.splitlines()[0] == "“The staging database listens on port 5433.” [1]"
    assert answer.citations[0].number == 1
    assert answer.citations[0].result.memory.id == "m1"


def test_quotes_are_few_and_every_one_has_its_citation(embedder: Embedder) -> None:
    results = [
        result("The staging database listens on port 5433. " * 4 + "It is the staging port.", name)
        for name in ("m1", "m2")
    ]
    answer, shown = quoted(embedder, "Which port has the staging database?", *results)
    assert 1 <= len(shown.splitlines()) <= MAX_QUOTES
    assert cited_numbers(shown) == {citation.number for citation in answer.citations}


def test_quotes_are_words_of_the_passages(embedder: Embedder) -> None:
    text = "First of all\nwe moved   the database. Then we went home again. It was late by then."
    _, shown = quoted(embedder, "database", result(text))
    for quote in re.findall("“(.*?)”", shown):
        assert quote in " ".join(text.split())


def test_a_heading_is_not_quoted(embedder: Embedder) -> None:
    text = "# Which port has the staging database?\n\nIt is 5433, I think, or near it."
    _, shown = quoted(embedder, "Which port has the staging database?", result(text))
    assert shown == "“It is 5433, I think, or near it.” [1]"


def test_a_passage_of_a_heading_alone_is_quoted(embedder: Embedder) -> None:
    _, shown = quoted(embedder, "staging port", result("# The staging port is 5433"))
    assert shown == "“# The staging port is 5433” [1]"


def test_a_short_piece_is_quoted_with_the_next(embedder: Embedder) -> None:
    text = "3. The lift.\nIt does not stop on the second floor."
    _, shown = quoted(embedder, "lift", result(text))
    assert shown == "“3. The lift. It does not stop on the second floor.” [1]"


def test_only_the_passage_is_quoted_not_the_rest_of_its_memory(embedder: Embedder) -> None:
    text = "The staging port is 5433. Another thing is here. The staging port is 5433 too."
    start, end = text.index("Another"), text.index(" The staging port is 5433 too")
    passage = SearchResult(Memory("m1", text, NOW, NOW), start, end, 0.9)
    _, shown = quoted(embedder, "staging port 5433", passage)
    assert shown == "“Another thing is here.” [1]"


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(deadline=None, max_examples=25)
def test_any_passage_can_be_quoted(embedder: Embedder, texts: list[str]) -> None:
    answer, shown = quoted(embedder, "Which port?", *(result(text) for text in texts))
    assert shown
    assert answer.citations


def test_a_passage_unlike_the_question_is_quoted_too(embedder: Embedder) -> None:
    # Piped text comes without a gate.
    answer, shown = quoted(embedder, "Which port?", result("0", score=-0.9))
    assert shown == "“0” [1]"
    assert answer.citations


def test_a_passage_that_is_nothing_but_a_heading_is_quoted_whole(embedder: Embedder) -> None:
    memory = Memory("m1", "# " + "staging " * 50 + "\ntext below", NOW, NOW)
    _, shown = quoted(embedder, "staging", SearchResult(memory, 0, 100, 0.9))
    assert shown.startswith("“# staging staging")
