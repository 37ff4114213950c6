"""The journal: the log of every change, one JSON line each, fsynced before anything else happens.

Each line is sealed with the SHA-256 of the line before it (see `lines`), so that a lost or altered
line shows; the whole chain is checked whenever the journal is opened. Segments of up to
SEGMENT_BYTES lie in one folder as `000001.jsonl`, `000002.jsonl`, ... A last line that is cut short
was never acknowledged; it is set aside when the journal is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tera.datatypes import JournalEntry
from tera.errors import StoreDamagedError, StoreError
from tera.store.clock import tick
from tera.store.disk import sync_folder, write_durably
from tera.store.lines import (
    JOURNAL_HINT,
    START,
    damaged,
    first_number,
    is_sealed,
    read_body,
    seal,
    split,
    unseal,
)

SEGMENT_BYTES = 64 * 1024 * 1024
_DEVICE = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the journal: after entry `number`, at byte `offset` of segment `segment`."""

    number: int = 0
    segment: int = 1
    offset: int = 0


class Journal:
    """The journal of one home folder. The caller holds the store's lock.

    Attributes:
        end: The position behind the last entry.
        device: This device's id.
        torn_bytes: Length of a last line that was cut short and set aside.
        has_new_device_file: The file with this device's id was damaged, and was written anew.
    """

    def __init__(self, folder: Path) -> None:
        """Open the journal, check every line of it and find its end.

        Raises:
            StoreDamagedError: A line is not as it was written, or a segment is missing.
            StoreError: Its folder cannot be used.
        """
        self.folder = folder
        self.device = ""
        self.end = Position()
        self.torn_bytes = 0
        self.has_new_device_file = False
        self._digest = START
        self._clock = ""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._read_through()
            self.device = self._device()
        except OSError as error:
            raise _refused(error) from error

    def append(self, entries: Sequence[JournalEntry]) -> list[JournalEntry]:
        """Write the entries of one command and wait until the disk has them.

        Args:
            entries: Their number, clock, device and change are set here; a change of 0 means the
                number of the first of them.

        Returns:
            The entries as written.

        Raises:
            StoreError: The disk is full or cannot be written; nothing was added.
        """
        if not entries:
            return []
        change = self.end.number + 1
        digest, clock, lines, written = self._digest, self._clock, [], []
        for number, entry in enumerate(entries, start=change):
            clock = tick(clock)
            numbered = replace(
                entry,
                number=number,
                clock=clock,
                device=self.device,
                change=entry.change or change,
            )
            line, digest = seal(numbered, digest)
            lines.append(line)
            written.append(numbered)
        data = b"".join(lines)
        segment, offset = self.end.segment, self.end.offset
        if offset and offset + len(data) > SEGMENT_BYTES:
            segment, offset = segment + 1, 0
        self._write(self._segment(segment), offset, data)
        self.end = Position(self.end.number + len(lines), segment, offset + len(data))
        self._digest, self._clock = digest, clock
        return written

    def entries(
        self, after: Position | None = None, until: Position | None = None
    ) -> Iterator[tuple[JournalEntry, Position]]:
        """Yield the entries after a position, oldest first, each with the position behind it.

        Args:
            after: The position; None for the beginning.
            until: An end that the journal had; meanwhile others may write to it.

        Raises:
            StoreDamagedError: A line does not match its checksum or does not follow the one before.
        """
        at = after or Position()
        end = until or self.end
        digest = self._entry_at(at)[1] if at.number else START
        for segment in range(at.segment, end.segment + 1):
            offset = at.offset if segment == at.segment else 0
            try:
                file = self._segment(segment).open("rb")
            except FileNotFoundError as error:
                if end.number == 0:
                    return
                raise _missing(segment) from error
            with file:
                file.seek(offset)
                for line in file:
                    if until and (segment, offset) == (until.segment, until.offset):
                        break
                    offset += len(line)
                    where = f"entry {at.number + 1}"
                    entry, digest = unseal(line, digest, where)
                    if first_number(entry) != at.number + 1:
                        raise damaged(where)
                    at = Position(entry.number, segment, offset)
                    yield entry, at
        if at.number != end.number:
            raise damaged(f"entry {at.number + 1}")

    def holds(self, device: str, at: Position) -> bool:
        """Return whether the entry that ends at a position is here, and of this device."""
        if at.number > self.end.number:
            return False
        try:
            return not at.number or self._entry_at(at)[0].device == device
        except StoreDamagedError:
            return False

    def digest_at(self, at: Position) -> str:
        """Return the checksum of the line that ends at a position; empty if none ends there.

        It depends on all lines before it: a journal that has it is the same up to there.
        """
        if at.number > self.end.number:
            return ""
        try:
            return self._entry_at(at)[1] if at.number else START
        except StoreDamagedError:
            return ""

    def _entry_at(self, at: Position) -> tuple[JournalEntry, str]:
        """Return the entry that ends at a position, and the checksum in its line."""
        where = f"entry {at.number}"
        try:
            line = _last_line(self._segment(at.segment), at.offset)
        except FileNotFoundError as error:
            raise _missing(at.segment) from error
        entry, digest = unseal(line, None, where)
        if entry.number != at.number:
            raise damaged(where)
        return entry, digest

    def _read_through(self) -> None:
        """Check the seal of every line; set aside a torn last line; set the end."""
        files = sorted(self.folder.glob("[0-9]*.jsonl"))
        last_body, size = b"", 0
        for segment, file in enumerate(files, start=1):
            if file != self._segment(segment):
                raise _missing(segment)
            size = 0
            with file.open("rb") as handle:
                for line in handle:
                    if not is_sealed(line, self._digest):
                        is_torn = file == files[-1] and not line.endswith(b"\n")
                        # Of a last line that is all there, the line's end itself is damaged.
                        if is_torn and not is_sealed(line[:-1] + b"\n", self._digest):
                            self._set_aside(file, size, line)
                            break
                        after = read_body(last_body, "").number if last_body else 0
                        raise damaged(f"entry {after + 1}")
                    last_body, self._digest = split(line)
                    size += len(line)
        if last_body:
            entry = read_body(last_body, "the last entry")
            self.end = Position(entry.number, len(files), size)
            self._clock, self.device = entry.clock, entry.device

    def _set_aside(self, file: Path, size: int, torn: bytes) -> None:
        """Keep the bytes of a torn last line elsewhere, and cut them off."""
        write_durably(file.with_name(f"{file.stem}.{size}.torn"), torn)
        with file.open("r+b") as handle:
            handle.truncate(size)
            os.fsync(handle.fileno())
        self.torn_bytes = len(torn)

    def _write(self, file: Path, offset: int, data: bytes) -> None:
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                # What an earlier write left behind the end, and could not take back.
                if os.fstat(descriptor).st_size > offset:
                    os.ftruncate(descriptor, offset)
                written = 0
                while written < len(data):
                    written += os.pwrite(descriptor, data[written:], offset + written)
                os.fsync(descriptor)
                if not offset:
                    # Also a file from an earlier try, whose name may not be on the disk yet.
                    sync_folder(file.parent)
                    sync_folder(file.parent.parent)
            except BaseException:
                # Half a line must not stay: the next one would be written behind it.
                os.ftruncate(descriptor, offset)
                raise
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _refused(error) from error

    def _segment(self, number: int) -> Path:
        return self.folder / f"{number:06d}.jsonl"

    def _device(self) -> str:
        """Return this device's id: as the last entry has it, else as the file does."""
        file = self.folder / "device"
        known = file.read_bytes().decode("latin-1").strip() if file.exists() else ""
        if known == self.device or (not self.device and _DEVICE.fullmatch(known)):
            if known:
                return known
        elif known:
            file.rename(file.with_name("device.damaged"))
            self.has_new_device_file = True
        device = self.device or os.urandom(4).hex()
        write_durably(file, f"{device}\n".encode())
        return device


def _missing(segment: int) -> StoreDamagedError:
    return StoreDamagedError(f"segment {segment} of the journal is missing", hint=JOURNAL_HINT)


def _refused(error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the journal: {error.strerror or error}",
        hint="free some space, or set TERA_HOME to a folder that you can write to",
    )


def _last_line(file: Path, size: int) -> bytes:
    """Return the line that ends at byte `size`."""
    block = 1 << 16
    with file.open("rb") as handle:
        start = end = size - 1
        while end > 0:
            start = max(0, end - block)
            handle.seek(start)
            newline = handle.read(end - start).rfind(b"\n")
            if newline >= 0:
                start += newline + 1
                break
            end = start
        handle.seek(start)
        return handle.read(size - start)
