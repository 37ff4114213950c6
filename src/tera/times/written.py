"""What is written with digits: 2023-05-21, 21.5.2023, Q3/2024, 5th, 3pm, the 90s."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time

from tera.times.words import Kinds, fold

Words = Mapping[str, Kinds]
Reader = Callable[[re.Match[str], Words], Iterator[tuple[str, object]]]
"""Yields kinds and meanings; raises ValueError for what only looks like it."""


def kinds_of(form: str, words: Words) -> dict[str, object]:
    """Return what a word with digits may mean; nothing for a version, a port, an address.

    Args:
        form: Without white space.
        words: Of the text's language, for the month in "5mai2023".
    """
    kinds: dict[str, object] = {}
    for pattern, reader in _FORMS:
        if found := pattern.fullmatch(form):
            try:
                kinds |= dict(reader(found, words))
            except ValueError:
                # Of the form, but no date: 2023-13-45.
                continue
    return kinds


def is_month_first() -> bool:
    """Return whether 5/7 is the 7th of May to this person: in the USA, and where unknown."""
    for name in ("LC_ALL", "LC_TIME", "LANG"):
        if value := os.environ.get(name):
            return value.partition(".")[0] in ("C", "POSIX") or "_US" in value
    return True


def _year_month_day(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    clock = time(int(found[5]), int(found[6])) if found[5] else None
    yield "date", date(int(found[1]), int(found[3]), int(found[4]))
    yield "date_clock", clock


def _day_month_year(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "date", _in_order(int(found[1]), int(found[3]), _full_year(found[4]), found[2])


def _year_month(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "year_month", (int(found["year"]), date(2000, int(found["month"]), 1).month)


def _years(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    first, second = int(found[1]), int(found[2])
    if len(found[2]) == 2:
        second += first // 100 * 100
    if second > first:
        yield "years", (first, second)


def _month_day(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    # 24/7 is no day of July, wherever.
    if found[0] != "24/7":
        day = _in_order(int(found[1]), int(found[2]), 2000, "/")
        yield "month_and_day", (day.month, day.day)


def _day_month(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    day = date(2000, int(found[2]), int(found[1]))
    yield "month_and_day", (day.month, day.day)


def _days(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    if 1 <= int(found[1]) < int(found[2]) <= 31:
        yield "days", (int(found[1]), int(found[2]))


def _decade(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "decade", int(found[1])


def _quarter(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "quarter", int(found[1])


def _quarter_of_year(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "quarter_year", (int(found["year"]), int(found["quarter"]))


def _half_year(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "half_year", int(found[1])


def _week(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "date_week", date.fromisocalendar(int(found[1]), int(found[2]), 1)


def _week_of_year(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "week_of_year", int(found[1])


def _clock(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    hour, half = int(found["hour"]), found["half"]
    if half and not 1 <= hour <= 12:
        raise ValueError("no hour of half a day")
    if half:
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    yield "clock_time", time(hour, int(found["minute"] or 0))


def _ordinal(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "ordinal", int(found[1])
    yield "digits", True


def _number(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    number = int(found[0])
    yield "number", number
    yield "digits", True
    if len(found[0]) == 4 and 1000 <= number < 2200:
        yield "year", number


def _year_genitive(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "year", int(found[1])


def _short_year(found: re.Match[str], _: Words) -> Iterator[tuple[str, object]]:
    yield "short_year", _full_year(found[1])


def _day_and_month_name(found: re.Match[str], words: Words) -> Iterator[tuple[str, object]]:
    day, month = int(found[1]), _month_named(found[2], words)
    date(2000, month, day)
    yield "month_and_day", (month, day)
    if found[3]:
        yield "date", date(_full_year(found[3]), month, day)


def _month_name_and_day(found: re.Match[str], words: Words) -> Iterator[tuple[str, object]]:
    day = date(2000, _month_named(found[1], words), int(found[2]))
    yield "month_and_day", (day.month, day.day)


def _month_name_and_year(found: re.Match[str], words: Words) -> Iterator[tuple[str, object]]:
    yield "year_month", (int(found[2]), _month_named(found[1], words))


def _month_named(name: str, words: Words) -> int:
    month = words.get(fold(name), {}).get("month")
    if not isinstance(month, int):
        raise ValueError("no month")
    return month


def _full_year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    # As POSIX reads two digits.
    return int(digits) + (2000 if int(digits) < 69 else 1900)


def _in_order(first: int, second: int, year: int, mark: str) -> date:
    """Return 5/7 as the 5th of July or the 7th of May: by its mark, its figures, the locale."""
    if mark == "." or first > 12 or (second <= 12 and not is_month_first()):
        return date(year, second, first)
    return date(year, first, second)


_TH = r"(?:st|nd|rd|th|er|ère|re|e|ème|º|ª|°|\.)"
_NAME = r"([^\W\d_]{3,})"
_HALF = r"\s*(?P<half>[ap]\.?m\.?)"
_FORMS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reader)
    for pattern, reader in (
        (
            r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:T(\d\d?):(\d\d)(?::\d\d(?:\.\d+)?)?Z?)?",
            _year_month_day,
        ),
        (r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)", _day_month_year),
        (r"(?P<year>\d{4})[-/](?P<month>\d{2})", _year_month),
        (r"(?P<month>0?[1-9]|1[0-2])[-/](?P<year>\d{4})", _year_month),
        (r"([12]\d{3})[-/]((?:[12]\d)?\d\d)", _years),
        (r"(\d{1,2})/(\d{1,2})", _month_day),
        (r"(\d{1,2})\.(\d{1,2})\.", _day_month),
        (rf"(\d{{1,2}}){_TH}?-(\d{{1,2}}){_TH}?", _days),
        (r"['’]?((?:[12]\d)?\d0)['’]?s", _decade),
        (r"[QT]([1-4])", _quarter),
        (r"[QT](?P<quarter>[1-4])[-/']?(?P<year>\d{4})", _quarter_of_year),
        (r"(?P<year>\d{4})[-/]?Q(?P<quarter>[1-4])", _quarter_of_year),
        (r"H([12])", _half_year),
        (r"(\d{4})-?W(\d\d)", _week),
        (r"KW(\d\d?)", _week_of_year),
        (rf"(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::\d\d)?(?:{_HALF})?", _clock),
        (rf"(?P<hour>\d{{1,2}})(?P<minute>){_HALF}", _clock),
        (r"(?P<hour>\d{1,2})h(?P<minute>\d\d)?(?P<half>)", _clock),
        (rf"(\d{{1,2}}){_TH}", _ordinal),
        (r"\d{1,5}", _number),
        (r"['’](\d\d)", _short_year),
        (r"(\d{3}[1-9])['’]s", _year_genitive),
        (rf"(\d{{1,2}}){_TH}?[-/.]?{_NAME}(?:[-/.]?(\d{{4}}|\d\d))?", _day_and_month_name),
        (rf"{_NAME}[-.]?(\d{{1,2}}){_TH}?", _month_name_and_day),
        (rf"{_NAME}[-./]?(\d{{4}})", _month_name_and_year),
    )
)
