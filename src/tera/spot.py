"""Passages of texts without vectors, scored on the spot: what waits, and what is piped in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

MOST_READ_ALONG = 200
"""Chunks of piped text that are embedded while the person waits: about five seconds."""
READ_AT_ONCE = 32


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
    """Return the passages of piped text that fit a question best, in the order of the text.

    Of a long text, those that share words with the question are compared by meaning too, and some
    from all over it.
    """
    told = now()
    memory = Memory("", checked(text, "the piped text"), told, told, title="piped text")
    chunks = chunk_memory(memory, workspace.counter(embedder))
    scale = workspace.indexes.scale(embedder)
    with workspace.store() as opened:
        keywords = workspace.indexes.keywords(opened, embedder.spec, opened.database.feed)
        shares = keywords.shares_of_texts(question, [passage_of(memory, c) for c in chunks])
    read = _spread(shares, MOST_READ_ALONG)
    if len(read) < len(chunks):
        workspace.listener.note(
            f"the piped text is long: {len(read)} of its {len(chunks):,} passages are looked at",
            "tera remember reads all of it",
        )
    cosines: list[float] = []
    for begin in range(0, len(read), READ_AT_ONCE):
        workspace.listener.progress("reading the piped text", begin, len(read))
        some = [chunks[place] for place in read[begin : begin + READ_AT_ONCE]]
        cosines += (
            embedder.embed_passages([text[c.start : c.end] for c in some]) @ vector
        ).tolist()
    hits = [
        Hit("", chunks[place].ordinal, scale.of(cosine), shares[place])
        for place, cosine in zip(read, cosines, strict=True)
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


def _spread(shares: Sequence[float], most: int) -> list[int]:
    """Return the places of so many chunks: most of them by shared words, some from all over."""
    places = range(len(shares))
    if len(shares) <= most:
        return list(places)
    all_over = {len(shares) * number // (most // 4) for number in range(most // 4)}
    by_words = sorted(places, key=lambda place: -shares[place])
    others = [place for place in by_words if place not in all_over]
    return sorted([*all_over, *others[: most - len(all_over)]])
