"""The days that a text speaks of: "5 May 2024", "yesterday" in a note, "in May"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tera.answers.clocks import clocks_of
from tera.times import TimeSpan, find_times, whole_days
from tera.times.words import fold, guess_language, words_of

WEEK = timedelta(days=7)
ABOUT_WEEK_DAYS = 10
_STATES_YEAR = re.compile(r"\d{4}|\d{1,2}[./]\d{1,2}[./]\d{2}(?!\d)|['’]\d\d(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
_YEAR = re.compile(r"(?<![\d.,])(?:1[89]|20)\d\d(?![\d.,]\d|\d)")


@dataclass(frozen=True, slots=True)
class Days:
    """Days that a text speaks of, from `first` to `last`; `start` and `end` are characters.

    Attributes:
        has_year: Whether the year is told, in digits.
        weekday: The day of the week that is named, Monday is 0.
    """

    first: date
    last: date
    phrase: str
    start: int
    end: int
    has_year: bool
    weekday: int | None = None

    @property
    def is_day(self) -> bool:
        """Whether it is one day."""
        return self.first == self.last

    def is_borne_out_by(self, other: Days) -> bool:
        """Return whether these days hold the other's, as far as they are told."""
        if self.first <= other.first and other.last <= self.last:
            return True
        if self._is_about_a_week and other._is_about_a_week:
            # "The week before 9 June" is the "last week" of a note of 9 June, but not to the day.
            return self.first <= other.last and other.first <= self.last
        if self.has_year and (other.has_year or other.start < 0):
            return False
        if self.weekday is not None and other.is_day and not self._has_number:
            return other.first.weekday() == self.weekday
        if self.is_day:
            return other.is_day and _without_year(self.first) == _without_year(other.first)
        is_month = self.first.day == 1 and 27 < (self.last - self.first).days + 1 < 32
        return is_month and self.first.month == other.first.month == other.last.month

    @property
    def _is_about_a_week(self) -> bool:
        return 1 < (self.last - self.first).days <= ABOUT_WEEK_DAYS

    @property
    def _has_number(self) -> bool:
        return any(map(str.isdigit, self.phrase))


def days_of(text: str, now: datetime) -> Iterator[Days]:
    """Yield the days that a text speaks of.

    Args:
        text: A sentence, or a line.
        now: What "yesterday" is relative to; without a zone it is local.
    """
    now = now.astimezone()
    for span in find_times(text, now):
        yield from _days(span, now)


def years_of(text: str) -> set[int]:
    """Return what may be years in a text."""
    return {int(year) for year in _YEAR.findall(text)}


def the_day(day: date) -> Days:
    """Return a day that stands beside a text: a memory's own."""
    return Days(day, day, "", -1, -1, has_year=True)


def _days(span: TimeSpan, now: datetime) -> Iterator[Days]:
    phrase = span.phrase
    if any(clocks_of(phrase)) or span.grain in ("hour", "part of day"):
        phrase_without = _without_clocks(phrase)
        inner = next(iter(find_times(phrase_without, now)), None)
        is_time_alone = inner is None or (
            inner.grain in ("hour", "part of day") and not _names_day(phrase_without)
        )
        if is_time_alone:
            return
    whole = whole_days(span)
    start, end = whole.start or whole.end, whole.end or whole.start
    assert start and end
    if span.grain == "open":
        # Of "since 5 May" the day is looked for, of "before 5 May" the day after.
        rest = phrase.partition(" ")[2]
        inner = next(iter(find_times(rest, now)), None)
        if inner is None or inner.grain == "open":
            return
        whole = whole_days(inner)
        start, end = whole.start, whole.end
        if not (start and end):
            return
    weekday = _weekday(phrase)
    first, last = start.astimezone().date(), end.astimezone().date()
    has_year = bool(_STATES_YEAR.search(phrase))
    found = Days(first, last, phrase, span.at, span.at + len(phrase), has_year, weekday)
    yield found
    if weekday is not None and first == last and not any(map(str.isdigit, phrase)):
        # "The deadline is Friday": the next one, while "on Friday we met" is the last.
        later = first + WEEK
        yield Days(later, later, phrase, found.start, found.end, has_year, weekday)


def _without_clocks(phrase: str) -> str:
    for clock in sorted(clocks_of(phrase), key=lambda clock: -clock.start):
        phrase = phrase[: clock.start].rstrip() + phrase[clock.end :]
    return re.sub(r"\s+(?:at|um|à|a|alle|às|om|,)\s*$", "", phrase)


def _names_day(phrase: str) -> bool:
    words = [fold(word) for word in _WORD.findall(phrase)]
    table = words_of(guess_language(words))
    named = ("weekday", "weekday_part", "month", "relative_day", "day_and_part", "holiday")
    return any(map(str.isdigit, phrase)) or any(
        kind in table.get(word, {}) for word in words for kind in named
    )


def _weekday(phrase: str) -> int | None:
    words = [fold(word) for word in _WORD.findall(phrase)]
    table = words_of(guess_language(words))
    found = (table.get(word, {}).get("weekday") for word in words)
    return next((day for day in found if isinstance(day, int)), None)


def _without_year(day: date) -> tuple[int, int]:
    return day.month, day.day
