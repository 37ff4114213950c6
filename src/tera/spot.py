"""Passages of texts without vectors, scored on the spot: what waits, and what is piped in."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tera.chunker import chunk_memory
from tera.datatypes import Chunk, Memory, SearchResult
from tera.passage_loader import passage_of
from tera.passages import embedded_text
from tera.readers.plain.text import checked
from tera.retriever import Hit
from tera.waiting import shared_words, words_of
from tera.workspace import Workspace
from tera.writing import EAGER_CHARACTERS, now

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatVector

MOST_ON_THE_SPOT = 8
"""Chunks without vectors that a search embeds itself: 0.05 s, while others are embedded 0.3 s."""


def embed_waiting(
    workspace: Workspace,
    question: str,
    vector: FloatVector,
    embedder: Embedder,
    among: Collection[str] | None,
) -> list[tuple[Memory, Chunk, float]]:
    """Return the chunks without vectors that share most words with a question, and their cosines.

    Their vectors are made on the spot, so that their scores compare with those of others.
    """
    keys = workspace.waiting.find(question, MOST_ON_THE_SPOT, among)
    if not keys:
        return []
    words = words_of(question)
    pairs: list[tuple[Memory, Chunk]] = []
    with workspace.store() as opened:
        for pending in opened.database.pending_among(keys):
            chunks = pending.chunks
            if not chunks and len(pending.memory.text) <= EAGER_CHARACTERS:
                chunks = tuple(chunk_memory(pending.memory, workspace.counter(embedder)))
                opened.database.put_chunks(pending, chunks)
            pairs += [(pending.memory, chunk) for chunk in chunks]
    pairs.sort(key=lambda p: -shared_words(words, p[0].text[p[1].start : p[1].end].casefold()))
    best = pairs[:MOST_ON_THE_SPOT]
    cosines = embedder.embed_passages([embedded_text(*pair) for pair in best]) @ vector
    return [(*pair, float(cosine)) for pair, cosine in zip(best, cosines, strict=True)]


def read_along(
    workspace: Workspace,
    text: str,
    question: str,
    vector: FloatVector,
    embedder: Embedder,
    count: int,
) -> list[SearchResult]:
    """Return the passages of piped text that fit a question best, in the order of the text."""
    told = now()
    memory = Memory("", checked(text, "the piped text"), told, told, title="piped text")
    chunks = chunk_memory(memory, workspace.counter(embedder))
    cosines = embedder.embed_passages([text[c.start : c.end] for c in chunks]) @ vector
    scale = workspace.indexes.scale(embedder)
    with workspace.store() as opened:
        keywords = workspace.indexes.keywords(opened, embedder.spec, opened.database.feed)
        shares = keywords.shares_of_texts(question, [passage_of(memory, c) for c in chunks])
    hits = [
        Hit("", chunk.ordinal, scale.of(float(cosine)), share)
        for chunk, cosine, share in zip(chunks, cosines, shares, strict=True)
    ]
    best = sorted(hits, key=lambda hit: -hit.score)[:count]
    return [
        SearchResult(
            memory,
            chunks[hit.ordinal].start,
            chunks[hit.ordinal].end,
            hit.score,
            hit.meaning,
            hit.words,
        )
        for hit in sorted(best, key=lambda hit: hit.ordinal)
    ]
