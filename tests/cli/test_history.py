from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import Run


@pytest.fixture
def memory_id(tera: Callable[..., Run]) -> str:
    """Remember one text and return its id."""
    return tera("remember", "The first text").out.strip()


def texts(tera: Callable[..., Run]) -> list[str]:
    return [memory["text"] for memory in json.loads(tera("list", "--json").out)]


def test_the_log_has_the_last_change_first(tera: Callable[..., Run], memory_id: str) -> None:
    tera("edit", memory_id, "--title", "T", "--tag", "x")
    tera("forget", memory_id, "--yes")
    lines = tera("log").out.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert lines[0].endswith(f"forget    {memory_id}")
    assert lines[1].endswith(f"edit      {memory_id}  tags, title")
    assert lines[2].endswith(f"remember  {memory_id}  The first text")


def test_the_log_of_one_memory_is_there_also_when_it_is_forgotten(
    tera: Callable[..., Run], memory_id: str
) -> None:
    tera("remember", "another")
    tera("forget", memory_id, "--yes")
    assert [line.split()[0] for line in tera("log", memory_id[:9]).out.splitlines()] == ["3", "1"]


def test_the_log_can_be_cut(tera: Callable[..., Run], memory_id: str) -> None:
    tera("forget", memory_id, "--yes")
    assert len(tera("log", "-n", "1").out.splitlines()) == 1
    assert tera("log", "-n", "0").code == 2


def test_the_log_in_json_has_every_field(tera: Callable[..., Run], memory_id: str) -> None:
    tera("edit", memory_id, "--text", "The second text")
    edit, remember = json.loads(tera("log", "--json").out)
    assert edit["entries"][0]["operation"] == "edit"
    assert edit["entries"][0]["fields"] == {"text": "The second text"}
    assert remember["entries"][0]["id"] == memory_id
    assert remember["change"] == 1
    assert remember["undone_by"] is None


def test_an_empty_log_says_so(tera: Callable[..., Run]) -> None:
    assert tera("log") == Run(1, "", "no changes yet\n")
    assert tera("log", "--json") == Run(1, "[]\n", "")


def test_what_one_command_did_is_one_change(tera: Callable[..., Run]) -> None:
    tera("remember", "a a", "b b", "c c")
    assert "3 memories" in tera("log").out
    undone = tera("undo")
    assert "3 memories" in undone.out
    assert texts(tera) == []


def test_undo_takes_back_what_was_remembered_edited_and_forgotten(
    tera: Callable[..., Run], memory_id: str
) -> None:
    tera("edit", memory_id, "--text", "The second text", "--tag", "x")
    tera("forget", memory_id, "--yes")
    assert texts(tera) == []
    assert tera("undo") == Run(0, f"undone: forget    {memory_id}\n", "")
    assert texts(tera) == ["The second text"]
    assert tera("undo").code == 0
    assert texts(tera) == ["The first text"]
    assert tera("undo").code == 0
    assert texts(tera) == []
    assert tera("undo").code == 7


def test_undo_brings_every_field_back(tera: Callable[..., Run]) -> None:
    options = ["--title", "T", "--tag", "x", "--source", "s", "--at", "2020-01-01"]
    memory_id = tera("remember", "text", *options).out.strip()
    before = tera("show", "--json", memory_id).out
    tera("forget", memory_id, "--yes")
    tera("undo")
    assert tera("show", "--json", memory_id).out == before


def test_an_undo_can_be_undone(tera: Callable[..., Run], memory_id: str) -> None:
    record = json.loads(tera("undo", "--json").out)
    assert record["change"] == 1
    assert "(undone by 2)" in tera("log").out.splitlines()[-1]
    assert tera("undo", "2").code == 0
    assert texts(tera) == ["The first text"]


def test_an_earlier_change_can_be_undone(tera: Callable[..., Run], memory_id: str) -> None:
    tera("remember", "another")
    assert memory_id in tera("undo", "1").out
    assert texts(tera) == ["another"]


@pytest.mark.parametrize(("number", "says"), [("99", "no change 99"), ("1", "change 2 came after")])
def test_a_change_that_cannot_be_undone_is_an_error(
    tera: Callable[..., Run], memory_id: str, number: str, says: str
) -> None:
    tera("edit", memory_id, "--tag", "x")
    undone = tera("undo", number)
    assert (undone.code, undone.out) == (7, "")
    assert says in undone.err
    assert "hint: tera " in undone.err
    assert texts(tera) == ["The first text"]


def test_undoing_a_change_twice_is_an_error(tera: Callable[..., Run], memory_id: str) -> None:
    tera("undo", "1")
    again = tera("undo", "1")
    assert again.code == 7
    assert "undone already" in again.err


def test_there_may_be_nothing_to_undo(tera: Callable[..., Run]) -> None:
    assert tera("undo").code == 7
    assert tera("undo", "abc").code == 2
