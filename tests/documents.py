"""Reads a document with the reader of its type, as the tests of readers do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tera.datatypes import Draft, ReadBefore
from tera.errors import TeraError
from tera.readers.document import Document, Item, Note
from tera.readers.files import find
from tera.readers.reading import Options, Reading
from tera.readers.types import find_reader
from tera.readers.walk import Selection


def items(path: Path, type_name: str, password: str | None = None) -> Iterator[Item]:
    """Yield what the reader of a type says of a file."""
    status = path.stat()
    with tempfile.TemporaryDirectory() as scratch:
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        yield from find_reader(type_name)(
            Document(path, path.name, status.st_size, modified, Path(scratch), password)
        )


def drafts(path: Path, type_name: str, password: str | None = None) -> list[Draft]:
    """Return the drafts that the reader of a type makes of a file."""
    return [item for item in items(path, type_name, password) if isinstance(item, Draft)]


@dataclass
class Heard:
    """A watcher that keeps what it hears."""

    failures: list[TeraError] = field(default_factory=list)
    notes_: list[Note] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    count: int = 0

    def begins(self) -> None:
        """See `Watcher`."""

    def moves(self, share: float) -> None:
        """See `Watcher`."""
        self.shares.append(share)

    def ends(self) -> None:
        """See `Watcher`."""
        self.count += 1

    def is_unchanged(self, ids: Sequence[str], *, is_file: bool) -> None:
        """See `Watcher`."""
        del is_file
        self.unchanged += ids

    def skips(self, reason: str) -> None:
        """See `Watcher`."""
        self.skipped.append(reason)

    def fails(self, error: TeraError) -> None:
        """See `Watcher`."""
        self.failures.append(error)

    def notes(self, note: Note) -> None:
        """See `Watcher`."""
        self.notes_.append(note)


def read_paths(
    *paths: Path,
    type_name: str | None = None,
    selection: Selection | None = None,
    password: str | None = None,
    known: Mapping[tuple[str, str], Sequence[str]] | None = None,
    passwords: Sequence[str] = (),
    is_again: bool = False,
) -> tuple[list[Draft], Heard]:
    """Read files and folders as `tera remember` does, without an engine.

    Args:
        paths: What to read.
        type_name: As `--as` gives it.
        selection: As `--include` and `--exclude` give it.
        password: As `--password` gives it.
        known: Ids of the memories of files read before, by source and digest.
        passwords: What the person answers when they are asked, one after the other.
        is_again: As `--again` gives it.
    """
    heard = Heard()
    replies = iter(passwords)
    selection = selection or Selection()
    reading = Reading(
        Options(type_name, selection, password, is_again),
        heard,
        lambda files: [ReadBefore(file[0], tuple((known or {}).get(file, ()))) for file in files],
        lambda _: next(replies, None),
    )
    files = list(find(paths, selection, heard.failures.append))
    return list(reading.drafts(files)), heard
