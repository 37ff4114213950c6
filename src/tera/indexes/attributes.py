"""The attributes of all memories, on disk, following the journal: what filters choose by.

A filter looks through the columns of its attributes from end to end: the titles of a million
memories are 60 MB, which are read faster than as many rows of a table could be fetched. A memory
that changes gets a new row, and its old one is void.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from tera.attributes import TIMES, Value, attributes_of, to_ms
from tera.datatypes import Filter, Memory
from tera.errors import StoreError
from tera.indexes.blocks import BLOCK_ROWS, START, Blocks, DamagedError, Place, Row, is_refusal
from tera.indexes.columns import Column, in_order
from tera.indexes.keys import number_of
from tera.matching import Wanted, edge
from tera.where import All, Comparison, Condition, Has, Not, Some

if TYPE_CHECKING:
    import numpy.typing as npt

    from tera.indexes.columns import Flags
    from tera.indexes.keys import Numbers

T = TypeVar("T")
Changes = Mapping[str, Memory | None]
"""Memories by id as some entries of the journal leave them; None for those that are gone."""

MOST_VOID = 0.5
"""Written without its void rows when they are more than this share of all, and than a block."""
FEW_NUMBERS = 8
"""So many are looked for one by one: 1 ms each among a million rows, 17 for nine together."""
EXACT = "\n"
"""Before the names of columns with texts as they are, not folded; no attribute begins with it."""


class Feed(Protocol):
    """The journal of the store that the index belongs to."""

    def digest_at(self, place: Place) -> str:
        """Return what tells the journal up to a place from all others; empty if it has none."""

    def end(self) -> Place:
        """Return the place behind the last entry."""

    def changes(self, after: Place) -> Iterator[tuple[Changes, Place]]:
        """Yield what follows a place, some entries at a time, each with the place behind them."""


class AttributeIndex:
    """The attributes of one store's memories. The caller holds the store's lock.

    Attributes:
        notes: What the person should hear about what was damaged, one line each.
    """

    def __init__(self, file: Path, feed: Feed) -> None:
        """Prepare; the file is opened when it is needed.

        Args:
            file: Where it is; made if it is not there.
            feed: The journal that it follows.
        """
        self._blocks = Blocks(file)
        self._feed = feed
        self.notes: tuple[str, ...] = ()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._blocks.close()

    def follow_some(self) -> bool:
        """Take over some of what is new, for whoever lets others work in between.

        Returns:
            Whether more is left.
        """
        return self._done(lambda: self._blocks.place != self._feed.end(), batches=1)

    # Questions; each brings the index up to the end of the journal first.

    def chosen(self, chosen: Filter, condition: Condition | None = None) -> Numbers:
        """Return the numbers of the memories that pass a filter and a condition, sorted.

        Args:
            chosen: Its `where` is left aside.
            condition: That expression as a tree.

        Raises:
            StoreError: The file cannot be written.
        """

        def choose() -> Numbers:
            passing = self._blocks.numbers != 0
            for flags in self._filtered(chosen):
                passing &= flags
            if condition:
                passing &= self._holding(condition)
            return np.sort(self._blocks.numbers[passing])

        return self._done(choose)

    def newest(self, numbers: Numbers, limit: int | None) -> Numbers:
        """Return the newest of some memories, newest first, in the order of `list`."""

        def order() -> Numbers:
            blocks, rows = self._blocks, self._rows_of(numbers)
            keys = blocks.numbers[rows], -blocks.remembered[rows], -blocks.at[rows]
            found: Numbers = blocks.numbers[rows[np.lexsort(keys)][:limit]]
            return found

        return self._done(order)

    def names(self) -> list[str]:
        """Return the names of all attributes that a memory has."""

        def look() -> list[str]:
            names = {name for name in self._blocks.names if not name.startswith(EXACT)}
            known = [name for name in names if self._is_known(name)]
            return sorted([*known, *TIMES])

        return self._done(look)

    def unknown(self, names: Sequence[str]) -> list[str]:
        """Return which of some names no memory has as an attribute."""
        return self._done(lambda: [name for name in names if not self._is_known(name)])

    def _is_known(self, name: str) -> bool:
        if name in TIMES:
            return True
        columns = self._blocks.columns(name)
        return any(
            self._blocks.numbers[first + column.rows.astype(int)].any() for first, column in columns
        )

    def _done(self, work: Callable[[], T], batches: int | None = None) -> T:
        """Do some work on an index that is whole, and up to date unless `batches` ends that."""
        try:
            try:
                self._follow(batches)
                return work()
            except (DamagedError, sqlite3.DatabaseError) as error:
                if is_refusal(error):
                    raise
                aside = self._blocks.set_aside()
                self.notes += (
                    "the index of attributes was damaged and is made anew; the damaged file is"
                    f" {aside.parent.name}/{aside.name}",
                )
                self._follow(batches)
                return work()
        except (OSError, sqlite3.Error, DamagedError) as error:
            self.close()
            raise _refused(error) from error
        except BaseException:
            # What was begun stands in no file.
            self.close()
            raise

    # Filters: an array of flags for all rows.

    def _filtered(self, chosen: Filter) -> Iterator[Flags]:
        """Yield who passes each part of a filter; as the store's `select_ids` chooses."""
        if chosen.since:
            yield self._blocks.at >= to_ms(chosen.since)
        if chosen.until:
            yield self._blocks.at <= to_ms(chosen.until)
        for tag in chosen.tags:
            yield self._marked(EXACT + "tag", partial(Column.rows_with, text=tag))
        if source := chosen.source:
            folder = source.rstrip("/") + "/"
            within = partial(Column.rows_with, text=source, beginning=folder)
            yield self._marked(EXACT + "source", within)

    def _holding(self, condition: Condition) -> Flags:
        match condition:
            case Comparison():
                return self._compared(condition)
            case Has(name):
                is_time = name in TIMES
                return self._every() if is_time else self._marked(name, lambda column: column.rows)
            case Not(inner):
                return ~self._holding(inner)
            case All(parts):
                flags = self._every()
                for part in parts:
                    flags &= self._holding(part)
                return flags
            case Some(parts):
                flags = ~self._every()
                for part in parts:
                    flags |= self._holding(part)
                return flags

    def _every(self) -> Flags:
        return np.ones(self._blocks.size, np.bool_)

    def _compared(self, comparison: Comparison) -> Flags:
        name, operator = comparison.name, comparison.operator
        every = [Wanted(name, text) for text in comparison.values]
        if name not in TIMES:
            return self._marked(name, lambda column: column.rows_where(operator, every))
        times = self._blocks.at if name == "at" else self._blocks.remembered
        found = ~self._every()
        for span in (wanted.span for wanted in every):
            if span and operator in ("=", "in"):
                found |= (times >= span[0]) & (times <= span[1])
            elif span:
                found |= in_order(operator, times, edge(span, operator))
        return found

    def _marked(self, name: str, rows_of: Callable[[Column], npt.NDArray[np.uint16]]) -> Flags:
        """Return which rows a question to each block's column of a name gives."""
        flags = ~self._every()
        for first, column in self._blocks.columns(name):
            flags[first + rows_of(column).astype(np.int64)] = True
        return flags

    # Following the journal.

    def _follow(self, batches: int | None) -> None:
        if not self._blocks.is_open:
            self._blocks.open()
            place = self._blocks.place
            if place != START and self._feed.digest_at(place) != self._blocks.digest:
                # The journal is that of another home, or of an earlier time.
                self._blocks.clear()
        if self._blocks.place == self._feed.end():
            return
        for changes, place in islice(self._feed.changes(self._blocks.place), batches):
            self._take(changes, place)
        void = self._blocks.size - int(np.count_nonzero(self._blocks.numbers))
        if void > BLOCK_ROWS and void > MOST_VOID * self._blocks.size:
            self._blocks.compact()

    def _take(self, changes: Changes, place: Place) -> None:
        touched = np.array(sorted(number_of(key) for key in changes), np.uint64)
        rows = [_row_of(memory) for memory in changes.values() if memory]
        self._blocks.take(self._rows_of(touched), rows, place, self._feed.digest_at(place))

    def _rows_of(self, numbers: Numbers) -> npt.NDArray[np.int64]:
        """Return the rows of memories, given by sorted numbers; of those that are there."""
        known = self._blocks.numbers
        if not len(numbers):
            return np.empty(0, np.int64)
        if len(numbers) <= FEW_NUMBERS:
            return np.flatnonzero(np.logical_or.reduce([known == number for number in numbers]))
        places = np.minimum(np.searchsorted(numbers, known), len(numbers) - 1)
        return np.flatnonzero(numbers[places] == known)


def _row_of(memory: Memory) -> Row:
    values: dict[str, Sequence[Value]] = {
        name: values for name, values in attributes_of(memory).items() if name not in TIMES
    }
    if memory.tags:
        values[EXACT + "tag"] = [Value(tag) for tag in dict.fromkeys(memory.tags)]
    if memory.source:
        values[EXACT + "source"] = [Value(memory.source)]
    return Row(number_of(memory.id), to_ms(memory.at), to_ms(memory.remembered_at), values)


def _refused(error: Exception) -> StoreError:
    said = error.strerror if isinstance(error, OSError) else None
    return StoreError(
        f"cannot write the index of attributes: {said or error}",
        hint="free some space, or set TERA_HOME to a folder that you can write to",
    )
