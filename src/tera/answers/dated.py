"""The times in a sentence -> days: "last Friday" in a message of 15 July is Friday 14 July 2023."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from tera.places import MONTHS
from tera.times import TimeSpan, find_times

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEASONS = ("winter", "spring", "summer", "autumn", "winter")
"""By a third of their first month."""

_LEAD = re.compile(
    r"^(?:in|on|at|by|since|until|till|from|for|around|about|during|of|this|the|early|am|im|seit"
    r"|le|en|el|il|op)\s+(?=\S)",
    re.I,
)
_YEAR = re.compile(r"\b[1-9]\d{3}\b|\b\d{1,2}(?:st|nd|rd|th) (?:century|centuries)\b|\b\d+0s\b")
_LONE_YEAR = re.compile(
    r"\b(?:in|since|by|until|from|around|about|circa|after|before|to|and|year|AD|c\.) ?"
    r"(?P<year>(?:1\d{3}|20\d\d|[3-9]\d\d)(?: (?:AD|BC|BCE|CE))?)\b(?![,.]?\d)"
    r"(?! (?:people|men|\w+s)\b)"
    r"|\((?P<other>1\d{3}|20\d\d)\)|(?P<span>\b1\d{3}\b ?[-–] ?\b\d{2,4}\b)"
    r"|\b(?:the )?(?P<century>(?:early |mid-?|late )?"
    r"\d{1,2}(?:st|nd|rd|th)(?: and \d{1,2}th)? centur\w+)",
    re.I,
)
_WEEKDAY = re.compile(r"\b(?:sun|mon|tues|wednes|thurs|fri|satur)day\b", re.I)
_AGO = re.compile(r"(?P<count>.+?) (?P<unit>\w+) ago", re.I)
_COUNTED = re.compile(r"an?|\d+|one|two|three|four|five|six|seven|eight|nine|ten", re.I)
_CLOCK = re.compile(
    r"(?<![\d.:,$€£])(?:[01]?\d|2[0-3])(?:(?:[:.][0-5]\d)? ?(?:[ap]\.?m\b\.?|Uhr\b|o.clock\b)"
    r"|:[0-5]\d)(?![\d:])",
    re.I,
)
_RECURRING = re.compile(
    r"\b(?:every |each )?(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b|\bevery (?:day|week|month"
    r"|year|morning|evening|night|weekend)\b",
    re.I,
)
_BARE = re.compile(
    r"(?:(?:sun|mon|tues|wednes|thurs|fri|satur)day|(?:the )?\d{1,2}(?:st|nd|rd|th|\.)?"
    r"(?: of)?(?: [a-z]+)?|[a-z]+ \d{1,2}(?:st|nd|rd|th)?)(?:,? at)?(?: [\d:.]+)?(?: ?[ap]m)?",
    re.I,
)
_PAST = re.compile(
    r"\b(?:was|were|had|did|went|got|saw|met|came|took|made|won|bought|found|began|started|\w{2,}ed"
    r"|I've|we've|just|hatten?|war|waren|habe|gingen?)\b",
    re.I,
)
"""A weekday or a date without its year may be the last one, the next one, or each year's."""
_NEAR_DAYS = 15
"""A week that began fewer days from a message is the one before or after it."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A time in a text: characters `start` to `end`, and what it says to who knows no more."""

    start: int
    end: int
    shown: str


def dated(text: str, moment: datetime) -> list[Dated]:
    """Return the times in a text, relative ones resolved.

    Args:
        text: A sentence.
        moment: When it was written, in the person's own calendar.
    """
    try:
        spans = find_times(text, moment.astimezone())
    except (OverflowError, OSError, ValueError):  # at the very ends of the calendar
        return []
    is_past = bool(_PAST.search(text))
    times = [_dated(span, moment, is_past) for span in spans]
    for match in (*_RECURRING.finditer(text), *_CLOCK.finditer(text)):
        if not any(one.start < match.end() and match.start() < one.end for one in times):
            times.append(Dated(match.start(), match.end(), match[0]))
    for match in _LONE_YEAR.finditer(text):
        group = match.lastgroup or "year"
        start, end = match.span(group)
        if not any(one.start < end and start < one.end for one in times):
            times.append(Dated(start, end, text[start:end]))
    return times


def day(moment: datetime) -> str:
    """Return a day as it is written: "14 July 2023"."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def names_year(text: str) -> bool:
    """Return whether a text names a year or a century."""
    return bool(_LONE_YEAR.search(text))


def _dated(span: TimeSpan, moment: datetime, is_past: bool) -> Dated:
    lead = _LEAD.match(span.phrase)
    begin = lead.end() if lead else 0
    words = span.phrase[begin:]
    is_plain = bool(_YEAR.search(words)) or (bool(_BARE.fullmatch(words)) and not is_past)
    shown = "" if is_plain else _resolved(span, words, moment)
    return Dated(span.at + begin, span.at + len(span.phrase), shown or words)


def _resolved(span: TimeSpan, words: str, moment: datetime) -> str:
    """Return a time that was told by its distance, or without its year, as a date; or nothing."""
    if not span.start or not span.end:
        return ""
    first, last = _local(span.start), _local(span.end)
    ago = _AGO.fullmatch(words)
    is_vague = ago and not _COUNTED.fullmatch(ago["count"])
    shown = ""
    if ago and (is_vague or span.grain in ("week", "weekend", "range")):
        shown = f"{ago['count']} {ago['unit']} before {day(moment)}"
    elif span.grain in ("hour", "part of day", "day"):
        weekday = f"{WEEKDAYS[first.weekday()]} " if _WEEKDAY.search(words) else ""
        shown = weekday + day(first) + (f" {first:%H:%M}" if span.grain == "hour" else "")
    elif span.grain in ("week", "weekend"):
        shown = _week(span.grain, first, last, moment)
    elif span.grain == "month":
        shown = f"{MONTHS[first.month - 1]} {first.year}"
    elif span.grain == "year":
        shown = str(first.year)
    elif span.grain == "season":
        ends = f"/{last.year % 100:02}" if last.year > first.year else ""
        shown = f"{SEASONS[first.month // 3]} {first.year}{ends}"
    return shown


def _week(name: str, first: datetime, last: datetime, moment: datetime) -> str:
    is_near = abs((first - moment).days) < _NEAR_DAYS
    if is_near and last < moment:
        return f"the {name} before {day(moment)}"
    if is_near and first > moment:
        return f"the {name} after {day(moment)}"
    return f"the {name} of {day(moment if first <= moment <= last else first)}"


def _local(moment: datetime) -> datetime:
    return moment.astimezone().replace(tzinfo=None)
