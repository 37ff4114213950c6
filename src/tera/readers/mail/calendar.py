"""Calendars (iCalendar): a memory for each event, task and journal entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tera.datatypes import Draft
from tera.places import MONTHS
from tera.readers.dates import WEEKDAYS, localised, spelled_day
from tera.readers.document import Document, Item
from tera.readers.mail.blocks import Block, Parts, blocks, digest_of, entry_drafts
from tera.readers.mail.charset import clean_text
from tera.readers.mail.headers import shortened
from tera.readers.mail.html import html_to_text

MAX_EXCEPTIONS = 20
"""Of dates on which a repeated event does not take place, in a text."""

_ENTRIES = frozenset({"VEVENT", "VTODO", "VJOURNAL"})
_WANTED = _ENTRIES | {"VTIMEZONE"}
_LEFT_OUT = frozenset({"VALARM", "ATTACH", "X-ALT-DESC", "X-APPLE-STRUCTURED-LOCATION"})
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_OTHER_ENTRY = re.compile(r"^(BEGIN|END):(?:VTODO|VJOURNAL)", re.I | re.M)
_TAG = re.compile(r"<(?:br|p|a|b|ul|ol|li|div|span|html|table)\b[^<>]{0,2000}>", re.I)
_PERIODS = {
    "SECONDLY": "second",
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}
_WEEKDAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), WEEKDAYS, strict=True))
_ORDINALS = {1: "first ", 2: "second ", 3: "third ", 4: "fourth ", 5: "fifth ", -1: "last "}


def is_calendar(head: bytes) -> bool:
    """Return whether a file is a calendar, by its first bytes."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].upper() == b"BEGIN:VCALENDAR"


def read_calendar(document: Document) -> Iterator[Item]:
    """Read a calendar, entry by entry.

    Yields:
        A draft for each entry; a change to one occurrence of a repeated event is one of its own.

    Raises:
        NoTextError: There is no entry in it.
    """
    from icalendar.timezone import tzp

    # Zones that a calendar defines are kept by name; those of the last one may be others.
    tzp.use_default()
    calendar = _Calendar()
    with document.open() as file:
        entries = calendar.entries(blocks(file, _WANTED, _LEFT_OUT))
        yield from entry_drafts(document, entries, "event", calendar.draft)


class _Calendar:
    """What stands in a calendar beside its entries."""

    def __init__(self) -> None:
        self._name = ""
        self._is_cancelled = False
        self._parts = Parts()

    def entries(self, found: Iterator[Block]) -> Iterator[Block]:
        """Yield the entries among blocks; the others are learnt."""
        for block in found:
            if block.name in _ENTRIES:
                yield block
            elif block.name and block.text:
                with suppress(*_BROKEN):
                    _parsed(block.text)
            else:
                self._name = _property(block.text, "X-WR-CALNAME") or self._name
                self._is_cancelled |= _property(block.text, "METHOD").upper() == "CANCEL"

    def draft(self, block: Block) -> Draft | None:
        """Return what an entry says; None for one that was read before."""
        return _draft(_parsed(block.text or ""), self._name, self._is_cancelled, self._parts)


def _parsed(text: str) -> Any:
    from icalendar.cal import Component

    # Only of events does the library read what is not broken.
    return Component.from_ical(_OTHER_ENTRY.sub(r"\1:VEVENT", text))


def _draft(entry: Any, calendar_name: str, is_cancelled: bool, parts: Parts) -> Draft | None:
    start = _moment(entry, "DTSTART") or _moment(entry, "DUE") or _moment(entry, "COMPLETED")
    summary = " ".join(_text(entry, "SUMMARY").split())
    description = _text(entry, "DESCRIPTION").strip()
    if _TAG.search(description):
        description = html_to_text(description)
    is_cancelled |= _text(entry, "STATUS").upper() == "CANCELLED"
    rows = [
        ("When", _when(entry)),
        ("Due", _date(_moment(entry, "DUE"))),
        ("Done", _date(_moment(entry, "COMPLETED"))),
        ("Repeats", _repetition(entry)),
        ("Except", _exceptions(entry)),
        ("Where", " ".join(_text(entry, "LOCATION").split())),
        ("With", _people(entry)),
        ("Categories", _categories(entry)),
        ("Status", "cancelled" if is_cancelled else ""),
        ("Link", _text(entry, "URL")),
        ("Calendar", calendar_name),
    ]
    head = [summary, *(f"{name}: {value}" for name, value in rows if value)]
    text = "\n".join(line for line in head if line)
    text = f"{text}\n\n{description}" if description else text
    if not (summary or description or start):
        return None
    part = _part(entry, text, parts)
    return Draft(text, title=summary or None, at=_aware(start), part=part) if part else None


def _part(entry: Any, text: str, parts: Parts) -> str:
    """Return what tells an entry from the others; empty for one that was read before."""
    digest = digest_of(text)
    part = " ".join(_text(entry, "UID").split())[:500] or digest
    if recurrence := _moment(entry, "RECURRENCE-ID"):
        part = f"{part} {recurrence.isoformat()}"
    return parts.name(part, digest)


def _property(line: str | None, name: str) -> str:
    key, _, value = (line or "").partition(":")
    is_it = key.partition(";")[0].strip().upper() == name
    return " ".join(clean_text(value).split()) if is_it else ""


def _first(entry: Any, name: str) -> Any:
    value = entry.get(name)
    return value[0] if isinstance(value, list) and value else value


def _attribute(value: Any, name: str, default: Any) -> Any:
    """Return what the library made of a value; one that is broken says so when it is asked."""
    try:
        return getattr(value, name, default)
    except ValueError:
        return default


def _text(entry: Any, name: str) -> str:
    value = _first(entry, name)
    return clean_text(str(value)) if value is not None else ""


def _moment(entry: Any, name: str) -> datetime | date | None:
    value = _first(entry, name)
    # A value that is broken says so when it is asked; some programs write dates with dashes.
    for read in (
        lambda: value.dt,
        lambda: date.fromisoformat(value),
        lambda: datetime.fromisoformat(value),
    ):
        with suppress(ValueError, TypeError, AttributeError):
            moment = read()
            if isinstance(moment, date):
                return moment
    return None


def _aware(moment: datetime | date | None) -> datetime | None:
    """Return a moment with its zone; a day is its midnight in the person's own."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    try:
        aware = moment if moment.tzinfo else moment.astimezone()
        return aware.astimezone(UTC)
    except (OverflowError, OSError, ValueError):  # at the very ends of the calendar
        return None


def _shown(moment: datetime, zone: str = "") -> tuple[datetime, str]:
    """Return a moment as a calendar shows it, and the zone that the entry names.

    Without one it is in UTC, and shown in the person's own; or it is in that already.
    """
    zone = str(getattr(moment.tzinfo, "key", "")) or zone
    if moment.tzinfo is None or zone.upper() not in ("UTC", "ETC/UTC", "GMT", ""):
        return moment, zone[:60]
    return localised(moment), ""


def _date(moment: datetime | date | None) -> str:
    if moment is None:
        return ""
    if not isinstance(moment, datetime):
        return spelled_day(moment)
    local, zone = _shown(moment)
    return f"{spelled_day(local)} {local:%H:%M}" + (f" ({zone})" if zone else "")


def _when(entry: Any) -> str:
    start = _moment(entry, "DTSTART")
    if start is None:
        return _text(entry, "DTSTART")
    end = _moment(entry, "DTEND")
    duration = _attribute(_first(entry, "DURATION"), "dt", None)
    if end is None and isinstance(duration, timedelta):
        end = start + duration
    if not isinstance(start, datetime):
        # The day after the last one is what a calendar has for its end.
        last = end - timedelta(days=1) if end and not isinstance(end, datetime) else start
        until = f" to {spelled_day(last)}" if last > start else ", all day"
        return f"{spelled_day(start)}{until}"
    named = _attribute(_first(entry, "DTSTART"), "params", {}).get("TZID", "")
    named = clean_text(str(named))
    begun, zone = _shown(start, named)
    text = f"{spelled_day(begun)} {begun:%H:%M}"
    if isinstance(end, datetime) and end != start:
        ended, _ = _shown(end, named)
        is_same_day = ended.date() == begun.date()
        text += f"-{ended:%H:%M}" if is_same_day else f" to {spelled_day(ended)} {ended:%H:%M}"
    return f"{text} ({zone})" if zone else text


def _repetition(entry: Any) -> str:
    rule = _first(entry, "RRULE")
    if not isinstance(rule, dict):
        return clean_text(str(rule)) if rule else ""
    period = _PERIODS.get(str(_only(rule, "FREQ")).upper(), "")
    interval = _only(rule, "INTERVAL") or 1
    words = [f"every {period}" if interval == 1 else f"every {interval} {period}s"]
    if days := [_weekday(str(day)) for day in _all(rule, "BYDAY")]:
        words.append(f"on {', '.join(days)}")
    if days := [str(day) for day in _all(rule, "BYMONTHDAY")]:
        words.append(f"on day {', '.join(days)}")
    months = [int(str(month)) for month in _all(rule, "BYMONTH") if str(month).isdigit()]
    if names := [MONTHS[month - 1] for month in months if 1 <= month <= len(MONTHS)]:
        words.append(f"in {', '.join(names)}")
    until = _only(rule, "UNTIL")
    if isinstance(until, date):
        last = _shown(until)[0] if isinstance(until, datetime) else until
        words.append(f"until {spelled_day(last)}")
    if count := _only(rule, "COUNT"):
        words.append(f"{count} times")
    return " ".join(words) if period else ""


def _all(rule: dict[str, Any], name: str) -> list[Any]:
    value = rule.get(name, [])
    return value if isinstance(value, list) else [value]


def _only(rule: dict[str, Any], name: str) -> Any:
    return next(iter(_all(rule, name)), None)


def _weekday(text: str) -> str:
    name = _WEEKDAYS.get(text[-2:].upper(), text)
    number = text[:-2]
    is_number = number.lstrip("+-").isdigit()
    return (_ORDINALS.get(int(number), f"{number}. ") if is_number else "") + name


def _exceptions(entry: Any) -> str:
    values = entry.get("EXDATE")
    found = [
        _date(one.dt)
        for value in (values if isinstance(values, list) else [values])
        for one in _attribute(value, "dts", [])
    ]
    return shortened(found, MAX_EXCEPTIONS)


def _people(entry: Any) -> str:
    found: list[str] = []
    for role in ("ORGANIZER", "ATTENDEE"):
        values = entry.get(role)
        for value in values if isinstance(values, list) else [values]:
            if value is None:
                continue
            name = str(_attribute(value, "params", {}).get("CN", "")).strip("'\" ")
            address = re.sub(r"^mailto:", "", str(value), flags=re.I)
            person = " ".join(clean_text(name or address).split())
            if person and person not in found[:1]:
                found.append(person)
    return shortened(found)


def _categories(entry: Any) -> str:
    values = entry.get("CATEGORIES")
    found: list[str] = []
    for value in values if isinstance(values, list) else [values]:
        names = _attribute(value, "cats", [value] if value else [])
        found += [" ".join(clean_text(str(name)).split()) for name in names]
    return shortened([name for name in found if name])
