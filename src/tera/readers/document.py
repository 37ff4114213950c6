"""What a reader is given, and what it may yield."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Protocol

from tera.datatypes import Draft
from tera.errors import MissingExtraError, NoTextError, PasswordNeededError, UnreadableFileError

PART_CHARACTERS = 1_000_000
"""A long document becomes several memories of about this length, so that it can be streamed."""
PROGRESS_S = 1.0


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read.

    Attributes:
        path: A regular file; for a few types a folder. Not changed by anybody else than its owner,
            so it may grow: only the first `size_bytes` are read.
        name: Its name, for titles and messages.
        size_bytes: Its size when it was looked at.
        modified: Its date, aware.
        scratch: A folder of its own for what the reader unpacks; it goes when all is read.
        password: For an encrypted document.
    """

    path: Path
    name: str
    size_bytes: int
    modified: datetime | None
    scratch: Path
    password: str | None = None

    def open(self) -> BinaryIO:
        """Open the file; it ends where it ended when it was looked at.

        Raises:
            UnreadableFileError: It cannot be opened.
        """
        try:
            return io.BufferedReader(_FirstBytes(self.path, self.size_bytes))
        except OSError as error:
            raise UnreadableFileError(f"cannot read {self.name}: {error.strerror}") from error


class _FirstBytes(io.RawIOBase):
    def __init__(self, path: Path, size_bytes: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._size_bytes = size_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._file.seek(self._size_bytes + offset)
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int | None:
        left = max(0, self._size_bytes - self._file.tell())
        return self._file.readinto(memoryview(buffer)[:left])

    def close(self) -> None:
        self._file.close()
        super().close()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document inside another, unpacked to `path` in the scratch folder; read on its own.

    `name` may have folders in it: it is where the document stands in the other.
    """

    path: Path
    name: str
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a document is read, in any unit; said at least every few seconds."""

    done: int
    total: int


class Pace:
    """Says how far a document is read, at most once a second."""

    def __init__(self) -> None:
        """Begin now."""
        self._said = monotonic()

    def at(self, done: int, total: int) -> Iterator[Progress]:
        """Yield progress, if it is time for it."""
        if monotonic() - self._said >= PROGRESS_S:
            self._said = monotonic()
            yield Progress(done, total)


@dataclass(frozen=True, slots=True)
class Note:
    """What the person should know of how a document was read, and what would do better."""

    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of a document that could not be read; the rest is."""

    text: str
    hint: str = ""


Item = Draft | Attachment | Progress | Note | Failure


class Reader(Protocol):
    """Turns one type of document into drafts."""

    def __call__(self, document: Document) -> Iterator[Item]:
        """Read a document from its beginning to its end, without holding all of it in memory.

        Args:
            document: What to read.

        Yields:
            Drafts with text, title, date and part (`at` is the file's date when it is left out; the
            caller sets source and type), and what else there is to say.

        Raises:
            ReaderError: The document is not what it looks like, is broken, or has no text.
            PasswordNeededError: It is encrypted, and the password is missing or wrong.
            MissingExtraError: A library for it is not installed.
        """


@dataclass(frozen=True, slots=True)
class DocumentType:
    """What Tera knows of a type of document.

    Attributes:
        reader: "module:function" below `tera.readers`.
        endings: Of file names, in small letters.
        version: Counts up when the reader gives other texts: unchanged files are read again.
        is_text: Its bytes are text: its ending says what it is, and nothing else has to.
        is_isolated: It is read in a process of its own, as its library could crash or hang.
        memory_mb: What that process may use.
    """

    reader: str
    endings: tuple[str, ...] = ()
    version: int = 1
    is_text: bool = False
    is_isolated: bool = True
    memory_mb: int = 1024


def locked(document: Document) -> PasswordNeededError:
    """Return the error of a document that its password, if it has one, does not open."""
    wrong = ", and the password is wrong" if document.password else ""
    return PasswordNeededError(
        f"{document.name} is encrypted{wrong}", hint="tera remember --password PASSWORD FILE"
    )


def without_text(document: Document, what: str, hint: str) -> NoTextError:
    """Return the error of a document in which there is nothing to remember.

    Args:
        document: It was read to its end.
        what: Is missing: "text", "messages", "events".
        hint: What the person can do then.
    """
    return NoTextError(f"{document.name} has no {what} in it", hint=hint)


def require(extra: str, module: str) -> None:
    """Make sure that the library of an optional part is installed.

    Raises:
        MissingExtraError: It is not.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtraError(
            f"this needs the Python package {module}, which is not installed",
            hint=f"pip install 'tera[{extra}]'",
        )
