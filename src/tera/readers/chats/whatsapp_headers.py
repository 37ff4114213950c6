"""Date, time and rest of the lines that begin a message in a WhatsApp export, of any locale."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal, TypeVar

Order = Literal["dmy", "mdy", "ymd"]
Fields = tuple[int, int, int]
Layout = tuple[str, ...]
_Kind = TypeVar("_Kind", str, Layout)

MARKS = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u061c"
"""Invisible signs of direction; iOS puts one before each line that WhatsApp wrote itself."""
_GAP = rf"[\s{MARKS}]{{0,6}}"
# The digits of every script are digits for `re` and for `int`.
_DATE = (
    rf"(?P<a>\d{{1,4}}){_GAP}(?P<mark>[./\-年년]){_GAP}(?P<b>\d{{1,2}}){_GAP}[./\-月월]{_GAP}"
    rf"(?P<c>\d{{1,4}}){_GAP}[.日일]?"
)
_TIME = r"(?P<hour>\d{1,2})(?:[:.]| ?h ?)(?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
# What stands beside the time: a comma, "klo", "à", "PM", "下午".
_BEFORE = r"(?P<before>[^\d\[\]\n]{1,16}?)"
_AFTER = r"(?P<after>[^\d\[\]\n:–-]{0,16}?)"
_END = rf"{_GAP}(?P<end>\]|\s[-–](?=\s)|:(?=\s)){_GAP}(?P<rest>.*)"
_DATE_FIRST = re.compile(
    rf"{_GAP}(?P<open>\[?){_GAP}{_DATE}{_BEFORE}{_TIME}{_AFTER}{_END}", re.DOTALL
)
_TIME_FIRST = re.compile(
    rf"{_GAP}(?P<open>\[?){_GAP}{_TIME}{_AFTER}[,،]?{_GAP}{_DATE}{_END}", re.DOTALL
)

_EASTERN_AM = "上午|早上|凌晨|清晨|午前|오전"
_EASTERN_PM = "下午|晚上|中午|午後|오후"
_FORENOON = re.compile(f"am|a|ص|صباحا|قظ|πμ|de|dop|sa|öö|ap|fm|fh|pg|vorm|पूर्वाह्न|дп|{_EASTERN_AM}")
_AFTERNOON = re.compile(
    f"pm|p|م|مساء|بظ|μμ|du|odp|ch|ös|ip|em|eh|ptg|nachm|अपराह्न|пп|{_EASTERN_PM}"
)
_EASTERN = re.compile(f"{_EASTERN_AM}|{_EASTERN_PM}")
_FIRST_YEAR, _LAST_YEAR = 2009, 2060  # WhatsApp began in 2009
_BUDDHIST_YEARS = 543
_PERSIAN_YEARS = range(1385, 1440)
_PERSIAN_LEAP_YEARS = (1, 5, 9, 13, 17, 22, 26, 30)  # of each 33
_PERSIAN_EPOCH = datetime(622, 3, 21).toordinal()
_ENOUGH_OF_ANOTHER_LAYOUT = 20


@dataclass(frozen=True, slots=True)
class Header:
    """A line that may begin a message.

    Attributes:
        fields: The numbers of the date as they stand.
        time: Hour, minute and second of 24 hours.
        rest: What follows: sender and text, or words of WhatsApp's own.
        layout: All lines of an export agree in it.
        hint: "us" or "east" if the clock is written as people write it there.
        is_padded: Day or month has a leading zero.
    """

    fields: Fields
    time: tuple[int, int, int]
    rest: str
    layout: Layout
    hint: str
    is_padded: bool


def header_of(line: str) -> Header | None:
    """Return what a line says if it may begin a message."""
    found = _DATE_FIRST.match(line) or _TIME_FIRST.match(line)
    if not found or bool(found["open"]) != (found["end"] == "]"):
        return None
    second = found["second"]
    words = [_letters(found["after"])]
    if found.re is _DATE_FIRST:
        words.append(_letters(found["before"]))
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour <= 12 and any(map(_AFTERNOON.fullmatch, words)):
        hour = hour % 12 + 12
    elif hour <= 12 and any(map(_FORENOON.fullmatch, words)):
        hour %= 12
    if hour > 23 or minute > 59 or (second and int(second) > 59):
        return None
    hint = "us" if found["after"].strip() in ("AM", "PM") else ""
    hint = "east" if any(map(_EASTERN.fullmatch, words)) else hint
    return Header(
        (int(found["a"]), int(found["b"]), int(found["c"])),
        (hour, minute, int(second or 0)),
        found["rest"],
        (
            found["end"].strip(),
            found["mark"],
            "seconds" if second else "",
            "date" if found.re is _DATE_FIRST else "time",
        ),
        hint,
        any(len(found[name]) == 2 and int(found[name]) < 10 for name in "ab"),
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text)).lower()


@lru_cache(4096)
def date_of(fields: Fields, order: Order) -> tuple[int, int, int] | None:
    """Return year, month and day of a date whose numbers stand in an order, if there is one."""
    year, month, day = (fields[order.index(part)] for part in "ymd")
    if year in _PERSIAN_YEARS:
        return _from_persian(year, month, day)
    if year < 100:
        # Two digits: of this century, or of the Buddhist one.
        year += 2000 if year + 2000 <= _LAST_YEAR and year < 52 else 2500
    if year >= _FIRST_YEAR + _BUDDHIST_YEARS - 9:
        year -= _BUDDHIST_YEARS
    try:
        datetime(year, month, day)
    except ValueError:
        return None
    return (year, month, day) if _FIRST_YEAR <= year <= _LAST_YEAR else None


def _from_persian(year: int, month: int, day: int) -> tuple[int, int, int] | None:
    """Convert a date of the Solar Hijri calendar; its 33-year cycle is right until 2088."""
    if not (1 <= month <= 12 and 1 <= day <= (31 if month <= 6 else 30)):
        return None
    cycles, years = divmod(year - 1, 33)
    leap_days = 8 * cycles + sum(leap <= years for leap in _PERSIAN_LEAP_YEARS)
    days = 365 * (year - 1) + leap_days + 30 * (month - 1) + min(month - 1, 6) + day - 1
    date = datetime.fromordinal(_PERSIAN_EPOCH + days)
    return date.year, date.month, date.day


@dataclass(slots=True)
class _Reading:
    """How the dates look if their numbers stand in one order."""

    impossible: int = 0
    forward: int = 0
    backward: int = 0
    odd: int = 0
    last: tuple[int, ...] = ()

    def add(self, date: tuple[int, int, int] | None, time: tuple[int, int, int]) -> None:
        if date is None:
            self.impossible += 1
            return
        moment = (*date, *time)
        if self.last:
            self.forward += moment > self.last
            self.backward += moment < self.last
            # A month later on the same day of the month: rare, one day later is usual.
            self.odd += date[:2] != self.last[:2] and date[2] == self.last[2]
        self.last = moment


@dataclass(slots=True)
class Survey:
    """What all lines together tell of an export: its layout, and the order of its dates.

    `ends` has how the lines before those of a layout end: iOS ends a message otherwise than a line
    in one, so that a pasted line can be told from the beginning of a message.
    """

    layouts: Counter[Layout] = field(default_factory=Counter)
    ends: dict[Layout, Counter[str]] = field(default_factory=dict)
    hints: set[str] = field(default_factory=set)
    is_padded: bool = False
    readings: dict[Layout, dict[Order, _Reading]] = field(default_factory=dict)

    def add(self, header: Header, end_before: str) -> None:
        """Take a line into account; before the first of a file there is no end."""
        layout = header.layout
        self.layouts[layout] += 1
        if layout not in self.readings:
            self.readings[layout] = {"dmy": _Reading(), "mdy": _Reading(), "ymd": _Reading()}
            self.ends[layout] = Counter()
        self.ends[layout][end_before] += 1
        for order, reading in self.readings[layout].items():
            reading.add(date_of(header.fields, order), header.time)
        if self.layouts[layout] == max(self.layouts.values()):
            self.hints.add(header.hint)
            self.is_padded |= header.is_padded

    def orders(self) -> dict[tuple[Layout, str], Order]:
        """Return layouts and ends before of lines that begin messages, and their order of dates.

        There is one layout; a second where two exports were put together. Others are of lines that
        were pasted into messages.
        """
        return {
            (layout, end): self._order(layout)
            for layout in _usual(self.layouts)
            for end in ("", *_usual(self.ends[layout]))
        }

    def is_newest_first(self, orders: dict[tuple[Layout, str], Order]) -> bool:
        """Return whether the messages run backward in time."""
        chosen = [
            self.readings[layout][order] for (layout, end), order in orders.items() if not end
        ]
        backward = sum(reading.backward for reading in chosen)
        return backward > 10 * sum(reading.forward for reading in chosen)

    def _order(self, layout: Layout) -> Order:
        usual: tuple[Order, ...] = ("dmy", "mdy", "ymd")
        if "us" in self.hints and not self.is_padded:
            usual = ("mdy", "dmy", "ymd")
        elif "east" in self.hints:
            usual = ("ymd", "dmy", "mdy")
        is_certain = layout[1] != "/"

        def rank(order: Order) -> tuple[int, ...]:
            reading = self.readings[layout][order]
            custom = usual.index(order)
            # One odd step may be chance, and is no evidence against the custom of a place.
            odd = reading.odd // 2
            evidence = (reading.impossible, min(reading.forward, reading.backward))
            return (*evidence, custom) if is_certain else (*evidence, odd, custom)

        return min(self.readings[layout], key=rank)


def _usual(counts: Counter[_Kind]) -> list[_Kind]:
    """Return what is most frequent, and what else is too frequent for chance."""
    most = max(counts.values(), default=0)
    # Of equals the greater: "\r\n" is rarer by chance than "\n".
    top = max((kind for kind in counts if counts[kind] == most), default=None)
    return [
        kind
        for kind, count in counts.items()
        if kind == top or (count >= _ENOUGH_OF_ANOTHER_LAYOUT and count * 20 >= most)
    ]
