"""Dates and times as a person types them, in the person's own time zone -> moments in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

Edge = Literal["start", "end"]

_ISO_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")


def parse_moment(text: str, edge: Edge = "start") -> datetime:
    """Return the moment that a text names; of a day, month or year its start or its end.

    Understood are ISO 8601 dates and times, `2026`, `2026-11`, and English phrases like
    "yesterday", "last month" or "3 days ago" (through dateparser).

    Raises:
        ValueError: It is no date.
    """
    text = text.strip()
    if period := _ISO_PERIOD.fullmatch(text):
        year, month, day = (int(part) if part else None for part in period.groups())
        start = datetime(year or 1, month or 1, day or 1)
        return _edge(start, "day" if day else "month" if month else "year", edge)
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError:
        return _parse_phrase(text, edge)


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
    days = {"day": 1, "week": 7, "month": 31, "year": 366}[period]
    after = start + timedelta(days=days)
    if period in ("month", "year"):
        after = after.replace(day=1, month=after.month if period == "month" else 1)
    return _utc(after) - timedelta(milliseconds=1)


def _utc(moment: datetime) -> datetime:
    # A moment without a zone is in the person's own.
    return (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC)
