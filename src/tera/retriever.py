"""Chunks with their scores -> passages: ranked, neighbours joined, duplicates dropped.

A chunk is found by its meaning (the cosine of its vector with the question's), by its words (BM25,
those around it counting too) and by its time. Both of the first are on scales of their own, not
those of the other hits: that tells how much each knows, and whether anything answers at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tera.datatypes import Chunk, Memory, SearchResult
from tera.places import is_chat, message_head
from tera.times import tells_time

MEANING_WEIGHT = 0.23  # the words have the rest; benchmarks/retrieval.py, docs/decisions.md
TIME_WEIGHT = 0.15  # benchmarks/retrieval.py, docs/decisions.md

TOLD_TIME = 1 / 3
"""How much the time counts of a passage that tells one, where a question asks for one: the nDCG@10
of LoCoMo's temporal questions with 0, 1/5, 2/5, 2/3 is .763, .796, .806, .805."""

CANDIDATES_PER_RESULT = 4
"""Chunks looked at for each passage wanted; joining and dropping use some of them up."""

PASSAGE_CHARACTERS = 1400
"""Longest joined passage: about three chunks, which leaves room for others in a prompt."""

SAME_SHARE = 0.6
"""Passages that share this part of their words are about the same thing: the newer comes first."""
SAME_SCORE = 0.8
"""But not where the newer scores less than this share of the older."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found; the parts of its score are those of SearchResult."""

    memory_id: str
    ordinal: int
    meaning: float
    words: float
    time: float = 0.0

    @property
    def score(self) -> float:
        """What it is ranked by."""
        known = MEANING_WEIGHT * self.meaning + (1 - MEANING_WEIGHT) * self.words
        return known + TIME_WEIGHT * self.time


def retrieve(
    count: int,
    hits: Sequence[Hit],
    load_chunks: Callable[[Iterable[tuple[str, int]]], Sequence[Chunk]],
    load_memories: Callable[[Sequence[str]], Mapping[str, Memory]],
    *,
    asks_when: bool = False,
) -> list[SearchResult]:
    """Return the best passages, best first.

    Args:
        count: Most passages to return.
        hits: What was found, in any order.
        load_chunks: Loads chunks by (memory id, ordinal).
        load_memories: Loads memories by id.
        asks_when: The answer is a time: passages that tell one gain.
    """
    best = _ordered(hits)[: count * CANDIDATES_PER_RESULT]
    chunks = {
        (chunk.memory_id, chunk.ordinal): chunk
        for chunk in load_chunks([(hit.memory_id, hit.ordinal) for hit in best])
    }
    memories = load_memories(list(dict.fromkeys(hit.memory_id for hit in best)))
    if asks_when:
        best = _ordered([_with_told_time(hit, chunks, memories) for hit in best])
    results: list[SearchResult] = []
    seen: set[tuple[object, str]] = set()
    for hit in best:
        chunk, memory = chunks.get((hit.memory_id, hit.ordinal)), memories.get(hit.memory_id)
        if not chunk or not memory:
            continue
        result: SearchResult | None = SearchResult(
            memory, chunk.start, chunk.end, hit.score, hit.meaning, hit.words, hit.time
        )
        if result and not is_chat(memory.type):
            result = _join(results, result)
        content = " ".join(result.text.lower().split()) if result else ""
        # The same was done on several days: each of them counts.
        told = (memory.at.astimezone().date(), content)
        if not result or not content or told in seen:
            continue
        if len(results) == count:
            break
        seen.add(told)
        results.append(result)
    return newer_first(results)


def _ordered(hits: Sequence[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.memory_id, hit.ordinal))


def _with_told_time(
    hit: Hit, chunks: Mapping[tuple[str, int], Chunk], memories: Mapping[str, Memory]
) -> Hit:
    chunk, memory = chunks.get((hit.memory_id, hit.ordinal)), memories.get(hit.memory_id)
    if not chunk or not memory:
        return hit
    text = memory.text[chunk.start : chunk.end]
    if is_chat(memory.type):
        # Each message has its own time, whatever it tells.
        text = text.removeprefix(message_head(memory, chunk.start))
    return replace(hit, time=max(hit.time, TOLD_TIME)) if tells_time(text) else hit


def newer_first(results: Sequence[SearchResult]) -> list[SearchResult]:
    """Return passages with the newer before the older where both are about the same thing."""
    ordered: list[SearchResult] = []
    words: list[frozenset[str]] = []
    for result in results:
        own = frozenset(result.text.lower().split())
        place = len(ordered)
        for before, (other, known) in enumerate(zip(ordered, words, strict=True)):
            is_close = result.score >= SAME_SCORE * other.score and result.time >= other.time
            if is_close and result.memory.at > other.memory.at and _share(own, known) >= SAME_SHARE:
                place = before
                break
        ordered.insert(place, result)
        words.insert(place, own)
    return ordered


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


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
