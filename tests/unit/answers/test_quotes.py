from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.answers.citations import cited_numbers
from tera.answers.quotes import MAX_QUOTES, Quotes, find_quotes, quote_answer
from tera.answers.scoring import EMBEDDED
from tera.datatypes import Answer, Memory, Quote, SearchResult
from tera.embedders import Embedder, load_embedder
from tera.models import ModelSpec

if TYPE_CHECKING:
    from tera.embedders import FloatMatrix, FloatVector

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


class Listener:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said = ""

    def quote(self, quote: Quote) -> None:
        """Do nothing."""

    def draft(self, text: str) -> None:
        """Do nothing."""

    def text(self, piece: str) -> None:
        """Keep what is said."""
        self.said += piece


def found(embedder: Embedder, question: str, *results: SearchResult) -> Quotes:
    return find_quotes(question, results, embedder, embedder.embed_query(question))


def quoted(embedder: Embedder, question: str, *results: SearchResult) -> tuple[Answer, str]:
    listener = Listener()
    answer = quote_answer(question, found(embedder, question, *results), listener)
    return answer, listener.said


def chat(*messages: str, score: float = 0.9) -> SearchResult:
    text = "\n".join(messages)
    return SearchResult(Memory("c1", text, NOW, NOW, type="whatsapp"), 0, len(text), score)


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
    assert shown == "5433 [1]\n“It is 5433, I think, or near it.” [1]"


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


def test_the_shortest_words_that_answer_stand_before_the_quotes(embedder: Embedder) -> None:
    text = "We all need much more time. The staging database listens on port 5433."
    answer, shown = quoted(embedder, "How many ports listen?", result("It has 12 ports."))
    assert shown == "12 [1]\n“It has 12 ports.” [1]"
    assert answer.short == "12"
    answer, _ = quoted(embedder, "What is the staging database?", result(text))
    assert answer.short in answer.text


def test_a_sentence_that_is_its_own_shortest_answer_is_shown_once(embedder: Embedder) -> None:
    _, shown = quoted(embedder, "Who came?", result("Anna Berg"))
    assert shown == "“Anna Berg” [1]"


def test_what_is_said_twice_is_quoted_once(embedder: Embedder) -> None:
    text = "The staging database listens on port 5433."
    _, shown = quoted(embedder, "Which port?", result(text, "m1"), result(text, "m2"))
    assert shown.count("“") == 1


def test_of_two_that_are_alike_the_newer_is_quoted_first(embedder: Embedder) -> None:
    old = result("The port of the staging database is 5432 now.", "m1", 0.9)
    told = datetime(2026, 5, 2, tzinfo=UTC)
    text = "The port of the staging database is 5433 now."
    new = SearchResult(Memory("m2", text, told, told), 0, len(text), 0.9)
    quotes = found(embedder, "What is the port of the staging database?", old, new)
    assert quotes.best.text == text
    assert [quote.result.memory.id for quote, _ in quotes.ranked] == ["m2", "m1"]


def test_a_message_is_quoted_with_who_wrote_it_and_when(embedder: Embedder) -> None:
    _, shown = quoted(
        embedder,
        "When did Anna go to Lyon?",
        chat("Anna (8 May 2023 13:56): I went to Lyon yesterday", "Tom (8 May 2023 13:57): Nice!"),
    )
    assert shown.splitlines()[0] == "7 May 2023 [1]"
    assert "“Anna (8 May 2023 13:56): I went to Lyon yesterday” [1]" in shown


def test_what_another_person_wrote_is_no_answer(embedder: Embedder) -> None:
    said = (
        chat("Tom (8 May 2023 13:57): I bought a red bicycle in Lyon", score=0.9),
        chat("Anna (8 May 2023 13:56): Good morning to all of you", score=0.4),
    )
    assert not found(embedder, "Where did Anna buy a red bicycle?", *said).is_answer
    assert found(embedder, "Where did Tom buy a red bicycle?", *said).is_answer


def test_piped_text_is_quoted_whatever_it_says(embedder: Embedder) -> None:
    piped = SearchResult(Memory("", "It is cold here", NOW, NOW), 0, 15, 0.1)
    assert found(embedder, "Where does Penelope live?", piped).is_answer


def test_nothing_found_is_no_answer(embedder: Embedder) -> None:
    assert found(embedder, "Which port?") == Quotes((), is_answer=False)


def test_few_of_many_sentences_are_embedded(embedder: Embedder) -> None:
    class Counting:
        spec = embedder.spec
        embedded = 0

        def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
            self.embedded += len(texts)
            return embedder.embed_passages(texts)

        def embed_query(self, text: str) -> FloatVector:
            return embedder.embed_query(text)

    counting = Counting()
    text = " ".join(f"Sentence number {n} is about something else." for n in range(100))
    quotes = found(counting, "Which number is about Anna?", result(text))
    assert len(quotes.ranked) > EMBEDDED
    assert counting.embedded == EMBEDDED
