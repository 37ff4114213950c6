"""The bookmarks that a browser exports: a line for each under the names of its folders.

All browsers write the format that Netscape did; its tags are hardly ever closed, and stand one a
line.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tera.datatypes import Draft
from tera.places import MONTHS
from tera.readers.document import Document, Item
from tera.readers.plain.lines import HEADING_CUTS, drafts_of, read_lines

MAX_ENTRY_CHARACTERS = 100_000
"""Longer than any address and description; icons in base64 are longer, and no text."""

# Nothing here looks further than one tag, its name and what follows it up to the next tag.
_ENTRY = re.compile(
    r"<(h[1-6]|a)\b((?:\"[^\"<]*+\"|[^<>\"])*+)>([^<]{0,5000}+)</\1\s*>|<dd\b[^<>]*+>([^<]*+)|<(/?)dl\b",
    re.IGNORECASE,
)
_BEGINNING = re.compile(r"<(?:dt|dd|a|h\d|/?dl)\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")
_ICON = re.compile(r"\s(?:icon|icon_uri)\s*=\s*\"[^\"]*\"", re.IGNORECASE)
_MARK = re.compile(rb"<!doctype\s+netscape-bookmark-file-1", re.IGNORECASE)
MAX_ADDRESS_CHARACTERS = 500


def is_bookmarks(head: bytes) -> bool:
    """Return whether a file begins as exported bookmarks do."""
    return bool(_MARK.match(head.removeprefix(b"\xef\xbb\xbf").lstrip()[:100]))


def read_bookmarks(document: Document) -> Iterator[Item]:
    """Read exported bookmarks.

    Args:
        document: What Chrome, Firefox, Safari, Edge and most services of bookmarks export.

    Yields:
        Drafts, usually one: a heading for each folder, "- Title: address (date, tags)" below it.

    Raises:
        UnsupportedFormatError: It is a binary file.
        NoTextError: There are no bookmarks in it.
    """
    found = _Bookmarks().lines(read_lines(document))
    yield from drafts_of(
        found,
        document,
        lambda _: Draft("", title=document.name),
        HEADING_CUTS,
        without="has no bookmarks in it",
        hint="export the bookmarks again",
    )


class _Bookmarks:
    """Knows the folders around the entry that comes next, and those that were written last."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.written: list[str] = []
        self.folder = ""
        self.is_top = True

    def lines(self, blocks: Iterable[str | Item]) -> Iterator[str | Item]:
        rest = ""
        for block in blocks:
            if not isinstance(block, str):
                yield block
                continue
            text = _ICON.sub("", rest + block)
            # The last entry may go on in the next block.
            starts = [found.start() for found in _BEGINNING.finditer(text, len(text) * 3 // 4)]
            stop = starts[-1] if starts and len(text) - starts[-1] < MAX_ENTRY_CHARACTERS else None
            rest = text[stop:] if stop is not None else ""
            yield self._entries(text[:stop])
        yield self._entries(rest)

    def _entries(self, text: str) -> str:
        out: list[str] = []
        for found in _ENTRY.finditer(text):
            tag, attributes, name, description, closing = found.groups()
            if closing is not None:
                self._enter_or_leave(closing)
            elif description is not None:
                if words := _clean(description):
                    out.append(self._headings([self.folder] if self.folder else []))
                    out.append(f"{words}\n" if self.folder else f"  {words}\n")
            elif tag.lower() == "a":
                out.append(self._headings([]) + _bookmark(_clean(name), _fields(attributes)))
            else:
                self.folder = _clean(name)
        return "".join(out)

    def _enter_or_leave(self, closing: str) -> None:
        if not closing:
            self.path.append(self.folder)
        elif self.path:
            self.path.pop()
        self.folder = ""

    def _headings(self, folder: list[str]) -> str:
        """Return the headings that are new; or again that of the folder that goes on."""
        path = [name for name in self.path if name] + folder
        if path == self.written:
            return ""
        same = 0
        while same < min(len(path), len(self.written)) and path[same] == self.written[same]:
            same += 1
        self.written = path
        first = min(same, len(path) - 1)
        headings = "".join(
            f"\n{'#' * min(level + 1, 6)} {name}\n"
            for level, name in enumerate(path)
            if level >= first
        )
        is_top, self.is_top = self.is_top, False
        return headings.removeprefix("\n") if is_top else headings


def _bookmark(name: str, fields: dict[str, str]) -> str:
    address = fields.get("href", "")
    # Firefox keeps its own searches as bookmarks; a script in one is no address.
    if address.lower().startswith("place:"):
        return ""
    if len(address) > MAX_ADDRESS_CHARACTERS:
        address = address[:MAX_ADDRESS_CHARACTERS] + "…"
    more = [_added(fields.get("add_date", "")), fields.get("tags", "").replace(",", ", ")]
    labels = ("added ", "tags: ")
    notes = ", ".join(
        label + text for label, text in zip(labels, more, strict=True) if text.strip()
    )
    entry = f"{name}: {address}" if name and address else name or address
    return f"- {entry}" + (f" ({notes})" if notes else "") + "\n" if entry else ""


def _added(seconds: str) -> str:
    """Return "3 May 2024"; some services write milliseconds or microseconds."""
    number = int(seconds) if re.fullmatch(r"[0-9]{1,18}", seconds) else 0
    while number > 1e11:
        number //= 1000
    if not number:
        return ""
    date = datetime.fromtimestamp(number, UTC).astimezone()
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def _fields(attributes: str) -> dict[str, str]:
    return {
        name.lower(): html.unescape(double or single or bare)
        for name, double, single, bare in _ATTRIBUTE.findall(attributes)
    }


def _clean(text: str) -> str:
    return " ".join(html.unescape(text).split())
