"""Readers turn a file into a draft of a memory; the table names one for each file name ending."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tera.datatypes import Draft
from tera.errors import UnreadableFileError, UnsupportedFormatError

if TYPE_CHECKING:
    from datetime import datetime

MAX_BYTES = 16 * 1024 * 1024
"""Largest text of one memory. A book has about 1 MB; the store holds a value in memory at once."""


class Reader(Protocol):
    """Turns the bytes of one kind of file into a draft."""

    def __call__(self, data: bytes, name: str) -> Draft:
        """Read a document.

        Args:
            data: The whole file.
            name: The file's name, for titles and messages.

        Returns:
            The draft; its `source` and `at` are left for the caller, who knows the path.

        Raises:
            ReaderError: The document is not what its name says, or is broken.
        """


READERS = {
    ".md": "tera.readers.markdown:read_markdown",
    ".markdown": "tera.readers.markdown:read_markdown",
}
"""Endings with a reader of their own; every other file is read as text, if it is text."""


def find_reader(path: Path) -> Reader:
    """Return the reader for a file, by its ending."""
    module, _, name = READERS.get(path.suffix.lower(), "tera.readers.text:read_text").partition(":")
    reader: Reader = getattr(import_module(module), name)
    return reader


def read_file(path: Path) -> Draft:
    """Read one file.

    Returns:
        The draft, with the file as its source and the file's date.

    Raises:
        UnreadableFileError: The file is missing, forbidden or too large.
        UnsupportedFormatError: The file is not text, or not a regular file.
    """
    import os
    import stat
    from dataclasses import replace

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnsupportedFormatError(
                f"{path} is not a regular file", hint=f"cat {path} | tera remember"
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableFileError(
            f"cannot read {path}: {error.strerror or error}", hint=f"ls -l {path}"
        ) from error
    check_size(len(data), str(path))
    draft = find_reader(path)(data, _storable(path.name))
    return replace(
        draft,
        # Without `..`, so that a file is one source wherever it is called from.
        source=_storable(os.path.abspath(path)),  # noqa: PTH100
        at=draft.at or _date(status.st_mtime),
        is_file=True,
    )


def _storable(name: str) -> str:
    """Escape bytes of a file's name that are not UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def _date(seconds: float) -> datetime | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError):
        # Some file systems keep dates that no calendar has.
        return None


def check_size(size_bytes: int, name: str) -> None:
    """Refuse what is too large for one memory.

    Raises:
        UnreadableFileError: It is larger than MAX_BYTES.
    """
    if size_bytes > MAX_BYTES:
        raise UnreadableFileError(
            f"{name} is larger than {MAX_BYTES // 2**20} MB, the most that one memory holds",
            hint="split -C 8M FILE part. && tera remember part.*",
        )
