"""The files of the vector index: vectors, a record for each, and a header that counts them.

`vectors.f32` has the rows, one behind the other. `rows.bin` has a record for each row in the same
order (memory, ordinal, CRC-32 of the vector, sign code), and between them records that void what
came earlier; its first bytes are the centre of the codes. `header.json` has format, embedder,
lengths, the last feed number and checksums. Vectors and records are appended and the header is
replaced last, so a crash leaves at most bytes behind the end, where there is room anyway.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tera.indexes.codes import code_bytes
from tera.indexes.passages import KEY, VOID

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatVector = npt.NDArray[np.float32]
    FloatMatrix = npt.NDArray[np.float32]
    Records = npt.NDArray[np.void]

FORMAT = 3
RANDOM_READ_ROWS = 20_000
"""More rows are mapped as read here and there, so that the system does not read what is around
each vector too: 100 KB for 1.5 KB."""
ROOM_SHARE = 16
"""A part of this size is free behind the vectors, so that they need not be mapped again for each
one that is added: a million searched after that took 36 ms, otherwise 12."""
_VECTORS, _ROWS, _HEADER = "vectors.f32", "rows.bin", "header.json"
_EARLIER_FORMATS = (1, 2)
_EARLIER = ("keys.bin",)
"""Files of earlier formats."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is in the files.

    Attributes:
        format: FORMAT.
        embedder: Name of the model that made the vectors.
        dim: Length of a vector.
        rows: Number of vectors.
        records: Number of records: a row each, or a voiding.
        has_codes: Are there sign codes in the records?
        sequence: The last feed number that was taken over.
        rows_sum: CRC-32 of `rows.bin`.
        checksum: CRC-32 of the rest of the header.
    """

    format: int
    embedder: str
    dim: int
    rows: int
    records: int
    has_codes: bool
    sequence: int
    rows_sum: int
    checksum: int


class VectorFiles:
    """The files in a folder.

    Attributes:
        header: What is in them.
    """

    def __init__(self, folder: Path, embedder: str, dim: int) -> None:
        """Make the folder; nothing is read."""
        self._folder = folder
        self._record = np.dtype([*KEY, ("code", "u1", (code_bytes(dim),))])
        self.header = Header(FORMAT, embedder, dim, 0, 0, False, 0, 0, 0)
        self._mapped = np.empty((0, dim), np.float32)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def records(self, count: int) -> Records:
        """Return new records, all zero."""
        return np.zeros(count, self._record)

    def read(self) -> tuple[FloatVector, Records] | None:
        """Return the centre and the records; None when they, or the header, are of no use.

        Of the vectors only the length is looked at: each has its checksum in its record.
        """
        header, wanted = self._read_header(), self.header
        if not header or (header.embedder, header.dim) != (wanted.embedder, wanted.dim):
            return None
        try:
            length = self._centre_bytes + header.records * self._record.itemsize
            with self._file(_ROWS).open("rb") as file:
                data = file.read(length)
            vectors_bytes = self._file(_VECTORS).stat().st_size
        except (OSError, ValueError, TypeError, OverflowError):
            return None
        if len(data) != length or zlib.crc32(data) != header.rows_sum:
            return None
        records = np.frombuffer(data, self._record, offset=self._centre_bytes)
        rows = int(np.count_nonzero(records["ordinal"] != VOID))
        if rows != header.rows or vectors_bytes < rows * header.dim * 4:
            return None
        self.header = header
        return np.frombuffer(data, np.float32, header.dim), records

    def matrix(self) -> FloatMatrix:
        """Return the vectors, mapped into memory, of shape (rows, dim)."""
        rows, dim = self.header.rows, self.header.dim
        if len(self._mapped) < rows:
            with self._file(_VECTORS).open("rb") as file:
                room = os.fstat(file.fileno()).st_size // (dim * 4)
                mapped = mmap.mmap(file.fileno(), room * dim * 4, access=mmap.ACCESS_READ)
            if rows > RANDOM_READ_ROWS and hasattr(mmap, "MADV_RANDOM"):
                mapped.madvise(mmap.MADV_RANDOM)
            self._mapped = np.frombuffer(mapped, np.float32).reshape(room, dim)
        return self._mapped[:rows]

    def read_rows(self, first: int, count: int) -> FloatMatrix:
        """Return some of the vectors that follow each other, read from the file."""
        width = self.header.dim * 4
        with self._file(_VECTORS).open("rb") as file:
            file.seek(first * width)
            data = file.read(count * width)
        return np.frombuffer(data, np.float32, len(data) // width * self.header.dim).reshape(
            -1, self.header.dim
        )

    def append(self, vectors: FloatMatrix, records: Records, sequence: int) -> None:
        """Add vectors, and their records among others that void rows."""
        header = self.header
        room = header.rows // ROOM_SHARE * header.dim * 4
        self._append_to(_VECTORS, header.rows * header.dim * 4, vectors.tobytes(), room)
        length = self._centre_bytes + header.records * self._record.itemsize
        data = records.tobytes()
        self._append_to(_ROWS, length, data, 0)
        self._commit(
            replace(
                header,
                rows=header.rows + len(vectors),
                records=header.records + len(records),
                sequence=sequence,
                rows_sum=zlib.crc32(data, header.rows_sum),
            )
        )

    def rewrite(
        self,
        centre: FloatVector | None,
        blocks: Iterable[tuple[FloatMatrix, Records]],
        sequence: int,
    ) -> None:
        """Replace all vectors and records.

        Args:
            centre: The centre of the records' codes; None when they have none.
            blocks: Vectors and the records of them; what is replaced may be read meanwhile.
            sequence: The last feed number that is in them.
        """
        first = np.zeros(self.header.dim, np.float32) if centre is None else centre
        rows, rows_sum = 0, zlib.crc32(first.tobytes())
        with self._new(_VECTORS) as vectors_file, self._new(_ROWS) as rows_file:
            rows_file.write(first.tobytes())
            for vectors, records in blocks:
                vectors_file.write(vectors.tobytes())
                data = records.tobytes()
                rows_file.write(data)
                rows, rows_sum = rows + len(records), zlib.crc32(data, rows_sum)
            _write_through(vectors_file)
            _write_through(rows_file)
        # The header goes first: files without one are an empty index, never a wrong one.
        self._file(_HEADER).unlink(missing_ok=True)
        for name in (_VECTORS, _ROWS):
            self._file(f"{name}.new").replace(self._file(name))
        for name in _EARLIER:
            self._file(name).unlink(missing_ok=True)
        self._mapped = self._mapped[:0]
        self._commit(
            replace(
                self.header,
                rows=rows,
                records=rows,
                has_codes=centre is not None,
                sequence=sequence,
                rows_sum=rows_sum,
            )
        )

    def is_damaged(self) -> bool:
        """Return whether there is an index of this embedder and format that cannot be read.

        Without a header it is one whose rewriting was cut short.
        """
        if header := self._read_header():
            return header.embedder == self.header.embedder
        try:
            found: Any = json.loads(self._file(_HEADER).read_bytes())
            return found["format"] not in _EARLIER_FORMATS
        except FileNotFoundError:
            return False
        except (OSError, ValueError, TypeError, KeyError):
            return True

    def set_aside(self) -> str:
        """Move the files to a folder beside; only one such folder is kept of an index.

        Returns:
            What the person should hear.
        """
        prefix = f"{self._folder.name}.damaged-"
        for earlier in self._folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(earlier, ignore_errors=True)
        aside = self._folder.with_name(prefix + time.strftime("%Y%m%d-%H%M%S"))
        aside.mkdir(mode=0o700, exist_ok=True)
        for name in (_HEADER, _ROWS, _VECTORS):
            if self._file(name).exists():
                self._file(name).replace(aside / name)
        return (
            "the vector index was damaged and is read anew from the store; the damaged files are"
            f" in {self._folder.parent.name}/{aside.name}"
        )

    @property
    def _centre_bytes(self) -> int:
        return self.header.dim * 4

    def _read_header(self) -> Header | None:
        try:
            header = Header(**json.loads(self._file(_HEADER).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        is_whole = header.format == FORMAT and header.checksum == _checksum(header)
        return header if is_whole else None

    def _append_to(self, name: str, offset: int, data: bytes, room: int) -> None:
        """Write at an offset; a file that becomes longer gets room for more, which has no blocks.

        It never becomes shorter: bytes that are mapped must not go.
        """
        descriptor = os.open(self._file(name), os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if offset + len(data) > os.fstat(descriptor).st_size:
                file.truncate(offset + len(data) + room)
            file.seek(offset)
            file.write(data)
            _write_through(file)

    def _commit(self, header: Header) -> None:
        header = replace(header, checksum=_checksum(header))
        aside = self._file(f"{_HEADER}.new")
        aside.write_bytes(_json(header))
        aside.chmod(0o600)
        aside.replace(self._file(_HEADER))
        self.header = header

    def _new(self, name: str) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return os.fdopen(os.open(self._file(f"{name}.new"), flags, 0o600), "wb")

    def _file(self, name: str) -> Path:
        return self._folder / name


def _write_through(file: BinaryIO) -> None:
    """Write to the disk itself, before a header counts what was written."""
    file.flush()
    os.fsync(file.fileno())


def _checksum(header: Header) -> int:
    return zlib.crc32(_json(replace(header, checksum=0)))


def _json(header: Header) -> bytes:
    fields: dict[str, Any] = asdict(header)
    return json.dumps(fields, indent=1).encode()
