"""Gives every memory that waits for vectors its chunks and vectors, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from tera.chunker import CountTokens, chunk_memory
from tera.datatypes import Chunk, Memory
from tera.errors import EmbeddingMismatchError
from tera.store.opened import OpenStore
from tera.store.surreal import PendingMemory

if TYPE_CHECKING:
    from tera.embedders import Embedder

MEMORIES_AT_ONCE = 128
"""Memories read at once: a bound for memory, as one may have 16 MB."""
EMBED_BATCH = 256
"""Chunks embedded before their vectors are saved: what a Ctrl-C can lose."""
CONTEXT_CHARACTERS = 200
"""Most characters of title and heading that are embedded with a chunk."""


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


def embedded_text(memory: Memory, chunk: Chunk) -> str:
    """Return what is embedded for a chunk: its date, title and headings, then its text."""
    about = " · ".join(part for part in (memory.title, chunk.heading) if part)
    # The person's own calendar: that is the date they ask for.
    context = f"{memory.at.astimezone():%-d %B %Y} {about[:CONTEXT_CHARACTERS]}".rstrip()
    return f"{context}\n{memory.text[chunk.start : chunk.end]}"


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
