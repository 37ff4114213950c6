from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tera.datatypes import JournalEntry
from tera.errors import StoreError
from tera.store.history import Change, changes, states, undoing
from tera.store.opened import OpenStore
from tests.entries import edit, forget, numbered, opened, remember


def log(store: OpenStore) -> list[JournalEntry]:
    return [entry for entry, _ in store.journal.entries()]


def undo(store: OpenStore, number: int | None = None) -> Sequence[JournalEntry]:
    return store.commit(undoing(log(store), number))


def standing(store: OpenStore) -> dict[int, int | None]:
    """Return by number the change that undid each change."""
    return {change.number: change.undone_by for change in changes(log(store))}


def test_entries_with_one_change_number_are_one_change() -> None:
    first, second = numbered(remember("a"), 1, change=1), numbered(remember("b"), 2, change=1)
    third = numbered(forget("a"), 3)

    assert [(change.number, change.entries) for change in changes([first, second, third])] == [
        (1, (first, second)),
        (3, (third,)),
    ]


def test_a_change_knows_when_it_was_and_what_it_undoes() -> None:
    entries = [
        numbered(remember("a"), 1),
        replace(numbered(forget("a"), 2), undoes=1, clock="1700000000000-0001"),
    ]
    remembered, undone = changes(entries)
    assert (remembered.undoes, remembered.undone_by) == (None, 2)
    assert (undone.undoes, undone.undone_by) == (1, None)
    assert undone.at.isoformat() == "2023-11-14T22:13:20+00:00"


def test_states_fold_the_entries_of_each_memory() -> None:
    entries = [
        remember("a", "one"),
        remember("b", "two"),
        edit("a", text="three", tags=["t"]),
        forget("b"),
        edit("b", text="too late"),
    ]
    assert states(entries) == {"a": {**remember("a", "three").fields, "tags": ["t"]}}


def test_undo_of_remember_forgets(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a")])
        undo(store)
        assert store.database.memories(["a"]) == {}


def test_undo_of_edit_brings_only_its_fields_back(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a", "old", title="kept", tags=("x",))])
        store.commit([edit("a", text="new", tags=[])])
        undo(store)
        memory = store.database.memories(["a"])["a"]
        assert (memory.text, memory.title, memory.tags) == ("old", "kept", ("x",))


def test_undo_of_forget_brings_everything_back_identical(home: Path) -> None:
    with opened(home) as store:
        entry = remember(
            "a", "text", title="a title", tags=("x", "y"), source="/notes/a.md", at="1999-12-31"
        )
        store.commit([replace(entry, fields={**entry.fields, "at": "1999-12-31T00:00:00+00:00"})])
        before = store.database.memories(["a"])
        store.commit([forget("a")])
        undo(store)
        assert store.database.memories(["a"]) == before
        assert store.database.find("text") == [before["a"]]


def test_undo_of_an_undo_does_it_again(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a")])
        undo(store)
        undo(store, 2)
        assert store.database.memories(["a"])
        assert standing(store) == {1: None, 2: 3, 3: None}

        undo(store)
        assert not store.database.memories(["a"])
        assert standing(store) == {1: 4, 2: 3, 3: None, 4: None}


def test_undo_without_a_number_goes_back_one_by_one(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a", "first")])
        store.commit([edit("a", text="second")])
        store.commit([edit("a", text="third")])
        undo(store)
        undo(store)
        assert store.database.memories(["a"])["a"].text == "first"
        undo(store)
        with pytest.raises(StoreError, match="nothing to undo"):
            undo(store)


def test_undo_of_a_batch_takes_all_of_it_back(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("kept", "old")])
        (first, *_) = store.commit([remember("a"), edit("kept", text="new"), remember("b")])
        # The rest of the same command comes later, after another command's change.
        store.commit([remember("other")])
        store.commit([replace(entry, change=first.change) for entry in (remember("c"), edit("a"))])

        undo(store, first.change)

        there = store.database.memories(["kept", "a", "b", "c", "other"])
        assert {key: memory.text for key, memory in there.items()} == {
            "kept": "old",
            "other": "some text",
        }


def test_undo_is_refused_when_a_later_change_builds_on_it(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a", "old")])
        store.commit([edit("a", text="new")])

        with pytest.raises(StoreError, match="change 2 came after change 1 on a") as refusal:
            undo(store, 1)

        assert refusal.value.hint == "tera undo 2"
        undo(store, 2)
        undo(store, 1)
        assert store.database.memories(["a"]) == {}


def test_undo_is_not_refused_for_changes_of_other_memories(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a")])
        store.commit([remember("b")])
        undo(store, 1)
        assert list(store.database.memories(["a", "b"])) == ["b"]


def test_what_is_undone_cannot_be_undone_twice(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a")])
        undo(store, 1)
        with pytest.raises(StoreError, match="undone already, by change 2") as refusal:
            undo(store, 1)
        assert refusal.value.hint.startswith("tera undo 2")


def test_an_unknown_change_is_refused() -> None:
    with pytest.raises(StoreError, match="there is no change 7"):
        undoing([numbered(remember("a"), 1)], 7)


def test_a_change_that_changed_nothing_is_passed_over() -> None:
    entries = [
        numbered(remember("a"), 1),
        numbered(forget("a"), 2),
        numbered(edit("a", text="too late"), 3),
    ]
    with pytest.raises(StoreError, match="change 3 changed nothing"):
        undoing(entries, 3)


def test_changes_of_no_entries_are_none() -> None:
    none: list[Change] = changes([])
    assert none == []
    with pytest.raises(StoreError, match="nothing to undo"):
        undoing([], None)
