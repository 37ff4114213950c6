r"""A text file -> blocks of whole lines -> drafts; the file is never held as a whole.

Line ends become `\n`, so that the lines of a memory are the lines of the file. Codes for terminals
(colours, backspaces) and other control characters are not text, and are left out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from tera.datatypes import Draft
from tera.errors import NoTextError, ReaderError, UnreadableFileError, UnsupportedFormatError
from tera.readers.document import PART_CHARACTERS, Document, Item, Note, Progress
from tera.readers.plain.characters import CONTROLS
from tera.readers.plain.encoding import HEAD_BYTES, find_encoding

BLOCK_BYTES = 1 << 20
HEADING_CUTS = tuple(re.compile(rf"^#{{{level}}}[ \t]", re.MULTILINE) for level in range(1, 7))
"""A long text is best cut before its largest heading."""
MAX_LINE_CHARACTERS = PART_CHARACTERS
"""A longer line is cut, and counts as several: data without line ends, not what people write."""

_ESCAPES = re.compile(
    # Colours and cursor movements; titles and links of terminals; the rest of the two-byte codes.
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[ -/]*[0-~])"
)
_OVERSTRIKES = re.compile(r"[^\n\x08]\x08")
_STRAY = re.compile("[\udc80-\udcff]")


def read_lines(document: Document, *, name: str | None = None) -> Iterator[str | Item]:
    """Yield a text file in blocks of whole lines, cleaned.

    Args:
        document: A file in any encoding that `find_encoding` knows.
        name: Its encoding, if it is known.

    Yields:
        Text; Progress after each block; a Note at the end when the encoding was guessed.

    Raises:
        UnsupportedFormatError: It is no text.
        UnreadableFileError: It cannot be opened, or is in an encoding that cannot be told.
    """
    try:
        with document.path.open("rb") as file:
            head = file.read(min(HEAD_BYTES, document.size_bytes))
            # Growing files end anywhere, also within a character.
            is_whole = len(head) < HEAD_BYTES and not file.read(1)
            encoding = name or find_encoding(head, is_whole=is_whole)
            if encoding is None:
                raise _refusal(head, document.name)
            file.seek(0)
            yield from _Blocks(document, encoding, b"\n" not in head and b"\r" in head).read(file)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {document.name}: {error.strerror}") from error


def _refusal(head: bytes, name: str) -> ReaderError:
    if b"\0" in head or sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head[:65536]) > (
        len(head[:65536]) // 50
    ):
        return UnsupportedFormatError(
            f"{name} is a binary file", hint="if its ending is wrong: tera remember --as TYPE FILE"
        )
    return UnreadableFileError(
        f"{name} is not valid UTF-8, and its encoding cannot be told",
        hint="if it is Latin-1: iconv -f latin1 -t utf-8 FILE | tera remember",
    )


class _Blocks:
    """Decodes a file block by block."""

    def __init__(self, document: Document, encoding: str, is_mac: bool) -> None:
        self.document = document
        self.encoding = encoding
        self.end = "\r" if is_mac and not encoding.startswith(("utf-16", "utf-32")) else "\n"
        self.stray = 0

    def read(self, file: BinaryIO) -> Iterator[str | Item]:
        is_utf8 = self.encoding in ("utf-8", "utf-8-sig")
        errors = "surrogateescape" if is_utf8 else "replace"
        decoder = codecs.getincrementaldecoder(self.encoding)(errors)
        left = total = self.document.size_bytes
        carried = ""
        while left > 0:
            data = file.read(min(BLOCK_BYTES, left))
            if not data:
                break
            left -= len(data)
            text = carried + self._mended(decoder.decode(data))
            if not left:
                carried = text
                yield Progress(total, total)
                break
            # A line stays whole; the end of a block could also be half of a line end.
            stop = text.rfind(self.end, 0, len(text) - 1) + 1
            if not stop and len(text) > MAX_LINE_CHARACTERS:
                stop = text.rfind(" ", len(text) // 2, len(text) - 1) + 1 or len(text) - 1
            carried = text[stop:]
            if stop:
                yield self._clean(text[:stop])
            yield Progress(total - left, total)
        # Of a file that grew, half a character at the end is not read.
        grew = bool(file.read(1))
        carried += self._mended(decoder.decode(b"", final=not grew or not is_utf8))
        if carried:
            yield self._clean(carried)
        if note := self._note():
            yield note

    def _mended(self, text: str) -> str:
        """Read bytes that are not UTF-8 as what they were in nearly every old text."""
        if not _STRAY.search(text):
            return text
        text, count = _STRAY.subn(
            lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "replace"), text
        )
        self.stray += count
        return text

    def _clean(self, text: str) -> str:
        if self.end == "\r":
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        elif "\r" in text:
            # Progress bars go back to the start of their line.
            text = re.sub(r"\r++\n", "\n", text).replace("\r", " ")
        if "\x1b" in text:
            text = _ESCAPES.sub("", text)
        while "\b" in text and (shorter := _OVERSTRIKES.sub("", text)) != text:
            text = shorter
        return CONTROLS.sub("", text).replace("\v", " ")

    def _note(self) -> Note | None:
        name = self.document.name
        if self.stray:
            count, verb = ("1 byte", "is") if self.stray == 1 else (f"{self.stray} bytes", "are")
            return Note(f"{name}: {count} {verb} not UTF-8 and {verb} read as cp1252")
        if self.encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
            return None
        return Note(
            f"{name} is read as {self.encoding}",
            hint="if its letters are wrong: iconv -f ENCODING -t utf-8 FILE > NEW",
        )


def drafts_of(
    blocks: Iterable[str | Item],
    document: Document,
    describe: Callable[[str], Draft],
    cuts: tuple[re.Pattern[str], ...] = (),
    *,
    without: str = "is empty",
    hint: str = "there must be at least one letter",
) -> Iterator[Item]:
    """Yield the drafts of a text; other items pass.

    Args:
        blocks: Each of whole lines, except where a line is too long.
        document: What they are read from.
        describe: Returns a draft with what all of them say of themselves (title, date, tags), given
            the beginning of the text.
        cuts: A long text is best cut before what one of these matches, the first above all.
        without: What is said of a document that has no text.
        hint: What the person can do then.

    Raises:
        NoTextError: There is none.
    """
    waiting = ""
    line = 1
    whole: Draft | None = None
    has_text = is_cut = False
    for block in blocks:
        if not isinstance(block, str):
            yield block
            continue
        waiting += block
        while len(waiting) > PART_CHARACTERS:
            whole = whole or describe(waiting)
            stop = _best_cut(waiting, cuts)
            is_cut = True
            text, waiting = waiting[:stop], waiting[stop:]
            if text.strip():
                has_text = True
                yield replace(whole, text=text, part=str(line))
            # A line that has to be cut goes on in the next one.
            line += text.count("\n") or 1
    if waiting.strip():
        whole = whole or describe(waiting)
        yield replace(whole, text=waiting, part=str(line) if is_cut else "")
    elif not has_text:
        raise NoTextError(f"{document.name} {without}", hint=hint)


_BLANK = re.compile(r"(?<=\n\n)(?=\S)")


def _best_cut(text: str, cuts: tuple[re.Pattern[str], ...]) -> int:
    earliest = PART_CHARACTERS * 4 // 5
    for pattern in (*cuts, _BLANK):
        last = 0
        for found in pattern.finditer(text, earliest, PART_CHARACTERS):
            last = found.start()
        if last:
            return last
    stop = text.rfind("\n", 0, PART_CHARACTERS) + 1
    return stop or text.rfind(" ", earliest, PART_CHARACTERS) + 1 or PART_CHARACTERS
