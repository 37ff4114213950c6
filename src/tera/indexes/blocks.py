"""Rows of memories in blocks, and the columns of their attributes, in one SQLite file.

Memories have rows in the order of their arrival, in blocks of BLOCK_ROWS; of each block and
attribute there is one `Column`. Every blob's checksum stands in the blob above it, and those of the
blocks in the state: what does not fit is damage, which SQLite itself does not look for.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tera.attributes import FORMAT as ATTRIBUTES_FORMAT
from tera.attributes import Value
from tera.indexes.columns import Column

if TYPE_CHECKING:
    import numpy.typing as npt

    from tera.indexes.keys import Numbers

    Moments = npt.NDArray[np.int64]

Place = tuple[int, int, int]
"""A position in the journal: number, segment, offset."""
START: Place = (0, 1, 0)
FORMAT = 1
BLOCK_ROWS = 4096
"""Adding one memory writes its block's columns again: 0.3 MB where every title is another."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE IF NOT EXISTS block (id INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE IF NOT EXISTS attribute (name TEXT, block INTEGER, data BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS attribute_name ON attribute (name, block);
"""
_REFUSALS = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
    }
)
"""What the disk or the system is to blame for; anything else is damage."""


class DamagedError(Exception):
    """A blob is not as it was written."""


@dataclass(frozen=True, slots=True)
class Row:
    """A memory's number and times, in milliseconds, and the values in each of its columns."""

    number: int
    at: int
    remembered: int
    values: Mapping[str, Sequence[Value]]


@dataclass(slots=True)
class _Block:
    """What is known of a block: how many rows are taken, and the checksums of its columns."""

    rows: int
    columns: dict[str, int]


class Blocks:
    """The file, and in memory what every filter needs of it.

    Attributes:
        size: How many rows there are, void ones too.
        place: Up to where in the journal they follow it.
        digest: What tells that journal from others.
    """

    def __init__(self, file: Path) -> None:
        """Prepare; nothing is opened."""
        self.file = file
        self._connection: sqlite3.Connection | None = None
        self._forget()

    def _forget(self) -> None:
        """Know of no rows."""
        self._numbers: Numbers = np.zeros(0, np.uint64)
        self._at: Moments = np.zeros(0, np.int64)
        self._remembered: Moments = np.zeros(0, np.int64)
        self._blocks: list[_Block] = []
        self._checksums: list[int] = []
        self.size: int = 0
        self.place: Place = START
        self.digest = ""

    @property
    def is_open(self) -> bool:
        """Whether `open` was called, and `close` was not."""
        return self._connection is not None

    @property
    def numbers(self) -> Numbers:
        """The number of the memory in each row; 0 for a void row."""
        return self._numbers[: self.size]

    @property
    def at(self) -> Moments:
        """When what is in each row happened."""
        return self._at[: self.size]

    @property
    def remembered(self) -> Moments:
        """When what is in each row was remembered."""
        return self._remembered[: self.size]

    @property
    def names(self) -> set[str]:
        """The names of all columns."""
        return {name for block in self._blocks for name in block.columns}

    def columns(self, name: str) -> Iterator[tuple[int, Column]]:
        """Yield the columns of a name, each with the row that its first row is.

        Raises:
            DamagedError: One is not as it was written.
        """
        there = [number for number, block in enumerate(self._blocks) if name in block.columns]
        found = self._database().execute(
            "SELECT block, data FROM attribute WHERE name = ? ORDER BY block", (name,)
        )
        count = 0
        for (number, data), wanted in zip(found, there, strict=False):
            if number != wanted:
                raise DamagedError
            count += 1
            yield number * BLOCK_ROWS, self._checked(name, number, data)
        if count != len(there):
            raise DamagedError

    def take(self, void: Moments, rows: Sequence[Row], place: Place, digest: str) -> None:
        """Make rows void and add others, in one transaction; after an error, open it again.

        Args:
            void: Which rows.
            rows: What is added.
            place: Up to where in the journal the rows then follow it.
            digest: What tells that journal from others.
        """
        self._database().execute("BEGIN")
        self._numbers[void] = 0
        altered = set((void // BLOCK_ROWS).tolist())
        added = 0
        while added < len(rows):
            room = BLOCK_ROWS - self.size % BLOCK_ROWS
            altered.add(self._add(rows[added : added + room]))
            added += room
        for number in sorted(altered):
            self._write_block(number)
        self.place, self.digest = place, digest
        self._write_state()
        self._database().execute("COMMIT")

    def _add(self, rows: Sequence[Row]) -> int:
        """Add rows to the last block, which has room for them; return its number."""
        number, first = divmod(self.size, BLOCK_ROWS)
        if number == len(self._blocks):
            self._blocks.append(_Block(0, {}))
            self._checksums.append(0)
        self._make_room(self.size + len(rows))
        new = slice(self.size, self.size + len(rows))
        self._numbers[new] = [row.number for row in rows]
        self._at[new] = [row.at for row in rows]
        self._remembered[new] = [row.remembered for row in rows]
        self.size += len(rows)
        self._blocks[number].rows += len(rows)
        columns: dict[str, dict[Value, list[int]]] = {}
        for place, row in enumerate(rows, start=first):
            for name, values in row.values.items():
                rows_of = columns.setdefault(name, {})
                for value in values:
                    rows_of.setdefault(value, []).append(place)
        for name, rows_of in columns.items():
            self._extend(name, number, Column.of(rows_of))
        return number

    def _extend(self, name: str, number: int, column: Column) -> None:
        known = self._blocks[number].columns
        if name in known:
            column = self._column(name, number).joined(column)
        data = column.write()
        known[name] = zlib.crc32(data)
        self._database().execute(
            "INSERT INTO attribute VALUES (?, ?, ?)"
            " ON CONFLICT (name, block) DO UPDATE SET data = excluded.data",
            (name, number, data),
        )

    def _column(self, name: str, number: int) -> Column:
        row = (
            self._database()
            .execute("SELECT data FROM attribute WHERE name = ? AND block = ?", (name, number))
            .fetchone()
        )
        return self._checked(name, number, row[0] if row else b"")

    def _checked(self, name: str, number: int, data: bytes) -> Column:
        if _checksum(data) != self._blocks[number].columns[name]:
            raise DamagedError
        return Column.read(data)

    def _make_room(self, rows: int) -> None:
        """Let the arrays of all rows have room for so many, and some more."""
        if rows > len(self._numbers):
            more = max(rows - len(self._numbers), len(self._numbers) // 2, BLOCK_ROWS)
            self._numbers = np.concatenate([self._numbers, np.zeros(more, np.uint64)])
            self._at = np.concatenate([self._at, np.zeros(more, np.int64)])
            self._remembered = np.concatenate([self._remembered, np.zeros(more, np.int64)])

    # The file.

    def open(self) -> None:
        """Open the file, and make it if it is not there; one of another format is emptied.

        Raises:
            DamagedError: It is not as it was written.
            sqlite3.Error: That, or it cannot be written; see `is_refusal`.
            OSError: It cannot be written.
        """
        self._forget()
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its other files the mode of this one.
        os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        # Several threads use it, one at a time, as they do the store.
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        self._connection = connection
        connection.execute("PRAGMA journal_mode = WAL")
        # What is lost with the power is read again from the journal.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
        row = connection.execute("SELECT data FROM state WHERE id = 1").fetchone()
        if row is None:
            if connection.execute("SELECT 1 FROM block LIMIT 1").fetchone():
                raise DamagedError
            return
        state = _unsealed(row[0])
        if state["format"] != [FORMAT, ATTRIBUTES_FORMAT]:
            self.clear()
            return
        number, segment, offset = state["place"]
        self.place, self.digest = (number, segment, offset), state["digest"]
        self._checksums = state["blocks"]
        self._read_blocks()

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        self._forget()
        if connection:
            with suppress(sqlite3.Error):
                connection.close()

    def clear(self) -> None:
        """Begin anew, with an empty file."""
        self.close()
        for file in _files(self.file):
            file.unlink(missing_ok=True)
        self.open()

    def compact(self) -> None:
        """Write all rows that are not void to a new file, and put it in the place of this one."""
        new = Blocks(self.file.with_name(f"{self.file.name}.new"))
        new.close()
        for file in _files(new.file):
            file.unlink(missing_ok=True)
        new.open()
        try:
            for number in range(len(self._blocks)):
                void = np.empty(0, np.int64)
                new.take(void, self._live_rows(number), self.place, self.digest)
        finally:
            new.close()
        self.close()
        # A log that is left of the old file is not for the new one.
        for file in _files(self.file)[1:]:
            file.unlink(missing_ok=True)
        new.file.replace(self.file)
        self.open()

    def _live_rows(self, number: int) -> list[Row]:
        """Return the rows of a block that are not void."""
        first = number * BLOCK_ROWS
        values: list[dict[str, list[Value]]] = [{} for _ in range(self._blocks[number].rows)]
        for name in self._blocks[number].columns:
            for value, rows in self._column(name, number).values():
                for row in rows:
                    values[row].setdefault(name, []).append(value)
        return [
            Row(int(memory), int(self.at[first + row]), int(self.remembered[first + row]), of_row)
            for row, of_row in enumerate(values)
            if (memory := self.numbers[first + row])
        ]

    def set_aside(self) -> Path:
        """Move a damaged file beside; only that of the last time is kept. Return where it is."""
        self.close()
        prefix = f"{self.file.name}.damaged-"
        for earlier in self.file.parent.glob(f"{prefix}*"):
            earlier.unlink(missing_ok=True)
        aside = self.file.with_name(prefix + time.strftime("%Y%m%d-%H%M%S"))
        for file, target in zip(_files(self.file), _files(aside), strict=True):
            if file.exists():
                file.replace(target)
        return aside

    def _database(self) -> sqlite3.Connection:
        assert self._connection
        return self._connection

    def _read_blocks(self) -> None:
        found = self._database().execute("SELECT id, data FROM block ORDER BY id").fetchall()
        if [number for number, _ in found] != list(range(len(self._checksums))):
            raise DamagedError
        fields: list[Moments] = []
        for (_, data), checksum in zip(found, self._checksums, strict=True):
            if _checksum(data) != checksum:
                raise DamagedError
            size = int.from_bytes(data[:4], "little")
            fields.append(np.frombuffer(data, "<i8", 3 * size, 4).reshape(3, size))
            self._blocks.append(_Block(size, json.loads(data[4 + 24 * size :])))
            self.size += size
        if fields:
            numbers, self._at, self._remembered = np.concatenate(fields, axis=1)
            self._numbers = numbers.astype(np.uint64)

    def _write_block(self, number: int) -> None:
        block = self._blocks[number]
        rows = slice(number * BLOCK_ROWS, number * BLOCK_ROWS + block.rows)
        fields = np.array([self._numbers[rows], self._at[rows], self._remembered[rows]], "<i8")
        names = json.dumps(block.columns).encode()
        data = block.rows.to_bytes(4, "little") + fields.tobytes() + names
        self._checksums[number] = zlib.crc32(data)
        self._database().execute("INSERT OR REPLACE INTO block VALUES (?, ?)", (number, data))

    def _write_state(self) -> None:
        state = {
            "format": [FORMAT, ATTRIBUTES_FORMAT],
            "place": self.place,
            "digest": self.digest,
            "blocks": self._checksums,
        }
        data = json.dumps(state).encode()
        sealed = zlib.crc32(data).to_bytes(4, "little") + data
        self._database().execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (sealed,))


def is_refusal(error: Exception) -> bool:
    """Return whether the disk or the system is to blame for an error, and not what is written."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, OSError) or (code is not None and (code & 0xFF) in _REFUSALS)


def _checksum(data: object) -> int:
    """Return a blob's checksum; damage may have made another type of it."""
    if not isinstance(data, bytes):
        raise DamagedError
    return zlib.crc32(data)


def _unsealed(sealed: object) -> dict[str, Any]:
    if not isinstance(sealed, bytes) or zlib.crc32(sealed[4:]).to_bytes(4, "little") != sealed[:4]:
        raise DamagedError
    value: dict[str, Any] = json.loads(sealed[4:])
    return value


def _files(file: Path) -> list[Path]:
    return [file.with_name(file.name + ending) for ending in ("", "-wal", "-shm")]
