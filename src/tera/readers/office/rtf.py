"""Rich text (RTF): what it shows, with headings, lists, tables, links and notes."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from datetime import datetime

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.dates import date_of, plausible
from tera.readers.document import Document, Item, Pace
from tera.readers.office.outline import Outline
from tera.readers.office.package import refusing
from tera.readers.office.rtf_text import Reader

TOKENS_A_LOOK = 20_000
"""Tokens between two looks at the clock."""


def is_rtf(head: bytes) -> bool:
    """Return whether a file is rich text, by its first bytes."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf")


def read_rtf(document: Document) -> Iterator[Item]:
    """Read a document of rich text.

    Yields:
        Drafts and progress.

    Raises:
        UnreadableFileError: It is broken, hostile, or has no text.
        UnsupportedFormatError: It is no rich text.
    """
    with refusing(document), document.path.open("rb") as file:
        head = file.read(64)
        if not is_rtf(head):
            raise UnsupportedFormatError(
                f"{document.name} is not rich text", hint="tera remember FILE, without --as"
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            size = min(len(data), document.size_bytes)
            outline = Outline(document, at=_modified(data[: 2**16]))
            reader = Reader(data, size, outline)
            pace = Pace()
            while reader.read(TOKENS_A_LOOK):
                yield from outline.ready()
                yield from pace.at(reader.place, size)
            if reader.is_too_deep:
                raise UnreadableFileError(
                    f"{document.name} is nested too deep", hint="save it again as .docx"
                )
        yield from outline.rest()


def _modified(head: bytes) -> datetime | None:
    found = re.search(
        rb"\\revtim\\yr(\d{4})\\mo(\d\d?)\\dy(\d\d?)(?:\\hr(\d\d?))?(?:\\min(\d\d?))?", head
    )
    numbers = [(number or b"0").decode() for number in found.groups()] if found else []
    return plausible(date_of(numbers)) if numbers else None
