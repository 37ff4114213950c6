from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Memory
from tera.errors import UnreadableFileError
from tera.transfer import fields_of, from_lines, to_line

# What a store can hold: no NUL, no lone surrogates, times to the millisecond.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)
MEMORIES = st.builds(
    Memory,
    id=st.from_regex(r"[0-9a-z]{10}", fullmatch=True),
    text=TEXTS.filter(str.strip),
    at=TIMES,
    remembered_at=TIMES,
    title=st.none() | TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    source=st.none() | TEXTS,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
RECORD: dict[str, Any] = {
    "id": "abcdefgh01",
    "text": "The port is 5433",
    "at": "2026-01-02T12:00:00+00:00",
}


def read(**changes: Any) -> Memory:
    (memory,) = from_lines([json.dumps({**RECORD, **changes})])
    return memory


@given(st.lists(MEMORIES, max_size=4))
def test_what_is_exported_is_read_again_as_it_was(memories: list[Memory]) -> None:
    lines = [to_line(memory) + "\n" for memory in memories]
    assert list(from_lines(lines)) == memories


@given(MEMORIES)
def test_a_memory_is_one_line(memory: Memory) -> None:
    line = to_line(memory)
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line) == {"id": memory.id, **fields_of(memory)}


def test_text_is_written_as_it_reads() -> None:
    assert "好 🙂 é" in to_line(Memory("abcdefgh01", "好 🙂 é", NOON, NOON))


def test_a_line_needs_no_more_than_an_id_a_text_and_a_time() -> None:
    assert read() == Memory("abcdefgh01", "The port is 5433", NOON, NOON)


def test_empty_lines_are_passed_over_and_unknown_fields_too() -> None:
    lines = ["\n", json.dumps({**RECORD, "later": 1}), "  \n", ""]
    assert [memory.id for memory in from_lines(lines)] == ["abcdefgh01"]


def test_times_of_other_zones_become_utc() -> None:
    assert read(at="2026-01-02T14:00:00+02:00").at == NOON
    assert read(at="2026-01-02T12:00:00Z").at == NOON
    local = datetime(2026, 1, 2, 12).astimezone(UTC)
    assert read(at="2026-01-02T12:00:00").at == local


def test_times_are_kept_to_the_millisecond() -> None:
    assert read(at="2026-01-02T12:00:00.123456+00:00").at == NOON + timedelta(milliseconds=123)


def test_a_local_time_is_exported_in_utc_or_with_its_zone() -> None:
    zone = timezone(timedelta(hours=2))
    memory = Memory("abcdefgh01", "x", NOON.astimezone(zone), NOON)
    (again,) = from_lines([to_line(memory)])
    assert again.at == NOON


BAD_LINES = [
    "not json",
    "[]",
    "3",
    "null",
    "{}",
    "{" * 10,
    "[" * 100_000,
    '{"id": 1e999}',
    json.dumps({**RECORD, "id": 12}),
    json.dumps({**RECORD, "id": "short"}),
    json.dumps({**RECORD, "id": "ABCDEFGH01"}),
    json.dumps({**RECORD, "id": "abcdefgh01\n"}),
    json.dumps({**RECORD, "id": "../../../a"}),
    json.dumps({**RECORD, "text": ""}),
    json.dumps({**RECORD, "text": " \n"}),
    json.dumps({**RECORD, "text": None}),
    json.dumps({**RECORD, "text": ["a"]}),
    json.dumps({**RECORD, "text": "a\0b"}),
    json.dumps({**RECORD, "text": "a\udc80"}),
    json.dumps({**RECORD, "title": "a\0b"}),
    json.dumps({**RECORD, "title": 3}),
    json.dumps({**RECORD, "title": 0}),
    json.dumps({**RECORD, "title": []}),
    json.dumps({**RECORD, "source": False}),
    json.dumps({**RECORD, "source": {"a": 1}}),
    json.dumps({**RECORD, "tags": "work"}),
    json.dumps({**RECORD, "tags": {"work": 1}}),
    json.dumps({**RECORD, "tags": ["work", 3]}),
    json.dumps({**RECORD, "tags": ["\ud800"]}),
    json.dumps({**RECORD, "tags": 3}),
    json.dumps({**RECORD, "at": None}),
    json.dumps({**RECORD, "at": 5}),
    json.dumps({**RECORD, "at": "yesterday"}),
    json.dumps({**RECORD, "at": "0001-01-01T00:00:00+14:00"}),
    json.dumps({**RECORD, "at": "9999-12-31T23:59:59-14:00"}),
    json.dumps({**RECORD, "remembered_at": 5}),
]


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: line[:60])
def test_a_line_that_is_no_memory_is_named(line: str) -> None:
    good = json.dumps(RECORD)
    memories = from_lines([good, "", line, good])
    assert next(memories).id == "abcdefgh01"
    with pytest.raises(UnreadableFileError, match="line 3 is not a memory: ") as caught:
        next(memories)
    assert caught.value.hint
    assert "\n" not in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*RECORD, "tags", "title"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*RECORD, "tags", "title", "source"]), JSON))
def test_whatever_a_line_holds_is_a_memory_or_refused(changes: dict[str, Any]) -> None:
    try:
        (memory,) = from_lines([json.dumps({**RECORD, **changes})])
    except UnreadableFileError:
        return
    assert list(from_lines([to_line(memory)])) == [memory]
