"""A damaged journal -> a new one with all that is whole in it, and marks where something is lost.

Each line is sealed with the digest in the line before it, so what follows a damaged line can still
be checked. Entries keep their numbers; those that are gone get an entry with operation "lost". What
the database knows of them is then added.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from tera.datatypes import JournalEntry
from tera.errors import StoreError
from tera.store import journal as journals
from tera.store.disk import sync_folder, write_durably
from tera.store.history import is_same_value, states
from tera.store.lines import START, digest_of, first_number, lost, read_body, seal, seal_body, split

_SEALED = re.compile(rb', "sha256": "[0-9a-f]{64}"}$')
_GAP = b""
"""Stands for lines that are missing with the file that they were in."""
_JOINED = re.compile(rb'(?<=, "sha256": "[0-9a-f]{64}"}).(?=\{"v": )', re.DOTALL)
"""The place of a line end that is damaged, so that two lines have become one."""
Fields = Mapping[str, Mapping[str, object]]
"""The fields of memories, by id."""


def rescue(folder: Path, new: Path, *, device: str, through: int) -> list[tuple[int, int]]:
    """Write a new journal with what is whole in a damaged one.

    Args:
        folder: The damaged journal; it may be missing.
        new: Where the new one is written; on the disk when this returns.
        device: This device's id, for a journal that has none.
        through: The number of the last entry that there certainly was.

    Returns:
        The first and last number of each range that is lost.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    new.mkdir(mode=0o700, parents=True)
    with _Writer(new) as writer:
        ranges, device = _copy(folder, writer, device, through)
    write_durably(new / "device", f"{device}\n".encode())
    sync_folder(new.parent)
    return ranges


def _copy(
    folder: Path, writer: _Writer, device: str, through: int
) -> tuple[list[tuple[int, int]], str]:
    """Write what is whole; return the ranges that are lost, and the device of the last entry."""
    ranges: list[tuple[int, int]] = []
    number, clock, behind = 0, "0-0", 0

    def lose(last: int) -> None:
        nonlocal number
        entry = lost(number + 1, last, clock, device)
        ranges.append((number + 1, last))
        writer.write(seal(entry, writer.digest)[0])
        number = last

    for body in _whole_bodies(folder):
        if body is None:
            behind += 1
            continue
        entry = read_body(body, "an entry")
        first = first_number(entry)
        if first <= number:
            continue
        device = entry.device
        if first > number + 1:
            lose(first - 1)
        writer.write(seal_body(body, writer.digest)[0])
        number, clock, behind = entry.number, entry.clock, 0
    if (last := max(through, number + behind)) > number:
        lose(last)
    return ranges, device


def corrections(
    entries: Sequence[JournalEntry], known: Fields, applied: int, *, is_whole: bool, has_lost: bool
) -> list[JournalEntry]:
    """Return the entries that bring a journal's memories to what the database knows.

    When in doubt a memory is kept.

    Args:
        entries: The journal.
        known: The memories in the database.
        applied: The number of the entry up to which the database follows the journal.
        is_whole: The database has lost nothing, so what is not in it was forgotten.
        has_lost: Entries of the journal are lost; else it is right about all that it knows.
    """
    told = states(entries)
    mentioned = {entry.memory_id for entry in entries}
    truth = states((entry for entry in entries if entry.number > applied), known)
    found: list[JournalEntry] = []
    for key, fields in truth.items():
        if key not in told:
            if key not in mentioned or (is_whole and has_lost):
                found.append(_entry("remember", key, fields))
        elif has_lost:
            changed = {
                name: value
                for name, value in fields.items()
                if not is_same_value(name, value, told[key].get(name))
            }
            if changed:
                found.append(_entry("edit", key, changed))
    if is_whole and has_lost:
        found += [_entry("forget", key, {}) for key in told if key not in truth]
    return found


def _entry(operation: str, key: str, fields: Mapping[str, object]) -> JournalEntry:
    return JournalEntry(0, "", "", 0, operation, key, fields)  # type: ignore[arg-type]


class _Writer:
    """Writes the segments of a new journal; they are on the disk behind its `with` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment = 0
        self._size = 0
        self._file = self._next()
        self.digest = START

    def write(self, line: bytes) -> None:
        """Add a line that is sealed with `digest`."""
        if self._size and self._size + len(line) > journals.SEGMENT_BYTES:
            self._close()
            self._file = self._next()
        self._file.write(line)
        self._size += len(line)
        self.digest = split(line)[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._close()
        else:
            with suppress(OSError):
                self._file.close()

    def _close(self) -> None:
        """Wait until the disk has the segment."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sync_folder(self._folder)

    def _next(self) -> BinaryIO:
        self._segment += 1
        self._size = 0
        file = self._folder / f"{self._segment:06d}.jsonl"
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _whole_bodies(folder: Path) -> Iterator[bytes | None]:
    """Yield the text of each line that is whole, and None for one that is not."""
    # By each digest that the line before may have had: lines before it that are whole if it fits.
    candidates: dict[str, list[bytes]] = {START: []}
    is_behind_gap = False
    for line in _lines(folder):
        if line == _GAP:
            is_behind_gap = True
            continue
        body, digest = split(line)
        whole = next(
            (
                [*unsure, body]
                for before, unsure in candidates.items()
                if digest_of(before, body) == digest
            ),
            # What its digest rests on is missing; it is taken when it can be read.
            [body] if is_behind_gap and _is_entry(body) else [],
        )
        if whole:
            yield from whole
            candidates = {digest: []}
        else:
            yield None
            # Either its text is damaged, or only the digest in it: the next line tells.
            following: dict[str, list[bytes]] = {digest: []}
            for before, unsure in candidates.items():
                following.setdefault(digest_of(before, body), [*unsure, body])
            candidates = following
        is_behind_gap = False


def _is_entry(body: bytes) -> bool:
    try:
        return first_number(read_body(body, "an entry")) > 0
    except (StoreError, KeyError, ValueError, TypeError):
        return False


def _lines(folder: Path) -> Iterator[bytes]:
    """Yield the lines of all segments, each with its end, those joined by damage one by one."""
    expected = 1
    for file in sorted(folder.glob("[0-9]*.jsonl")):
        if int(file.stem) != expected:
            yield _GAP
        expected = int(file.stem) + 1
        with file.open("rb") as handle:
            for line in handle:
                *pieces, last = _JOINED.split(line)
                for piece in pieces:
                    yield piece + b"\n"
                if last.endswith(b"\n"):
                    yield last
                elif _SEALED.search(last):
                    yield last + b"\n"
                elif _SEALED.search(last[:-1]):
                    # The line is all there, and its end is damaged.
                    yield last[:-1] + b"\n"
                else:
                    # What was cut short was never acknowledged, unless more is missing.
                    yield _GAP
