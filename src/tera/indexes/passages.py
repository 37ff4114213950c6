"""Which passage each row of the vector index is of, and back, without an object for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tera.indexes.keys import Numbers

    Rows = npt.NDArray[np.intp]
    Flags = npt.NDArray[np.bool_]
    Records = npt.NDArray[np.void]

KEY = [("memory", "<u8"), ("ordinal", "<i4"), ("sum", "<u4")]
"""What is kept of a row: number of the memory, which of its chunks, CRC-32 of the vector."""
VOID = -1
"""The ordinal of a record that is no row, but voids all earlier rows of its memory."""
_KEY = np.dtype(KEY)
_TAIL_ROWS = 1 << 14
"""Rows behind those that are sorted; sorting a million takes 0.2 s, a search through so many keys
of a dict no time."""


class Passages:
    """The keys of the rows, in their order, and a sorted view of them.

    The view is made when it is needed first and again when many rows have come. Later rows are in
    a dict.
    """

    def __init__(self, records: Records) -> None:
        """Take over rows and the records that void them, in the order in which they came."""
        is_row = records["ordinal"] != VOID
        self._length = int(np.count_nonzero(is_row))
        self._keys = _keys_of(records[is_row])
        self._is_alive = np.ones(self._length, np.bool_)
        if self._length < len(records):
            self._is_alive &= ~_voided(records, is_row)
        self._alive = int(np.count_nonzero(self._is_alive))
        self._sorted = _Sorted(np.empty(0, np.uint64), np.empty(0, np.intp), 0)
        self._sorted_rows = 0
        self._tail: dict[int, list[int]] = {}
        self._tail_end = 0

    def __len__(self) -> int:
        """Return the number of rows, those that are void too."""
        return self._length

    @property
    def alive(self) -> int:
        """How many rows are not void."""
        return self._alive

    @property
    def is_alive(self) -> Flags:
        """Which rows are not void."""
        return self._is_alive[: self._length]

    @property
    def numbers(self) -> Numbers:
        """The number of each row's memory."""
        return self._keys["memory"][: self._length]

    @property
    def ordinals(self) -> npt.NDArray[np.int32]:
        """Which chunk of its memory each row is."""
        return self._keys["ordinal"][: self._length]

    @property
    def sums(self) -> npt.NDArray[np.uint32]:
        """The CRC-32 of each row's vector."""
        return self._keys["sum"][: self._length]

    def has(self, number: int) -> bool:
        """Return whether there are rows of a memory."""
        return len(self._rows_of_one(number)) > 0

    def append(self, records: Records) -> None:
        """Take over more rows, and records that void earlier ones."""
        voids = np.flatnonzero(records["ordinal"] == VOID)
        begin = 0
        for end in (*voids.tolist(), len(records)):
            self._append(records[begin:end])
            if end < len(records):
                self._void(int(records["memory"][end]))
            begin = end + 1

    def are_of(self, numbers: Numbers) -> Flags:
        """Return which rows are of some memories, and not void.

        Args:
            numbers: Sorted.
        """
        self._sort()
        if not len(numbers):
            return np.zeros(self._length, np.bool_)
        tail = self.numbers[self._sorted_rows :]
        places = np.minimum(np.searchsorted(numbers, tail), len(numbers) - 1)
        flags = np.concatenate([self._sorted.are_of(numbers), numbers[places] == tail])
        flags &= self.is_alive
        return flags

    def find(self, numbers: Numbers, ordinals: npt.NDArray[np.int32]) -> Rows:
        """Return the row of each passage, -1 for one that is not there."""
        self._sort()
        begins, ends = self._sorted.ranges(numbers)
        # The chunks of a memory come in their order, one vector for each.
        guesses = begins + ordinals
        found = np.full(len(numbers), -1, np.intp)
        fits = np.flatnonzero((ordinals >= 0) & (guesses < ends))
        rows = self._sorted.rows[guesses[fits]]
        right = (self._keys["ordinal"][rows] == ordinals[fits]) & self._is_alive[rows]
        found[fits[right]] = rows[right]
        for place in np.flatnonzero(found < 0).tolist():
            candidates = self._rows_of_one(int(numbers[place]))
            same = candidates[self._keys["ordinal"][candidates] == ordinals[place]]
            if len(same):
                found[place] = same[-1]
        return found

    def _append(self, keys: Records) -> None:
        length = self._length + len(keys)
        if length > len(self._keys):
            # An eighth more than is needed, so that not every row copies all that are there.
            room = length + length // 8
            self._keys = _grown(self._keys, room)
            self._is_alive = _grown(self._is_alive, room)
        self._keys[self._length : length] = _keys_of(keys)
        self._is_alive[self._length : length] = True
        self._length = length
        self._alive += len(keys)

    def _void(self, number: int) -> None:
        rows = self._rows_of_one(number)
        self._is_alive[rows] = False
        self._alive -= len(rows)
        self._tail.pop(number, None)

    def _rows_of_one(self, number: int) -> Rows:
        """Return the rows of a memory that are not void."""
        self._sort()
        for row in range(self._tail_end, self._length):
            self._tail.setdefault(int(self._keys["memory"][row]), []).append(row)
        self._tail_end = self._length
        begin, end = self._sorted.ranges(np.array([number], np.uint64))
        rows: Rows = np.array(self._tail.get(number, []), np.intp)
        rows = np.concatenate([self._sorted.rows[begin[0] : end[0]].astype(np.intp), rows])
        return rows[self._is_alive[rows]]

    def _sort(self) -> None:
        if self._length - self._sorted_rows <= _TAIL_ROWS:
            return
        rows = np.flatnonzero(self.is_alive)
        numbers = self.numbers[rows]
        order = np.argsort(numbers, kind="stable")
        self._sorted = _Sorted(numbers[order], rows[order], self._length)
        self._sorted_rows = self._tail_end = self._length
        self._tail.clear()


class _Sorted:
    """Rows by the number of their memory; those of one memory in their order."""

    def __init__(self, numbers: Numbers, rows: Rows, length: int) -> None:
        """Take over rows.

        Args:
            numbers: The number of each row's memory, sorted.
            rows: In the order of the numbers; void ones may be left out.
            length: How many rows there are, those that are left out too.
        """
        is_first = np.ones(len(numbers), np.bool_)
        is_first[1:] = numbers[1:] != numbers[:-1]
        self._memories = numbers[is_first]
        self._begins = np.append(np.flatnonzero(is_first), len(numbers)).astype(np.int32)
        self.rows = rows.astype(np.int32)
        # Where a row's memory is; behind the last for a row that was left out.
        self._places = np.full(length, len(self._memories), np.int32)
        self._places[rows] = np.cumsum(is_first) - 1

    def ranges(self, numbers: Numbers) -> tuple[Rows, Rows]:
        """Return where the rows of each memory begin and end; nowhere for an unknown one."""
        if not len(self._memories):
            nowhere = np.zeros(len(numbers), np.intp)
            return nowhere, nowhere
        places = np.searchsorted(self._memories, numbers)
        places = np.minimum(places, len(self._memories) - 1)
        begins = self._begins[places].astype(np.intp)
        is_known = self._memories[places] == numbers
        return begins, np.where(is_known, self._begins[places + 1], begins).astype(np.intp)

    def are_of(self, numbers: Numbers) -> Flags:
        """Return which rows, in their own order, are of some memories; void ones may be wrong."""
        is_chosen = np.zeros(len(self._memories) + 1, np.bool_)
        places = np.searchsorted(self._memories, numbers)
        is_known = places < len(self._memories)
        places = places[is_known]
        is_chosen[places[self._memories[places] == numbers[is_known]]] = True
        return is_chosen[self._places]


def _keys_of(records: Records) -> Records:
    """Return what is kept of records; they may have more."""
    keys = np.empty(len(records), _KEY)
    for name, _ in KEY:
        keys[name] = records[name]
    return keys


def _voided(records: Records, is_row: Flags) -> Flags:
    """Return which rows have a later record that voids them."""
    places = np.flatnonzero(~is_row)
    numbers = records["memory"][places]
    order = np.argsort(numbers, kind="stable")
    numbers, places = numbers[order], places[order]
    is_last = np.append(numbers[1:] != numbers[:-1], True)
    numbers, places = numbers[is_last], places[is_last]
    rows = np.flatnonzero(is_row)
    of_rows = records["memory"][rows]
    nearest = np.minimum(np.searchsorted(numbers, of_rows), len(numbers) - 1)
    is_voided: Flags = (numbers[nearest] == of_rows) & (places[nearest] > rows)
    return is_voided


def _grown(array: npt.NDArray[Any], room: int) -> npt.NDArray[Any]:
    grown = np.empty(room, array.dtype)
    grown[: len(array)] = array
    return grown
