"""One suite over both layouts: the embedded database, and a server over its web socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.config import Config
from tera.datatypes import NOTHING_READ, Chunk, Filter, JournalEntry, Memory, ReadBefore
from tera.errors import StoreError
from tera.indexes.keys import numbers_of
from tera.indexes.vector import VectorIndex
from tera.store.embeddings import PendingMemory
from tera.store.history import states
from tera.store.journal import Position
from tera.store.opened import OpenStore
from tera.store.surreal import SurrealStore
from tests.entries import edit, forget, numbered, opened, remember

# The client of surrealdb uses a call that websockets wants to be a context manager.
pytestmark = pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")

DIM = 8
MODEL = "some-model"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
MANY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

Reopen = Callable[[], AbstractContextManager[OpenStore]]


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.server)])
def reopen(request: pytest.FixtureRequest, home: Path) -> Reopen:
    """Open a store that is empty the first time."""
    if request.param == "embedded":
        return lambda: opened(home)
    config = Config(store_url=request.getfixturevalue("surreal_server"))
    return lambda: opened(home, config)


@pytest.fixture
def store(reopen: Reopen) -> Iterator[OpenStore]:
    with reopen() as store:
        yield store


def chunk(memory_id: str, ordinal: int = 0) -> Chunk:
    return Chunk(memory_id, ordinal, ordinal * 2, ordinal * 2 + 4, "a heading")


def axis(number: int) -> list[float]:
    """Return the vector of length 1 that only points along one axis."""
    return [float(place == number) for place in range(DIM)]


def embed(database: SurrealStore, vectors: Mapping[str, Sequence[float]]) -> None:
    """Give each of these memories its vector, or a row of them its chunks' vectors."""
    pending = [waiting for waiting in database.pending(100) if waiting.memory.id in vectors]
    batch = [(waiting, chunk) for waiting in pending for chunk in waiting.chunks]
    rows = [vectors[waiting.memory.id] for waiting, _ in batch]
    database.put_vectors(batch, np.array(rows, np.float32))


def nearest(
    store: OpenStore, home: Path, vector: Sequence[float], ids: Sequence[str] | None = None
) -> list[tuple[str, int, float]]:
    """Search as the engine does: in the index of the embedded store, or on the server."""
    if store.database.server:
        return store.database.server.nearest(vector, 3, ids)
    assert store.database.feed
    index = VectorIndex(home / "index" / MODEL, MODEL, DIM)
    index.follow(store.database.feed.feed, store.database.feed.last_number())
    chosen = None if ids is None else numbers_of(ids)
    return index.nearest(np.array(vector, np.float32), 3, chosen)


@pytest.fixture
def embedded_memories(store: OpenStore) -> OpenStore:
    """Return a store with memories a, b and c whose vectors are the first three axes."""
    store.database.set_embedder(MODEL, DIM)
    ids = ("a", "b", "c")
    store.commit(
        [remember(key, f"text of {key}", tags=(key,)) for key in ids],
        {key: [chunk(key)] for key in ids},
    )
    embed(store.database, {key: axis(number) for number, key in enumerate(ids)})
    return store


# Changes.


def test_a_memory_comes_back_as_it_was_told(store: OpenStore) -> None:
    text = "Straße ½ 🌍 日本語 \u2028 'q' \"d\" `b` $x; DELETE memory; -- ⟨⟩ \\ \r\n\t end "
    entry = remember("a", text, title="Größe", tags=("β", "a b", "x:y"), source="/n/ö.md")
    store.commit([entry])

    assert store.database.memories(["a", "unknown"]) == {
        "a": Memory(
            "a",
            text,
            at=datetime(2024, 5, 1, 12, tzinfo=UTC),
            remembered_at=datetime(2024, 5, 1, 12, tzinfo=UTC),
            title="Größe",
            tags=("β", "a b", "x:y"),
            source="/n/ö.md",
        )
    }


@pytest.mark.parametrize(
    "text", ["memory:a", "2024-01-01T00:00:00Z", "d'2024'", "u'0'", "NONE", "null", "1e5", "{}"]
)
def test_text_that_looks_like_a_value_of_the_database_stays_text(
    store: OpenStore, text: str
) -> None:
    store.commit([remember("a", text, title=text, tags=(text,), source=text)])
    memory = store.database.memories(["a"])["a"]
    assert (memory.text, memory.title, memory.tags, memory.source) == (text, text, (text,), text)


@MANY
@given(text=TEXT, title=TEXT, tag=TEXT)
def test_any_text_survives(store: OpenStore, text: str, title: str, tag: str) -> None:
    memory_id = uuid4().hex[:10]
    store.commit([remember(memory_id, text, title=title, tags=(tag,))])
    memory = store.database.memories([memory_id])[memory_id]
    assert (memory.text, memory.title, memory.tags) == (text, title, (tag,))


@MANY
@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_any_date_survives_to_the_millisecond(store: OpenStore, date: datetime) -> None:
    at = date.replace(microsecond=date.microsecond // 1000 * 1000, tzinfo=UTC)
    memory_id = uuid4().hex[:10]
    store.commit([remember(memory_id, at=at.isoformat(timespec="milliseconds"))])
    assert store.database.memories([memory_id])[memory_id].at == at


def test_a_text_of_two_megabytes_is_kept(reopen: Reopen) -> None:
    text = "".join(f"line {number}: größer als alles\n" for number in range(70_000))
    assert len(text.encode()) > 2_000_000
    with reopen() as store:
        store.commit([remember("a", text)])
    with reopen() as store:
        assert store.database.memories(["a"])["a"].text == text
        assert store.database.find(text)


def test_edit_changes_only_the_fields_it_names(store: OpenStore) -> None:
    store.commit([remember("a", "old", title="kept", tags=("x",))])
    store.commit([edit("a", text="new", tags=[])])
    store.commit([edit("a", title=None)])
    memory = store.database.memories(["a"])["a"]
    assert (memory.text, memory.title, memory.tags) == ("new", None, ())


def test_forget_leaves_nothing_behind(embedded_memories: OpenStore, home: Path) -> None:
    store = embedded_memories
    store.commit([forget("a")])

    assert store.database.memories(["a"]) == {}
    assert store.database.find("text of a") == []
    assert store.database.counts() == {"memory": 2, "chunk": 2, "pending": 0}
    assert "a" not in {key for key, _, _ in nearest(store, home, axis(0))}


def test_what_is_forgotten_can_be_remembered_under_the_same_id(
    embedded_memories: OpenStore, home: Path
) -> None:
    store = embedded_memories
    store.commit([forget("a")])
    store.commit([remember("a", "again")], {"a": [chunk("a")]})
    embed(store.database, {"a": axis(5)})

    assert nearest(store, home, axis(5))[0][:2] == ("a", 0)
    assert store.database.counts() == {"memory": 3, "chunk": 3, "pending": 0}


def test_edit_and_forget_of_a_memory_that_is_gone_change_nothing(store: OpenStore) -> None:
    store.commit([edit("a", text="new")], {"a": [chunk("a")]})
    store.commit([forget("a")])
    assert store.database.counts() == {"memory": 0, "chunk": 0, "pending": 0}
    assert store.database.pending(10) == []
    store.commit([remember("a", "now it is there")], {"a": [chunk("a")]})
    assert store.database.counts() == {"memory": 1, "chunk": 1, "pending": 1}


def test_a_change_that_fails_leaves_no_trace_in_the_database(store: OpenStore) -> None:
    store.commit([remember("a")])
    with pytest.raises(StoreError, match="already exists"):
        store.database.apply([remember("b"), remember("a")], Position(3, 1, 100))
    assert store.database.counts()["memory"] == 1


ENTRIES = st.lists(
    st.one_of(
        st.builds(
            lambda key, number: remember(key, f"text {number}"),
            *[st.sampled_from("abc"), st.integers(0, 3)],
        ),
        st.builds(
            lambda key, number: edit(key, text=f"edit {number}"),
            *[st.sampled_from("abc"), st.integers(0, 3)],
        ),
        st.builds(
            lambda key, number: edit(key, title=f"title {number}"),
            *[st.sampled_from("abc"), st.integers(0, 3)],
        ),
        st.builds(lambda key: edit(key, tags=["t"]), st.sampled_from("abc")),
        st.builds(forget, st.sampled_from("abc")),
    ),
    min_size=1,
    max_size=12,
)


@settings(parent=MANY, max_examples=40)
@given(ENTRIES, st.booleans())
def test_any_entries_applied_at_once_read_the_same_after_reopening(
    reopen: Reopen, drawn: Sequence[JournalEntry], again: bool
) -> None:
    keys = {key: uuid4().hex[:10] for key in "abc"}
    there: set[str] = set()
    entries: list[JournalEntry] = []
    for entry in drawn:
        # Nothing is remembered twice: an id that is there is edited.
        if entry.operation == "remember" and entry.memory_id in there:
            continue
        if entry.operation == "remember":
            there.add(entry.memory_id)
        if entry.operation == "forget":
            there.discard(entry.memory_id)
        entries.append(replace(entry, memory_id=keys[entry.memory_id]))
    expected = {
        key: (fields["text"], fields["title"], fields["tags"])
        for key, fields in states(entries).items()
    }
    chunks = {key: [chunk(key)] for key in keys.values()}

    def found(store: OpenStore) -> dict[str, tuple[object, ...]]:
        memories = store.database.memories(list(keys.values())).values()
        for memory in memories:
            assert store.database.find(memory.text)
        return {memory.id: (memory.text, memory.title, [*memory.tags]) for memory in memories}

    def waiting(store: OpenStore) -> set[str]:
        ids = {waiting.memory.id for waiting in store.database.pending(1000)}
        return ids & {*keys.values()}

    with reopen() as store:
        written = store.journal.append(entries)
        store.database.apply(written, store.journal.end, chunks, again=again)
        assert found(store) == expected
        assert waiting(store) == {*expected}
    with reopen() as store:
        assert found(store) == expected
        assert waiting(store) == {*expected}
        count = sum(len(store.database.chunks([(key, 0)])) for key in keys.values())
        assert count == len(expected)


# Chunks and vectors.


def test_a_new_memory_waits_with_the_chunks_it_was_given(store: OpenStore) -> None:
    store.commit([remember("a"), remember("b")], {"a": [chunk("a", 0), chunk("a", 1)]})

    chunks = {waiting.memory.id: waiting.chunks for waiting in store.database.pending(10)}
    assert chunks == {"a": (chunk("a", 0), chunk("a", 1)), "b": ()}
    assert store.database.chunks([("a", 1), ("a", 7)]) == [chunk("a", 1)]
    assert len(store.database.pending(1)) == 1


def test_chunks_can_come_later(store: OpenStore) -> None:
    store.commit([remember("a")])
    (waiting,) = store.database.pending(10)
    store.database.put_chunks(waiting, [chunk("a")])
    (waiting,) = store.database.pending(10)
    assert waiting.chunks == (chunk("a"),)


def test_a_memory_without_chunks_does_not_wait_for_ever(store: OpenStore) -> None:
    store.commit([remember("a")])
    (waiting,) = store.database.pending(10)
    store.database.put_chunks(waiting, [])
    assert store.database.pending(10) == []


def test_chunks_of_an_older_text_are_dropped(store: OpenStore) -> None:
    store.commit([remember("a", "old")])
    (waiting,) = store.database.pending(10)
    store.commit([edit("a", text="new")])
    store.database.put_chunks(waiting, [chunk("a")])
    assert store.database.counts() == {"memory": 1, "chunk": 0, "pending": 1}


def test_a_memory_is_done_when_its_last_chunk_has_its_vector(store: OpenStore) -> None:
    store.database.set_embedder(MODEL, DIM)
    store.commit([remember("a")], {"a": [chunk("a", 0), chunk("a", 1)]})
    (waiting,) = store.database.pending(10)
    store.database.put_vectors([(waiting, chunk("a", 0))], np.array([axis(0)], np.float32))
    (waiting,) = store.database.pending(10)
    assert waiting.chunks == (chunk("a", 1),)
    store.database.put_vectors([(waiting, chunk("a", 1))], np.array([axis(1)], np.float32))
    assert store.database.pending(10) == []


@pytest.mark.parametrize("change", [edit("a", text="new"), edit("a", title="new"), forget("a")])
def test_vectors_of_what_was_changed_meanwhile_are_dropped(
    store: OpenStore, home: Path, change: JournalEntry
) -> None:
    store.database.set_embedder(MODEL, DIM)
    store.commit([remember("a"), remember("b")], {"a": [chunk("a")], "b": [chunk("b")]})
    batch = [(waiting, waiting.chunks[0]) for waiting in store.database.pending(10)]
    store.commit([change], {"a": [chunk("a")]})
    store.database.put_vectors(batch, np.array([axis(0), axis(1)], np.float32))

    assert [key for key, _, _ in nearest(store, home, axis(0))] == ["b"]
    assert "b" not in {waiting.memory.id for waiting in store.database.pending(10)}


def test_vectors_that_come_twice_are_kept_once(embedded_memories: OpenStore, home: Path) -> None:
    database = embedded_memories.database
    late = PendingMemory(database.memories(["a"])["a"], _clock(embedded_memories, "a"), ())
    database.put_vectors([(late, chunk("a"))], np.array([axis(4)], np.float32))
    ((key, _, score), *_) = nearest(embedded_memories, home, axis(0))
    assert key == "a"
    assert score == pytest.approx(1.0)


def _clock(store: OpenStore, memory_id: str) -> str:
    return next(entry.clock for entry, _ in store.journal.entries() if entry.memory_id == memory_id)


def test_vectors_for_chunks_of_an_embedder_before_are_dropped(store: OpenStore, home: Path) -> None:
    store.database.set_embedder(MODEL, DIM)
    store.commit([remember("a")], {"a": [chunk("a")]})
    (waiting,) = store.database.pending(10)
    store.database.set_embedder(MODEL, DIM)
    store.database.put_vectors([(waiting, chunk("a"))], np.array([axis(0)], np.float32))
    assert nearest(store, home, axis(0)) == []
    assert store.database.counts()["pending"] == 1


def test_a_change_of_tags_or_source_keeps_the_vectors(
    embedded_memories: OpenStore, home: Path
) -> None:
    embedded_memories.commit([edit("a", tags=["new"]), edit("b", source="elsewhere")])
    assert embedded_memories.database.counts()["pending"] == 0
    assert nearest(embedded_memories, home, axis(0))[0][:2] == ("a", 0)


def test_a_change_of_text_title_or_date_voids_the_vectors(
    embedded_memories: OpenStore, home: Path
) -> None:
    store = embedded_memories
    store.commit([edit("a", text="new")], {"a": [chunk("a"), chunk("a", 1)]})
    store.commit([edit("b", title="new")])
    store.commit([edit("c", at="2020-01-01T00:00:00.000+00:00")])

    assert nearest(store, home, axis(0)) == []
    waiting = {waiting.memory.id: len(waiting.chunks) for waiting in store.database.pending(10)}
    assert waiting == {"a": 2, "b": 0, "c": 0}


def test_another_embedder_begins_anew(embedded_memories: OpenStore, home: Path) -> None:
    database = embedded_memories.database
    assert database.embedder() == MODEL
    database.set_embedder("another-model", DIM)

    assert database.embedder() == "another-model"
    assert database.counts() == {"memory": 3, "chunk": 0, "pending": 3}
    assert nearest(embedded_memories, home, axis(0)) == []
    for waiting in database.pending(10):
        database.put_chunks(waiting, [chunk(waiting.memory.id)])
    embed(database, {"a": axis(5), "b": axis(6), "c": axis(7)})
    assert database.counts()["pending"] == 0
    assert nearest(embedded_memories, home, axis(6))[0][:2] == ("b", 0)


@pytest.mark.server
def test_another_embedder_on_a_server_may_have_another_dimension(
    home: Path, surreal_server: str
) -> None:
    with opened(home, Config(store_url=surreal_server)) as store:
        for dim in (DIM, 3):
            store.database.set_embedder(f"model-{dim}", dim)
            memory_id = f"a{dim}"
            store.commit([remember(memory_id)], {memory_id: [chunk(memory_id)]})
            embed(store.database, {memory_id: axis(1)[:dim]})
            assert store.database.server
            ((key, _, score),) = store.database.server.nearest(axis(1)[:dim], 1, None)
            assert key == memory_id
            assert score == pytest.approx(1.0)


def test_the_nearest_chunks_come_best_first(embedded_memories: OpenStore, home: Path) -> None:
    vector = np.array(axis(1), np.float32) + 0.5 * np.array(axis(2), np.float32)
    vector /= np.linalg.norm(vector)

    found = nearest(embedded_memories, home, vector.tolist())

    assert [(key, ordinal) for key, ordinal, _ in found] == [("b", 0), ("c", 0), ("a", 0)]
    assert [score for _, _, score in found] == pytest.approx([0.894, 0.447, 0.0], abs=0.001)


def test_the_nearest_chunks_of_some_memories_only(embedded_memories: OpenStore, home: Path) -> None:
    found = nearest(embedded_memories, home, axis(1), ["a", "c", "unknown"])
    assert {key for key, _, _ in found} == {"a", "c"}
    assert nearest(embedded_memories, home, axis(1), []) == []


def test_vectors_are_there_after_reopening(reopen: Reopen, home: Path) -> None:
    with reopen() as store:
        store.database.set_embedder(MODEL, DIM)
        store.commit([remember("a")], {"a": [chunk("a")]})
        embed(store.database, {"a": axis(3)})
    with reopen() as store:
        ((key, _, score),) = nearest(store, home, axis(3))
        assert key == "a"
        assert score == pytest.approx(1.0)
        assert store.database.counts()["pending"] == 0


# Questions.


def test_ids_are_found_by_their_beginning(store: OpenStore) -> None:
    ids = ["0123456789", "0123400000", "01234zzzzz", "1e5", "nan", "true", "a", "ab", "b"]
    store.commit([remember(key) for key in ids])
    database = store.database

    assert database.ids_with_prefix("01234", 10) == ["0123400000", "0123456789", "01234zzzzz"]
    assert database.ids_with_prefix("01234", 2) == ["0123400000", "0123456789"]
    assert database.ids_with_prefix("0123456789", 10) == ["0123456789"]
    assert database.ids_with_prefix("a", 10) == ["a", "ab"]
    assert database.ids_with_prefix("zz", 10) == []
    for key in ids:
        assert key in database.ids_with_prefix(key, 10)
        assert database.memories([key])[key].id == key


def test_chunks_of_an_id_that_begins_another_stay_apart(store: OpenStore) -> None:
    store.commit([remember("a"), remember("ab")], {"a": [chunk("a")], "ab": [chunk("ab")]})
    store.commit([forget("a")])
    assert store.database.chunks([("a", 0), ("ab", 0)]) == [chunk("ab")]


@pytest.fixture
def diary(store: OpenStore) -> SurrealStore:
    """Return a store with a memory on each of the first four days of 2024."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    tags = [("work",), ("work", "food"), (), ("food",)]
    sources = ["/notes/a.md", "/notes/b/c.md", "/notes-old/a.md", None]
    store.commit(
        [
            remember(
                f"day{number + 1}",
                f"day {number + 1}",
                tags=tags[number],
                source=sources[number],
                at=(start + timedelta(days=number)).isoformat(timespec="milliseconds"),
            )
            for number in range(4)
        ]
    )
    return store.database


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(), "4321"),
        (Filter(tags=("work",)), "21"),
        (Filter(tags=("work", "food")), "2"),
        (Filter(tags=("wor",)), ""),
        (Filter(since=datetime(2024, 1, 2, tzinfo=UTC)), "432"),
        (Filter(until=datetime(2024, 1, 2, tzinfo=UTC)), "21"),
        (
            Filter(
                since=datetime(2024, 1, 2, 1, tzinfo=UTC), until=datetime(2024, 1, 3, tzinfo=UTC)
            ),
            "3",
        ),
        (Filter(source="/notes"), "21"),
        (Filter(source="/notes/"), "21"),
        (Filter(source="/notes/a.md"), "1"),
        (Filter(source="/"), "321"),
        (Filter(source="/notes", tags=("food",)), "2"),
        (Filter(since=datetime(2025, 1, 1, tzinfo=UTC)), ""),
    ],
)
def test_memories_are_selected_newest_first(
    diary: SurrealStore, chosen: Filter, expected: str
) -> None:
    assert [memory.id[-1] for memory in diary.select(chosen)] == [*expected]
    assert sorted(key[-1] for key in diary.select_ids(chosen)) == sorted(expected)
    assert [memory.id[-1] for memory in diary.select(chosen, 1)] == [*expected[:1]]


def test_a_memory_is_found_by_its_whole_text(diary: SurrealStore) -> None:
    (found,) = diary.find("day 2")
    assert found.id == "day2"
    assert diary.find("day") == []
    assert diary.find("DAY 2") == []


def test_a_memory_is_found_by_the_part_of_its_file(store: OpenStore) -> None:
    store.commit(
        [
            remember("a", "text a", source="/mail", type="mbox", part="1"),
            remember("b", "text b", source="/mail", type="mbox", part="2", digest="d" * 64),
            remember("c", "text c", source="/mail", type="", part=""),
            remember("d", "text d", source="/note", type="text", part=""),
        ]
    )
    database = store.database
    found = {key: database.files.find("/mail", key) for key in ("1", "2", "3", "")}
    assert {key: memory.id for key, memory in found.items() if memory} == {"1": "a", "2": "b"}
    assert database.files.find("/note", "") == database.memories(["d"])["d"]
    assert database.files.parts("/mail") == {"a": "1", "b": "2"}
    assert database.files.parts("/note") == {"d": ""}
    assert database.files.parts("/mai") == {}


def test_a_file_read_to_its_end_is_known_by_its_content(store: OpenStore) -> None:
    store.commit(
        [
            remember("a", "text a", source="/mail", type="mbox", part="1"),
            remember("b", "text b", source="/mail", type="mbox", part="2", digest="d" * 64),
        ]
    )
    files = store.database.files
    assert files.read_before("/mail", "d" * 64) == ReadBefore("/mail", ("a", "b"))
    assert files.read_before("/copy of mail", "d" * 64) == ReadBefore("/mail", ("b",))
    assert files.read_before("/mail", "e" * 64) == NOTHING_READ
    store.commit([remember("c", "text c", source="/copy of mail", type="mbox")])
    assert files.read_before("/copy of mail", "d" * 64) == NOTHING_READ
    store.commit([edit("b", digest="")])
    assert files.read_before("/mail", "d" * 64) == NOTHING_READ


def test_an_edited_memory_is_found_by_its_new_text_alone(store: OpenStore) -> None:
    store.commit([remember("a", "old", source="old.md", type="markdown", part="")])
    store.commit([edit("a", text="new", source="new.md")])
    database = store.database
    assert database.find("old") == []
    assert database.files.find("old.md", "") is None
    assert database.find("new") == [database.files.find("new.md", "")]


def test_the_position_of_each_device_is_its_own(store: OpenStore) -> None:
    assert store.database.position("elsewhere") == Position()
    entry = replace(numbered(remember("a"), 7), device="elsewhere")
    store.database.apply([entry], Position(7, 2, 300))
    assert store.database.position("elsewhere") == Position(7, 2, 300)
    assert store.database.position(store.journal.device) == Position()


def test_a_sample_has_the_beginnings_of_texts(store: OpenStore) -> None:
    texts = {"a": "Größe 🌍 " * 100, "b": "short", "c": "日本語" * 100}
    store.commit([remember(key, text) for key, text in texts.items()])
    assert sorted(store.database.sample_texts(9, 40)) == sorted(t[:40] for t in texts.values())
    assert len(store.database.sample_texts(2, 40)) == 2
    assert store.database.memory_count() == 3
