"""A file that proves itself: a tar archive, compressed with zstd, that ends with its own SHA-256.

The checksum lies in a frame that zstd passes over, so `zstd -d < FILE | tar x` opens it anywhere.
Any byte that was changed, lost or added shows before a single one is used.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from tera.errors import StoreError, UnreadableFileError

LEVEL = 3
"""zstd's own default: a journal of Wikipedia paragraphs becomes 3.2 times smaller; with level 10
3.5 times, which takes three times as long."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SEAL_HEAD = struct.pack("<II", 0x184D2A50, 32)  # RFC 8878: a skippable frame of 32 bytes
_SEAL_BYTES = len(_SEAL_HEAD) + 32
_BLOCK = 1 << 20
DAMAGED_HINT = "use another copy of it"


@contextmanager
def write_archive(file: Path) -> Iterator[tarfile.TarFile]:
    """Write an archive that only its owner can read; it is on the disk when the block ends.

    Raises:
        FileExistsError: There is a file of that name already.
        OSError: It cannot be written. What there is of it stays.
    """
    import zstandard

    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as plain:
        sealed = _Sealed(plain)
        parameters = zstandard.ZstdCompressionParameters.from_level(LEVEL, write_checksum=True)
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        with (
            compressor.stream_writer(cast("IO[bytes]", sealed), closefd=False) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            yield archive
        plain.write(_SEAL_HEAD + sealed.digest.digest())
        plain.flush()
        os.fsync(plain.fileno())


@contextmanager
def read_archive(
    file: Path, progress: Callable[[int, int], None]
) -> Iterator[Iterator[tuple[tarfile.TarInfo, BinaryIO]]]:
    """Check all of an archive, then hand out its files one after the other.

    Args:
        file: The archive.
        progress: Is told how many of how many bytes of the file are done; it is read twice.

    Raises:
        UnreadableFileError: It is none, is damaged or cut off, or cannot be read.
    """
    import zstandard

    try:
        with file.open("rb") as plain:
            size = os.fstat(plain.fileno()).st_size
            _check_seal(file, plain, size, progress)
            plain.seek(0)
            decompressor = zstandard.ZstdDecompressor()
            with (
                decompressor.stream_reader(plain, closefd=False) as stream,
                tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as archive,
            ):
                yield _files(archive, lambda: progress(size + plain.tell(), 2 * size))
    except OSError as error:
        raise UnreadableFileError(
            f"cannot read {file}: {error.strerror or error}", hint="check the name and its rights"
        ) from error
    except (tarfile.TarError, zstandard.ZstdError) as error:
        raise damaged(file) from error


def damaged(file: Path) -> UnreadableFileError:
    """Return the error for an archive that does not hold what was written to it."""
    return UnreadableFileError(f"{file} is damaged or cut off", hint=DAMAGED_HINT)


class HashedReader(io.RawIOBase):
    """Reads a file, and keeps the checksum of what was read."""

    def __init__(self, content: BinaryIO) -> None:
        """Read from a file that is open."""
        self.content = content
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all that are left without it."""
        data = self.content.read(size)
        self.digest.update(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return how many bytes there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class PrivateFile:
    """A private file that is on the disk when its block ends well; without a name, nothing.

    Raises:
        StoreError: It cannot be written.
    """

    def __init__(self, file: Path | None) -> None:
        """Prepare; the file is made when the block begins, and must not be there."""
        self._file = file
        self._plain: BinaryIO | None = None

    def __enter__(self) -> PrivateFile:
        """Make the file."""
        if self._file:
            with _told(self._file):
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                self._plain = os.fdopen(descriptor, "wb")
        return self

    def write(self, data: bytes) -> None:
        """Add bytes."""
        if self._plain and self._file:
            with _told(self._file):
                self._plain.write(data)

    def __exit__(self, kind: object, *_: object) -> None:
        """Close the file, after the disk has it."""
        if not (self._plain and self._file):
            return
        with _told(self._file), self._plain:
            if kind is None:
                self._plain.flush()
                os.fsync(self._plain.fileno())


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {file}: {error.strerror or error}",
            hint="free some space, or set TERA_HOME to a folder that you can write to",
        ) from error


class _Sealed(io.RawIOBase):
    """Passes on what is written, and keeps its checksum."""

    def __init__(self, plain: BinaryIO) -> None:
        self.plain = plain
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        written = bytes(cast("bytes", data))
        self.digest.update(written)
        return self.plain.write(written)


def _check_seal(
    file: Path, plain: BinaryIO, size: int, progress: Callable[[int, int], None]
) -> None:
    if plain.read(len(_ZSTD_MAGIC)) != _ZSTD_MAGIC:
        raise UnreadableFileError(
            f"{file} is not a backup of Tera", hint="name a file that tera backup has written"
        )
    plain.seek(0)
    digest = hashlib.sha256()
    left = max(0, size - _SEAL_BYTES)
    while left and (block := plain.read(min(left, _BLOCK))):
        digest.update(block)
        left -= len(block)
        progress(plain.tell(), 2 * size)
    if plain.read() != _SEAL_HEAD + digest.digest():
        raise damaged(file)


def _files(
    archive: tarfile.TarFile, progress: Callable[[], None]
) -> Iterator[tuple[tarfile.TarInfo, BinaryIO]]:
    for member in archive:
        content = archive.extractfile(member) if member.isreg() else None
        if content is None:
            raise tarfile.ReadError(f"{member.name} is no file")
        progress()
        yield member, cast("BinaryIO", content)
