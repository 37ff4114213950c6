from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.sentences import paragraphs, sentences

# White space, stops, marks and letters in the mixtures that text from outside has.
TEXTS = st.lists(
    st.sampled_from(
        (
            *("\n", "\n\n", " ", "\t", ". ", "...", "! ", "?", "。", "“", "”", "Dr", "e.g", "1"),
            *("# ", "a word", "Word", "好", "```", "- ", "\r\n", "\u2028", "\x0c", "🙂", "[1]"),
        )
    )
    | st.text(max_size=8),
    max_size=30,
).map("".join)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four…  Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("He said “no.” Then he left.", ["He said “no.”", "Then he left."]),
        ("Is it? (Yes.) Good.", ["Is it?", "(Yes.)", "Good."]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros.", "Fine."]),
        ("It was in 2024. Then it ended.", ["It was in 2024.", "Then it ended."]),
        ("See example.com and a.txt today.", ["See example.com and a.txt today."]),
        ("buy milk\ncall Anna\n\n- pay rent", ["buy milk", "call Anna", "- pay rent"]),
    ],
)
def test_sentences_end_at_stops_and_at_line_breaks(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith saw Mrs. Jones on Jan. 5.",
        "Use a name, e.g. Anna, or (i.e. the same) another, etc. as you like.",
        "J. R. Tolkien wrote it.",
        "She works at Acme Inc. in the U.S. since May.",
        "The shop opens at 9 a.m. on weekdays.",
    ],
)
def test_an_abbreviation_does_not_end_a_sentence(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize("text", ["1. Open the lid.", "  12. Close it.", "## 3. Results"])
def test_the_number_of_a_list_item_stays_with_its_text(text: str) -> None:
    assert cut(text) == [text.strip()]


def test_chinese_and_japanese_sentences_need_no_space_between_them() -> None:
    assert cut("今天下雨。我们在家！「行く。」と言った") == [
        "今天下雨。",
        "我们在家！",
        "「行く。」",
        "と言った",
    ]


def test_a_paragraph_wrapped_by_hand_is_not_cut_at_its_line_breaks() -> None:
    text = "The quick brown fox jumps over the lazy dog and then it\nruns away. It is gone."
    assert cut(text) == [text[: text.index(" It is")], "It is gone."]


def test_short_lines_are_cut_even_before_a_small_letter() -> None:
    assert cut("anna: hi\nben: hello\nanna: bye") == ["anna: hi", "ben: hello", "anna: bye"]


def test_a_long_heading_ends_at_its_line() -> None:
    heading = "# What we decided about the staging database in the autumn"
    assert cut(f"{heading}\nit moves to another port") == [heading, "it moves to another port"]


def test_paragraphs_are_what_blank_lines_divide() -> None:
    text = "\n\none\ntwo\n \t\nthree\n\n\n\n  \n"
    assert [text[start:end] for start, end in paragraphs(text)] == ["one\ntwo", "three"]


@given(TEXTS)
def test_sentences_hold_every_character_that_is_not_space_once_and_in_order(text: str) -> None:
    end = 0
    for start, stop in sentences(text):
        assert start >= end
        assert not text[end:start].strip()
        assert text[start:stop] == text[start:stop].strip() != ""
        end = stop
    assert not text[end:].strip()


@given(TEXTS)
def test_paragraphs_hold_every_character_that_is_not_space_once_and_in_order(text: str) -> None:
    end = 0
    for start, stop in paragraphs(text):
        assert start >= end
        assert not text[end:start].strip()
        assert text[start:stop].strip()
        end = stop
    assert not text[end:].strip()


@given(TEXTS, st.data())
def test_sentences_of_a_part_stay_inside_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    spans = list(sentences(text, start, end))
    assert all(start <= first < last <= end for first, last in spans)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text[start:end].split())


@pytest.mark.parametrize("unit", [".", ".'", "…!", "\n", " ", "1. ", "Dr. ", "。", "\n ", "x"])
def test_a_long_row_of_anything_takes_no_long_time(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    began = time.perf_counter()
    for _ in sentences(text):
        pass
    for _ in paragraphs(text):
        pass
    assert time.perf_counter() - began < 5
