"""Files that chat programs export: their lines, times and JSON, read within bounds."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any

from tera.errors import NoTextError, UnreadableFileError
from tera.readers.document import Document, Failure, without_text

CHUNK_BYTES = 256 * 1024
MOST_LINE_CHARACTERS = 1_000_000
"""A longer line comes in pieces, so that a file without line ends is not held in memory."""

YEARS = range(1971, 2200)
"""Of messages; others are damage, and no platform's clock has all of them."""
SNIPPET_CHARACTERS = 60


class Lines:
    """The lines of a text file with their ends, from its beginning each time it is iterated.

    Attributes:
        done_bytes: How much is read, over all rounds.
        damaged: Places of the last round where bytes are no text.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.done_bytes = 0
        self.damaged = 0

    def __iter__(self) -> Iterator[str]:
        rest = ""
        for text in self._texts():
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                yield line + "\n"
            if len(rest) > MOST_LINE_CHARACTERS:
                yield rest
                rest = ""
        if rest:
            yield rest

    def _texts(self) -> Iterator[str]:
        decoder: codecs.IncrementalDecoder | None = None
        tail = b""
        self.damaged = 0
        for chunk in chunks(self.document):
            self.done_bytes += len(chunk)
            if decoder is None:
                encoding = encoding_of(chunk)
                replacement = "\ufffd".encode("utf-8" if encoding == "utf-8-sig" else encoding)[-3:]
                decoder = codecs.getincrementaldecoder(encoding)("replace")
            text = decoder.decode(chunk)
            # A replacement character that was there before is no damage.
            self.damaged += text.count("\ufffd") - (tail + chunk).count(replacement)
            tail = chunk[-2:]
            yield text
        if decoder is not None:
            text = decoder.decode(b"", final=True)
            self.damaged += text.count("\ufffd")
            yield text

    def failures(self) -> Iterator[Failure]:
        """Say once that there were bytes that are no text."""
        if self.damaged > 0:
            yield Failure(
                f"{self.document.name} has bytes that are not UTF-8 text in {self.damaged} places",
                hint="export the chat again",
            )


def chunks(document: Document) -> Iterator[bytes]:
    """Yield the bytes of a document, no more than it had when it was looked at."""
    with document.open() as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its byte order mark; UTF-8 without one."""
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if is_utf16 else "utf-8-sig"


def head_lines(head: bytes) -> list[str]:
    """Return the lines at the beginning of a file, without the last, which may be cut."""
    text = codecs.getincrementaldecoder(encoding_of(head))("replace").decode(head)
    lines = text.split("\n")
    return lines[:-1] if len(lines) > 1 else lines


def names_in(document: Document) -> list[str]:
    """Return the names that a document's place gives it, from its own to its outermost folder's."""
    names = list(reversed(PurePath(document.name.replace("\\", "/")).parts))
    return names if len(names) > 1 else [*names, document.path.parent.name]


def time_of(seconds: object) -> datetime | None:
    """Return the time that a number, or a string with one, of seconds since 1970 stands for."""
    try:
        time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(str(seconds)))
    except (ValueError, OverflowError):
        return None
    return time if time.year in YEARS else None


def iso_time(text: object) -> datetime | None:
    """Return the time that an ISO 8601 string stands for; naive if it names no zone."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time and time.year in YEARS else None


def snippet(text: str) -> str:
    """Return the beginning of a message, to recognise it by."""
    line = " ".join(text.split())
    return line if len(line) <= SNIPPET_CHARACTERS else line[:SNIPPET_CHARACTERS].rstrip() + "…"


def string(value: object) -> str:
    """Return what should be a string, or nothing."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> dict[str, Any]:
    """Return what should be a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """Return the JSON objects of what should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def unreadable(document: Document, reason: str, hint: str = "") -> UnreadableFileError:
    """Return the error that a document cannot be read."""
    return UnreadableFileError(f"{document.name} cannot be read: {reason}", hint=hint)


def without_messages(document: Document, kind: str) -> NoTextError:
    """Return the error that there is no message in a document."""
    return without_text(document, f"message of {kind}", "export the chat again")
