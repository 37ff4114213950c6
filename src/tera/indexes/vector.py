"""Exact cosine search over a memory-mapped float32 matrix that follows the store's vector feed.

Three files in a folder: `vectors.f32` (the rows), `keys.bin` (which chunk each row is of) and
`header.json` (format, embedder, number of rows, last feed number seen, checksums). New rows are
appended and the header replaced last, so a crash leaves at most bytes behind the end, which the
next append overwrites. Files that are not as they were written are set aside, and all is read anew.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tera.datatypes import VectorChange
from tera.errors import StoreError

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatVector = npt.NDArray[np.float32]
    Keys = npt.NDArray[np.void]

FORMAT = 2
COMPACT_SHARE = 0.5
"""Rewritten without its voided rows when more than this share of the rows is void."""
SELECTIVE_SHARE = 0.25
"""Below this share of wanted rows they are gathered first: copying 0.25 n rows costs one scan."""
_BLOCK_BYTES = 1 << 22
_KEY = np.dtype([("memory", "S10"), ("ordinal", "<i4")])
_VOID = b""


ReadFeed = Callable[[int], Sequence[VectorChange]]
"""Returns the rows with numbers above the given one, in order; empty at the end."""


@dataclass(frozen=True, slots=True)
class _Header:
    format: int
    embedder: str
    dim: int
    rows: int
    sequence: int
    vectors_crc: int
    checksum: int


class VectorIndex:
    """The vectors of one store. The caller holds the store's lock.

    Attributes:
        notes: What the person should hear about the opening, one line each.
    """

    def __init__(self, folder: Path, embedder: str, dim: int) -> None:
        """Open the index; one that is damaged is set aside, one of another embedder is emptied.

        All of it is read for its checksum: 0.06 s for 100,000 vectors of 384 dimensions.

        Args:
            folder: Where its files are.
            embedder: Name of the model that makes the vectors.
            dim: Length of a vector.

        Raises:
            StoreError: The folder cannot be written.
        """
        self._folder = folder
        self._header = _Header(FORMAT, embedder, dim, 0, 0, 0, 0)
        self._keys: Keys = np.empty(0, _KEY)
        self.notes: tuple[str, ...] = ()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._read():
                if self._is_damaged():
                    self._set_aside()
                self._write(np.empty((0, dim), np.float32), self._keys, 0)
        except OSError as error:
            raise _refused(error) from error

    @property
    def size(self) -> int:
        """How many chunks can be found."""
        return int(np.count_nonzero(self._keys["memory"] != _VOID))

    def follow(self, read_feed: ReadFeed, last_number: int) -> None:
        """Take over what is new in the store's feed.

        Args:
            read_feed: Reads the feed.
            last_number: The highest number the feed has given out; an index that is ahead of it
                belongs to another store and is rebuilt.
        """
        try:
            if self._header.sequence > last_number:
                self._write(np.empty((0, self._header.dim), np.float32), self._keys[:0], 0)
            while rows := read_feed(self._header.sequence):
                self._take(rows)
            void = len(self._keys) - self.size
            if len(self._keys) and void > COMPACT_SHARE * len(self._keys):
                kept = self._keys["memory"] != _VOID
                self._write(self._matrix()[kept], self._keys[kept], self._header.sequence)
        except OSError as error:
            raise _refused(error) from error

    def nearest(
        self, vector: FloatVector, count: int, memory_ids: Collection[str] | None = None
    ) -> list[tuple[str, int, float]]:
        """Return the closest chunks as (memory id, ordinal, cosine), best first.

        Args:
            vector: float32 of shape (dim,), length 1.
            count: Most chunks to return.
            memory_ids: Only chunks of these memories; None for all.
        """
        wanted = self._keys["memory"] != _VOID
        if memory_ids is not None:
            chosen = np.array([key.encode() for key in memory_ids], "S10")
            wanted &= np.isin(self._keys["memory"], chosen)
        rows = np.flatnonzero(wanted)
        if not len(rows):
            return []
        matrix = self._matrix()
        if len(rows) < SELECTIVE_SHARE * len(matrix):
            scores = matrix[rows] @ vector
        else:
            scores = (matrix @ vector)[rows]
        if count < len(rows):
            best = np.argpartition(scores, -count)[-count:]
            rows, scores = rows[best], scores[best]
        order = np.lexsort((rows, -scores))
        keys = self._keys[rows[order]]
        return [
            (key["memory"].decode(), int(key["ordinal"]), float(score))
            for key, score in zip(keys, scores[order], strict=True)
        ]

    def _take(self, rows: Sequence[VectorChange]) -> None:
        dim = self._header.dim
        keys = np.concatenate([self._keys, np.empty(len(rows), _KEY)])
        end = len(self._keys)
        vectors: list[FloatVector] = []
        for row in rows:
            if row.embedding is None:
                keys["memory"][:end][keys["memory"][:end] == row.memory_id.encode()] = _VOID
                continue
            vector = np.frombuffer(row.embedding, np.float32)
            if vector.shape != (dim,):
                raise StoreError(
                    f"a vector in the store has {vector.size} numbers, not {dim}",
                    hint="tera doctor --repair",
                )
            keys[end] = (row.memory_id.encode(), row.ordinal)
            vectors.append(vector)
            end += 1
        self._append(np.array(vectors, np.float32).reshape(-1, dim), keys[:end], rows[-1].sequence)

    def _matrix(self) -> npt.NDArray[np.float32]:
        shape = (self._header.rows, self._header.dim)
        if not shape[0]:
            return np.empty(shape, np.float32)
        return np.memmap(self._file("vectors.f32"), np.float32, mode="r", shape=shape)

    def _read(self) -> bool:
        """Read header and keys; False when they do not fit what is wanted or each other."""
        header = self._read_header()
        wanted = (FORMAT, self._header.embedder, self._header.dim)
        if header is None or (header.format, header.embedder, header.dim) != wanted:
            return False
        keys = self._load(header)
        if keys is not None:
            self._header, self._keys = header, keys
        return keys is not None

    def _read_header(self) -> _Header | None:
        try:
            return _Header(**json.loads(self._file("header.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _load(self, header: _Header) -> Keys | None:
        """Return the keys when they and the vectors are what a header says."""
        try:
            data = self._file("keys.bin").read_bytes()[: header.rows * _KEY.itemsize]
            if len(data) != header.rows * _KEY.itemsize or _checksum(data, header) != (
                header.checksum
            ):
                return None
            crc, left = 0, header.rows * header.dim * 4
            with self._file("vectors.f32").open("rb") as file:
                while left and (block := file.read(min(left, _BLOCK_BYTES))):
                    crc, left = zlib.crc32(block, crc), left - len(block)
        except (OSError, ValueError, TypeError, OverflowError):
            return None
        return np.frombuffer(data, _KEY).copy() if not left and crc == header.vectors_crc else None

    def _is_damaged(self) -> bool:
        """Return whether there is an index of this embedder and format that cannot be read.

        Without a header it is one whose rewriting was cut short.
        """
        header = self._read_header()
        if header is None:
            return self._file("header.json").exists()
        return (header.embedder, header.format) == (self._header.embedder, FORMAT)

    def _set_aside(self) -> None:
        """Move the files to a folder beside; only one such folder is kept of an index."""
        prefix = f"{self._folder.name}.damaged-"
        for earlier in self._folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(earlier, ignore_errors=True)
        aside = self._folder.with_name(prefix + time.strftime("%Y%m%d-%H%M%S"))
        aside.mkdir(mode=0o700, exist_ok=True)
        for name in ("header.json", "keys.bin", "vectors.f32"):
            if self._file(name).exists():
                self._file(name).replace(aside / name)
        self.notes = (
            "the vector index was damaged and is read anew from the store; the damaged files are"
            f" in {self._folder.parent.name}/{aside.name}",
        )

    def _append(self, vectors: npt.NDArray[np.float32], keys: Keys, sequence: int) -> None:
        offset = self._header.rows * self._header.dim * 4
        descriptor = os.open(self._file("vectors.f32"), os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(offset)
            file.seek(offset)
            data = vectors.tobytes()
            _write_through(file, data)
        self._commit(keys, sequence, zlib.crc32(data, self._header.vectors_crc))

    def _write(self, vectors: npt.NDArray[np.float32], keys: Keys, sequence: int) -> None:
        # The header goes first: vectors without one are an empty index, never a wrong one.
        self._file("header.json").unlink(missing_ok=True)
        aside = self._file("vectors.f32.new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            data = vectors.tobytes()
            _write_through(file, data)
        aside.replace(self._file("vectors.f32"))
        self._commit(keys, sequence, zlib.crc32(data))

    def _commit(self, keys: Keys, sequence: int, vectors_crc: int) -> None:
        data = keys.tobytes()
        header = replace(
            self._header, rows=len(keys), sequence=sequence, vectors_crc=vectors_crc, checksum=0
        )
        self._header = replace(header, checksum=_checksum(data, header))
        self._keys = keys.copy()
        for name, content in (("keys.bin", data), ("header.json", _json(self._header))):
            aside = self._file(f"{name}.new")
            aside.write_bytes(content)
            aside.chmod(0o600)
            aside.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self._folder / name


def _write_through(file: BinaryIO, data: bytes) -> None:
    """Write to the disk itself, before a header counts the vectors."""
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _checksum(keys: bytes, header: _Header) -> int:
    """Return the checksum of the keys and of everything in the header but the checksum itself."""
    return zlib.crc32(keys, zlib.crc32(_json(replace(header, checksum=0))))


def _json(header: _Header) -> bytes:
    return json.dumps(asdict(header), indent=1).encode()


class Comparison:
    """An index beside its feed, some rows at a time; both may change between them.

    Attributes:
        sequence: Number of the last row of the feed that was compared.
        wrong: How many rows are not in the index, or not the same there.
    """

    def __init__(self) -> None:
        """Begin."""
        self.sequence = 0
        self.wrong = 0
        self._matched: set[tuple[bytes, int]] = set()
        self._keys: Keys | None = None
        self._places: dict[tuple[bytes, int], int] = {}

    def take(self, index: VectorIndex, rows: Sequence[VectorChange]) -> None:
        """Compare the next rows of the feed with an index that has followed it."""
        places, matrix = self._places_in(index), index._matrix()
        self.sequence = rows[-1].sequence
        for row in rows:
            if row.embedding is None:
                continue
            key = (row.memory_id.encode(), row.ordinal)
            place = places.get(key)
            self.wrong += place is None or matrix[place].tobytes() != row.embedding
            self._matched.add(key)

    def unmatched(self, index: VectorIndex) -> int:
        """Return how many vectors of the index were in no row, after the last."""
        return sum(key not in self._matched for key in self._places_in(index) if key[0] != _VOID)

    def _places_in(self, index: VectorIndex) -> dict[tuple[bytes, int], int]:
        if self._keys is not index._keys:
            self._keys = index._keys
            self._places = {(k["memory"], int(k["ordinal"])): r for r, k in enumerate(self._keys)}
        return self._places


def _refused(error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the vector index: {error.strerror or error}",
        hint="free some space, or set TERA_HOME to a folder that you can write to",
    )
