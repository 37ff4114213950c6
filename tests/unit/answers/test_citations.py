from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tera.answers.citations import cited_numbers, loosened, with_markers, without_markers


@pytest.mark.parametrize(
    ("written", "numbers", "cited"),
    [
        ("Port 5433 [1].", [1], "Port 5433 [1]."),
        ("Port 5433 [9].", [1], "Port 5433 [1]."),
        ("Port 5433.", [1], "Port 5433 [1]."),
        ("Port 5433", [2], "Port 5433 [2]"),
        ("Port 5433. [1]", [1], "Port 5433. [1]"),
        ("Port 5433. [9]", [2], "Port 5433 [2]."),
        ("So [1, 9].", [1], "So [1]."),
        ("So [1, 2].", [1, 2], "So [1][2]."),
        ("So [ 2;1 ].", [1, 2], "So [2][1]."),
        ("Here [1] and there [7].", [1], "Here [1] and there."),
        ("He said “so.” [9]", [1], "He said “so [1].”"),
        ("a list [1", [1], "a list [1 [1]"),
    ],
)
def test_a_sentence_cites_what_bears_it_out(written: str, numbers: list[int], cited: str) -> None:
    assert with_markers(written, numbers) == cited


PIECES = st.sampled_from(["It is", " [1]", "[2]", " [3, 1]", ".", " [", "] ", "\n", "!", "9", "”"])


@example(" [ [1]9] ", {2})
@given(st.lists(PIECES, max_size=9).map("".join), st.sets(st.integers(1, 9), min_size=1))
def test_no_other_number_is_ever_cited(written: str, numbers: set[int]) -> None:
    assert cited_numbers(with_markers(written, sorted(numbers))) == numbers


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Port 5433 [1].", "Port 5433."), ("[1] So", "So"), ("- [ ] to do [2]", "- [ ] to do")],
)
def test_citations_can_be_taken_out(text: str, plain: str) -> None:
    assert without_markers(text) == plain


def test_a_citation_right_behind_a_full_stop_is_set_off() -> None:
    assert loosened("5433.[1] So [x.[y]") == "5433. [1] So [x.[y]"
