from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Chunk, Memory, SearchResult
from tera.retriever import CANDIDATES_PER_RESULT, PASSAGE_CHARACTERS, retrieve

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def find(
    memories: dict[str, str], spans: dict[str, list[tuple[int, int]]], *hits: str, count: int = 5
) -> list[SearchResult]:
    """Search with the hits given as "memory:ordinal", best first."""
    nearest = [
        (hit.partition(":")[0], int(hit.partition(":")[2]), 1 - place / 100)
        for place, hit in enumerate(hits)
    ]
    asked: list[int] = []

    def load_chunks(keys: Iterable[tuple[str, int]]) -> Sequence[Chunk]:
        there = [key for key in keys if key[1] < len(spans.get(key[0], []))]
        # The store returns them in its own order.
        return sorted(
            (Chunk(memory, ordinal, *spans[memory][ordinal]) for memory, ordinal in there),
            key=lambda chunk: (chunk.memory_id, chunk.ordinal),
        )

    def load_memories(ids: Sequence[str]) -> dict[str, Memory]:
        return {key: Memory(key, memories[key], NOW, NOW) for key in ids if key in memories}

    def search(n: int) -> Sequence[tuple[str, int, float]]:
        asked.append(n)
        return nearest[:n]

    results = retrieve(count, search, load_chunks, load_memories)
    assert asked == [count * CANDIDATES_PER_RESULT]
    return results


def passages(results: list[SearchResult]) -> list[tuple[str, str]]:
    return [(result.memory.id, result.text) for result in results]


def test_the_best_passages_come_first_with_their_scores() -> None:
    results = find({"a": "one", "b": "two"}, {"a": [(0, 3)], "b": [(0, 3)]}, "b:0", "a:0")
    assert passages(results) == [("b", "two"), ("a", "one")]
    assert [result.score for result in results] == [1.0, 0.99]


def test_no_more_passages_come_than_were_asked_for() -> None:
    memories = {name: f"text {name}" for name in "abcdef"}
    spans = {name: [(0, 6)] for name in memories}
    results = find(memories, spans, *(f"{name}:0" for name in memories), count=2)
    assert [result.memory.id for result in results] == ["a", "b"]


def test_neighbours_are_joined_into_one_passage_with_the_better_score() -> None:
    text = "First part.\n\nSecond part. Third part."
    spans = {"a": [(0, 11), (13, 25), (26, 37)]}
    results = find({"a": text}, spans, "a:1", "a:0", "a:2")
    assert passages(results) == [("a", text)]
    assert results[0].score == 1.0


def test_overlapping_neighbours_are_joined_without_repeating_anything() -> None:
    text = "One. Two. Three."
    results = find({"a": text}, {"a": [(0, 9), (5, 16)]}, "a:0", "a:1")
    assert passages(results) == [("a", text)]


def test_passages_of_one_memory_that_do_not_touch_stay_apart() -> None:
    text = "One. Two. Three."
    results = find({"a": text}, {"a": [(0, 4), (5, 9), (10, 16)]}, "a:2", "a:0")
    assert passages(results) == [("a", "Three."), ("a", "One.")]


def test_passages_of_different_memories_are_never_joined() -> None:
    results = find({"a": "One. Two.", "b": "x"}, {"a": [(0, 4)], "b": [(0, 1)]}, "a:0", "b:0")
    assert passages(results) == [("a", "One."), ("b", "x")]


def test_the_same_words_are_shown_once() -> None:
    memories = {"a": "The  PORT is\n5433", "b": "the port is 5433", "c": "another"}
    spans = {name: [(0, len(text))] for name, text in memories.items()}
    assert [r.memory.id for r in find(memories, spans, "a:0", "b:0", "c:0")] == ["a", "c"]


def test_a_passage_that_became_too_long_is_not_joined_but_trimmed() -> None:
    half = PASSAGE_CHARACTERS - 100
    text = "".join(f"{number:09d} " for number in range(2 * half // 10))
    results = find({"a": text}, {"a": [(0, half), (half - 200, 2 * half)]}, "a:0", "a:1")
    assert [(result.start, result.end) for result in results] == [(0, half), (half, 2 * half)]


def test_a_better_second_half_trims_the_first() -> None:
    half = PASSAGE_CHARACTERS - 100
    text = "".join(f"{number:09d} " for number in range(2 * half // 10))
    results = find({"a": text}, {"a": [(0, half), (half - 200, 2 * half)]}, "a:1", "a:0")
    assert [(r.start, r.end) for r in results] == [(half - 200, 2 * half), (0, half - 200)]


def test_what_was_forgotten_meanwhile_is_passed_over() -> None:
    results = find({"a": "one"}, {"a": [(0, 3)], "b": [(0, 3)]}, "b:0", "a:7", "a:0")
    assert passages(results) == [("a", "one")]


def test_nothing_near_is_nothing_found() -> None:
    assert find({}, {}) == []


@st.composite
def searches(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]], list[int]]:
    """Draw a memory's text, its chunks as the chunker leaves them, and hits on them."""
    sizes = draw(st.lists(st.integers(100, 900), min_size=1, max_size=12))
    text = "".join(chr(97 + i % 26) + ("." if i % 7 == 0 else "") for i in range(sum(sizes)))
    spans: list[tuple[int, int]] = []
    start = 0
    for size in sizes:
        overlap = draw(st.integers(0, min(90, start)))
        spans.append((start - overlap, start + size))
        start += size
    hits = draw(st.permutations(range(len(spans))))
    return text, spans, hits[: draw(st.integers(1, len(hits)))]


@given(searches())
def test_joined_passages_are_bounded_and_hold_every_hit(
    drawn: tuple[str, list[tuple[int, int]], list[int]],
) -> None:
    text, spans, hits = drawn
    results = find({"a": text}, {"a": spans}, *(f"a:{hit}" for hit in hits), count=12)
    covered: set[int] = set()
    for result in results:
        assert 0 < result.end - result.start <= PASSAGE_CHARACTERS
        covered.update(range(result.start, result.end))
    assert covered == {place for hit in hits for place in range(*spans[hit])}
    assert [r.score for r in results] == sorted((r.score for r in results), reverse=True)
