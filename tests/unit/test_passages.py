from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.chunker import chunk_memory
from tera.datatypes import Chunk, Draft, Memory, SearchResult
from tera.engine import Engine
from tera.indexes.passage_documents import Passage
from tera.passage_loader import AROUND, load_passages, passage_of
from tera.passages import CONTEXT_CHARACTERS, context_of, embedded_text, passage_text
from tera.places import MARKS, message_line

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
SENT = datetime(2024, 5, 3, 14, 2)


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Live in a time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def chat(*lines: str) -> Memory:
    return Memory("c", "\n".join(lines), AT, AT, title="chat with Ann", type="whatsapp")


# What is known of a chunk.


def test_a_chunk_is_known_by_its_date_title_and_headings() -> None:
    memory = Memory("a", "some text", AT, AT, title="Notes")
    assert context_of(memory, Chunk("a", 0, 0, 4, "Plans > May")) == (
        "1 May 2024 Notes · Plans > May"
    )
    assert context_of(memory, Chunk("a", 0, 0, 4)) == "1 May 2024 Notes"
    untitled = Memory("a", "some text", AT, AT)
    assert context_of(untitled, Chunk("a", 0, 0, 4, "Plans")) == "1 May 2024 Plans"
    assert context_of(untitled, Chunk("a", 0, 0, 4)) == "1 May 2024"


def test_the_date_is_that_of_the_persons_own_calendar(zone: str) -> None:
    evening = datetime(2024, 4, 30, 23, 30).astimezone()
    memory = Memory("a", "text", evening.astimezone(UTC), AT)
    assert context_of(memory, Chunk("a", 0, 0, 4)) == "30 April 2024"
    later = Memory("a", "text", (evening + timedelta(hours=1)).astimezone(UTC), AT)
    assert context_of(later, Chunk("a", 0, 0, 4)) == "1 May 2024"


@given(st.text(), st.text())
def test_what_is_known_is_bounded(title: str, heading: str) -> None:
    memory = Memory("a", "text", AT, AT, title=title)
    context = context_of(memory, Chunk("a", 0, 0, 4, heading))
    assert len(context) <= len("1 May 2024 ") + CONTEXT_CHARACTERS


def test_a_message_says_itself_what_is_known_of_it() -> None:
    memory = chat(message_line("Ann", SENT, "Hi"), message_line("Bob", SENT, "Hello"))
    start = memory.text.index("Bob")
    assert context_of(memory, Chunk("c", 1, start, len(memory.text))) == ""
    assert embedded_text(memory, Chunk("c", 1, start, len(memory.text))) == (
        "Bob (3 May 2024 14:02): Hello"
    )


def test_the_rest_of_a_long_message_keeps_its_sender_and_time() -> None:
    memory = chat(message_line("Ann", SENT, "Hi"), message_line("Bob", SENT, "one\ntwo"))
    start = memory.text.index("two")
    assert embedded_text(memory, Chunk("c", 2, start, start + 3)) == (
        "Bob (3 May 2024 14:02):\ntwo"
    )


def test_of_what_is_before_the_first_message_nothing_is_known() -> None:
    memory = chat("Messages are encrypted", message_line("Ann", SENT, "Hi"))
    assert context_of(memory, Chunk("c", 0, 0, 22)) == ""


def test_a_passage_found_is_read_as_its_chunks_are() -> None:
    memory = Memory("a", "some text", AT, AT, title="Notes")
    assert passage_text(SearchResult(memory, 5, 9, 0.5)) == "1 May 2024 Notes\ntext"


# Passages as the index of words takes them.


def test_a_passage_has_its_text_its_context_and_its_moment() -> None:
    memory = chat(message_line("Ann", SENT, "Hi"), message_line("Bob", SENT, "Hello"))
    first, second = chunk_memory(memory, lambda texts: [len(text) // 4 for text in texts])
    assert passage_of(memory, second, [first]) == Passage(
        "c", 1, "Bob (3 May 2024 14:02): Hello", "", SENT, ("Ann (3 May 2024 14:02): Hi",)
    )


def test_the_moment_of_a_memory_is_in_the_persons_own_calendar(zone: str) -> None:
    midnight = datetime(2024, 5, 1)
    memory = Memory("a", "text", midnight.astimezone().astimezone(UTC), AT)
    passage = passage_of(memory, Chunk("a", 0, 0, 4))
    assert passage.moment == midnight
    assert passage.days == (midnight.date(),)


def test_a_passage_is_loaded_with_those_around_it(engine: Engine) -> None:
    lines = [message_line("Ann", SENT, f"message {number}") for number in range(20)]
    draft = Draft("\n".join(lines), type="whatsapp")
    (done,) = engine.remember([draft])
    (other,) = engine.remember([Draft("another memory")])
    engine.search("message", 1)
    key, second = done.memory.id, other.memory.id
    with engine.store() as opened:
        loaded = list(load_passages(opened.database, [(key, 0), (second, 0), (key, 10)]))
        assert list(load_passages(opened.database, [])) == []
        gone = [(key, 99), ("0000000000", 0)]
        assert list(load_passages(opened.database, gone)) == []
        assert len(list(load_passages(opened.database, [*gone, (key, 1)]))) == 1
    passages = {(passage.memory_id, passage.ordinal): passage for passage in loaded}
    assert passages.keys() == {(key, 0), (second, 0), (key, 10)}
    assert passages[key, 10].text == lines[10]
    near = (*range(10 - AROUND, 10), *range(11, 11 + AROUND))
    assert passages[key, 10].around == tuple(lines[number] for number in near)
    # At the beginning of a memory there is nothing before, least of all another memory.
    assert passages[key, 0].around == tuple(lines[1 : 1 + AROUND])
    assert passages[second, 0].around == ()


@given(st.text(max_size=200), st.sampled_from([*MARKS, ""]), st.integers(0, 250), st.integers(0, 9))
def test_any_part_of_any_text_is_a_passage(
    text: str, type_name: str, start: int, length: int
) -> None:
    memory = Memory("a", text, AT, AT, type=type_name)
    passage = passage_of(memory, Chunk("a", 0, start, start + length))
    assert passage.text == text[start : start + length]
    assert passage.moment == AT.astimezone().replace(tzinfo=None)
