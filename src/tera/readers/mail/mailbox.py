"""A mailbox file (mbox) -> its mails one by one, whatever its size and whoever wrote it.

The standard library's reader finds the beginnings of all mails first, takes every line that begins
with "From " for one, and opens the file for writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tera.readers.mail.message import MAX_MAIL_BYTES

BLOCK_BYTES = 1024 * 1024
MAX_LINE_BYTES = 4096
"""Of what divides two mails, and the header below it."""

_DATED = re.compile(
    rb"From .{0,400}?\b((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.{0,60}\d\d:\d\d.{0,40})$", re.S
)
_BARE = re.compile(rb"From(?: -?| \S{1,200}@\S{0,200})\s*$")
_HEADER = re.compile(rb"(?:>From |[A-Za-z][A-Za-z0-9_-]{0,70}:(?:[ \t\r\n]|\S))")
_PATCH = re.compile(rb"From [0-9a-f]{40} Mon Sep 17 00:00:00 2001")
_QUOTED = re.compile(rb"^>(?=>*From )", re.M)


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail in a mailbox.

    Attributes:
        end: How many bytes of the mailbox are read.
        data: The mail; None if it is larger than `MAX_MAIL_BYTES`.
        envelope: The date in the line above it.
    """

    end: int
    data: bytes | None
    envelope: str


def is_mbox(head: bytes) -> bool:
    """Return whether a file is a mailbox, by its first bytes; patches that git wrote are text."""
    head = head.lstrip(b"\r\n")
    return not _PATCH.match(head) and _divides(head, 0, is_blank_above=True)


def mails(file: BinaryIO) -> Iterator[Entry]:
    """Yield the mails of a mailbox; no more than one of them is held in memory.

    Args:
        file: At its beginning.
    """
    window = _Window(file)
    window.fill(MAX_LINE_BYTES)
    blank = len(window.buffer) - len(window.buffer.lstrip(b"\r\n"))
    window.drop(blank)
    while window.buffer:
        window.fill(MAX_LINE_BYTES)
        line_end = window.buffer.find(b"\n")
        if line_end < 0:
            return
        dated = _DATED.match(window.buffer[:line_end].rstrip())
        envelope = dated[1].decode("ascii", "replace") if dated else ""
        is_whole, end = window.find_end(line_end)
        data = bytes(window.buffer[line_end + 1 : end]) if is_whole else None
        window.drop(end)
        if data is not None:
            data = _QUOTED.sub(b"", data)
        yield Entry(window.offset, data, envelope)


class _Window:
    """The part of a mailbox that is in memory; it begins with the line above a mail."""

    def __init__(self, file: BinaryIO) -> None:
        self.buffer = bytearray()
        self.offset = 0
        self._file = file

    def fill(self, size_bytes: int) -> bool:
        """Read until the buffer has so many bytes; return whether it has."""
        while len(self.buffer) < size_bytes and (block := self._file.read(BLOCK_BYTES)):
            self.buffer += block
        return len(self.buffer) >= size_bytes

    def drop(self, size_bytes: int) -> None:
        del self.buffer[:size_bytes]
        self.offset += size_bytes

    def find_end(self, start: int) -> tuple[bool, int]:
        """Return whether the mail is in memory as a whole, and where it ends in the buffer.

        Args:
            start: Where the line above it ends.
        """
        is_whole = True
        while True:
            place = self.buffer.find(b"\nFrom ", start)
            if place < 0:
                if len(self.buffer) > MAX_MAIL_BYTES:
                    is_whole = False
                    self.drop(len(self.buffer) - MAX_LINE_BYTES)
                start = max(0 if not is_whole else start, len(self.buffer) - len(b"\r\n\r\nFrom "))
                if not self.fill(len(self.buffer) + 1):
                    return is_whole, len(self.buffer)
                continue
            self.fill(place + 2 * MAX_LINE_BYTES)
            above = self.buffer[max(0, place - 2) : place]
            if _divides(self.buffer, place + 1, above.endswith((b"\n", b"\n\r"))):
                return is_whole, place + 1
            start = place + 1


def _divides(data: bytes | bytearray, place: int, is_blank_above: bool) -> bool:
    """Return whether a mail begins at a place: "From", a date, and a header below."""
    line_end = data.find(b"\n", place, place + MAX_LINE_BYTES)
    if line_end < 0 or not _HEADER.match(data, line_end + 1):
        return False
    line = bytes(data[place:line_end]).rstrip()
    return bool(_DATED.match(line)) or (is_blank_above and bool(_BARE.match(line + b" ")))
