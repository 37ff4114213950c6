from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.llms.lookup import FIRST_COSTS, Costs, Draft, Drafting, Lookup


def looked_up(prompt: Sequence[int], answer: Sequence[int], most: int = 31) -> Draft:
    lookup = Lookup(prompt, {0})
    for token in answer:
        lookup.append(token)
    return lookup.draft(most)


def test_a_draft_is_what_followed_the_same_tokens() -> None:
    draft = looked_up([1, 2, 3, 4, 5, 6], [9, 2, 3])
    assert list(draft.tokens) == [4, 5, 6, 9, 2, 3]
    assert draft.matched == 2


def test_the_place_with_the_longest_run_before_it_is_taken() -> None:
    draft = looked_up([5, 2, 3, 7, 1, 2, 3, 8, 4, 2, 3, 9], [1, 2, 3])
    assert draft.tokens[0] == 8
    assert draft.matched == 3


def test_one_token_alone_is_no_reason_for_a_draft() -> None:
    assert looked_up([1, 2, 3, 4], [9, 2]) == Draft((), 0)


def test_the_prompts_own_end_is_no_reason_for_a_draft() -> None:
    assert looked_up([1, 2, 3, 4, 1, 2, 3], []) == Draft((), 0)
    assert looked_up([1, 2, 3, 4, 1, 2], [3]) == Draft((), 0)


def test_an_answer_that_repeats_itself_is_drafted_from_itself() -> None:
    assert looked_up([8], [1, 2, 3, 1, 2]).tokens[0] == 3


def test_a_draft_ends_before_a_mark_and_has_no_more_than_asked_for() -> None:
    assert list(looked_up([1, 2, 3, 4, 0, 5], [1, 2]).tokens) == [3, 4]
    assert list(looked_up([1, 2, 3, 4, 5, 6], [1, 2], most=2).tokens) == [3, 4]
    assert looked_up([1, 2, 3], [1, 2], most=0) == Draft((), 0)


@given(st.lists(st.integers(1, 4), max_size=40), st.lists(st.integers(1, 4), max_size=40))
def test_a_draft_stands_in_the_text_behind_as_many_of_the_last_tokens_as_it_says(
    prompt: list[int], answer: list[int]
) -> None:
    draft = looked_up(prompt, answer)
    text = prompt + answer
    assert draft.matched <= len(answer)
    if draft.matched:
        run = [*text[-draft.matched :], *draft.tokens]
        assert any(text[n : n + len(run)] == run for n in range(len(text)))


def checked(costs: Costs, matched: int, available: int = 31) -> int:
    return len(Drafting(costs).tokens(Draft(range(available), matched)))


def learned(seconds: dict[int, float]) -> Costs:
    costs = Costs()
    for tokens, each in seconds.items():
        costs.note(tokens, each)
    return costs


def test_the_longer_the_run_the_longer_the_draft() -> None:
    lengths = [checked(Costs(), matched) for matched in (0, 2, 4, 8, 16, 32)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] >= 15


def test_where_batches_cost_little_short_runs_are_enough() -> None:
    assert checked(learned({1: 1.0, 4: 1.1, 8: 1.2, 16: 1.5, 32: 2.0}), 2) >= 7


def test_where_batches_cost_as_much_as_single_tokens_there_are_no_drafts() -> None:
    assert checked(learned({1: 1.0, 4: 4.0, 8: 8.0, 16: 16.0, 32: 32.0}), 64) == 0


def test_wrong_drafts_make_further_ones_rarer_and_right_ones_do_not() -> None:
    drafting = Drafting(Costs())
    draft = Draft(range(31), 10)
    before = len(drafting.tokens(draft))
    drafting.note(15, 15)
    assert len(drafting.tokens(draft)) == before > 0
    for _ in range(4):
        drafting.note(15, 0)
    assert len(drafting.tokens(draft)) == 0
    for _ in range(4):
        drafting.note(15, 15)
    assert len(drafting.tokens(draft)) > 0


def test_costs_are_a_guess_until_they_are_measured() -> None:
    costs = Costs()
    assert [costs.of(size) for size in FIRST_COSTS] == list(FIRST_COSTS.values())
    costs.note(1, 0.2)
    costs.note(16, 0.4)
    assert costs.of(16) == pytest.approx(2.0)
    # A batch of 8 takes no longer than one of 16; of one of 32 nothing is known.
    assert costs.of(8) == pytest.approx(2.0)
    assert costs.of(32) == FIRST_COSTS[32]


def test_costs_follow_the_machine() -> None:
    costs = learned({1: 0.1, 16: 0.2})
    for _ in range(30):
        costs.note(1, 0.4)
    assert costs.of(16) == pytest.approx(1.0, abs=0.01)
