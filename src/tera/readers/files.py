"""Paths that a person names -> the files to read, and what each is known by."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tera.errors import ReaderError, UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Document
from tera.readers.types import TYPES
from tera.readers.walk import Selection, Walk

WHOLE_BYTES = 4 * 2**30
"""Hashed as a whole: some ten seconds."""
_PIECE = 2**20
_SAMPLE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: `is_named` by the person, else found in a folder."""

    path: Path
    size_bytes: int
    modified: datetime | None
    is_named: bool

    @property
    def source(self) -> str:
        """The file's whole path, as memories name it."""
        return storable(os.path.abspath(self.path))  # noqa: PTH100


def find(
    paths: Sequence[Path], selection: Selection, on_failure: Callable[[ReaderError], None]
) -> Iterator[Found]:
    """Yield the files that paths name or that are in folders they name."""
    for path in paths:
        # pathlib raises for names that are too long.
        if not os.path.isdir(path):  # noqa: PTH112
            yield from _look(path, True, on_failure)
            continue
        walk = Walk(path, selection)
        for file in walk.files():
            yield from _look(file, False, on_failure)
        for failure in walk.failures:
            on_failure(failure)


def _look(path: Path, is_named: bool, on_failure: Callable[[ReaderError], None]) -> Iterator[Found]:
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            hint = f"cat {path} | tera remember"
            raise UnsupportedFormatError(f"{path} is not a regular file", hint=hint)
        if not os.access(path, os.R_OK):
            path.open("rb").close()
        yield found_at(path, status, is_named)
    except OSError as error:
        on_failure(unreadable(path, error))
    except ReaderError as error:
        on_failure(error)


def found_at(path: Path, status: os.stat_result, is_named: bool = False) -> Found:
    """Return a file as it is now."""
    size_bytes = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
    return Found(path, size_bytes, _date(status.st_mtime), is_named)


def digest_of(document: Document | Found, type_name: str) -> str:
    """Return the SHA-256 of a document, its type and its reader's version; empty for a folder.

    Of a file that would take too long it is that of its beginning, its end, its size and date.
    """
    if document.path.is_dir():
        return ""
    digest = hashlib.sha256(f"{type_name} {TYPES[type_name].version}\n".encode())
    places = [(0, document.size_bytes)]
    if document.size_bytes > WHOLE_BYTES:
        digest.update(f"{document.size_bytes} {document.modified}\n".encode())
        places = [(0, _SAMPLE), (document.size_bytes - _SAMPLE, _SAMPLE)]
    with document.path.open("rb") as file:
        for start, left in places:
            file.seek(start)
            while left > 0 and (piece := file.read(min(left, _PIECE))):
                digest.update(piece)
                left -= len(piece)  # noqa: PLW2901
    return digest.hexdigest()


def storable(name: str) -> str:
    """Escape bytes of a file's name that are not UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def unreadable(path: Path, error: OSError) -> UnreadableFileError:
    """Return the error for a file that the system does not give."""
    return UnreadableFileError(
        f"cannot read {path}: {error.strerror or error}", hint=f"ls -l {path}"
    )


def _date(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError):
        # Some file systems keep dates that no calendar has.
        return None
