"""Whether a condition holds for a memory: its numbers, dates and words beside the wanted ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from tera.attributes import (
    MAX_EXACT,
    TIMES,
    Attributes,
    Value,
    fold,
    number_of,
    to_ms,
    to_wall_ms,
)
from tera.times import parse_moment
from tera.where import All, Comparison, Condition, Has, Not, Operator, Some


def holds(condition: Condition, attributes: Attributes) -> bool:
    """Return whether a condition holds for a memory with these attributes."""
    return _holds(condition, attributes, cache(Wanted))


def _holds(
    condition: Condition, attributes: Attributes, wanted_of: Callable[[str, str], Wanted]
) -> bool:
    match condition:
        case Comparison(name, operator, texts):
            wanted = [wanted_of(name, text) for text in texts]
            values = attributes.get(name, ())
            return any(one.fits(operator, value) for one in wanted for value in values)
        case Has(name):
            return name in attributes
        case Not(inner):
            return not _holds(inner, attributes, wanted_of)
        case All(parts):
            return all(_holds(part, attributes, wanted_of) for part in parts)
        case Some(parts):
            return any(_holds(part, attributes, wanted_of) for part in parts)


class Wanted:
    """A value of a condition, with all that it may mean.

    Attributes:
        text: Folded.
        number: What it is as a number, if it is one.
    """

    def __init__(self, name: str, text: str) -> None:
        """Prepare; a date is not looked for before it is needed.

        Args:
            name: The attribute that it is compared with.
            text: As it was typed.
        """
        self.text = fold(text)
        self.number = number_of(self.text)
        self._typed = text
        self._is_time = name in TIMES
        self._span: tuple[int, int] | None = None
        self._is_parsed = False

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and last millisecond of the date that it names, as `Value` has them."""
        if not self._is_parsed:
            self._span, self._is_parsed = _span(self._typed, self._is_time), True
        return self._span

    @property
    def pieces(self) -> list[str] | None:
        """The parts between the `*` of a pattern; None where a part of a value is looked for."""
        return re.split(r"\*+", self.text) if "*" in self.text or "?" in self.text else None

    def fits(self, operator: Operator, value: Value) -> bool:
        """Return whether a value stands in this relation to the wanted one."""
        if operator in ("=", "in"):
            return self._equals(value)
        if operator == "~":
            if self.pieces is None:
                return self.text in value.text
            return bool(self.pattern.fullmatch(value.text))
        if value.number is not None:
            return self.number is not None and orders(operator, value.number, self.number)
        if value.start is not None:
            return self.span is not None and orders(operator, value.start, self._edge(operator))
        # A number is no neighbour of words: a priority of "high" is neither above nor below 2.
        return self.number is None and orders(operator, value.text, self.text)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The pattern as a regular expression for a whole value."""
        parts = {"*": ".*", "?": "."}
        return re.compile("".join(parts.get(one) or re.escape(one) for one in self.text), re.DOTALL)

    def _equals(self, value: Value) -> bool:
        if value.start is not None and value.end is not None:
            is_same = bool(value.text) and value.text == self.text
            span = None if is_same else self.span
            return is_same or (span is not None and span[0] <= value.start and value.end <= span[1])
        if value.number is not None:
            is_exact = abs(value.number) < MAX_EXACT
            return value.number == self.number if is_exact else value.text == self.text
        return value.text == self.text

    def _edge(self, operator: Operator) -> int:
        return edge(self.span or (0, 0), operator)


def edge(span: tuple[int, int], operator: Operator) -> int:
    """Return the end of a span that counts: `> 2024-05` is after May, `>= 2024-05` from its start.

    A value's own start is compared with it.
    """
    return span[0] if operator in (">=", "<") else span[1]


def orders(operator: Operator, one: Any, other: Any) -> bool:
    """Return whether a value stands in an order with another of its kind."""
    left, right = (one, other) if operator.startswith("<") else (other, one)
    return bool(left <= right if operator.endswith("=") else left < right)


def _span(text: str, is_time: bool) -> tuple[int, int] | None:
    try:
        first, last = parse_moment(text), parse_moment(text, "end")
    except ValueError:
        return None
    if is_time:
        return to_ms(first), to_ms(last)
    return to_wall_ms(_local(first)), to_wall_ms(_local(last))


def _local(moment: datetime) -> datetime:
    try:
        return moment.astimezone()
    except (OverflowError, OSError, ValueError):  # at the very ends of the calendar
        return moment
