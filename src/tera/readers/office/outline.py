"""Gathers headings, paragraphs, lists and tables into drafts of bounded length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from tera.datatypes import Draft
from tera.errors import NoTextError, UnreadableFileError
from tera.readers.document import PART_CHARACTERS, Document
from tera.readers.plain.characters import clean

MOST_CHARACTERS = 250_000_000
"""Of a document: a text that is stored once but shown in a million cells is a bomb."""

# A space before it keeps a line from being taken for a heading, or for the fence of code.
_MARK = re.compile(r"^(?=#{1,6}[ \t]|```|~~~)", re.MULTILINE)


def plain(text: str) -> str:
    """Return a text in which no line looks like a heading."""
    return _MARK.sub(" ", clean(text))


def one_line(text: str) -> str:
    """Return a text with all its white space made single spaces."""
    return " ".join(clean(text).split())


class Outline:
    """The text of a document, block by block.

    A new part of a long document begins with the headings that it stands under.
    """

    def __init__(
        self, document: Document, *, title: str | None = None, at: datetime | None = None
    ) -> None:
        self._name = document.name
        self._title = title or document.name
        self._at = at
        self._blocks: list[str] = []
        self._size = self._total = self._number = 0
        self._trail: list[tuple[int, str]] = []
        self._done: list[Draft] = []
        self._is_tight = False
        self._waiting: tuple[int, str] | None = None
        self.has_text = False

    def heading(self, text: str, level: int = 1, *, is_name: bool = False) -> None:
        """Add a heading.

        Args:
            text: One line is made of it; nothing happens when there is none.
            level: 1 to 6.
            is_name: It only names a part (a slide, a sheet): without text below it it is left out.
        """
        text = one_line(text)
        if not text:
            return
        level = min(max(level, 1), 6)
        self._waiting = (level, text)
        if not is_name:
            self._put_heading()
            self.has_text = True

    def add(self, text: str, *, is_tight: bool = False) -> None:
        """Add a paragraph, an item of a list or a row of a table.

        Args:
            text: Lines that look like headings are kept from being ones.
            is_tight: No blank line divides it from a tight one before it.
        """
        text = plain(text).strip("\n")
        if not text.strip():
            return
        self.has_text = True
        while len(text) > PART_CHARACTERS:
            cut = max(text.rfind(" ", 1, PART_CHARACTERS), text.rfind("\n", 1, PART_CHARACTERS))
            cut = cut if cut > 0 else PART_CHARACTERS
            self._append(text[:cut], is_tight=is_tight)
            text = plain(text[cut:].lstrip())
        if text:
            self._append(text, is_tight=is_tight)

    def gap(self) -> None:
        """Have a blank line before the next block, whatever it is."""
        self._is_tight = False

    def ready(self) -> Iterator[Draft]:
        """Yield the parts that are full."""
        yield from self._done
        self._done.clear()

    def rest(self, *, may_be_empty: bool = False) -> Iterator[Draft]:
        """Yield what has not been yielded yet.

        Raises:
            UnreadableFileError: The document has no text, although it must.
        """
        yield from self.ready()
        if not self.has_text:
            if may_be_empty:
                return
            raise NoTextError(
                f"{self._name} has no text in it",
                hint="if it is made of pictures, save it as PDF and remember that",
            )
        self._finish(is_last=True)
        yield from self.ready()

    def _put_heading(self) -> None:
        if self._waiting is None:
            return
        level, text = self._waiting
        self._waiting = None
        self._trail = [(above, name) for above, name in self._trail if above < level]
        self._append(f"{'#' * level} {text}", is_tight=False)
        self._trail.append((level, text))

    def _append(self, block: str, *, is_tight: bool) -> None:
        self._put_heading()
        if self._size >= PART_CHARACTERS:
            self._finish(is_last=False)
            for level, name in self._trail:
                self._put(f"{'#' * level} {name}", "\n\n")
            self._is_tight = False
        self._put(block, "\n" if is_tight and self._is_tight else "\n\n")
        self._is_tight = is_tight
        if self._total > MOST_CHARACTERS:
            raise UnreadableFileError(
                f"{self._name} has more than {MOST_CHARACTERS // 10**6} million characters",
                hint="save it in several files",
            )

    def _put(self, block: str, divider: str) -> None:
        if self._blocks:
            self._blocks.append(divider)
        self._blocks.append(block)
        self._size += len(block) + len(divider)
        self._total += len(block) + len(divider)

    def _finish(self, *, is_last: bool) -> None:
        self._number += 1
        part = "" if is_last and self._number == 1 else f"{self._number}"
        text = "".join(self._blocks)
        self._done.append(Draft(text, title=self._title, at=self._at, part=part))
        self._blocks, self._size = [], 0
