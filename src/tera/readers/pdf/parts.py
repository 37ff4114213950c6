"""Texts of pages -> drafts of bounded length, named by their first page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tera.datatypes import Draft
from tera.places import PAGE_BREAK
from tera.readers.document import PART_CHARACTERS


@dataclass(slots=True)
class Parts:
    """Pages, gathered to drafts of bounded length."""

    title: str
    at: datetime | None
    first: int = 1
    size: int = 0
    texts: list[str] = field(default_factory=list)
    is_divided: bool = False

    @property
    def has_text(self) -> bool:
        """Whether any page had text."""
        return self.is_divided or self.size > 0

    def add(self, number: int, text: str) -> Iterator[Draft]:
        """Add a page, and yield a draft of those before it when they are enough."""
        if self.size and self.size + len(text) > PART_CHARACTERS:
            yield self._draft(str(self.first))
            self.first, self.size, self.texts, self.is_divided = number, 0, [], True
        self.texts.append(text)
        self.size += len(text)

    def rest(self) -> Iterator[Draft]:
        """Yield a draft of the last pages."""
        if self.size:
            yield self._draft(str(self.first) if self.is_divided else "")

    def _draft(self, part: str) -> Draft:
        return Draft(PAGE_BREAK.join(self.texts), title=self.title, at=self.at, part=part)
