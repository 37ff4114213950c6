"""One moment from a date or time phrase: what `--since`, `--until` and `--at` take."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from tera.times.periods import Period
from tera.times.spotting import read_whole
from tera.times.tokens import read_tokens
from tera.times.words import TABLES

Edge = Literal["start", "end"]

_ISO_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_HAS_WORD = re.compile(r"[^\W\d_]{3}")
_ISO_WEEK = re.compile(r"\d{4}-?W\d\d")
_DAYS = {"week": 7, "month": 31, "year": 366}
"""Most days of a period; any other that dateparser names ("tonight") counts as its day."""


def parse_moment(text: str, edge: Edge = "start", now: datetime | None = None) -> datetime:
    """Return the moment that a text names; of a day, month or year its start or its end.

    Understood are ISO 8601 dates and times, `2026`, `2026-11`, the phrases that `find_times` finds
    in questions ("last week", "vor drei Tagen", "the first week of June"), and what dateparser
    knows besides.

    Args:
        text: As the person typed it.
        edge: Which end of a period.
        now: Aware; what "yesterday" is relative to. The present without it.

    Raises:
        ValueError: It is no date.
    """
    local = (now or datetime.now(UTC)).astimezone().replace(tzinfo=None)
    try:
        return _parse(text.strip(), edge, local)
    except OverflowError as error:
        raise ValueError(f"{text!r} is too far away") from error


def _parse(text: str, edge: Edge, now: datetime) -> datetime:
    if period := _ISO_PERIOD.fullmatch(text):
        year, month, day = period.groups()
        start = datetime(int(year), int(month or 1), int(day or 1))
        return _edge(start, "day" if day else "month" if month else "year", edge)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        if found := _read(text, now):
            return _edge_of(found, edge, text)
        return _parse_phrase(text, edge, now)
    if not _is_date(text):
        return _utc(moment)
    return _edge(moment, "week" if _ISO_WEEK.fullmatch(text) else "day", edge)


def _read(text: str, now: datetime) -> Period | None:
    """Read a phrase in the first language in which all of it is a time."""
    for language in TABLES:
        tokens = read_tokens(text, language)
        if tokens and (found := read_whole(tokens, now)):
            return found
    return None


def _edge_of(found: Period, edge: Edge, text: str) -> datetime:
    if found.moment:
        return _utc(found.moment)
    if edge == "start" and found.start:
        return _utc(found.start)
    if edge == "end" and found.end:
        return _utc(found.end) - timedelta(milliseconds=1)
    raise ValueError(f"{text!r} has no {edge}")


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _parse_phrase(text: str, edge: Edge, now: datetime) -> datetime:
    import warnings

    with warnings.catch_warnings():
        # dateparser warns about its own use of the standard library.
        warnings.simplefilter("ignore")
        from dateparser.date import DateDataParser

        parser = DateDataParser(
            # In the other languages a letter between digits makes a date too ("1e5").
            languages=list(TABLES) if _HAS_WORD.search(text) else ["en"],
            settings={
                "PREFER_DATES_FROM": "past",
                "RETURN_TIME_AS_PERIOD": True,
                "RELATIVE_BASE": now,
            },
        )
        found = parser.get_date_data(text)
    if found is None or found.date_obj is None:
        raise ValueError(f"{text!r} is not a date that tera understands")
    return _edge(found.date_obj, found.period or "time", edge)


def _edge(moment: datetime, period: str, edge: Edge) -> datetime:
    if period == "time":
        return _utc(moment)
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        start -= timedelta(days=start.weekday())
    elif period in ("month", "year"):
        start = start.replace(day=1, month=start.month if period == "month" else 1)
    if edge == "start":
        return _utc(start)
    after = start + timedelta(days=_DAYS.get(period, 1))
    if period in ("month", "year"):
        after = after.replace(day=1, month=after.month if period == "month" else 1)
    return _utc(after) - timedelta(milliseconds=1)


def _utc(moment: datetime) -> datetime:
    # A moment without a zone is in the person's own.
    return (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC)
