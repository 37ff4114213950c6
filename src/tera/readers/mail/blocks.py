"""Files made of BEGIN and END lines, as calendars and address books -> their blocks, one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import BinaryIO

from tera.datatypes import Draft
from tera.readers.document import Document, Failure, Item, Pace, without_text
from tera.readers.mail.charset import decode_text

MAX_BLOCK_BYTES = 256 * 1024
"""Of an event or a person, without pictures; the libraries need seconds for more."""
MAX_LINE_BYTES = 16 * 1024 * 1024
"""A picture in one line; what is longer is cut, and its block too large."""

_NAME = re.compile(rb"[\w.-]{1,100}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]{20,}\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block, or a line that stands outside of the wanted ones.

    Attributes:
        name: "VEVENT"; empty for a line.
        text: With its BEGIN and END; None if it is too large.
        end: How many bytes of the file are read.
    """

    name: str
    text: str | None
    end: int


def entry_drafts(
    document: Document,
    entries: Iterable[Block],
    word: str,
    draft_of: Callable[[Block], Draft | None],
) -> Iterator[Item]:
    """Yield what entries say, and failures for those that cannot be read.

    Args:
        document: What they stand in.
        entries: From its beginning to its end.
        word: What one of them is called.
        draft_of: Returns what an entry says, if anything.

    Raises:
        NoTextError: There are none that say anything.
    """
    is_empty = True
    pace = Pace()
    for number, block in enumerate(entries, 1):
        where = f"{word} {number} of {document.name}"
        try:
            if block.text is None:
                is_empty = False
                yield Failure(f"{where} is too large")
            elif draft := draft_of(block):
                is_empty = False
                yield draft if draft.title else replace(draft, title=document.name)
        # The libraries check little of what they read.
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            is_empty = False
            yield Failure(f"{where} is broken")
        yield from pace.at(block.end, document.size_bytes)
    if is_empty:
        raise without_text(document, f"{word}s", "export it again with the program that has it")


class Parts:
    """Names the entries of a document, and knows those that were there before."""

    def __init__(self) -> None:
        """Begin a document."""
        self._digests: dict[str, str] = {}

    def name(self, key: str, digest: str) -> str:
        """Return what tells an entry from all others; empty for a copy of one.

        Args:
            key: What it names itself by; some programs name several the same.
            digest: Of what it says.
        """
        other = f"{key} {digest}"
        if self._digests.get(key) == digest or other in self._digests:
            return ""
        name = other if key in self._digests else key
        self._digests[name] = digest
        return name


def digest_of(text: str) -> str:
    """Return what tells a text from others."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def blocks(file: BinaryIO, wanted: frozenset[str], left_out: frozenset[str]) -> Iterator[Block]:
    """Yield the blocks of a file.

    A block that is not closed ends where the next one like it begins, or with the file.

    Args:
        file: At its beginning.
        wanted: Names of blocks to yield.
        left_out: Names of properties, and of blocks within blocks, that nobody reads.
    """
    current: _Open | None = None
    outside = b""
    end = 0
    for line, end in _lines(file, left_out):
        word, argument = _words(line)
        if word == "BEGIN" and argument in wanted:
            if current:
                yield current.block(end)
            current = _Open(argument)
        if current is None:
            if line[:1] in (b" ", b"\t"):
                outside += line[1:]
            else:
                if outside.strip():
                    yield Block("", decode_text(outside.rstrip(b"\r\n"), ""), end)
                outside = line
            outside = outside[:MAX_BLOCK_BYTES]
        elif (word, argument) == ("END", current.name):
            yield current.block(end)
            current = None
        else:
            current.add(line, word, argument, left_out)
    if current:
        yield current.block(end)


class _Open:
    """A block whose end was not met yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lines: list[bytes] = []
        self._size = 0
        self._opened: list[str] = []  # what has begun and not ended, from the block on
        self._left_out = ""

    def add(self, line: bytes, word: str, argument: str, left_out: frozenset[str]) -> None:
        if self._left_out:
            if (word, argument) == ("END", self._left_out):
                self._left_out = ""
            return
        if word == "BEGIN" and argument in left_out:
            self._left_out = argument
            return
        if word == "BEGIN":
            self._opened.append(argument)
        elif word == "END":
            if argument not in self._opened[1:]:
                return
            while self._opened[-1] != argument:
                self._lines.append(f"END:{self._opened.pop()}\r\n".encode())
            self._opened.pop()
        self._size += len(line)
        if self._size <= MAX_BLOCK_BYTES:
            self._lines.append(line)

    def block(self, end: int) -> Block:
        if self._size > MAX_BLOCK_BYTES:
            return Block(self.name, None, end)
        closing = "".join(f"\r\nEND:{name}" for name in reversed(self._opened))
        return Block(self.name, f"{decode_text(b''.join(self._lines), '')}{closing}\r\n", end)


def _lines(file: BinaryIO, left_out: frozenset[str]) -> Iterator[tuple[bytes, int]]:
    """Yield lines without the properties that are left out, and how many bytes are read."""
    end = 0
    is_left_out = False
    while line := file.readline(MAX_LINE_BYTES):
        end += len(line)
        if is_left_out and (line[:1] in (b" ", b"\t") or _BASE64.match(line)):
            continue
        # A property may belong to a group: "item1.PHOTO;ENCODING=b:...".
        found = _NAME.match(line)
        name = found[0].rpartition(b".")[2].upper().decode("ascii", "replace") if found else ""
        is_left_out = name in left_out
        if not is_left_out:
            yield line, end


def _words(line: bytes) -> tuple[str, str]:
    """Return what stands before and after the colon of a line like "BEGIN:VEVENT"."""
    if len(line) > 200:
        return "", ""
    word, _, argument = line.removeprefix(b"\xef\xbb\xbf").decode("ascii", "replace").partition(":")
    return word.strip().upper(), argument.strip().upper()
