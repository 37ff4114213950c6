"""The journal: the log of every change, one JSON line each, fsynced before anything else happens.

Each line ends with the SHA-256 of the line before it and of its own text, so that a lost or altered
line shows. Segments of up to SEGMENT_BYTES lie in one folder as `000001.jsonl`, `000002.jsonl`, ...
A last line that is cut short was never acknowledged; it is set aside when the journal is opened.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tera.datatypes import JournalEntry
from tera.errors import StoreDamagedError, StoreError
from tera.store.clock import tick

FORMAT = 1
SEGMENT_BYTES = 64 * 1024 * 1024
_START = "0" * 64
_SEAL = ', "sha256": "'
_SEAL_LENGTH = len(_SEAL) + 64 + 2  # the seal, the digest, and `"}`
RESTORE_HINT = (
    "tera export --to memories.jsonl saves what the store has; then restore the journal folder from"
    " a backup"
)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the journal: after entry `number`, at byte `offset` of segment `segment`."""

    number: int = 0
    segment: int = 1
    offset: int = 0


class Journal:
    """The journal of one home folder. The caller holds the store's lock."""

    def __init__(self, folder: Path) -> None:
        """Open the journal and find its end.

        Raises:
            StoreDamagedError: Its last whole line is damaged.
            StoreError: Its folder cannot be used.
        """
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.device = ""
            self._digest = _START
            self._clock = ""
            self.end = Position()
            self.torn_bytes = self._find_end()
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
            line, digest = _sealed(numbered, digest)
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

    def entries(self, after: Position | None = None) -> Iterator[tuple[JournalEntry, Position]]:
        """Yield the entries after a position, oldest first, each with the position behind it.

        Raises:
            StoreDamagedError: A line does not match its checksum or does not follow the one before.
        """
        at = after or Position()
        digest = self._digest_at(at)
        for segment in range(at.segment, self.end.segment + 1):
            offset = at.offset if segment == at.segment else 0
            try:
                file = self._segment(segment).open("rb")
            except FileNotFoundError as error:
                if self.end.number == 0:
                    return
                raise _missing(segment) from error
            with file:
                file.seek(offset)
                for line in file:
                    offset += len(line)
                    entry, digest = _unsealed(line, digest, at.number + 1)
                    at = Position(entry.number, segment, offset)
                    yield entry, at

    def holds(self, device: str, at: Position) -> bool:
        """Return whether the entry that ends at a position is here, and of this device.

        Raises:
            StoreDamagedError: The entry is damaged.
        """
        if at.number > self.end.number:
            return False
        return not at.number or self._entry_at(at)[0].device == device

    def _digest_at(self, at: Position) -> str:
        """Return the checksum in the line that ends at a position."""
        return self._entry_at(at)[1] if at.number else _START

    def _entry_at(self, at: Position) -> tuple[JournalEntry, str]:
        """Return the entry that ends at a position, and the checksum in its line."""
        try:
            line = _last_line(self._segment(at.segment), at.offset)
        except FileNotFoundError as error:
            raise _missing(at.segment) from error
        return _unsealed(line, None, at.number)

    def _find_end(self) -> int:
        """Set the end from the last segment; return the bytes of a torn last line set aside."""
        segments = sorted(self.folder.glob("[0-9]*.jsonl"))
        if not segments:
            return 0
        segment = int(segments[-1].stem)
        size, torn = _whole_lines(segments[-1])
        if torn:
            aside = self.folder / f"{segments[-1].stem}.{size}.torn"
            aside.write_bytes(torn)
            os.truncate(segments[-1], size)
        # A new segment is empty when its first line could not be written.
        last, at = (segments[-1], size) if size else (self._segment(segment - 1), 0)
        if size or segment > 1:
            line = _last_line(last, at or last.stat().st_size)
            entry, self._digest = _unsealed(line, None, None)
            self.end = Position(entry.number, segment, at)
            self._clock, self.device = entry.clock, entry.device
        return len(torn)

    def _write(self, file: Path, offset: int, data: bytes) -> None:
        is_new = not file.exists()
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                written = 0
                while written < len(data):
                    written += os.pwrite(descriptor, data[written:], offset + written)
                os.fsync(descriptor)
            except BaseException:
                # Half a line must not stay: the next one would be written behind it.
                os.ftruncate(descriptor, offset)
                raise
            finally:
                os.close(descriptor)
            if is_new:
                _sync_folder(self.folder)
        except OSError as error:
            raise _refused(error) from error

    def _segment(self, number: int) -> Path:
        return self.folder / f"{number:06d}.jsonl"

    def _device(self) -> str:
        """Return this device's id; a lost file is written anew, as the last entry has it."""
        file = self.folder / "device"
        known = file.read_text().strip() if file.exists() else ""
        if known:
            return known
        device = self.device or os.urandom(4).hex()
        file.write_text(f"{device}\n")
        file.chmod(0o600)
        return device


def _sealed(entry: JournalEntry, previous: str) -> tuple[bytes, str]:
    record: dict[str, Any] = {
        "v": FORMAT,
        "number": entry.number,
        "clock": entry.clock,
        "device": entry.device,
        "change": entry.change,
        "operation": entry.operation,
        "memory": entry.memory_id,
        "fields": dict(entry.fields),
    }
    if entry.undoes is not None:
        record["undoes"] = entry.undoes
    body = json.dumps(record, ensure_ascii=False)[:-1].encode()
    digest = _digest(previous, body)
    return body + f'{_SEAL}{digest}"}}\n'.encode(), digest


def _unsealed(line: bytes, previous: str | None, number: int | None) -> tuple[JournalEntry, str]:
    """Read a line; `previous` and `number` are checked where they are known."""
    where = f"entry {number}" if number else "the last entry"
    seal = line[-_SEAL_LENGTH - 1 :].decode("latin-1")
    body, digest = line[: -_SEAL_LENGTH - 1], seal[len(_SEAL) : len(_SEAL) + 64]
    try:
        record = json.loads(body + b"}")
        if record["v"] > FORMAT:
            raise StoreError(
                f"the journal was written by a newer Tera (format {record['v']}, this one reads"
                f" {FORMAT})",
                hint="install a newer version of Tera",
            )
        entry = JournalEntry(
            number=record["number"],
            clock=record["clock"],
            device=record["device"],
            change=record["change"],
            operation=record["operation"],
            memory_id=record["memory"],
            fields=record["fields"],
            undoes=record.get("undoes"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(where) from error
    is_whole = seal == f'{_SEAL}{digest}"}}\n'
    follows = previous is None or digest == _digest(previous, body)
    if not is_whole or not follows or number not in (None, entry.number):
        raise _damaged(where)
    return entry, digest


def _digest(previous: str, body: bytes) -> str:
    return hashlib.sha256(previous.encode() + body).hexdigest()


def _damaged(where: str) -> StoreDamagedError:
    return StoreDamagedError(f"{where} of the journal is damaged", hint=RESTORE_HINT)


def _missing(segment: int) -> StoreDamagedError:
    return StoreDamagedError(f"segment {segment} of the journal is missing", hint=RESTORE_HINT)


def _refused(error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the journal: {error.strerror or error}",
        hint="free some space, or set TERA_HOME to a folder that you can write to",
    )


def _whole_lines(file: Path) -> tuple[int, bytes]:
    """Return the size of a segment's whole lines, and the bytes behind them."""
    size = file.stat().st_size
    tail_start = _line_start(file, size)
    with file.open("rb") as handle:
        handle.seek(tail_start)
        tail = handle.read()
    return (size, b"") if tail.endswith(b"\n") or not tail else (tail_start, tail)


def _last_line(file: Path, size: int) -> bytes:
    start = _line_start(file, size - 1)
    with file.open("rb") as handle:
        handle.seek(start)
        return handle.read(size - start)


def _line_start(file: Path, before: int) -> int:
    """Return where the line begins that byte `before` would continue."""
    block = 1 << 16
    with file.open("rb") as handle:
        end = before
        while end > 0:
            start = max(0, end - block)
            handle.seek(start)
            newline = handle.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
