from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tera.datatypes import Draft, Memory
from tera.store.opened import OpenStore
from tera.writing import ID_LENGTH, Plan, new_memory, to_milliseconds
from tests.entries import opened


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def remember(store: OpenStore, *drafts: Draft) -> tuple[list[Memory], list[str]]:
    """Remember drafts as one batch; return what is in the store of each, and its status."""
    plan = Plan(count_tokens=count_words)
    plan.remember(store.database, drafts)
    if plan.entries:
        store.commit(plan.entries, plan.chunks)
    there = store.database.memories([done.memory.id for done in plan.outcome])
    return [there[done.memory.id] for done in plan.outcome], [done.status for done in plan.outcome]


def file(name: str, text: str, *tags: str) -> Draft:
    return Draft(text, title=name, source=f"/notes/{name}", tags=tags, is_file=True)


def test_a_new_memory_has_an_id_that_can_be_read_out() -> None:
    ids = {new_memory(Draft("x")).id for _ in range(200)}
    assert len(ids) == 200
    assert all(len(key) == ID_LENGTH for key in ids)
    assert not set("".join(ids)) - set("0123456789abcdefghjkmnpqrstvwxyz")


def test_a_new_memory_happened_now_unless_told_otherwise() -> None:
    at = datetime(1999, 12, 31, 23, 59, 59, 123_999, timezone(timedelta(hours=2)))
    told, earlier = new_memory(Draft("x")), new_memory(Draft("x", at=at))
    assert told.at == told.remembered_at
    assert abs(datetime.now(UTC) - told.at) < timedelta(seconds=5)
    assert earlier.at == datetime(1999, 12, 31, 21, 59, 59, 123_000, UTC)
    assert earlier.at.tzinfo is UTC
    assert to_milliseconds(earlier.at) == earlier.at


def test_tags_given_twice_are_kept_once() -> None:
    assert new_memory(Draft("x", tags=("b", "a", "b"))).tags == ("b", "a")


def test_the_same_text_is_kept_once_and_gains_tags_and_title(home: Path) -> None:
    with opened(home) as store:
        (first,), status = remember(store, Draft("text", tags=("a",)))
        assert status == ["new"]
        (again,), status = remember(store, Draft("text", tags=("b", "a"), title="now titled"))
        assert status == ["known"]
        assert again == replace(first, tags=("a", "b"), title="now titled")
        (named,), _ = remember(store, Draft("text", title="another title"))
        assert named.title == "another title"
        (kept,), _ = remember(store, Draft("text", title="a.txt", source="/a.txt", is_file=True))
        assert kept.title == "another title"


def test_what_is_known_in_every_respect_writes_nothing(home: Path) -> None:
    with opened(home) as store:
        remember(store, Draft("text", tags=("a",)))
        plan = Plan()
        plan.remember(store.database, [Draft("text", tags=("a",))])
        assert plan.entries == []


def test_the_same_text_twice_in_one_batch_is_kept_once(home: Path) -> None:
    with opened(home) as store:
        (one, two), status = remember(
            store, Draft("text", tags=("a",)), Draft("text", tags=("b",), title="titled")
        )
        assert status == ["new", "known"]
        assert one == two
        assert (one.tags, one.title) == (("a", "b"), "titled")
        assert store.database.counts() == {"memory": 1, "chunk": 1, "pending": 1}


def test_a_file_is_brought_up_to_date(home: Path) -> None:
    with opened(home) as store:
        (before,), _ = remember(store, file("a.md", "first version", "x"))
        (after,), status = remember(store, file("a.md", "second version", "y"))
        assert status == ["updated"]
        assert (after.id, after.text, after.tags) == (before.id, "second version", ("x", "y"))
        assert store.database.counts()["memory"] == 1


def test_only_a_file_replaces_what_had_its_source(home: Path) -> None:
    with opened(home) as store:
        remember(store, Draft("monday", source="standup"))
        _, status = remember(store, Draft("tuesday", source="standup"))
        assert status == ["new"]


def test_files_that_move_on_lose_no_text(home: Path) -> None:
    """As logs are rotated: each file has the text that another had before."""
    with opened(home) as store:
        remember(store, file("log", "monday"))
        _, status = remember(store, file("log", "tuesday"), file("log.1", "monday"))
        texts = {memory.source: memory.text for memory in _all(store)}
        assert texts == {"/notes/log": "tuesday", "/notes/log.1": "monday"}
        assert status == ["updated", "new"]


def test_changes_of_one_batch_build_on_each_other(home: Path) -> None:
    with opened(home) as store:
        remember(store, file("a.md", "old", "x"))
        remember(store, Draft("old", tags=("y",)), file("a.md", "new", "z"))
        (memory,) = _all(store)
        assert (memory.text, memory.tags) == ("new", ("x", "y", "z"))


def _all(store: OpenStore) -> list[Memory]:
    from tera.datatypes import Filter

    return store.database.select(Filter())


def test_memories_are_cut_when_the_measure_is_known(home: Path) -> None:
    with opened(home) as store:
        plan = Plan()
        plan.remember(store.database, [Draft("never cut yet")])
        assert plan.chunks == {}
        plan = Plan(count_tokens=count_words)
        plan.remember(store.database, [Draft("cut now")])
        ((chunk,),) = plan.chunks.values()
        assert (chunk.start, chunk.end) == (0, 7)


def test_an_edit_plans_only_what_is_different() -> None:
    old = new_memory(Draft("text", title="title", tags=("a",)))
    plan = Plan(count_tokens=count_words)

    assert plan.edit(old, old) == old
    assert plan.entries == []
    plan.edit(old, replace(old, tags=("b",)))
    assert [entry.fields for entry in plan.entries] == [{"tags": ["b"]}]
    assert plan.chunks == {}
    plan.edit(old, replace(old, text="new text"))
    assert plan.entries[-1].fields == {"text": "new text"}
    assert list(plan.chunks) == [old.id]


def test_entries_of_a_later_batch_join_the_change_that_began() -> None:
    plan = Plan(change=7)
    plan.forget("a")
    assert [entry.change for entry in plan.entries] == [7]


@pytest.mark.parametrize("microsecond", [123_000, 123_456])
def test_restoring_twice_changes_nothing(home: Path, microsecond: int) -> None:
    memory = new_memory(Draft("text", tags=("a",)))
    memory = replace(memory, at=memory.at.replace(microsecond=microsecond))
    with opened(home) as store:
        for expected in ("new", "known"):
            plan = Plan()
            plan.restore(store.database, [memory])
            assert [done.status for done in plan.outcome] == [expected]
            assert bool(plan.entries) == (expected == "new")
            if plan.entries:
                store.commit(plan.entries)


def test_restoring_brings_back_what_was_edited_since(home: Path) -> None:
    with opened(home) as store:
        (memory,), _ = remember(store, Draft("text", tags=("a",)))
        plan = Plan()
        plan.edit(memory, replace(memory, text="edited", tags=()))
        store.commit(plan.entries)
        plan = Plan()
        plan.restore(store.database, [memory, memory])
        assert [done.status for done in plan.outcome] == ["updated", "known"]
        store.commit(plan.entries)
        assert _all(store) == [memory]
