"""Vectors made anew with another embedder, over both layouts: never mixed, and nothing is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.config import Config
from tera.datatypes import Chunk
from tera.errors import EmbeddingMismatchError
from tera.indexes.keys import numbers_of
from tera.indexes.vector import VectorIndex
from tera.store import renewal as module
from tera.store.embeddings import PendingMemory
from tera.store.opened import OpenStore
from tera.store.renewal import Renewal
from tera.store.surreal import SurrealStore
from tera.store.vectors import ServerVectors
from tests.entries import edit, forget, opened, remember

# The client of surrealdb uses a call that websockets wants to be a context manager.
pytestmark = pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")

DIMS = {"old": 8, "new": 8, "third": 5}

FloatVector = npt.NDArray[np.float32]
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
    """Return a store of three memories, of two chunks each, with the vectors of `old`."""
    with reopen() as store:
        store.database.set_embedder("old", DIMS["old"])
        told(store, "a", "b", "c")
        embed(store.database)
        yield store


def told(store: OpenStore, *keys: str, text: str = "text") -> None:
    for key in keys:
        chunks = [Chunk(key, 0, 0, 2), Chunk(key, 1, 2, 4)]
        store.commit([remember(key, f"{text} of {key}")], {key: chunks})


def made_by(embedder: str, text: str, ordinal: int) -> FloatVector:
    """Return what an embedder makes of a chunk: another embedder makes something else."""
    digest = hashlib.sha256(f"{embedder} {text} {ordinal}".encode()).digest()
    vector = np.frombuffer(digest[: DIMS[embedder]], np.uint8).astype(np.float32) + 1
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def rows_of(embedder: str, batch: Sequence[tuple[PendingMemory, Chunk]]) -> FloatVector:
    return np.array(
        [made_by(embedder, known.memory.text, chunk.ordinal) for known, chunk in batch], np.float32
    )


def embed(database: SurrealStore) -> None:
    """Give what waits the vectors of the embedder that serves, as the agent does first."""
    for known in database.pending(100):
        if not known.chunks:
            database.put_chunks(known, [Chunk(known.memory.id, 0, 0, 2)])
    batch = [(known, chunk) for known in database.pending(100) for chunk in known.chunks]
    if batch:
        database.put_vectors(batch, rows_of(database.embedder(), batch))


def step(store: OpenStore) -> bool:
    """Do the next small thing that a renewal needs; False when there is nothing left to do."""
    renewing = store.database.renewing
    state = renewing.state()
    if renewing.clear_some():
        return True
    if state is None:
        return False
    if not state.is_begun:
        renewing.begin(DIMS[state.embedder])
        return True
    passage = renewing.next(2)
    if not passage.memories:
        assert renewing.switch(state.embedder)
        return True
    for known in passage.memories:
        if known.memory.id in passage.uncut:
            store.database.put_chunks(known, [Chunk(known.memory.id, 0, 0, 2)])
            return True
    batch = [(known, chunk) for known in passage.memories for chunk in known.chunks]
    if batch:
        # One chunk at a time, so that a crash can come within a memory.
        renewing.put_vectors(state.embedder, batch[:1], rows_of(state.embedder, batch[:1]))
    if len(batch) <= 1:
        renewing.passed(state.embedder, passage)
    return True


def finish(store: OpenStore) -> None:
    while step(store):
        pass


def served(store: OpenStore) -> dict[tuple[str, int], list[float]]:
    """Return the vectors that are searched, by chunk; each chunk may have one."""
    serving = store.database.serving()
    rows = store.database.connection.query(f"SELECT * FROM {serving.slot.vector}")
    found: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if row.get("embedding") is None:
            continue
        vector = row["embedding"]
        if isinstance(vector, bytes):
            vector = np.frombuffer(vector, np.float32).tolist()
        assert (row["memory"], row["ordinal"]) not in found
        found[row["memory"], row["ordinal"]] = vector
    return found


def assert_never_mixed(store: OpenStore) -> None:
    """Check that what is searched was made by the embedder that serves, of texts as they are."""
    embedder = store.database.embedder()
    vectors = served(store)
    memories = store.database.memories(sorted({key for key, _ in vectors}))
    for (key, ordinal), vector in vectors.items():
        assert np.allclose(vector, made_by(embedder, memories[key].text, ordinal), atol=1e-6)


def assert_complete(store: OpenStore, embedder: str) -> None:
    """Check that every chunk has its vector, and that nothing is left of any other embedder."""
    assert store.database.embedder() == embedder
    assert store.database.renewing.state() is None
    assert not store.database.renewing.has_leftovers()
    assert_never_mixed(store)
    counts = store.database.counts()
    assert counts["pending"] == 0
    assert len(served(store)) == counts["chunk"]
    other = store.database.serving().other
    connection = store.database.connection
    assert not connection.query(f"SELECT id FROM {other.vector}")
    assert not connection.query(f"SELECT id FROM chunk WHERE {other.vector} != NONE")


def test_the_old_vectors_serve_until_all_new_ones_are_there(store: OpenStore) -> None:
    store.database.renewing.want("new")
    assert store.database.renewing.state() == Renewal("new")
    steps = 0
    while store.database.embedder() == "old":
        assert len(served(store)) == 6
        assert_never_mixed(store)
        assert step(store)
        steps += 1
    assert steps > 6
    assert len(served(store)) == 6
    finish(store)
    assert_complete(store, "new")


def test_how_far_it_is_can_be_asked(store: OpenStore) -> None:
    renewing = store.database.renewing
    renewing.want("new")
    heard = []
    while state := renewing.state():
        heard.append(state.passed)
        step(store)
    assert heard == sorted(heard)
    assert heard[-1] == 3


def test_what_is_told_meanwhile_has_the_vectors_of_both(store: OpenStore) -> None:
    store.database.renewing.want("new")
    step(store)
    step(store)
    told(store, "0first", "zlast")
    embed(store.database)
    assert store.database.embedder() == "old"
    assert {"0first", "zlast"} < {key for key, _ in served(store)}
    finish(store)
    assert_complete(store, "new")
    assert {"0first", "zlast"} < {key for key, _ in served(store)}


@pytest.mark.parametrize("steps", range(12))
def test_an_edit_and_a_forgetting_at_any_moment_are_respected(store: OpenStore, steps: int) -> None:
    store.database.renewing.want("new")
    for _ in range(steps):
        step(store)
    store.commit([edit("a", text="another text")], {"a": [Chunk("a", 0, 0, 5)]})
    store.commit([forget("b")])
    assert_never_mixed(store)
    assert "b" not in {key for key, _ in served(store)}
    connection = store.database.connection
    for table in ("vector", "vector_b"):
        kept = connection.query(f"SELECT * FROM {table} WHERE memory = 'b'")
        assert not [row for row in kept if row.get("embedding")]
    embed(store.database)
    finish(store)
    assert_complete(store, "new")
    assert {key for key, _ in served(store)} == {"a", "c"}


def test_what_was_never_cut_is_cut_for_the_new_one(store: OpenStore) -> None:
    store.commit([remember("bare", "without chunks")])
    store.database.renewing.want("new")
    finish(store)
    assert store.database.embedder() == "new"
    assert ("bare", 0) in served(store)
    assert_complete(store, "new")


def test_the_old_embedder_again_drops_what_was_begun(store: OpenStore) -> None:
    store.database.renewing.want("new")
    for _ in range(4):
        step(store)
    store.database.renewing.want("old")
    assert store.database.renewing.state() is None
    assert not store.database.renewing.put_vectors("new", [], np.empty((0, 8), np.float32))
    assert not store.database.renewing.switch("new")
    finish(store)
    assert_complete(store, "old")


def test_a_third_embedder_begins_from_nothing(store: OpenStore) -> None:
    store.database.renewing.want("new")
    for _ in range(5):
        step(store)
    store.database.renewing.want("third")
    finish(store)
    assert_complete(store, "third")
    store.database.renewing.want("old")
    finish(store)
    assert_complete(store, "old")


def test_the_wish_said_twice_keeps_what_is_done(store: OpenStore) -> None:
    store.database.renewing.want("new")
    for _ in range(6):
        step(store)
    before = store.database.renewing.state()
    store.database.renewing.want("new")
    assert store.database.renewing.state() == before


def test_a_search_that_began_before_the_switch_is_told(store: OpenStore) -> None:
    assert store.database.vectors_of("old")
    store.database.renewing.want("new")
    finish(store)
    with pytest.raises(EmbeddingMismatchError, match="now uses new, no longer old"):
        store.database.vectors_of("old")


def test_old_vectors_go_in_bounded_batches(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLEAR_BATCH", 2)
    renewing = store.database.renewing
    renewing.want("new")
    while renewing.state():
        step(store)
    assert [renewing.clear_some() for _ in range(4)] == [2, 2, 2, 0]
    assert_complete(store, "new")


def test_a_search_finds_with_the_new_vectors(store: OpenStore, home: Path) -> None:
    store.database.renewing.want("third")
    finish(store)
    vectors = store.database.vectors_of("third")
    asked = made_by("third", "text of b", 1)
    for ids in (None, ["a", "b"]):
        if isinstance(vectors, ServerVectors):
            found = vectors.nearest(asked.tolist(), 3, ids)
        else:
            index = VectorIndex(home / "index" / "third", "third", DIMS["third"])
            index.follow(vectors.feed, vectors.last_number())
            found = index.nearest(asked, 3, None if ids is None else numbers_of(ids))
        assert found[0][:2] == ("b", 1)
        assert found[0][2] == pytest.approx(1.0, abs=1e-5)


EVENTS = st.lists(
    st.one_of(
        st.just(("step", "")),
        st.just(("step", "")),
        st.just(("embed", "")),
        st.just(("reopen", "")),
        st.tuples(st.just("tell"), st.sampled_from("abcd")),
        st.tuples(st.just("bare"), st.sampled_from("abcd")),
        st.tuples(st.just("edit"), st.sampled_from("abcd")),
        st.tuples(st.just("forget"), st.sampled_from("abcd")),
        st.tuples(st.just("want"), st.sampled_from(["old", "new", "third"])),
    ),
    max_size=40,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(EVENTS)
def test_whatever_happens_vectors_are_never_mixed_and_complete_in_the_end(
    reopen: Reopen, events: list[tuple[str, str]]
) -> None:
    keys = {key: key + uuid4().hex[:8] for key in "abcd"}
    wanted = ""
    with reopen() as store:
        if not store.database.embedder():
            store.database.set_embedder("old", DIMS["old"])
    place = iter(events)
    is_over = False
    while not is_over:
        is_over = True
        with reopen() as store:
            for number, (event, word) in enumerate(place):
                if event == "reopen":
                    is_over = False
                    break
                is_there = bool(store.database.memories([keys.get(word, word)]))
                match event:
                    case "step":
                        step(store)
                    case "embed":
                        embed(store.database)
                    case "want":
                        store.database.renewing.want(word)
                        wanted = word
                    case "tell" if not is_there:
                        told(store, keys[word])
                    case "bare" if not is_there:
                        store.commit([remember(keys[word], f"bare {word}")])
                    case "edit" if is_there:
                        store.commit([edit(keys[word], text=f"text {number} {word}")])
                    case "forget" if is_there:
                        store.commit([forget(keys[word])])
                assert_never_mixed(store)
    with reopen() as store:
        embed(store.database)
        finish(store)
        assert_complete(store, wanted or store.database.embedder())
        ids = {keys[word] for word in "abcd"} & set(store.database.ids())
        assert ids <= {key for key, _ in served(store)}
