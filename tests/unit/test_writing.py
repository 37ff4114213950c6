from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tera.datatypes import Draft, Memory
from tera.store.opened import OpenStore
from tera.writing import ID_LENGTH, Plan, new_memory, to_milliseconds, vanished
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
    statuses: list[str] = [done.status for done in plan.outcome]
    return [there.get(done.memory.id, done.memory) for done in plan.outcome], statuses


def file(name: str, text: str, *tags: str) -> Draft:
    source = f"/notes/{name}"
    return Draft(text, title=name, source=source, tags=tags, is_file=True, type="text")


def mail(texts: dict[str, str], digest: str = "") -> list[Draft]:
    """Return the drafts of a mailbox, by part; with a digest it was read to its end."""
    drafts = [
        Draft(text, title=part, source="/mail", is_file=True, type="mbox", part=part)
        for part, text in texts.items()
    ]
    if digest:
        drafts[-1] = replace(drafts[-1], digest=digest, parts=tuple(texts))
    return drafts


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


def test_the_same_text_on_another_day_happened_again(home: Path) -> None:
    monday, friday = datetime(2026, 3, 2, 18, tzinfo=UTC), datetime(2026, 3, 6, 18, tzinfo=UTC)
    with opened(home) as store:
        ran, again = Draft("Ran 5 km", at=monday), Draft("Ran 5 km", at=friday)
        (first, second, third), status = remember(store, ran, again, ran)
        assert status == ["new", "new", "known"]
        assert first.id == third.id != second.id
        (later, undated), status = remember(store, again, Draft("Ran 5 km"))
        assert status == ["known", "known"]
        assert later.id == second.id
        assert undated.id in (first.id, second.id)
        assert {memory.at for memory in store.database.find("Ran 5 km")} == {monday, friday}


def test_a_date_given_later_to_what_had_none_corrects_it(home: Path) -> None:
    monday = datetime(2026, 3, 2, 18, tzinfo=UTC)
    with opened(home) as store:
        (told,), _ = remember(store, Draft("Ran 5 km"))
        (dated,), status = remember(store, Draft("Ran 5 km", at=monday))
        assert status == ["known"]
        assert (dated.id, dated.at) == (told.id, monday)


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


def test_the_parts_of_a_file_are_memories_of_their_own(home: Path) -> None:
    with opened(home) as store:
        first, status = remember(store, *mail({"1": "one", "2": "two"}, "d" * 64))
        assert status == ["new", "new"]
        assert [memory.digest for memory in first] == ["", "d" * 64]
        again, status = remember(store, *mail({"1": "one", "2": "two!", "3": "three"}, "e" * 64))
        assert status == ["known", "updated", "new"]
        assert [memory.id for memory in again[:2]] == [memory.id for memory in first]
        # The file as it was before is not taken for read.
        assert [memory.digest for memory in again] == ["", "", "e" * 64]


def test_a_vanished_part_is_forgotten_when_the_file_was_read_to_its_end(home: Path) -> None:
    with opened(home) as store:
        told, _ = remember(store, *mail({"1": "one", "2": "two", "3": "three"}, "d" * 64))
        other, _ = remember(store, file("note", "of another file"))
        remember(store, *mail({"1": "one"}))
        assert len(store.database.files.parts("/mail")) == 3
        _, status = remember(store, *mail({"1": "one", "3": "three"}, "e" * 64))
        assert status == ["known", "known", "forgotten"]
        there = store.database.memories([memory.id for memory in (*told, *other)])
        assert set(there) == {told[0].id, told[2].id, other[0].id}


def test_a_part_that_moved_within_its_file_stays_the_same_memory(home: Path) -> None:
    with opened(home) as store:
        (one, two), _ = remember(store, *mail({"1": "one", "200": "two"}, "d" * 64))
        moved, status = remember(store, *mail({"1": "two"}, "e" * 64))
        assert (moved[0].id, moved[0].part, status) == (two.id, "1", ["known", "forgotten"])
        assert list(store.database.files.parts("/mail")) == [two.id]
        assert not store.database.memories([one.id])


def test_a_memory_that_only_names_a_file_as_its_source_is_not_taken_for_it(home: Path) -> None:
    with opened(home) as store:
        (typed,), _ = remember(store, Draft("said of it", source="/notes/note"))
        remember(store, replace(file("note", "the note"), digest="d" * 64, parts=("",)))
        assert store.database.memories([typed.id])[typed.id].text == "said of it"


@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        (["2024-05-03 14:02", "2024-06-01 08:00"], ["may 4"]),
        # An export that begins later says nothing of what was before.
        (["2024-05-04 09:00", "2024-06-01 08:00"], []),
        (["2024-05-20 09:00"], ["june"]),
        ([], []),
    ],
)
def test_what_an_export_of_a_chat_does_not_reach_back_to_is_kept(
    parts: list[str], gone: list[str]
) -> None:
    there = {
        "may 3": "2024-05-03 14:02",
        "may 4": "2024-05-04 09:00",
        "june": "2024-06-01 08:00",
        "other chat": "17 2024-07-01 10:00",
    }
    assert vanished(there, parts, has_history=True) == gone
    assert set(vanished(there, parts, has_history=False)) == {
        key for key, part in there.items() if part not in parts
    }


def test_files_of_which_a_person_names_the_source_do_not_replace_each_other(home: Path) -> None:
    with opened(home) as store:
        first = [replace(one, is_file=False) for one in mail({"a": "one", "b": "two"}, "d" * 64)]
        second = [replace(one, is_file=False) for one in mail({"c": "three"}, "e" * 64)]
        remember(store, *first)
        remember(store, *second)
        assert {memory.text for memory in _all(store)} == {"one", "two", "three"}


def test_a_part_that_is_in_another_file_now_is_not_forgotten(home: Path) -> None:
    with opened(home) as store:
        remember(store, *mail({"a": "one", "b": "two"}, "d" * 64))
        rotated = [replace(one, source="/old") for one in mail({"a": "one", "b": "two"}, "d" * 64)]
        remember(store, *mail({"c": "three"}, "e" * 64), *rotated)
        assert {(memory.source, memory.text) for memory in _all(store)} == {
            *(("/mail", "three"), ("/old", "one"), ("/old", "two"))
        }


def test_a_memory_goes_along_with_a_file_that_is_called_otherwise_now(home: Path) -> None:
    with opened(home) as store:
        (one,), _ = remember(store, replace(file("plan", "north"), digest="d" * 64))
        (same,), _ = remember(store, replace(file("old", "north"), digest="d" * 64))
        assert (same.id, same.source) == (one.id, "/notes/old")
        remember(store, replace(file("plan", "south"), digest="e" * 64))
        assert {memory.text for memory in _all(store)} == {"north", "south"}
