"""Dates and times as a person types them, in the person's own time zone -> moments in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal

Edge = Literal["start", "end"]

_ISO_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_ISO_WEEK = re.compile(r"\d{4}-?W\d\d")
_DAYS = {"week": 7, "month": 31, "year": 366}
"""Most days of a period; any other that dateparser names ("tonight") counts as its day."""


def parse_moment(text: str, edge: Edge = "start") -> datetime:
    """Return the moment that a text names; of a day, month or year its start or its end.

    Understood are ISO 8601 dates and times, `2026`, `2026-11`, and English phrases like
    "yesterday", "last month" or "3 days ago" (through dateparser).

    Raises:
        ValueError: It is no date.
    """
    try:
        return _parse(text.strip(), edge)
    except OverflowError as error:
        raise ValueError(f"{text!r} is too far away") from error


def _parse(text: str, edge: Edge) -> datetime:
    if period := _ISO_PERIOD.fullmatch(text):
        year, month, day = period.groups()
        start = datetime(int(year), int(month or 1), int(day or 1))
        return _edge(start, "day" if day else "month" if month else "year", edge)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _parse_phrase(text, edge)
    if not _is_date(text):
        return _utc(moment)
    return _edge(moment, "week" if _ISO_WEEK.fullmatch(text) else "day", edge)


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _parse_phrase(text: str, edge: Edge) -> datetime:
    import warnings

    with warnings.catch_warnings():
        # dateparser warns about its own use of the standard library.
        warnings.simplefilter("ignore")
        from dateparser.date import DateDataParser

        parser = DateDataParser(
            languages=["en"],
            settings={"PREFER_DATES_FROM": "past", "RETURN_TIME_AS_PERIOD": True},
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
