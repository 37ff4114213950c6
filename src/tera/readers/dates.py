"""Dates as documents write them -> aware dates, and which of them can be true."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

from tera.places import MONTHS

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EARLIEST = datetime(1981, 1, 1, tzinfo=UTC)
"""Clocks that were never set say 1904, 1970 or 1980."""
AHEAD = timedelta(days=2)
"""Clocks of other zones, and those that are wrong, may be ahead of ours."""

_DATE = re.compile(
    r"(\d{4})[-/.](\d\d?)[-/.](\d\d?)"
    r"(?:[T\s]+(?:[^\W\d_]{2,3}\.?\s+)?(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
    r"\s*((?:Z|UTC|GMT)?(?:[+-]\d\d:?\d\d)?))?",
)
_OFFSET = re.compile(r"([+-])(\d\d)\D?(\d\d)?")
_SPELLED = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d. %B %Y", "%A, %B %d, %Y")


def parse_date(text: str) -> datetime | None:
    """Return the date that a text begins with, aware; None if it is unclear which one it is.

    A date without an offset is in the person's own calendar.
    """
    text = text.strip().strip("\"'[]<>")[:100]
    if found := _DATE.match(text):
        return date_of(found.groups()[:6], found[7] or "")
    for spelled in _SPELLED:
        try:
            return datetime.strptime(text, spelled).astimezone()
        except (ValueError, OverflowError, OSError):
            continue
    return None


def date_of(numbers: Sequence[str | None], zone: str = "") -> datetime | None:
    """Return the aware date of year, month, day, and hour, minute, second where they are known.

    Args:
        numbers: In digits.
        zone: An offset such as "+02:00"; "Z" or another word for UTC; "" for the person's own.
    """
    try:
        year, month, day, hour, minute, second = (int(one or 0) for one in (*numbers, *"000")[:6])
        moment = datetime(year, month, day, hour, minute, min(second, 59))
        if not zone:
            return moment.astimezone()
        if found := _OFFSET.search(zone):
            offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
            return moment.replace(tzinfo=timezone(-offset if found[1] == "-" else offset))
        return moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def plausible(moment: datetime | None) -> datetime | None:
    """Return an aware date that a document claims, if it can be true."""
    return moment if moment and EARLIEST < moment < datetime.now(UTC) + AHEAD else None


def localised(moment: datetime) -> datetime:
    """Return an aware date in the person's own calendar, but at the very ends of all calendars."""
    try:
        return moment.astimezone()
    except (OverflowError, OSError, ValueError):
        return moment


def spelled_day(day: date) -> str:
    """Return "Friday, 3 May 2024"."""
    return f"{WEEKDAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"
