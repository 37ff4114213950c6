from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.answers.dated import dated, names_year

WRITTEN = datetime(2023, 7, 15, 13, 56)  # a Saturday


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I went there yesterday", "14 July 2023"),
        ("Last Friday was fun", "Friday 14 July 2023"),
        ("I did it last week", "the week before 15 July 2023"),
        ("We meet next week", "the week after 15 July 2023"),
        ("Two weekends ago we went hiking", "Two weekends before 15 July 2023"),
        ("A few days ago it rained", "A few days before 15 July 2023"),
        ("I moved 4 years ago", "2019"),
        ("We met in May", "May 2023"),
        ("It is planned for next month", "August 2023"),
        ("We will go next summer", "summer 2024"),
        ("It snowed last winter", "winter 2022/23"),
        ("I have been here since 2016", "2016"),
        ("It was signed on 11 July 1934", "11 July 1934"),
        ("The abbey was founded in 911", "911"),
        ("He was born in the 11th century", "the 11th century"),
        ("The dentist is tomorrow at 9:40", "16 July 2023 09:40"),
        ("The shop opens at 10:00", "10:00"),
        ("We meet on Thursdays", "Thursdays"),
        ("Das war gestern", "14 July 2023"),
        ("C'était hier", "14 July 2023"),
    ],
)
def test_a_time_is_shown_as_a_date(text: str, shown: str) -> None:
    assert [one.shown for one in dated(text, WRITTEN)] == [shown]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Dentist on Thursday at 9:40, second floor", "Thursday at 9:40"),
        ("His birthday is on 4 April", "4 April"),
        ("I had a fall on Thursday", "Thursday 13 July 2023"),
        ("We met on 4 April", "4 April 2023"),
    ],
)
def test_a_day_that_may_be_of_any_year_or_week_stays_as_it_is(text: str, shown: str) -> None:
    assert [one.shown for one in dated(text, WRITTEN)] == [shown]


@pytest.mark.parametrize("text", ["Version 2.30 of it", "It costs 5.11 dollars", "ports 5433"])
def test_other_numbers_are_no_times(text: str) -> None:
    assert dated(text, WRITTEN) == []


def test_a_year_is_seen_in_a_sentence() -> None:
    assert names_year("It was built in 1066.")
    assert not names_year("It has 1066 rooms.")


def test_at_the_ends_of_the_calendar_nothing_is_a_time() -> None:
    assert dated("yesterday", datetime(1, 1, 1)) == []


@given(st.text(max_size=200))
def test_times_stand_in_the_text(text: str) -> None:
    assert all(0 <= one.start < one.end <= len(text) and one.shown for one in dated(text, WRITTEN))
