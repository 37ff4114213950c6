"""Gives every memory that waits for vectors its chunks and vectors, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from tera.chunker import CountTokens, chunk_memory
from tera.datatypes import Chunk, Memory
from tera.errors import EmbeddingMismatchError
from tera.store.opened import OpenStore
from tera.store.surreal import PendingMemory

if TYPE_CHECKING:
    from tera.embedders import Embedder

EMBED_BATCH = 256
"""Chunks embedded before their vectors are saved: what a Ctrl-C can lose."""
CONTEXT_CHARACTERS = 200
"""Most characters of title and heading that are embedded with a chunk."""


def embed_pending(
    open_store: Callable[[], AbstractContextManager[OpenStore]],
    embedder: Embedder,
    count_tokens: CountTokens,
    progress: Callable[[str, int, int], None],
) -> None:
    """Embed what waits; interrupted, the next call goes on.

    Args:
        open_store: Opens the store; it is not held open while the model works.
        embedder: The model that the store uses.
        count_tokens: The model's measure.
        progress: Hears how many memories are done, and of how many.

    Raises:
        EmbeddingMismatchError: Another process has begun to use another embedder.
    """
    done = total = 0
    while True:
        with open_store() as opened:
            _refuse_another(opened, embedder)
            total = total or opened.database.counts()["pending"]
            pending = _cut(opened, count_tokens)
        if not pending:
            return
        for batch in _batches(pending):
            texts = [embedded_text(waiting.memory, chunk) for waiting, chunk in batch]
            matrix = embedder.embed_passages(texts)
            with open_store() as opened:
                _refuse_another(opened, embedder)
                opened.database.put_vectors(batch, matrix)
        done += len(pending)
        progress("reading memories", done, max(total, done))


def embedded_text(memory: Memory, chunk: Chunk) -> str:
    """Return what is embedded for a chunk: its date, title and headings, then its text."""
    about = " · ".join(part for part in (memory.title, chunk.heading) if part)
    context = f"{memory.at:%-d %B %Y} {about[:CONTEXT_CHARACTERS]}".rstrip()
    return f"{context}\n{memory.text[chunk.start : chunk.end]}"


def _refuse_another(opened: OpenStore, embedder: Embedder) -> None:
    recorded = opened.database.embedder()
    if recorded != embedder.spec.name:
        raise EmbeddingMismatchError(
            f"the store now uses {recorded}, no longer {embedder.spec.name}", hint="try again"
        )


def _cut(opened: OpenStore, count_tokens: CountTokens) -> list[PendingMemory]:
    """Return the next memories that wait, all cut into chunks."""
    pending = opened.database.pending(EMBED_BATCH)
    uncut = [waiting for waiting in pending if not waiting.chunks]
    for waiting in uncut:
        opened.database.put_chunks(waiting, chunk_memory(waiting.memory, count_tokens))
    return opened.database.pending(EMBED_BATCH) if uncut else pending


def _batches(pending: Sequence[PendingMemory]) -> Iterator[list[tuple[PendingMemory, Chunk]]]:
    pairs = [(waiting, chunk) for waiting in pending for chunk in waiting.chunks]
    for start in range(0, len(pairs), EMBED_BATCH):
        yield pairs[start : start + EMBED_BATCH]
