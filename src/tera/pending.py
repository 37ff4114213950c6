"""Gives every memory that waits for vectors its chunks and vectors, in batches.

The same for an embedder that is to take another's place, whose vectors are made beside those that
serve; see `tera.store.renewal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from tera.chunker import CountTokens, chunk_memory
from tera.datatypes import Chunk
from tera.errors import EmbeddingMismatchError
from tera.passages import embedded_text
from tera.store.embeddings import PendingMemory
from tera.store.opened import OpenStore
from tera.store.renewal import Passage

if TYPE_CHECKING:
    from tera.embedders import Embedder

MEMORIES_AT_ONCE = 128
"""Memories read at once: a bound for memory, as one may have 16 MB."""
EMBED_BATCH = 256
"""Chunks embedded before their vectors are saved: what a Ctrl-C can lose."""


def embed_pending(
    open_store: Callable[[], AbstractContextManager[OpenStore]],
    embedder: Embedder,
    count_tokens: CountTokens,
    progress: Callable[[str, int, int], None],
    on_done: Callable[[Sequence[str]], None] = lambda _: None,
) -> None:
    """Embed what waits; interrupted, the next call goes on.

    Args:
        open_store: Opens the store; it is not held open while the model works.
        embedder: The model that the store uses.
        count_tokens: The model's measure.
        progress: Hears how much is done, and of how much.
        on_done: Hears the ids of memories that have their vectors now, while the store is held.

    Raises:
        EmbeddingMismatchError: Another process has begun to use another embedder.
    """
    done = total = 0
    while True:
        with open_store() as opened:
            _refuse_another(opened, embedder)
            pending = opened.database.pending(MEMORIES_AT_ONCE)
            if pending and not total:
                # Counting takes a tenth of a second in a large store.
                total = opened.database.counts()["pending"]
        if not pending:
            return
        total = max(total, done + len(pending))
        batches = list(_batches(_cut(open_store, pending, count_tokens)))
        for number, batch in enumerate(batches):
            # In hundredths of a memory, so that a single long one moves too.
            share = number / len(batches) * len(pending)
            progress("reading memories", int((done + share) * 100), total * 100)
            texts = [embedded_text(waiting.memory, chunk) for waiting, chunk in batch]
            matrix = embedder.embed_passages(texts)
            with open_store() as opened:
                _refuse_another(opened, embedder)
                # Told before another can change one of them.
                on_done(opened.database.put_vectors(batch, matrix))
        done += len(pending)
        progress("reading memories", done * 100, total * 100)


def renew(
    open_store: Callable[[], AbstractContextManager[OpenStore]],
    embedder: Embedder,
    count_tokens: CountTokens,
    progress: Callable[[str, int, int], None],
    between: Callable[[], object] = lambda: None,
    on_passed: Callable[[OpenStore], object] = lambda _: None,
) -> bool:
    """Make the vectors of the next embedder; interrupted, the next call goes on.

    Args:
        open_store: Opens the store; it is not held open while the model works.
        embedder: The model that the store is to use; its slot was begun.
        count_tokens: Its measure.
        progress: Hears how much is done, and of how much.
        between: Called between batches, without the store.
        on_passed: Called after some memories were gone through, while the store is held.

    Returns:
        True when all memories have their vectors; False when they are not wanted any more.
    """
    name = embedder.spec.name
    passage: Passage | None = None
    while True:
        with open_store() as opened:
            renewing = opened.database.renewing
            if passage is not None:
                if not renewing.passed(name, passage):
                    return False
                on_passed(opened)
            state = renewing.state()
            if state is None or not state.is_begun or state.embedder != name:
                return False
            passage = renewing.next(MEMORIES_AT_ONCE)
            total = opened.database.memory_count()
        done, count = state.passed, len(passage.memories) if passage.cursor else 0
        task = f"{name} reads memories"
        progress(task, done * 100, max(total, done + count) * 100)
        if not passage.memories:
            return True
        # Those that have chunks, none of which waits, have all their vectors.
        memories = [m for m in passage.memories if m.chunks or m.memory.id in passage.uncut]
        batches = list(_batches(_cut(open_store, memories, count_tokens)))
        for number, batch in enumerate(batches):
            share = number / len(batches) * count
            progress(task, int((done + share) * 100), max(total, done + count) * 100)
            matrix = embedder.embed_passages(
                [embedded_text(known.memory, chunk) for known, chunk in batch]
            )
            with open_store() as opened:
                if not opened.database.renewing.put_vectors(name, batch, matrix):
                    return False
            between()


def _refuse_another(opened: OpenStore, embedder: Embedder) -> None:
    recorded = opened.database.embedder()
    if recorded != embedder.spec.name:
        raise EmbeddingMismatchError(
            f"the store now uses {recorded}, no longer {embedder.spec.name}", hint="try again"
        )


def _cut(
    open_store: Callable[[], AbstractContextManager[OpenStore]],
    pending: Sequence[PendingMemory],
    count_tokens: CountTokens,
) -> list[PendingMemory]:
    """Return memories that wait with their chunks; those that have none are cut now."""
    # Cutting a long text takes seconds, opening a large store a part of one: cut first, open once.
    cut = [
        waiting
        if waiting.chunks
        else replace(waiting, chunks=tuple(chunk_memory(waiting.memory, count_tokens)))
        for waiting in pending
    ]
    if any(not waiting.chunks for waiting in pending):
        with open_store() as opened:
            for before, after in zip(pending, cut, strict=True):
                if not before.chunks:
                    opened.database.put_chunks(before, after.chunks)
    return cut


def _batches(pending: Sequence[PendingMemory]) -> Iterator[list[tuple[PendingMemory, Chunk]]]:
    pairs = [(waiting, chunk) for waiting in pending for chunk in waiting.chunks]
    for start in range(0, len(pairs), EMBED_BATCH):
        yield pairs[start : start + EMBED_BATCH]
