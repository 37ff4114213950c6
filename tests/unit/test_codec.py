from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.agent.codec import decode, encode
from tera.agent.operations import OPERATIONS, arguments_of
from tera.agent.protocol import decode_error, encode_error
from tera.datatypes import (
    Answer,
    Citation,
    Draft,
    Filter,
    Held,
    JournalEntry,
    Memory,
    Remembered,
    SearchResult,
    Secret,
    Written,
)
from tera.errors import AgentError, StoreError, StoreLockedError, TeraError
from tera.store.history import Change
from tera.upkeep import Keeper

NOON = datetime(2026, 11, 1, 12, 0, 0, 5000, UTC)
MEMORY = Memory("abc", "text\n“ü”", NOON, NOON, None, ("a", "b"), "source")
RESULT = SearchResult(MEMORY, 0, 4, 0.5)


def through(kind: Any, value: object) -> object:
    return decode(kind, json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Memory, MEMORY),
        (list[Memory], [MEMORY, MEMORY]),
        (Draft, Draft("x", at=NOON, is_file=True)),
        (Filter, Filter(("t",), NOON, None, "s", "tag = t")),
        (
            Written,
            Written(
                3, (Remembered(MEMORY, "known"),), (Held(Draft("p"), (Secret("k", 1, 2, 1),)),)
            ),
        ),
        (Answer, Answer("q", "a", "generated", (Citation(1, RESULT),), (RESULT,))),
        (
            Change,
            Change(
                1, NOON, (JournalEntry(1, "c", "d", 1, "edit", "m", {"a": [1, None]}),), None, 2
            ),
        ),
        (tuple[list[Memory], str], ([MEMORY], "damage")),
        (dict[str, object], {"a": 1, "b": None, "c": "x"}),
        (Path, Path("/a/b")),
        (float, 2.0),
        (bool, True),
        (type(None), None),
        (int | None, None),
    ],
)
def test_records_come_back_as_they_went(kind: Any, value: object) -> None:
    assert through(kind, value) == value


@given(st.text(), st.lists(st.text()), st.none() | st.text())
def test_any_text_comes_back(text: str, tags: list[str], title: str | None) -> None:
    memory = Memory("id", text, NOON, NOON, title, tuple(tags))
    assert through(Memory, memory) == memory


@pytest.mark.parametrize(
    ("kind", "value"),
    [(int, "1"), (str, 1), (list[str], "abc"), (Draft, []), (bool, 1), (int, True), (str, None)],
)
def test_a_value_of_another_type_is_refused(kind: Any, value: object) -> None:
    with pytest.raises(ValueError, match="is not of type"):
        decode(kind, value)


def test_a_missing_field_and_an_unknown_choice_are_refused() -> None:
    with pytest.raises(KeyError):
        decode(Filter, {})
    remembered = encode(Remembered(MEMORY, "new"))
    with pytest.raises(ValueError, match="is none of"):
        decode(Remembered, {**remembered, "status": "odd"})


def test_errors_come_back_as_their_own_kind() -> None:
    error = decode_error(encode_error(StoreLockedError("in use", hint="wait")))
    assert type(error) is StoreLockedError
    assert (error.message, error.hint, error.exit_code) == ("in use", "wait", StoreError.exit_code)
    unknown = decode_error({"kind": "LaterError", "message": "m", "hint": "h"})
    assert isinstance(unknown, AgentError)
    assert isinstance(decode_error({"kind": "Path", "message": "m", "hint": ""}), TeraError)


def test_every_operation_says_the_types_of_its_arguments() -> None:
    for name, function in OPERATIONS.items():
        assert function is getattr(Keeper, name)
        arguments_of(name, {})
    with pytest.raises(KeyError):
        arguments_of("find", {"other": 1})
    with pytest.raises(KeyError):
        arguments_of("close", {})
