"""Times of day in a text: "3 pm", "15:00", "15 Uhr", "15h30", "noon"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HALF_DAY = 12 * 60
_CLOCK = re.compile(
    r"(?<![\w:.,/-])(?P<hour>[01]?\d|2[0-4])"
    r"(?:(?P<mark>[:.hH])(?P<minute>[0-5]\d)(?::[0-5]\d)?)?"
    r"(?:\s?(?P<half>[ap]m\b|[ap]\.\s?m\b\.?)|\s?(?P<word>uhr|o['’]?clock|heures?|h)\b)?(?![\w:])",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?:(noon|midday|mittags?|midi|mezzogiorno)|(midnight|mitternacht))\b", re.I)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day at `text[start:end]`, as minutes after midnight that it may be."""

    minutes: frozenset[int]
    start: int
    end: int


def clocks_of(text: str) -> Iterator[Clock]:
    """Yield the times of day that a text names; "3.30" is one only before "pm" or "Uhr"."""
    for found in _CLOCK.finditer(text):
        is_told = found["half"] or found["word"]
        if not (is_told or found["mark"] in (":", "h", "H")):
            continue
        hour, minute = int(found["hour"]), int(found["minute"] or 0)
        at = hour * 60 + minute
        if found["half"]:
            if not 1 <= hour <= 12:
                continue
            at = (hour % 12) * 60 + minute
            readings = {at + (HALF_DAY if found["half"][0] in "pP" else 0)}
        elif hour > 12 or found["hour"].startswith("0"):
            readings = {at % (2 * HALF_DAY)}
        else:
            # "At 3:30" may be in the afternoon.
            readings = {at, (at + HALF_DAY) % (2 * HALF_DAY)}
        yield Clock(frozenset(readings), *found.span())
    for named in _NAMED.finditer(text):
        yield Clock(frozenset({HALF_DAY if named[1] else 0}), *named.span())
