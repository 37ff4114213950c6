from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.answers.drafts import drafted


def sentences_of(*pieces: str) -> list[str]:
    return [one.text for one in drafted(pieces, lambda _: None)]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("Port 5433 [1]. Next [2].", ["Port 5433 [1].", "Next [2]."]),
        ("Port 5433. [1] Next.", ["Port 5433. [1]", "Next."]),
        ("Port 5433.[1] Next.", ["Port 5433. [1]", "Next."]),
        ("Port 5433. [1][2]. Next.", ["Port 5433. [1][2].", "Next."]),
        ("[1] Port 5433. [2] Next.", ["[1] Port 5433.", "[2] Next."]),
        ("- one [1]\n- two [2]", ["- one [1]", "- two [2]"]),
        ("1. One.\n2. Two.", ["1. One.", "2. Two."]),
        ("Dr. Miller came at 3 p.m. on Friday.", ["Dr. Miller came at 3 p.m. on Friday."]),
        ("ポートは5433です。次。", ["ポートは5433です。", "次。"]),
        ("no end", ["no end"]),
        ("  \n ", []),
        ("Version 2.3.1 of v1.x is out. So", ["Version 2.3.1 of v1.x is out.", "So"]),
    ],
)
def test_a_sentence_ends_behind_its_citation(written: str, found: list[str]) -> None:
    assert sentences_of(written) == found
    assert sentences_of(*written) == found


@given(
    st.lists(
        st.sampled_from(
            ["Port", " 5433", ".", " [1]", "[2]", "\n", " A", " b", "!", "。", "3", "["]
        ),
        max_size=20,
    ).map("".join),
    st.lists(st.integers(0, 90), max_size=10),
)
def test_nothing_is_lost_however_the_text_arrives(text: str, places: list[int]) -> None:
    cuts = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    heard = [one.gap + one.text for one in drafted([text[a:b] for a, b in pairwise(cuts)], print)]
    squeezed = "".join("".join(heard).split())
    assert "".join(text.split()).startswith(squeezed)


def test_a_sentence_is_there_as_soon_as_the_next_one_begins() -> None:
    arrived: list[str] = []

    def stream() -> Iterator[str]:
        for piece in ("Port", " 5433", ".", " [", "1", "]", " It", " is", "."):
            arrived.append(piece)
            yield piece

    seen = [(one.text, len(arrived)) for one in drafted(stream(), lambda _: None)]
    assert seen == [("Port 5433. [1]", 7), ("It is.", 9)]


def test_the_sentence_in_the_making_is_seen_growing() -> None:
    seen: list[str] = []
    list(drafted(["Port", " 5433.", " So", " what"], seen.append))
    assert seen == ["Port", "Port 5433.", "So", "So what"]


def test_a_draft_has_nothing_that_drives_a_terminal() -> None:
    seen: list[str] = []
    list(drafted(["\x1b[2J", "hello\u202e"], seen.append))
    assert seen[-1] == "hello"


def test_a_model_that_goes_round_in_circles_is_cut_off() -> None:
    taken = 0

    def stream() -> Iterator[str]:
        nonlocal taken
        yield "It is so. "
        while True:
            taken += 1
            yield " and then"

    assert [one.text for one in drafted(stream(), lambda _: None)] == ["It is so."]
    assert taken < 10


def test_what_never_ends_is_looked_at_after_a_while() -> None:
    found = sentences_of(*(f" word{number}" for number in range(900)))
    assert len(found) > 2
    assert all(len(one) < 1400 for one in found)
