"""The values of one attribute in a block of memories, as arrays that are compared as a whole.

Texts stand in one string of bytes with a zero before and behind each, so that the usual search for
bytes finds them; the rows of all values stand one after the other, and how many each has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tera.attributes import MAX_EXACT, Value
from tera.matching import Wanted, edge, orders
from tera.where import Operator

if TYPE_CHECKING:
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.int64]

NO_MOMENT = -(2**63)
FEW_FOUND = 64
"""So many places of a text are looked for one by one; more in one pass over the bytes."""
_HEADER = 4 * 8


@dataclass(frozen=True, slots=True)
class Column:
    """Values and the rows that have them; a value may stand in it more than once.

    Attributes:
        texts: Zero, text, zero, text, ..., zero; UTF-8.
        counts: uint16, rows of each value.
        rows: uint16, the rows of the first value, then those of the second, ...
        numbers: float64 of each value, NaN for none; empty where no value is a number.
        moments: int64 of shape (values, 2), NO_MOMENT for none; empty where no value is a date.
    """

    texts: bytes
    counts: npt.NDArray[np.uint16]
    rows: npt.NDArray[np.uint16]
    numbers: npt.NDArray[np.float64]
    moments: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows_of: Mapping[Value, Sequence[int]]) -> Column:
        """Return the column of values and their rows."""
        values = list(rows_of)
        texts = b"\0" + b"".join(value.text.encode() + b"\0" for value in values)
        counts = np.array([len(rows) for rows in rows_of.values()], np.uint16)
        rows = np.array([row for rows in rows_of.values() for row in rows], np.uint16)
        numbers, moments = np.empty(0), np.empty((0, 2), np.int64)
        if any(value.number is not None for value in values):
            numbers = np.array([np.nan if v.number is None else v.number for v in values])
        if any(value.start is not None for value in values):
            moments = np.array(
                [(NO_MOMENT,) * 2 if v.start is None else (v.start, v.end) for v in values],
                np.int64,
            )
        return cls(texts, counts, rows, numbers, moments)

    @classmethod
    def read(cls, data: bytes) -> Column:
        """Return the column that `write` has written."""
        count, rows, has_numbers, has_moments = np.frombuffer(data, "<i8", 4).tolist()
        at = _HEADER
        arrays = []
        for kind, size in (
            ("<f8", count * has_numbers),
            ("<i8", 2 * count * has_moments),
            ("<u2", count),
            ("<u2", rows),
        ):
            arrays.append(np.frombuffer(data, kind, size, at))
            at += arrays[-1].nbytes
        return cls(data[at:], arrays[2], arrays[3], arrays[0], arrays[1].reshape(-1, 2))

    def write(self) -> bytes:
        """Return all of it as bytes."""
        sizes = (self.size, len(self.rows), len(self.numbers) > 0, len(self.moments) > 0)
        header = np.array(sizes, "<i8")
        arrays = (header, self.numbers, self.moments, self.counts, self.rows)
        return b"".join(array.tobytes() for array in arrays) + self.texts

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.counts)

    def values(self) -> Iterator[tuple[Value, list[int]]]:
        """Yield the values, each with its rows."""
        texts = self.texts.decode().split("\0")[1:-1]
        numbers, moments = self._numbers().tolist(), self._moments().tolist()
        end = 0
        for text, number, (first, last), count in zip(
            texts, numbers, moments, self.counts.tolist(), strict=True
        ):
            is_date = first != NO_MOMENT
            value = Value(
                text,
                None if math.isnan(number) else number,
                first if is_date else None,
                last if is_date else None,
            )
            yield value, self.rows[end : end + count].tolist()
            end += count

    def joined(self, other: Column) -> Column:
        """Return the column with all values of this one, then those of another."""
        numbers, moments = np.empty(0), np.empty((0, 2), np.int64)
        if len(self.numbers) or len(other.numbers):
            numbers = np.concatenate([self._numbers(), other._numbers()])
        if len(self.moments) or len(other.moments):
            moments = np.concatenate([self._moments(), other._moments()])
        return Column(
            self.texts + other.texts[1:],
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.rows, other.rows]),
            numbers,
            moments,
        )

    def rows_where(self, operator: Operator, every: Sequence[Wanted]) -> npt.NDArray[np.uint16]:
        """Return the rows that have a value in this relation to one that is wanted."""
        fits = np.zeros(self.size, np.bool_)
        for wanted in every:
            fits |= self._fits(operator, wanted)
        found: npt.NDArray[np.uint16] = self.rows[np.repeat(fits, self.counts)]
        return found

    def rows_with(self, text: str, beginning: str = "") -> npt.NDArray[np.uint16]:
        """Return the rows that have exactly this text, or one with this beginning if it is given.

        Texts are compared as they are.
        """
        fits = self._whole(text)
        if beginning:
            fits |= self._beginning(beginning)
        found: npt.NDArray[np.uint16] = self.rows[np.repeat(fits, self.counts)]
        return found

    def _fits(self, operator: Operator, wanted: Wanted) -> Flags:
        """Return which values stand in this relation to the wanted one; see `Wanted.fits`."""
        if operator in ("=", "in"):
            return self._equal(wanted)
        if operator != "~":
            return self._in_order(operator, wanted)
        if wanted.pieces is None:
            return self._containing(wanted.text)
        if "?" not in wanted.text:
            return self._like(wanted.pieces)
        longest = max(wanted.text.replace("?", "*").split("*"), key=len)
        fits = self._containing(longest)
        pattern, texts = wanted.pattern, self.texts[1:-1].split(b"\0")
        for number in np.flatnonzero(fits).tolist():
            fits[number] = pattern.fullmatch(texts[number].decode()) is not None
        return fits

    def _equal(self, wanted: Wanted) -> Flags:
        fits = self._whole(wanted.text)
        if len(self.numbers) and wanted.number is not None and abs(wanted.number) < MAX_EXACT:
            fits |= self.numbers == wanted.number
        if len(self.moments) and (span := wanted.span):
            is_date = self.moments[:, 0] != NO_MOMENT
            fits |= is_date & (self.moments[:, 0] >= span[0]) & (self.moments[:, 1] <= span[1])
        return fits

    def _in_order(self, operator: Operator, wanted: Wanted) -> Flags:
        fits = np.zeros(self.size, np.bool_)
        is_text = np.ones(self.size, np.bool_)
        if len(self.numbers):
            is_text &= np.isnan(self.numbers)
            if wanted.number is not None:
                # Nothing is above or below NaN.
                fits |= in_order(operator, self.numbers, wanted.number)
        if len(self.moments):
            is_date = self.moments[:, 0] != NO_MOMENT
            is_text &= ~is_date
            if is_date.any() and (span := wanted.span):
                fits |= is_date & in_order(operator, self.moments[:, 0], edge(span, operator))
        if wanted.number is None and is_text.any():
            # UTF-8 has the order of the characters.
            other = wanted.text.encode()
            fits |= is_text & [
                orders(operator, one, other) for one in self.texts[1:-1].split(b"\0")
            ]
        return fits

    def _whole(self, text: str) -> Flags:
        fits = np.zeros(self.size, np.bool_)
        places = occurrences(self.texts, b"\0" + text.encode() + b"\0")
        if len(places):
            fits[np.searchsorted(self._separators(), places)] = True
        return fits

    def _beginning(self, text: str) -> Flags:
        fits = np.zeros(self.size, np.bool_)
        places = occurrences(self.texts, b"\0" + text.encode())
        if len(places):
            # The last zero has no value behind it.
            fits[np.searchsorted(self._separators()[:-1], places)[places < len(self.texts) - 1]] = (
                True
            )
        return fits

    def _containing(self, text: str) -> Flags:
        if not text:
            return np.ones(self.size, np.bool_)
        fits = np.zeros(self.size, np.bool_)
        places = occurrences(self.texts, text.encode())
        if len(places):
            fits[np.searchsorted(self._separators(), places) - 1] = True
        return fits

    def _like(self, pieces: Sequence[str]) -> Flags:
        """Return which values have the pieces one after the other, the first and last at its ends.

        Each piece is taken where it comes first behind the one before it, in all values at once.
        """
        first, *middle, last = (piece.encode() for piece in pieces)
        separators = self._separators()
        cursors, ends = separators[:-1] + 1, separators[1:]
        fits = self._beginning(pieces[0]) if first else np.ones(self.size, np.bool_)
        cursors = cursors + len(first)
        for piece in middle:
            places = np.append(occurrences(self.texts, piece), len(self.texts))
            found = places[np.searchsorted(places, np.minimum(cursors, len(self.texts)))]
            fits &= found + len(piece) <= ends
            cursors = found + len(piece)
        if last:
            fits &= ends - len(last) >= cursors
            places = occurrences(self.texts, last + b"\0")
            is_last = np.zeros(self.size, np.bool_)
            is_last[np.searchsorted(separators, places + len(last)) - 1] = True
            fits &= is_last
        return fits

    def _separators(self) -> Places:
        return np.flatnonzero(np.frombuffer(self.texts, np.uint8) == 0)

    def _numbers(self) -> npt.NDArray[np.float64]:
        return self.numbers if len(self.numbers) else np.full(self.size, np.nan)

    def _moments(self) -> npt.NDArray[np.int64]:
        return self.moments if len(self.moments) else np.full((self.size, 2), NO_MOMENT)


def in_order(
    operator: Operator, values: npt.NDArray[np.float64] | npt.NDArray[np.int64], other: float
) -> Flags:
    """Return which values stand in an order with another."""
    match operator:
        case "<":
            return values < other
        case "<=":
            return values <= other
        case ">":
            return values > other
        case _:
            return values >= other


def occurrences(data: bytes, wanted: bytes) -> Places:
    """Return where some bytes begin in others, in order; they may overlap."""
    found: list[int] = []
    place = data.find(wanted)
    while place >= 0 and len(found) < FEW_FOUND:
        found.append(place)
        place = data.find(wanted, place + 1)
    if place < 0:
        return np.array(found, np.int64)
    every = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(every[: len(data) - len(wanted) + 1] == wanted[0])
    # Beginnings are shared more often than ends: those of paths by nearly all of them.
    for offset in range(len(wanted) - 1, 0, -1):
        places = places[every[places + offset] == wanted[offset]]
    return places
