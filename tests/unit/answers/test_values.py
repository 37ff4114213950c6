from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.answers.clocks import clocks_of
from tera.answers.numbers import numbers_of, read_digits
from tera.answers.values import values_of

NOW = datetime(2026, 11, 5, 12)


def found(sentence: str) -> list[tuple[str, str]]:
    return [(value.kind, value.text) for value in values_of(sentence, NOW)]


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        ("The staging database listens on port 5433.", [("number", "5433")]),
        ("She has five cats and one dog.", [("number", "five")]),
        ("It cost €1.2 million, or 20 %.", [("number", "€1.2 million"), ("number", "20 %")]),
        ("We met on 5 May 2024 at 3 pm.", [("day", "on 5 May 2024 at 3 pm"), ("clock", "3 pm")]),
        ("They met at 15:30.", [("clock", "15:30")]),
        ("He said “no way” twice.", [("quotation", "no way")]),
        ("Run `rm -rf /tmp/x` now.", [("quotation", "rm -rf /tmp/x")]),
        ("See https://a.example/x?y=1.", [("code", "https://a.example/x?y=1")]),
        ("Write to anna@b.example, please.", [("code", "anna@b.example")]),
        ("It is in /etc/tera/config.toml.", [("code", "/etc/tera/config.toml")]),
        (
            "Use foo_bar of v2.3.1 with --json.",
            [("code", w) for w in ("foo_bar", "v2.3.1", "--json")],
        ),
        (
            "Then JavaScript and 192.168.0.1 are up.",
            [("code", "JavaScript"), ("code", "192.168.0.1")],
        ),
        ("The commit is 5f3a9c1.", [("code", "5f3a9c1")]),
        ("She lives in Berlin with Tom's dog.", [("name", "Berlin"), ("name", "Tom")]),
        ("Bob owns it.", [("name", "Bob")]),
        ("However, the answer is near.", []),
        ("Painting and/or pottery helps.", []),
        ("The 11th floor, a second time.", [("number", "11th")]),
        ("A 5-minute walk in the 1990s.", [("number", "5-minute"), ("day", "in the 1990s")]),
        ("Der Server steht im Keller bei Anna.", [("name", "Anna")]),
        ("Die neue Datenbank lauscht.", []),
        ("C'est l'Opéra de Paris.", [("name", "Opéra"), ("name", "Paris")]),
        ("IT IS NOT WHAT YOU THINK IT IS.", []),
        ("Superscript 5433² hides nothing.", [("code", "5433²")]),
        ("_5433_x counts.", [("code", "_5433_x")]),
    ],
)
def test_what_can_be_checked_is_found(sentence: str, values: list[tuple[str, str]]) -> None:
    assert found(sentence) == values


@pytest.mark.parametrize(
    ("digits", "readings"),
    [
        ("5433", ["5433"]),
        ("5,433", ["5433", "5.433"]),
        ("5.433", ["5433", "5.433"]),
        ("1,234.50", ["1234.5"]),
        ("1.234,5", ["1234.5"]),
        ("3.50", ["3.5"]),
        ("1.234.567", ["1234567"]),
        ("5 433", ["5433"]),
        ("1’234", ["1234"]),
        ("1.2.3", []),
        ("1,2.3,4", []),
        ("9" * 40, []),
        ("٥٤", ["54"]),
    ],
)
def test_digits_are_read_as_any_country_writes_them(digits: str, readings: list[str]) -> None:
    assert read_digits(digits) == {Decimal(reading) for reading in readings}


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("5433", "5,433", True),
        ("five", "5", True),
        ("twenty-five", "25", True),
        ("two hundred", "200", True),
        ("3.50", "3.5", True),
        ("5 km", "5", True),
        ("5 km", "5 kilometers", True),
        ("5 km", "5 miles", False),
        ("20 %", "20 percent", True),
        ("€20", "$20", False),
        ("€20", "20 euros", True),
        ("20 pounds", "£20", True),
        ("5 million", "5,000,000", True),
        ("10k", "10,000", True),
        ("5th", "fifth", True),
        ("-5 °C", "5 °C", False),
        ("two weeks", "2 days", False),
        ("1.5", "15", False),
    ],
)
def test_numbers_agree_however_they_are_spelt(one: str, other: str, agree: bool) -> None:
    (mine,), (theirs,) = list(numbers_of(one, "en")), list(numbers_of(other, "en"))
    assert mine.agrees(theirs) is theirs.agrees(mine) is agree


def test_numbers_are_read_in_the_language_of_the_text() -> None:
    (number,) = [one for one in numbers_of("zwölf Tage", "de") if one.is_word]
    assert number.readings == {Decimal(12)}


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("3 pm", "15:00", True),
        ("3:30 p.m.", "15:30", True),
        ("3:30", "15:30", True),
        ("3:30 am", "15:30", False),
        ("15 Uhr", "3 pm", True),
        ("15.30 Uhr", "15h30", True),
        ("noon", "12:00", True),
        ("12 am", "midnight", True),
        ("03:30", "3:30 pm", False),
    ],
)
def test_times_of_day_agree_however_they_are_spelt(one: str, other: str, agree: bool) -> None:
    (mine,), (theirs,) = list(clocks_of(one)), list(clocks_of(other))
    assert bool(mine.minutes & theirs.minutes) is agree


@pytest.mark.parametrize("text", ["3.50", "port 5433", "at 5", "25:00", "1:5", "10:30:99x"])
def test_what_is_no_time_of_day_is_none(text: str) -> None:
    assert not list(clocks_of(text))


@given(st.text(max_size=200))
def test_every_digit_is_part_of_a_value(text: str) -> None:
    sentence = text.replace("\n", " ")
    values = values_of(sentence, NOW)
    left = list(sentence)
    for value in values:
        left[value.start : value.end] = " " * (value.end - value.start)
    assert not any(letter.isdecimal() for letter in left)
    # Of a day, its time of day is a value of its own.
    spans = sorted((one.start, one.end) for one in values if one.kind != "clock")
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
