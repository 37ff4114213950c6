"""Reads the words of a text one after the other: numbers, ordinals, words of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from tera.times.periods import Period, Recurring
from tera.times.tokens import Token


@dataclass(frozen=True, slots=True)
class Read:
    """What was read as a time, and where the reading ended."""

    time: Period | Recurring
    end: int
    is_certain: bool = True
    """Whether the words are a time without a word like "in" or "since" before them."""


PLURALS = frozenset(("hours", "days", "weeks", "months", "quarters", "years", "decades"))
"""A number of them is meant, where none is named: "the past weeks"."""

JOINTS = ("", "-", "'", "’", ".", "/", "–")
"""What may stand between the words of a date."""


class Cursor:
    """The words of a text; each method reads from one word on and returns None otherwise."""

    def __init__(
        self,
        tokens: Sequence[Token],
        now: datetime,
        *,
        is_future: bool = False,
        is_exact: bool = False,
    ) -> None:
        """Prepare.

        Args:
            tokens: The words.
            now: Local, without a zone.
            is_future: Whether a Friday without more words is the next.
            is_exact: Whether "two weeks ago" is that day, not the days around it.
        """
        self.tokens = tokens
        self.now = now
        self.is_future = is_future
        self.is_exact = is_exact
        self.free = -1

    def word(self, at: int, kind: str, gaps: Sequence[str] = JOINTS) -> object:
        """Return what a word means as one of a kind; None when it is none."""
        if not 0 <= at < len(self.tokens):
            return None
        token = self.tokens[at]
        return token.kinds.get(kind) if token.gap in gaps or at == self.free else None

    def skip(self, at: int, *kinds: str, gaps: Sequence[str] = JOINTS) -> int:
        """Return where to read on after words of these kinds, each there or not."""
        for kind in kinds:
            if self.word(at, kind, gaps) is not None:
                at += 1
        return at

    def count(self, at: int) -> tuple[float, float, int] | None:
        """Return how many at least and at most, and where that ends."""
        if isinstance(vague := self.word(at, "vague"), tuple):
            return (*vague, at + 1)
        if self.word(at, "half") is not None:
            return 0.5, 0.5, at + 1
        number = self._number(at)
        return (number[0], number[0], number[1]) if number else None

    def _number(self, at: int) -> tuple[int, int] | None:
        """Return a number in figures or words, up to "nine hundred ninety-nine"; where it ends."""
        if isinstance(tens := self.word(at, "tens"), int):
            ones = self.word(at + 1, "number")
            if isinstance(ones, int) and ones < 10 and not self.word(at + 1, "digits"):
                return tens + ones, at + 2
            return tens, at + 1
        number = self.word(at, "number")
        if not isinstance(number, int):
            return None
        if self.word(at + 1, "hundred") is None:
            return number, at + 1
        rest_at = self.skip(at + 2, "and")
        rest = self._number(rest_at) if not self.word(rest_at, "digits") else None
        return (number * 100 + rest[0], rest[1]) if rest else (number * 100, at + 2)

    def ordinal(self, at: int) -> tuple[int, int] | None:
        """Return which one ("twenty-first"), and where that ends."""
        if isinstance(tens := self.word(at, "tens"), int):
            ones = self.word(at + 1, "ordinal")
            return (tens + ones, at + 2) if isinstance(ones, int) and ones < 10 else None
        found = self.word(at, "ordinal")
        return (found, at + 1) if isinstance(found, int) else None

    def day_number(self, at: int) -> tuple[int, int] | None:
        """Return the day of a month that stands there, in figures or as an ordinal."""
        found = self.ordinal(at)
        if not found and self.word(at, "digits"):
            number = self.word(at, "number")
            found = (number, at + 1) if isinstance(number, int) else None
        if not found:
            counted = self.count(at)
            # "el primero de mayo" is an ordinal; "le trois mai" is not.
            if counted and counted[0] == counted[1] and self.word(at, "number") != 1:
                found = (int(counted[0]), counted[2])
        return found if found and 1 <= found[0] <= 31 else None

    def clock(self, at: int) -> tuple[time, int] | None:
        """Return a time of day ("3 pm", "15:30", "three o'clock"), and where it ends."""
        found = self.word(at, "clock_time")
        if isinstance(found, time):
            half = self.word(at + 1, "am")
            if half and 1 <= found.hour <= 12:
                return found.replace(hour=found.hour % 12 + 12 * (half == "pm")), at + 2
            return found, at + 1
        number = self.word(at, "number")
        if not isinstance(number, int):
            return None
        half = self.word(at + 1, "am")
        if half and 1 <= number <= 12 and self.word(at, "digits"):
            return time(number % 12 + 12 * (half == "pm")), at + 2
        if self.word(at + 1, "o_clock") is not None and 0 <= number < 24:
            return time(number), at + 2
        return None

    def fixed(self, found: Period | Recurring) -> Period:
        """Return which one is meant: the latest until now, or the next."""
        if isinstance(found, Period):
            return found
        return found.going_on_or_next(self.now) if self.is_future else found.latest(self.now)
