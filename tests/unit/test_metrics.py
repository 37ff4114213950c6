"""What the figures of benchmarks/retrieval.py are made of."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics import mean_and_interval, ndcg, recall, reciprocal_rank
from question_sets import SPELLINGS, Question, respelt, spread
from stores import unrolled

from tera.datatypes import Memory, SearchResult

ITEMS = st.lists(st.sampled_from([f"item {n}" for n in range(20)]), unique=True)
GRADES = st.dictionaries(
    st.sampled_from([f"item {n}" for n in range(20)]), st.integers(1, 3), min_size=1
)


def test_recall_is_the_share_of_relevant_items_among_the_first() -> None:
    ranked = ["a", "x", "b", "y", "c"]
    assert recall(ranked, {"a": 1, "b": 1, "c": 1}, 4) == pytest.approx(2 / 3)
    assert recall(ranked, {"z": 1}, 5) == 0


def test_an_item_counts_less_the_further_down_it_stands() -> None:
    assert ndcg(["a", "x"], {"a": 1}) == 1
    assert ndcg(["x", "a"], {"a": 1}) == pytest.approx(1 / math.log2(3))
    assert ndcg(["x"] * 10 + ["a"], {"a": 1}) == 0


def test_a_higher_grade_belongs_further_up() -> None:
    best = 2 + 1 / math.log2(3)
    assert ndcg(["a", "b"], {"a": 1, "b": 2}) == pytest.approx((1 + 2 / math.log2(3)) / best)


def test_more_relevant_items_than_ranks_can_still_be_perfect() -> None:
    grades = {f"item {n}": 1 for n in range(50)}
    assert ndcg(list(grades), grades) == pytest.approx(1)


def test_the_reciprocal_rank_is_that_of_the_first_relevant_item() -> None:
    assert reciprocal_rank(["x", "a", "b"], {"a": 1, "b": 1}) == 0.5
    assert reciprocal_rank(["x"] * 10 + ["a"], {"a": 1}) == 0


def test_the_interval_is_that_of_a_mean() -> None:
    mean, half = mean_and_interval([0.0, 1.0] * 50)
    assert mean == 0.5
    assert half == pytest.approx(1.96 * 0.5025 / 10, abs=1e-4)
    assert mean_and_interval([0.7]) == (0.7, 0.0)


@given(ITEMS, GRADES)
def test_every_measure_is_a_share(ranked: list[str], grades: dict[str, int]) -> None:
    for value in (recall(ranked, grades, 10), ndcg(ranked, grades)):
        assert 0 <= value <= 1 + 1e-9
    assert 0 <= reciprocal_rank(ranked, grades) <= 1


@given(GRADES)
def test_the_best_order_is_perfect(grades: dict[str, int]) -> None:
    ranked = sorted(grades, key=lambda item: -grades[item])
    assert ndcg(ranked, grades) == pytest.approx(1)
    assert reciprocal_rank(ranked, grades) == 1


def passage(memory_id: str, start: int, end: int) -> SearchResult:
    then = datetime(2026, 1, 1, tzinfo=UTC)
    return SearchResult(Memory(memory_id, "-" * 100, then, then), start, end, 0.5)


def test_a_passage_is_the_items_whose_middle_it_holds_in_the_order_of_the_text() -> None:
    spans = {"m": [(0, 20, "first"), (21, 40, "second"), (41, 60, "third")]}
    assert unrolled([passage("m", 8, 41)], spans) == ["first", "second"]
    assert unrolled([passage("m", 15, 60)], spans) == ["second", "third"]


def test_an_item_takes_the_rank_of_the_first_passage_that_has_it() -> None:
    spans = {"m": [(0, 20, "first"), (21, 40, "second")], "n": [(0, 100, "other")]}
    found = [passage("m", 21, 40), passage("n", 0, 100), passage("m", 0, 40)]
    assert unrolled(found, spans) == ["second", "other", "first"]


def test_a_passage_within_a_long_item_is_that_item() -> None:
    spans = {"m": [(0, 100, "long")]}
    assert unrolled([passage("m", 70, 90), passage("m", 0, 30)], spans) == ["long"]


def question(text: str) -> Question:
    return Question("q", "all", text, "", None, {"a": 1}, {})


def test_the_dates_of_a_question_are_spelt_otherwise() -> None:
    asked = question("Who came on 2006/12/02, not on 2007/01/31?")
    assert {respelt(asked, spelling).text for spelling in SPELLINGS} == {
        asked.text,
        "Who came on 2 December 2006, not on 31 January 2007?",
        "Who came on December 2, 2006, not on January 31, 2007?",
        "Who came on 02.12.2006, not on 31.01.2007?",
        "Who came on 2006-12-02, not on 2007-01-31?",
    }


def test_fewer_questions_are_taken_evenly() -> None:
    asked = [question(str(number)) for number in range(10)]
    assert [one.text for one in spread(asked, 3)] == ["0", "3", "6"]
    assert spread(asked, None) == asked
