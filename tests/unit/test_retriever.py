from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.datatypes import Chunk, Memory, SearchResult
from tera.retriever import (
    MEANING_WEIGHT,
    PASSAGE_CHARACTERS,
    SAME_SCORE,
    TIME_WEIGHT,
    Hit,
    newer_first,
    retrieve,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Spans = Mapping[str, Sequence[tuple[int, int]]]


def hit(name: str, score: float, time: float = 0.0) -> Hit:
    """Return a hit given as "memory:ordinal", as strong in meaning as in words."""
    memory_id, _, ordinal = name.partition(":")
    return Hit(memory_id, int(ordinal or 0), score, score, time)


def find_among(
    memories: Mapping[str, Memory], spans: Spans, hits: Sequence[Hit], count: int = 5
) -> list[SearchResult]:
    def load_chunks(keys: Iterable[tuple[str, int]]) -> Sequence[Chunk]:
        there = [key for key in keys if key[1] < len(spans.get(key[0], []))]
        # The store returns them in its own order.
        return sorted(
            (Chunk(memory, ordinal, *spans[memory][ordinal]) for memory, ordinal in there),
            key=lambda chunk: (chunk.memory_id, chunk.ordinal),
        )

    def load_memories(ids: Sequence[str]) -> dict[str, Memory]:
        return {key: memories[key] for key in ids if key in memories}

    return retrieve(count, hits, load_chunks, load_memories)


def find(texts: Mapping[str, str], spans: Spans, *names: str, count: int = 5) -> list[SearchResult]:
    """Search with the hits given as "memory:ordinal", best first; they come in another order."""
    hits = [hit(name, 1 - place / 100) for place, name in enumerate(names)]
    memories = {key: Memory(key, text, NOW, NOW) for key, text in texts.items()}
    return find_among(memories, spans, hits[::-1], count)


def find_whole(memories: Sequence[Memory], hits: Sequence[Hit]) -> list[str]:
    """Return the ids of memories of one chunk each as they are found."""
    spans = {memory.id: [(0, len(memory.text))] for memory in memories}
    found = find_among({memory.id: memory for memory in memories}, spans, hits)
    return [result.memory.id for result in found]


def passages(results: list[SearchResult]) -> list[tuple[str, str]]:
    return [(result.memory.id, result.text) for result in results]


# Scores.


def test_the_best_passages_come_first_with_their_scores() -> None:
    results = find({"a": "one", "b": "two"}, {"a": [(0, 3)], "b": [(0, 3)]}, "b:0", "a:0")
    assert passages(results) == [("b", "two"), ("a", "one")]
    assert [result.score for result in results] == pytest.approx([1.0, 0.99])


def test_a_score_is_of_meaning_words_and_time_and_each_is_told() -> None:
    found = Hit("a", 0, 0.5, 0.8, 1.0)
    expected = MEANING_WEIGHT * 0.5 + (1 - MEANING_WEIGHT) * 0.8 + TIME_WEIGHT
    assert found.score == pytest.approx(expected)
    memory = Memory("a", "one", NOW, NOW)
    (result,) = find_among({"a": memory}, {"a": [(0, 3)]}, [found])
    assert (result.score, result.meaning, result.words, result.time) == (found.score, 0.5, 0.8, 1)


@given(st.floats(-2, 2), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_more_of_anything_is_a_higher_score(
    meaning: float, words: float, time: float, more: float
) -> None:
    one = Hit("a", 0, meaning, words, time)
    assert replace(one, meaning=meaning + more).score > one.score
    assert replace(one, words=words + more).score > one.score
    assert replace(one, time=time + more).score > one.score


def test_no_more_passages_come_than_were_asked_for() -> None:
    texts = {name: f"text {name}" for name in "abcdef"}
    spans = {name: [(0, 6)] for name in texts}
    results = find(texts, spans, *(f"{name}:0" for name in texts), count=2)
    assert [result.memory.id for result in results] == ["a", "b"]


def test_what_was_forgotten_meanwhile_is_passed_over() -> None:
    results = find({"a": "one"}, {"a": [(0, 3)], "b": [(0, 3)]}, "b:0", "a:7", "a:0")
    assert passages(results) == [("a", "one")]


def test_nothing_near_is_nothing_found() -> None:
    assert find({}, {}) == []


# Joining.


def test_neighbours_are_joined_into_one_passage_with_the_better_score() -> None:
    text = "First part.\n\nSecond part. Third part."
    spans = {"a": [(0, 11), (13, 25), (26, 37)]}
    results = find({"a": text}, spans, "a:1", "a:0", "a:2")
    assert passages(results) == [("a", text)]
    assert results[0].score == pytest.approx(1.0)


def test_overlapping_neighbours_are_joined_without_repeating_anything() -> None:
    text = "One. Two. Three."
    results = find({"a": text}, {"a": [(0, 9), (5, 16)]}, "a:0", "a:1")
    assert passages(results) == [("a", text)]


@pytest.mark.parametrize("type_name", ["whatsapp", "telegram", "signal", "slack"])
def test_messages_of_a_chat_are_not_joined(type_name: str) -> None:
    memory = Memory("a", "Ann: yes\nBob: no", NOW, NOW, type=type_name)
    spans = {"a": [(0, 8), (9, 16)]}
    results = find_among({"a": memory}, spans, [hit("a:0", 0.8), hit("a:1", 0.9)])
    assert passages(results) == [("a", "Bob: no"), ("a", "Ann: yes")]
    assert [result.score for result in results] == pytest.approx([0.9, 0.8])


def test_passages_of_one_memory_that_do_not_touch_stay_apart() -> None:
    text = "One. Two. Three."
    results = find({"a": text}, {"a": [(0, 4), (5, 9), (10, 16)]}, "a:2", "a:0")
    assert passages(results) == [("a", "Three."), ("a", "One.")]


def test_passages_of_different_memories_are_never_joined() -> None:
    results = find({"a": "One. Two.", "b": "x"}, {"a": [(0, 4)], "b": [(0, 1)]}, "a:0", "b:0")
    assert passages(results) == [("a", "One."), ("b", "x")]


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


# The same again, and newer ones.


def test_the_same_words_of_one_day_are_shown_once() -> None:
    texts = {"a": "The  PORT is\n5433", "b": "the port is 5433", "c": "another"}
    spans = {name: [(0, len(text))] for name, text in texts.items()}
    assert [r.memory.id for r in find(texts, spans, "a:0", "b:0", "c:0")] == ["a", "c"]


def test_the_same_words_of_two_days_are_two_passages() -> None:
    ran = [Memory(f"{day}", "Ran five kilometres", NOW - day * DAY, NOW) for day in range(3)]
    assert find_whole(ran, [hit(f"{day}", 0.8) for day in range(3)]) == ["0", "1", "2"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_days_are_those_of_the_persons_own_calendar(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        midnight = datetime(2026, 5, 4).astimezone()
        hours = {"evening": -1, "night": 1, "noon": 12}
        ran = [
            Memory(key, "Ran", (midnight + timedelta(hours=step)).astimezone(UTC), NOW)
            for key, step in hours.items()
        ]
        found = find_whole(ran, [hit("evening", 0.9), hit("night", 0.9), hit("noon", 0.8)])
    time.tzset()
    assert sorted(found) == ["evening", "night"]


OLD = Memory("old", "The port of the staging database is 5432", NOW - 300 * DAY, NOW)
NEW = Memory("new", "The port of the staging database is 5433", NOW - 3 * DAY, NOW)
OTHER = Memory("other", "Rex is allergic to chicken and grain", NOW, NOW)


def test_of_memories_about_the_same_thing_the_newer_comes_first() -> None:
    hits = [hit("old", 0.9), hit("new", 0.89), hit("other", 0.88)]
    assert find_whole([OLD, NEW, OTHER], hits) == ["new", "old", "other"]
    assert find_whole([OLD, NEW, OTHER], [hit("new", 0.9), hit("old", 0.8)]) == ["new", "old"]


def test_the_newer_comes_no_further_forward_than_the_older() -> None:
    hits = [hit("other", 0.95), hit("old", 0.9), hit("new", 0.8)]
    assert find_whole([OLD, NEW, OTHER], hits) == ["other", "new", "old"]


def test_a_newer_one_that_scores_much_lower_stays_behind() -> None:
    assert find_whole([OLD, NEW], [hit("old", 0.9), hit("new", 0.9 * SAME_SCORE - 0.01)]) == [
        "old",
        "new",
    ]


def test_the_older_one_stays_first_where_the_question_names_its_time() -> None:
    hits = [hit("old", 0.9 - TIME_WEIGHT / 2, time=1.0), hit("new", 0.9)]
    assert find_whole([OLD, NEW], hits) == ["old", "new"]
    both = [hit("old", 0.8, time=1.0), hit("new", 0.79, time=1.0)]
    assert find_whole([OLD, NEW], both) == ["new", "old"]


def test_of_many_versions_the_newest_comes_first_and_the_others_follow_by_age() -> None:
    versions = [replace(OLD, id=f"{n}", text=f"{OLD.text}{n}", at=NOW + n * DAY) for n in range(4)]
    hits = [hit(f"{n}", 0.9 - place / 100) for place, n in enumerate((1, 3, 0, 2))]
    assert find_whole(versions, hits)[0] == "3"
    assert sorted(find_whole(versions, hits)) == ["0", "1", "2", "3"]
    assert find_whole(versions, hits) == ["3", "2", "1", "0"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a b c d", "a b c e", "x y", ""]), st.integers(0, 9), st.floats(-1, 1)
        ),
        max_size=8,
    )
)
def test_putting_newer_ones_first_keeps_every_passage(
    drawn: list[tuple[str, int, float]],
) -> None:
    results = [
        SearchResult(Memory(f"{n}", text, NOW + days * DAY, NOW), 0, len(text), score)
        for n, (text, days, score) in enumerate(drawn)
    ]
    ordered = newer_first(results)
    assert sorted(r.memory.id for r in ordered) == sorted(r.memory.id for r in results)


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
