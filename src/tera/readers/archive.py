"""Archives: zip, tar and single compressed files -> the files in them, one after the other."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, cast

from tera.errors import UnreadableFileError
from tera.readers.document import Attachment, Document, Failure, Item, Progress, locked

MOST_MEMBERS = 100_000
"""A mail archive of many years has a tenth of it."""
MOST_BYTES = 32 * 2**30
"""Unpacked, in all."""
HIGHEST_RATIO = 200
"""Unpacked to packed. Text compresses 3 to 20 times, logs up to 100; zip bombs over 1,000."""
FREE_BYTES = 256 * 2**20
"""Unpacked before the ratio counts: small files of one repeated line are no bombs."""
_PIECE = 2**20
_JUNK = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error),
    *(EOFError, OSError, ValueError, NotImplementedError, KeyError, IndexError, UnicodeError),
)


def read_archive(document: Document) -> Iterator[Item]:
    """Unpack an archive; hidden files and what an operating system adds are left out.

    Raises:
        UnreadableFileError: It is broken, or unpacks to far more than it should.
        PasswordNeededError: It is encrypted.
    """
    import zstandard

    budget = _Budget(document)
    try:
        if zipfile.is_zipfile(document.path):
            yield from _read_zip(document, budget)
        else:
            yield from _read_stream(document, budget)
    except (*_BROKEN, zstandard.ZstdError) as error:
        raise UnreadableFileError(
            f"{document.name} is a broken archive: {error}", hint="fetch it or make it again"
        ) from error


def _read_zip(document: Document, budget: _Budget) -> Iterator[Item]:
    with zipfile.ZipFile(document.path) as archive:
        password = document.password.encode() if document.password else None
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise budget.refusal(f"{len(members)} files")
        if password is None and any(member.flag_bits & 1 for member in members):
            raise locked(document)
        for number, member in enumerate(members):
            name = _safe_name(member.filename)
            is_link = stat.S_ISLNK(member.external_attr >> 16)
            if member.is_dir() or is_link or not name:
                continue
            try:
                with archive.open(member, pwd=password) as file:
                    path = budget.unpack(file, number)
            except RuntimeError as error:
                # zipfile has no other way to say it.
                raise locked(document) from error
            except _BROKEN as error:
                yield Failure(f"{document.name}/{name} cannot be unpacked: {error}")
                continue
            yield Attachment(path, name, _zip_date(member))
            yield Progress(number + 1, len(members))


def _read_stream(document: Document, budget: _Budget) -> Iterator[Item]:
    """Read a tar file or one compressed file, from its beginning to its end."""
    with document.path.open("rb") as packed:
        head = packed.read(8)
        packed.seek(0)
        with _decompressed(head, packed) as unpacked:
            is_tar = unpacked.read(262)[257:] == b"ustar"
        packed.seek(0)
        with _decompressed(head, packed) as unpacked:
            if is_tar:
                yield from _read_tar(document, budget, unpacked, packed)
            elif unpacked is packed:
                # Nothing is unpacked: it would be an archive in itself, again and again.
                raise ValueError("its end is missing, or it is no archive")
            else:
                name = PurePosixPath(document.name).name
                path = budget.unpack(unpacked, 0)
                yield Attachment(path, name.rpartition(".")[0] or name, document.modified)


def _read_tar(
    document: Document, budget: _Budget, unpacked: IO[bytes], packed: IO[bytes]
) -> Iterator[Item]:
    with tarfile.open(fileobj=unpacked, mode="r|") as archive:
        for number, member in enumerate(archive):
            name = _safe_name(member.name)
            if not member.isreg() or not name:
                continue
            if number >= MOST_MEMBERS:
                raise budget.refusal(f"over {MOST_MEMBERS} files")
            file = archive.extractfile(member)
            assert file
            date = datetime.fromtimestamp(max(0, min(member.mtime, 2**36)), UTC)
            yield Attachment(budget.unpack(file, number), name, date)
            yield Progress(min(packed.tell(), document.size_bytes), document.size_bytes)


def _decompressed(head: bytes, file: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if head.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.BZ2File(file))
    if head.startswith(b"\xfd7zXZ"):
        return cast("IO[bytes]", lzma.LZMAFile(file))
    return _zstandard(file) if head.startswith(b"\x28\xb5\x2f\xfd") else nullcontext(file)


def _zstandard(file: IO[bytes]) -> IO[bytes]:
    import zstandard

    # Not more of a window than the format's own tools allow unasked.
    return zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file, closefd=False)


def _safe_name(name: str) -> str:
    """Return a member's name without what leads out of the archive; empty when it is not wanted."""
    parts = [
        part
        for part in name.replace("\\", "/").replace("\0", "").split("/")
        if part not in ("", ".", "..")
    ]
    if not parts or any(part in _JUNK or part.startswith(".") for part in parts):
        return ""
    return "/".join(parts).encode(errors="backslashreplace").decode()


def _zip_date(member: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*member.date_time).astimezone()
    except (ValueError, OverflowError):
        return None


class _Budget:
    """Counts what is unpacked, and stops what unpacks to too much."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._unpacked = 0

    def unpack(self, file: IO[bytes], number: int) -> Path:
        path = self._document.scratch / str(number)
        most = max(FREE_BYTES, min(MOST_BYTES, HIGHEST_RATIO * self._document.size_bytes))
        try:
            with path.open("wb") as unpacked:
                while piece := file.read(_PIECE):
                    self._unpacked += len(piece)
                    if self._unpacked > most:
                        raise self.refusal(f"more than {most // 2**20} MB")
                    unpacked.write(piece)
        except BaseException:
            # The next member may fit where this one did not.
            path.unlink(missing_ok=True)
            raise
        return path

    def refusal(self, amount: str) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self._document.name} unpacks to {amount}: not read to its end",
            hint="unpack it yourself if you trust it, and remember the folder",
        )
