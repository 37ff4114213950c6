"""A page of an e-book -> blocks as those of web pages, with the headings of the book's contents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tera.readers.office.ooxml import linked
from tera.readers.web.blocks import Block, BlockTarget
from tera.readers.web.encoding import page_text, without_prologue

_NO_WORDS = frozenset({"rp", "svg:svg", "title"})


@dataclass(frozen=True, slots=True)
class ContentsHeading(Block):
    """A heading as the table of contents has it."""


def blocks(data: bytes, headings: dict[str, Block]) -> list[Block]:
    """Return the blocks of a page.

    Args:
        data: XHTML or HTML.
        headings: Id of an element -> the heading to put before it.
    """
    from lxml import etree

    text = without_prologue(page_text(data)).lstrip("\ufeff")
    if not text.strip():
        return []
    target = _PageTarget(headings)
    # The parser for HTML knows all named characters, and expands no entities of the page's own.
    parser = etree.HTMLParser(target=target, huge_tree=True, no_network=True)
    parser.feed(text)
    try:
        return list(parser.close())
    except etree.XMLSyntaxError:
        # Nothing in it but white space or a comment.
        return target.close()


class _PageTarget(BlockTarget):
    """Knows what pages of books have beside others': anchors, notes, ruby, letters as images."""

    def __init__(self, headings: dict[str, Block]) -> None:
        super().__init__()
        self._headings = dict(headings)
        self._begun: list[tuple[int, str, bool]] = []
        self._superscripts = 0
        self._readings: list[str] = []
        self._is_reading = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        for name in ("id", "name"):
            if heading := self._headings.pop(attributes.get(name, ""), None):
                self._flush()
                self._outs[-1].append(heading)
        is_page_number = attributes.get("epub:type") == "pagebreak"
        if (is_page_number or tag in _NO_WORDS) and not self._skipped:
            # In the middle of a paragraph, which goes on behind it.
            self._skipped.append(tag)
            return
        super().start(tag, attributes)
        if tag == "a" and not self._skipped:
            address = attributes.get("href", "")
            is_note = attributes.get("epub:type") == "noteref" or self._superscripts > 0
            self._begun.append((len(self._words), address, is_note))
        elif tag == "img" and len(letter := attributes.get("alt", "").strip()) == 1:
            # Letters that open a chapter are often pictures.
            self.data(letter)
        elif tag == "math" and "alttext" in attributes:
            self.data(attributes["alttext"])
            self._skipped.append(tag)
        self._superscripts += tag == "sup"
        self._is_reading |= tag == "rt"

    def end(self, tag: str) -> None:
        if tag == "a" and self._begun and not self._skipped:
            self._end_link(*self._begun.pop())
        super().end(tag)
        self._superscripts = max(0, self._superscripts - (tag == "sup"))
        self._is_reading &= tag != "rt"
        if tag == "ruby" and self._readings:
            reading, self._readings = "".join(self._readings), []
            self.data(f"({reading})")

    def data(self, text: str) -> None:
        if self._is_reading and not self._skipped:
            self._readings.append(text.strip())
        else:
            super().data(text)

    def _end_link(self, start: int, address: str, is_note: bool) -> None:
        text = "".join(self._words[start:])
        if is_note and 0 < len(text.strip()) <= 4:
            text = f"[{text.strip().strip('[]()')}]"
        elif address.startswith(("http:", "https:", "mailto:")):
            text = linked(text, address)
        self._words[start:] = [text]
