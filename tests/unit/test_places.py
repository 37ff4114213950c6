from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Memory, SearchResult
from tera.places import (
    MARKS,
    PAGE_BREAK,
    cited,
    has_entries,
    is_chat,
    message_head,
    message_line,
    moment_of,
    place_of,
    timed_line,
    with_page_numbers,
)
from tera.readers.types import TYPES

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def memory(text: str, type_name: str, part: str = "", title: str | None = None) -> Memory:
    return Memory("m1", text, NOW, NOW, title=title, type=type_name, part=part)


def place(one: Memory, passage: str) -> str:
    start = one.text.index(passage)
    return place_of(one, start, start + len(passage))


def test_every_marked_type_is_a_type() -> None:
    assert set(MARKS) <= set(TYPES)


def test_pages_are_counted_by_their_breaks_also_empty_ones() -> None:
    text = PAGE_BREAK.join(["one", "", "three\nand more", "four"])
    assert place(memory(text, "pdf"), "one") == "p. 1"
    assert place(memory(text, "pdf"), "and") == "p. 3"
    assert place(memory(text, "pdf", part="201"), "four") == "p. 204"
    assert place(memory(text, "pdf"), text[text.index("three") :]) == "pp. 3-4"


def test_pages_are_numbered_where_they_begin() -> None:
    text = PAGE_BREAK.join(["one", "", "three"])
    assert with_page_numbers(memory(text, "pdf", part="9")) == (
        "one\n— p. 10 —\n\n— p. 11 —\nthree"
    )
    assert with_page_numbers(memory("no pages", "")) == "no pages"


def test_lines_and_rows_are_counted_from_the_part_on() -> None:
    text = "a\nb\n\nc\n"
    assert place(memory(text, "text"), "b") == "line 2"
    assert place(memory(text, "code"), "b\n\nc\n") == "lines 2-4"
    assert place(memory(text, "text", part="1001"), "c") == "line 1004"
    assert place(memory(text, "csv"), "a\nb") == "rows 1-2"


def test_a_part_that_is_no_number_counts_from_one() -> None:
    assert place(memory("a\nb", "text", part="2024-05-03 14:02"), "b") == "line 2"
    assert place(memory("a\nb", "text", part="²"), "b") == "line 2"


def test_what_is_said_has_the_time_before_it() -> None:
    text = "\n".join(
        [timed_line(0, "Hello."), timed_line(195.7, "So  it\nis."), timed_line(3675, "x")]
    )
    assert text.splitlines()[1] == "[3:15] So it is."
    assert place(memory(text, "audio"), "Hello") == "0:00"
    assert place(memory(text, "video"), "it is") == "3:15"
    assert place(memory(text, "subtitles"), "[1:01:15] x") == "1:01:15"


def test_a_message_has_its_own_date_and_time() -> None:
    at = datetime(2024, 5, 3, 14, 2)
    text = "\n".join([message_line("Ann", at, "Hi\nthere"), message_line("Bob :)", at, "ok")])
    chat = memory(text, "whatsapp", title="chat with Ann")
    assert place(chat, "there") == "3 May 2024 14:02"
    start = text.index("there")
    result = SearchResult(chat, start, start + 5, 0.5)
    assert cited(result) == "chat with Ann, 3 May 2024 14:02"


def test_chats_are_lists_of_messages_and_recordings_and_tables_of_other_entries() -> None:
    chats = [name for name in MARKS if is_chat(name)]
    assert chats == ["whatsapp", "telegram", "signal", "slack"]
    entries = {name for name in MARKS if has_entries(name)}
    assert entries == {*chats, "audio", "video", "subtitles", "csv"}
    assert not is_chat("") and not has_entries("no such type")


def test_the_head_of_a_message_is_its_sender_and_time() -> None:
    first, second = datetime(2024, 5, 3, 14, 2), datetime(2024, 12, 31, 0, 5)
    lines = [message_line("Ann", first, "Hi\nthere"), message_line("Bob :)", second, "ok")]
    chat = memory("\n".join(["Messages are encrypted", *lines]), "telegram")
    for passage, head in (
        ("Ann", "Ann (3 May 2024 14:02): "),
        ("ok", "Bob :) (31 December 2024 00:05): "),
    ):
        assert message_head(chat, chat.text.index(passage)) == head
    assert message_head(chat, chat.text.index("there")) == "Ann (3 May 2024 14:02): "
    assert message_head(chat, 0) == ""


def test_a_message_was_when_it_says_and_what_is_no_message_when_its_memory_was() -> None:
    sent = datetime(2024, 5, 3, 14, 2)
    text = "\n".join(["Messages are encrypted", message_line("Ann", sent, "Hi\nthere")])
    chat = memory(text, "signal")
    own = NOW.astimezone().replace(tzinfo=None)
    assert moment_of(chat, text.index("there")) == sent
    assert moment_of(chat, 0) == own
    # A letter that quotes a chat was when it was written.
    assert moment_of(memory(text, "markdown"), text.index("there")) == own


@pytest.mark.parametrize("when", ["31 February 2024 14:02", "3 May 2024 24:00", "0 May 0000 00:00"])
def test_a_message_with_a_time_that_never_was_is_of_its_memorys_time(when: str) -> None:
    chat = memory(f"Ann ({when}): Hi", "whatsapp")
    assert moment_of(chat, 0) == NOW.astimezone().replace(tzinfo=None)


def test_a_passage_stands_below_the_nearest_heading() -> None:
    text = "intro\n\n# Slide 1: Plan\n\nhere\n\n# Slide 2\n\nthere #1"
    assert place(memory(text, "pptx"), "intro") == ""
    assert place(memory(text, "pptx"), "here") == "Slide 1: Plan"
    assert place(memory(text, "pptx"), "there") == "Slide 2"


@pytest.mark.parametrize("type_name", ["", "email", "no such type"])
def test_what_was_typed_has_no_place(type_name: str) -> None:
    assert place_of(memory("a\nb\fc", type_name), 2, 4) == ""


def test_citations_name_the_document_and_the_place() -> None:
    text = PAGE_BREAK.join("abc")
    result = SearchResult(memory(text, "pdf", title="report.pdf"), 4, 5, 0.5)
    assert cited(result) == "report.pdf p. 2"
    assert cited(SearchResult(memory("typed", ""), 0, 5, 0.5)) == "typed"


@given(st.text(max_size=30), st.text(max_size=200), st.datetimes(datetime(1970, 1, 1)))
def test_any_message_is_found_again_by_its_mark(sender: str, text: str, time: datetime) -> None:
    line = message_line(sender, time, text)
    assert "\n" not in line or all(row.startswith("  ") for row in line.split("\n")[1:])
    chat = memory(line, "signal")
    assert place_of(chat, len(line) - 1, len(line)).endswith(f"{time:%H:%M}")
    assert moment_of(chat, len(line) - 1) == time.replace(second=0, microsecond=0)
    assert line.startswith(message_head(chat, len(line) - 1))
    assert message_head(chat, len(line) - 1)


@given(
    st.text(max_size=100), st.sampled_from([*MARKS, ""]), st.integers(0, 100), st.integers(0, 100)
)
def test_any_passage_of_any_text_has_a_place_or_none(
    text: str, type_name: str, start: int, length: int
) -> None:
    assert isinstance(place_of(memory(text, type_name), start, start + length), str)
