from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.llms.thoughts import without_thoughts


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Port 5433.", "Port 5433."),
        ("<think>Hm.</think>Port 5433.", "Port 5433."),
        ("\n<think>\nHm.\n</think>\n\nPort 5433.", "Port 5433."),
        ("<think></think>  <think>Hm.</think> Port.", "Port."),
        ("</think>\n\nPort.", "Port."),
        ("[THINK]Hm. <think>[/THINK]Port.", "Port."),
        ("<think>Hm. It never ends", ""),
        ("<thin ice", "<thin ice"),
        ("<thi", "<thi"),
        ("It says <think>no</think> there.", "It says <think>no</think> there."),
        ("Yes.\n<think>no</think>", "Yes.\n<think>no</think>"),
        ("", ""),
    ],
)
def test_thoughts_before_an_answer_are_dropped_however_it_is_cut(written: str, shown: str) -> None:
    assert "".join(without_thoughts([written])) == shown
    assert "".join(without_thoughts(written)) == shown
    for at in range(len(written)):
        assert "".join(without_thoughts([written[:at], written[at:]])) == shown


def test_an_answer_without_thoughts_comes_piece_by_piece() -> None:
    assert list(without_thoughts(["Port", " 5433", " <think>", "."])) == [
        "Port",
        " 5433",
        " <think>",
        ".",
    ]
    assert list(without_thoughts(["<thi", "nk>a", "b</thi", "nk>", "\n", " Yes", "."])) == [
        "Yes",
        ".",
    ]


@given(st.lists(st.text() | st.sampled_from(["<think>", "</think>", "[THINK]", "<", " "])))
def test_what_is_shown_does_not_depend_on_how_it_was_cut(pieces: list[str]) -> None:
    assert "".join(without_thoughts(pieces)) == "".join(without_thoughts(["".join(pieces)]))
