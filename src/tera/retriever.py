"""Question vector -> passages: nearest chunks, neighbours joined, duplicates dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from tera.datatypes import Chunk, Memory, SearchResult

CANDIDATES_PER_RESULT = 4
"""Chunks looked at for each passage wanted; joining and dropping use some of them up."""

PASSAGE_CHARACTERS = 1400
"""Longest joined passage: about three chunks, which leaves room for others in a prompt."""

Nearest = Callable[[int], Sequence[tuple[str, int, float]]]
"""Returns that many closest chunks as (memory id, ordinal, cosine), best first."""


def retrieve(
    count: int,
    nearest: Nearest,
    load_chunks: Callable[[Iterable[tuple[str, int]]], Sequence[Chunk]],
    load_memories: Callable[[Sequence[str]], Mapping[str, Memory]],
) -> list[SearchResult]:
    """Return the best passages, best first.

    Args:
        count: Most passages to return.
        nearest: Searches the vectors.
        load_chunks: Loads chunks by (memory id, ordinal).
        load_memories: Loads memories by id.
    """
    hits = nearest(count * CANDIDATES_PER_RESULT)
    chunks = {
        (chunk.memory_id, chunk.ordinal): chunk
        for chunk in load_chunks([(memory_id, ordinal) for memory_id, ordinal, _ in hits])
    }
    memories = load_memories(list(dict.fromkeys(memory_id for memory_id, _, _ in hits)))
    results: list[SearchResult] = []
    seen: set[str] = set()
    for memory_id, ordinal, score in hits:
        chunk, memory = chunks.get((memory_id, ordinal)), memories.get(memory_id)
        if not chunk or not memory:
            continue
        result = _join(results, SearchResult(memory, chunk.start, chunk.end, score))
        content = " ".join(result.text.lower().split()) if result else ""
        if not result or not content or content in seen:
            continue
        if len(results) == count:
            break
        seen.add(content)
        results.append(result)
    return results


def _join(results: list[SearchResult], new: SearchResult) -> SearchResult | None:
    """Widen a passage of the same memory that `new` touches; hits come best first.

    Returns:
        What is left of `new`: nothing when it was joined, and without the overlap when the joined
        passage would be too long.
    """
    text = new.memory.text
    for place, old in enumerate(results):
        if old.memory.id != new.memory.id:
            continue
        first, second = sorted((old, new), key=lambda result: result.start)
        start, end = first.start, max(old.end, new.end)
        # Between two chunks that follow each other there is nothing but white space.
        touches = first.end >= second.start or not text[first.end : second.start].strip()
        if touches and end - start <= PASSAGE_CHARACTERS:
            results[place] = replace(old, start=start, end=end)
            return None
        if first is old:
            new = replace(new, start=max(new.start, min(old.end, new.end)))
        else:
            new = replace(new, end=min(new.end, max(old.start, new.start)))
    return new
