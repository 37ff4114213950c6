from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.attributes import attributes_of
from tera.chosen import JournalFeed
from tera.datatypes import Filter, JournalEntry, Memory
from tera.errors import StoreError
from tera.indexes import attributes as index_module
from tera.indexes import blocks
from tera.indexes.attributes import AttributeIndex, Changes
from tera.indexes.blocks import Place
from tera.indexes.columns import Column, occurrences
from tera.indexes.keys import id_of, number_of
from tera.matching import holds
from tera.model_loader import SilentListener
from tera.where import Condition, parse
from tests.conditions import conditions, memories
from tests.entries import edit, forget, opened, remember

NOON = datetime(2024, 5, 3, 12, tzinfo=UTC)
IDS = [f"{letter}{number}" for letter in "abc" for number in range(12)]
FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Changing:
    """A journal of memories that change, `step` changes at a time."""

    def __init__(self, changes: Sequence[tuple[str, Memory | None]] = (), step: int = 7) -> None:
        self.past = list(changes)
        self.name = "one"
        self.step = step

    def digest_at(self, place: Place) -> str:
        return f"{self.name} {place[0]}" if place[0] <= len(self.past) else ""

    def end(self) -> Place:
        return (len(self.past), 1, 0)

    def changes(self, after: Place) -> Iterator[tuple[Changes, Place]]:
        for start in range(after[0], len(self.past), self.step):
            some = self.past[start : start + self.step]
            yield dict(some), (start + len(some), 1, 0)

    def now(self) -> dict[str, Memory]:
        """Return the memories that are there in the end."""
        return {key: memory for key, memory in dict(self.past).items() if memory}


def told(*texts: str) -> list[tuple[str, Memory | None]]:
    return [(key, Memory(key, text, NOON, NOON)) for key, text in zip(IDS, texts, strict=False)]


def chosen(index: AttributeIndex, where: str = "", **filters: object) -> list[str]:
    numbers = index.chosen(Filter(**filters), parse(where) if where else None)  # type: ignore[arg-type]
    assert numbers.dtype == np.uint64
    return [id_of(number) for number in numbers.tolist()]


def expected(condition: Condition, there: Mapping[str, Memory]) -> list[str]:
    return sorted(key for key in there if holds(condition, attributes_of(there[key])))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few memories fill several blocks."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 5)
    monkeypatch.setattr(index_module, "BLOCK_ROWS", 5)
    monkeypatch.setattr("tera.indexes.columns.FEW_FOUND", 2)


many_memories = st.lists(
    st.sampled_from(IDS[::2]).flatmap(
        lambda key: st.tuples(st.just(key), st.none() | memories(key))
    ),
    max_size=40,
)


@pytest.mark.usefixtures("small_blocks")
@given(
    changes=many_memories,
    wanted=st.lists(conditions(), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
@FEW
def test_the_index_answers_as_a_look_at_every_memory_does(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[str, Memory | None]],
    wanted: list[Condition],
    cuts: list[int],
) -> None:
    feed = Changing()
    index = AttributeIndex(tmp_path_factory.mktemp("index") / "a.sqlite", feed)
    for cut in sorted({*cuts, len(changes)}):
        feed.past = list(changes[:cut])
        if cut % 3 == 0:
            index.close()
        for condition in wanted:
            assert len(index.names()) >= 2
            found = [id_of(n) for n in index.chosen(Filter(), condition).tolist()]
            assert found == expected(condition, feed.now()), str(condition)
    index.close()
    assert index.notes == ()


@pytest.mark.parametrize("share", [0.001, 0.01, 0.5, 0.9, 1.0])
def test_every_selectivity_gives_exactly_the_right_memories(tmp_path: Path, share: float) -> None:
    made = [
        Memory(f"{n:010d}", f'{{"rank": {n}}}', NOON, NOON, tags=("rare",) * (n % 1000 == 0))
        for n in range(10_000)
    ]
    random.Random(5).shuffle(made)
    feed = Changing([(memory.id, memory) for memory in made], step=3000)
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    limit = int(10_000 * share)
    assert chosen(index, f"rank < {limit}") == [f"{n:010d}" for n in range(limit)]
    assert chosen(index, f"not rank < {limit}") == [f"{n:010d}" for n in range(limit, 10_000)]
    assert len(chosen(index, "tag = rare")) == 10
    assert len(chosen(index, f"tag = rare and rank < {limit}")) == -(-limit // 1000)
    index.close()


# Filters as the store has them.

SOURCES = ["/notes", "/notes/", "/notes/a.md", "/Notes/a.md", "/notes2/a.md", "/notes/ b/c", "x"]
TAGS = ["work", "Work", "wor", "köln", "ko\u0308ln", "2024"]


def test_filters_choose_as_the_store_chooses(tmp_path: Path) -> None:
    chance = random.Random(7)
    entries: list[JournalEntry] = []
    for key in IDS:
        at = NOON + timedelta(hours=chance.randrange(-48, 48), microseconds=chance.randrange(10**6))
        entries.append(
            remember(
                key,
                f"text {key}",
                tags=tuple(chance.sample(TAGS, 2)),
                source=chance.choice([None, *SOURCES]),
                at=at.isoformat(timespec="milliseconds"),
            )
        )
    with opened(tmp_path / "home") as store:
        store.commit(entries)
        index = AttributeIndex(tmp_path / "a.sqlite", JournalFeed(store, SilentListener()))
        filters = [Filter(tags=tuple(chance.sample(TAGS, n))) for n in (1, 1, 1, 2, 2, 2)]
        filters += [Filter(source=source) for source in [*SOURCES, "/", "//", "/notes/a"]]
        times = [
            datetime.fromisoformat(str(entry.fields["at"])) + timedelta(microseconds=off)
            for entry in entries[:10]
            for off in (-600, -1, 0, 1, 600)
        ]
        filters += [Filter(since=time) for time in times] + [Filter(until=time) for time in times]
        filters += [
            Filter(("work",), times[0], times[0] + timedelta(days=1), "/notes"),
            Filter(("work",), None, NOON),
        ]
        for one in filters:
            found = [id_of(number) for number in index.chosen(one).tolist()]
            assert found == sorted(store.database.select_ids(one)), one
        index.close()


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("remember"), st.sampled_from(IDS[:6]), st.sampled_from("xyz")),
            st.tuples(st.just("text"), st.sampled_from(IDS[:6]), st.sampled_from("xyz")),
            st.tuples(st.just("tags"), st.sampled_from(IDS[:6]), st.sampled_from("xyz")),
            st.tuples(st.just("forget"), st.sampled_from(IDS[:6]), st.just("")),
            st.tuples(st.just("look"), st.just(""), st.just("")),
        ),
        max_size=25,
    )
)
@settings(FEW, max_examples=15)
def test_random_journals_are_followed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    with opened(home) as store:
        index = AttributeIndex(home / "a.sqlite", JournalFeed(store, SilentListener()))

        def look() -> None:
            memories = [m for batch in store.database.every_memory() for m in batch.values()]
            for value in "xyz":
                assert chosen(index, f"state = {value}") == sorted(
                    m.id for m in memories if f"state: {value}\n" in m.text
                )
                assert chosen(index, tags=(value,)) == sorted(
                    m.id for m in memories if value in m.tags
                )

        there: set[str] = set()
        for what, key, value in steps:
            text = f"---\nstate: {value}\nid: {key}\n---\n"
            if what == "remember" and key not in there:
                store.commit([remember(key, text)])
                there.add(key)
            elif what == "text":
                store.commit([edit(key, text=text)])
            elif what == "tags":
                store.commit([edit(key, tags=[value])])
            elif what == "forget" and key in there:
                store.commit([forget(key)])
                there.discard(key)
            elif what == "look":
                look()
        look()
        index.close()


# The order of a list.


def test_the_newest_come_first_as_in_a_list(tmp_path: Path) -> None:
    at = [NOON, NOON + timedelta(1), NOON, NOON - timedelta(1)]
    remembered = [NOON, NOON, NOON + timedelta(1), NOON]
    made = [
        Memory(key, "x", one, other) for key, one, other in zip("dabc", at, remembered, strict=True)
    ]
    made.append(replace(made[0], id="c9"))
    index = AttributeIndex(tmp_path / "a.sqlite", Changing([(m.id, m) for m in made]))
    numbers = index.chosen(Filter())
    assert [id_of(n) for n in index.newest(numbers, None).tolist()] == ["a", "b", "c9", "d", "c"]
    assert [id_of(n) for n in index.newest(numbers, 2).tolist()] == ["a", "b"]
    assert index.newest(numbers[:0], None).tolist() == []
    index.close()


def test_names_are_those_that_a_memory_has(tmp_path: Path) -> None:
    feed = Changing(told('{"a": 1}', '{"b": 1}'))
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    assert index.names() == ["a", "at", "b", "remembered"]
    assert index.unknown(["a", "c", "at"]) == ["c"]
    feed.past.append((IDS[0], None))
    assert index.names() == ["at", "b", "remembered"]
    index.close()


# Following, and what is damaged, ahead or foreign.


def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Changing(told('{"a": 1}', '{"a": 2}'))
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    assert chosen(index, "has a") == IDS[:2]
    index.close()
    read: list[Place] = []
    changes = feed.changes

    def noted(after: Place) -> Iterator[tuple[Changes, Place]]:
        read.append(after)
        return changes(after)

    monkeypatch.setattr(feed, "changes", noted)
    assert chosen(index, "has a") == IDS[:2]
    assert read == []
    feed.past += told('{"a": 3}', '{"b": 2}', '{"a": 3}')
    assert chosen(index, "a = 3") == [IDS[0], IDS[2]]
    assert read == [(2, 1, 0)]
    index.close()


def test_what_is_new_can_be_taken_over_bit_by_bit(tmp_path: Path) -> None:
    feed = Changing(told(*(f'{{"a": {n}}}' for n in range(20))), step=7)
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    assert [index.follow_some() for _ in range(4)] == [True, True, False, False]
    index.close()
    assert not index.follow_some()
    assert len(chosen(index, "has a")) == 20
    index.close()


def test_an_index_of_another_journal_or_ahead_of_it_is_made_anew(tmp_path: Path) -> None:
    feed = Changing(told('{"a": 1}', '{"a": 2}', '{"a": 3}'))
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    assert len(chosen(index, "has a")) == 3
    index.close()
    feed.past = feed.past[:2]
    assert len(chosen(index, "has a")) == 2
    index.close()
    feed.past, feed.name = told('{"b": 1}', '{"b": 2}'), "another"
    assert (chosen(index, "has a"), len(chosen(index, "has b"))) == ([], 2)
    index.close()
    feed.past, feed.name = [], "empty"
    assert chosen(index, "has b") == []
    index.close()
    assert index.notes == ()


@pytest.mark.usefixtures("small_blocks")
def test_void_rows_do_not_pile_up(tmp_path: Path) -> None:
    feed = Changing(step=1)
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    for number in range(60):
        feed.past += told(f'{{"a": {number}}}')
        assert chosen(index, f"a = {number}") == IDS[:1]
    index.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM block").fetchone()
    database.close()
    assert count < 6


def test_an_index_of_another_format_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = AttributeIndex(tmp_path / "a.sqlite", Changing(told('{"a": 1}')))
    assert chosen(index, "has a") == IDS[:1]
    index.close()
    monkeypatch.setattr(blocks, "ATTRIBUTES_FORMAT", 999)
    assert chosen(index, "has a") == IDS[:1]
    index.close()
    assert index.notes == ()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_noticed_and_made_anew(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    feed = Changing(told(*(f'{{"a": {n % 3}, "b": "word {n}"}}' for n in range(30))))
    file = tmp_path / "a.sqlite"
    index = AttributeIndex(file, feed)
    questions = ["a = 1", "b ~ word", "b = 'word 7'", "not has b", "a > 0 and at >= 2024"]
    before = [chosen(index, text) for text in questions]
    index.close()
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice([1, 1, 1, 30])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if seed % 8 == 0:
        del data[chance.randrange(len(data)) :]
    if seed % 8 == 1:
        data = bytearray(chance.randbytes(5000))
    file.write_bytes(bytes(data))
    assert [chosen(index, text) for text in questions] == before
    index.close()
    aside = [one for one in tmp_path.iterdir() if ".damaged-" in one.name]
    assert bool(aside) == bool(index.notes)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("table", ["state", "block", "attribute"])
def test_rows_that_are_gone_are_noticed(tmp_path: Path, table: str) -> None:
    index = AttributeIndex(tmp_path / "a.sqlite", Changing(told('{"a": 1}')))
    assert chosen(index, "has a") == IDS[:1]
    index.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        database.execute(f"DELETE FROM {table}")
    database.close()
    assert chosen(index, "has a") == IDS[:1]
    index.close()
    (note,) = index.notes
    assert "was damaged and is made anew" in note


def test_damage_under_an_open_index_is_noticed_with_the_next_question(tmp_path: Path) -> None:
    index = AttributeIndex(tmp_path / "a.sqlite", Changing(told('{"a": 1}')))
    assert chosen(index, "has a") == IDS[:1]
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        database.execute("UPDATE attribute SET data = substr(data, 2)")
    database.close()
    assert chosen(index, "has a") == IDS[:1]
    assert len(index.notes) == 1
    index.close()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("no folder")
    index = AttributeIndex(tmp_path / "index" / "a.sqlite", Changing(told("x")))
    with pytest.raises(StoreError, match="cannot write the index of attributes"):
        index.chosen(Filter())


def test_an_error_in_the_middle_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Changing(told('{"a": 1}'))
    index = AttributeIndex(tmp_path / "a.sqlite", feed)
    assert chosen(index, "has a") == IDS[:1]
    feed.past += told('{"a": 1}', '{"a": 1}')

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(blocks.Blocks, "_write_state", interrupted)
        with pytest.raises(KeyboardInterrupt):
            index.chosen(Filter())
    assert chosen(index, "has a") == IDS[:2]
    assert index.notes == ()
    index.close()


# Columns.


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=3))
def test_bytes_are_found_wherever_they_begin(data: bytes, wanted: bytes) -> None:
    places = [at for at in range(len(data)) if data[at : at + len(wanted)] == wanted]
    assert occurrences(data, wanted).tolist() == places
    assert occurrences(data * 100, wanted).tolist() == [
        at for at in range(len(data) * 100) if (data * 100)[at : at + len(wanted)] == wanted
    ]


def test_a_column_is_read_as_it_was_written() -> None:
    values = [
        v for m in told('{"a": [1, "2024-05-03", "x"]}') if m[1] for v in attributes_of(m[1])["a"]
    ]
    column = Column.of({value: [row, row + 1] for row, value in enumerate(values)})
    again = Column.read(column.joined(column).write())
    assert again.size == 6
    assert again.texts == column.texts + column.texts[1:]
    assert again.rows.tolist() == column.rows.tolist() * 2
    assert number_of("a") > 0
