from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tera import pending as module
from tera.datatypes import Chunk, Draft, Memory
from tera.engine import Engine
from tera.errors import EmbeddingMismatchError
from tera.passages import embedded_text
from tera.pending import embed_pending

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatMatrix, FloatVector

LONG = "\n\n".join(
    f"# Part {number}\n\nThe meeting of week {number} was long." for number in range(12)
)


class Watched:
    """The real embedder; something happens just before it embeds its n-th batch."""

    def __init__(self, embedder: Embedder, happens: Callable[[int], object]) -> None:
        self.spec = embedder.spec
        self.batches: list[int] = []
        self._embedder = embedder
        self._happens = happens

    def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
        self.batches.append(len(texts))
        self._happens(len(self.batches))
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> FloatVector:
        return self._embedder.embed_query(text)


def embed(engine: Engine, happens: Callable[[int], object] = lambda _: None) -> list[int]:
    """Embed what waits with the engine's model; return the sizes of the batches."""
    watched = Watched(engine.models.embedder("tiny-bert"), happens)
    counter = engine.models.token_counter("tiny-bert")
    assert counter
    with engine.store() as opened:
        if not opened.database.embedder():
            opened.database.set_embedder("tiny-bert", watched.spec.dim)
    embed_pending(engine.store, watched, counter, lambda *_: None)
    return watched.batches


def counts(engine: Engine) -> dict[str, int]:
    with engine.store() as opened:
        return opened.database.counts()


def remember(engine: Engine, *texts: str) -> list[Memory]:
    return [done.memory for done in engine.remember(Draft(text) for text in texts)]


def test_nothing_that_waits_is_nothing_to_do(engine: Engine) -> None:
    assert embed(engine) == []


def test_everything_has_its_vector_in_the_end(engine: Engine) -> None:
    remember(engine, "the first", "the second", LONG)
    assert sum(embed(engine)) == counts(engine)["chunk"] > 5
    assert counts(engine)["pending"] == 0
    assert embed(engine) == []


def test_a_memory_with_more_chunks_than_a_batch_is_finished(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EMBED_BATCH", 5)
    remember(engine, LONG)
    assert embed(engine) == [5, 5, 2]
    assert counts(engine) == {"memory": 1, "chunk": 12, "pending": 0}


def test_an_interrupted_run_goes_on_where_it_was(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EMBED_BATCH", 5)
    remember(engine, LONG)

    def interrupt(batch: int) -> None:
        if batch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(engine, interrupt)

    assert counts(engine)["pending"] == 1
    assert embed(engine) == [5, 2]
    assert counts(engine)["pending"] == 0
    assert {result.memory.text for result in engine.search("meeting of week 3", 5)} == {LONG}


@pytest.mark.parametrize("size", [2, 256])
def test_a_memory_edited_while_it_is_embedded_is_embedded_as_it_is_now(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "EMBED_BATCH", size)
    kept, edited = remember(engine, "the database port", LONG)

    def edit(batch: int) -> None:
        if batch == 1:
            assert engine.edit(edited, replace(edited, text="a staging host"))

    embed(engine, edit)

    assert counts(engine) == {"memory": 2, "chunk": 2, "pending": 0}
    assert {result.text for result in engine.search("staging host", 5)} == {
        "a staging host",
        kept.text,
    }


def test_only_memories_that_have_all_their_vectors_are_said_to_be_done(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EMBED_BATCH", 5)
    short, long, edited = remember(engine, "the database port", LONG, "the old text")
    done: list[set[str]] = []

    def edit(batch: int) -> None:
        if batch == 1:
            assert engine.edit(edited, replace(edited, text="a staging host"))

    watched = Watched(engine.models.embedder("tiny-bert"), edit)
    counter = engine.models.token_counter("tiny-bert")
    assert counter
    with engine.store() as opened:
        opened.database.set_embedder("tiny-bert", watched.spec.dim)

    def hear(ids: Sequence[str]) -> None:
        with engine.store() as opened:
            assert opened.database.waiting_among(ids) == set()
        done.append(set(ids))

    embed_pending(engine.store, watched, counter, lambda *_: None, hear)
    assert set().union(*done[:3]) == {short.id, long.id}
    assert set().union(*done[3:]) == {edited.id}


def test_a_memory_forgotten_while_it_is_embedded_stays_forgotten(engine: Engine) -> None:
    kept, forgotten = remember(engine, "the database port", "a staging host")

    def forget(batch: int) -> None:
        engine.forget([forgotten])

    embed(engine, forget)
    assert counts(engine) == {"memory": 1, "chunk": 1, "pending": 0}
    assert [result.memory for result in engine.search("staging host", 5)] == [kept]


def test_the_store_is_free_while_the_model_works(engine: Engine) -> None:
    remember(engine, "the database port")
    other = Engine(replace(engine.config, store_lock_timeout_s=0.0), engine.paths)
    embed(engine, lambda batch: remember(other, "told meanwhile"))
    assert counts(engine) == {"memory": 2, "chunk": 2, "pending": 0}


def test_two_at_once_give_every_chunk_one_vector(engine: Engine) -> None:
    remember(engine, "the database port", LONG)
    embed(engine, lambda batch: batch == 1 and embed(engine))
    with engine.store() as opened:
        assert opened.database.feed
        rows = [row for row in opened.database.feed.feed(0) if row.embedding]
        assert len(rows) == opened.database.counts()["chunk"]


def test_vectors_of_two_embedders_are_never_mixed(engine: Engine) -> None:
    remember(engine, "the database port")

    def another(batch: int) -> None:
        with engine.store() as opened:
            opened.database.set_embedder("another-model", 3)

    with pytest.raises(EmbeddingMismatchError, match="now uses another-model, no longer tiny-bert"):
        embed(engine, another)
    with engine.store() as opened:
        assert opened.database.counts() == {"memory": 1, "chunk": 0, "pending": 1}
        assert opened.database.feed
        assert opened.database.feed.feed(0) == []


def test_progress_counts_hundredths_of_memories(engine: Engine) -> None:
    remember(engine, "one", "two", "three")
    counter = engine.models.token_counter("tiny-bert")
    assert counter
    with engine.store() as opened:
        opened.database.set_embedder("tiny-bert", 32)
    heard: list[tuple[int, int]] = []
    embed_pending(
        engine.store,
        engine.models.embedder("tiny-bert"),
        counter,
        lambda _, done, total: heard.append((done, total)),
    )
    assert heard[0] == (0, 300)
    assert heard[-1] == (300, 300)


def test_date_title_and_heading_are_embedded_with_a_chunk() -> None:
    at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    memory = Memory("a", "some text here", at, at, title="Notes")
    assert embedded_text(memory, Chunk("a", 0, 5, 9, "Plans > May")) == (
        "1 May 2024 Notes · Plans > May\ntext"
    )
    assert embedded_text(replace(memory, title=None), Chunk("a", 0, 0, 4)) == "1 May 2024\nsome"
    long = replace(memory, title="x" * 10_000)
    assert len(embedded_text(long, Chunk("a", 0, 0, 4))) < 250


def test_the_date_that_is_embedded_is_the_persons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        at = datetime(2024, 4, 30, 15, tzinfo=UTC)
        text = embedded_text(Memory("a", "text", at, at), Chunk("a", 0, 0, 4))
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert text == "1 May 2024\ntext"
