"""HTML -> blocks of light Markdown, as its parser meets them: headings, paragraphs, items, rows.

It holds no tree, so that an export of any size can be read, nested however deep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

MAX_INDENT = 6
MAX_NESTED_TABLES = 20
"""Pages of the nineties nest five; deeper ones are read without columns."""
MAX_COLUMNS = 200
MAX_ROW_CHARACTERS = 2_000
"""Rows with more hold a page, not a value in each cell: tables were used for layout."""
MAX_NAME_CHARACTERS = 80
MAX_ADDRESS_CHARACTERS = 500
MAX_CONTAINERS = 50_000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SKIPPED = _words(
    "script style head template svg nav select button iframe object canvas noscript audio video "
    "map datalist"
)
_BLOCKS = _words(
    "p div section article main header footer aside ul ol li dl dt dd blockquote pre table caption "
    "thead tbody tfoot tr td th h1 h2 h3 h4 h5 h6 figure figcaption details summary address form "
    "fieldset legend hr center body html textarea hgroup menu dialog"
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_ASIDES = frozenset(("aside", "footer"))
_CONTAINERS = _BLOCKS - _words("html body tr td th thead tbody tfoot")

Kind = Literal["text", "heading", "item", "row", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page; `is_aside` what stands in a footer or beside the text."""

    text: str
    kind: Kind = "text"
    is_aside: bool = False


@dataclass(slots=True)
class _Table:
    names: list[str] = field(default_factory=list)
    cells: list[tuple[list[Block], int]] = field(default_factory=list)
    are_names: bool = True
    rows: int = 0
    is_open: bool = False


@dataclass(slots=True)
class _Link:
    address: str = ""
    text: str = ""
    is_open: bool = False


class BlockTarget:
    """A target for lxml's parser; `taken()` gives the blocks that are done.

    Attributes:
        containers: The first block of each element of the page itself, and the one after its last.
    """

    def __init__(self, *, is_hidden_shown: bool = False) -> None:
        """Begin a page.

        Args:
            is_hidden_shown: Read what the page hides, too.
        """
        self._done: list[Block] = []
        self._outs: list[list[Block]] = [self._done]
        self._tables: list[_Table] = []
        # Of each table and each cell around, whether it is one for us.
        self._known_tables: list[bool] = []
        self._known_cells: list[bool] = []
        self._words: list[str] = []
        self._skipped: list[str] = []
        # The number of the next item of each list around; None where they have none.
        self._lists: list[int | None] = []
        self._asides = 0
        self._count = 0
        self._open: list[tuple[str, int]] = []
        self.containers: list[tuple[int, int]] = []
        self._kind: Kind = "text"
        self._mark = ""
        self._code = 0
        self._link = _Link()
        self._is_hidden_shown = is_hidden_shown

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        if self._skipped:
            # Only the same tag can hide the end of what is left out.
            if tag == self._skipped[0]:
                self._skipped.append(tag)
            return
        if self._is_left_out(tag, attributes):
            self._flush()
            self._skipped.append(tag)
            return
        if tag == "br":
            self._words.append("\n")
        elif tag == "a":
            self._link = _Link(attributes.get("href", "").strip(), is_open=True)
        elif tag in _BLOCKS:
            self._flush()
            self._asides += tag in _ASIDES
            if len(self._outs) == 1 and tag in _CONTAINERS:
                self._open.append((tag, self._number()))
            self._begin(tag, attributes)

    def end(self, tag: str) -> None:
        """End an element."""
        if self._skipped:
            if tag == self._skipped[0]:
                self._skipped.pop()
            return
        if tag == "a":
            self._link.is_open = False
        if tag not in _BLOCKS:
            return
        has_text = self._flush()
        self._asides = max(0, self._asides - (tag in _ASIDES))
        if self._open and self._open[-1][0] == tag and len(self._outs) == 1:
            self.containers.append((self._open.pop()[1], self._number()))
            # Of an endless page nobody asks for them.
            del self.containers[MAX_CONTAINERS:]
        if has_text or tag in ("li", "dd") or tag in _HEADINGS:
            self._kind, self._mark = "text", ""
        if tag == "pre":
            self._code = max(0, self._code - 1)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag in ("td", "th") and self._known_cells and self._known_cells.pop():
            if self._tables:
                self._end_cell(self._tables[-1])
        elif tag == "tr" and self._tables and not self._tables[-1].is_open:
            self._end_row(self._tables[-1])
        elif tag == "table" and self._known_tables and self._known_tables.pop():
            self._end_table()

    def data(self, text: str) -> None:
        """Take text."""
        if self._skipped:
            return
        self._words.append(text if self._code else text.replace("\n", " "))
        if self._link.is_open:
            self._link.text += text[:1000]

    def comment(self, text: str) -> None:
        """Leave a comment out."""

    def close(self) -> list[Block]:
        """End the page; return what is not taken yet."""
        self._flush()
        while self._tables:
            self._end_table()
        return self.taken()

    def taken(self) -> list[Block]:
        """Return the blocks since the last call."""
        done = list(self._done)
        self._count += len(done)
        self._done.clear()
        return done

    def _number(self) -> int:
        """Return how many blocks there were, of the page itself."""
        return self._count + len(self._done)

    def _is_left_out(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if tag in _SKIPPED:
            return True
        if self._is_hidden_shown or tag in ("html", "body", "br", "input", "img", "hr", "wbr"):
            return False
        return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", "")[:1000]))

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _HEADINGS:
            self._kind, self._mark = "heading", "#" * _HEADINGS[tag] + " "
        elif tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._kind, self._mark = "item", self._item_mark()
        elif tag == "dd":
            self._kind, self._mark = "item", "- "
        elif tag == "pre":
            self._code += 1
        elif tag == "table":
            self._known_tables.append(len(self._tables) < MAX_NESTED_TABLES)
            if self._known_tables[-1]:
                self._tables.append(_Table())
        elif tag in ("td", "th"):
            self._begin_cell(tag, attributes)

    def _item_mark(self) -> str:
        indent = "  " * min(max(0, len(self._lists) - 1), MAX_INDENT)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _begin_cell(self, tag: str, attributes: Mapping[str, str]) -> None:
        # A cell stands in a table that is known, and not in another cell of it.
        is_known = bool(self._tables) and not self._tables[-1].is_open
        self._known_cells.append(is_known and len(self._tables[-1].cells) < MAX_COLUMNS)
        if not self._known_cells[-1]:
            return
        table = self._tables[-1]
        span = attributes.get("colspan", "1")
        width = min(int(span), 50) if re.fullmatch(r"[1-9][0-9]{0,3}", span) else 1
        table.cells.append(([], width))
        table.are_names &= tag == "th"
        self._outs.append(table.cells[-1][0])
        table.is_open = True

    def _end_row(self, table: _Table) -> None:
        if not table.cells:
            return
        cells, table.cells = table.cells, []
        are_names, table.are_names = table.are_names, True
        table.rows += 1
        out = self._outs[-1]
        size = sum(len(block.text) for blocks, _ in cells for block in blocks)
        is_layout = size > MAX_ROW_CHARACTERS or any(
            block.kind in ("heading", "row", "code") for blocks, _ in cells for block in blocks
        )
        if is_layout or len(cells) == 1:
            out.extend([block for blocks, _ in cells for block in blocks])
            return
        texts: list[str] = []
        for blocks, width in cells:
            text = " ".join(" ".join(block.text.removeprefix("- ").split()) for block in blocks)
            texts.extend((text, *("" for _ in range(width - 1))))
            if are_names:
                texts[len(texts) - width :] = [text] * width
        if (
            are_names
            and table.rows == 1
            and all(len(text) <= MAX_NAME_CHARACTERS for text in texts)
        ):
            table.names = texts
        elif line := _row(table.names, texts):
            out.append(Block(line, "row", self._asides > 0))

    def _end_cell(self, table: _Table) -> None:
        if table.is_open:
            self._outs.pop()
            table.is_open = False

    def _end_table(self) -> None:
        table = self._tables[-1]
        self._end_cell(table)
        self._end_row(table)
        self._tables.pop()
        if table.rows == 1 and any(table.names):
            names = dict.fromkeys(name for name in table.names if name)
            self._outs[-1].append(Block("; ".join(names), "row", self._asides > 0))

    def _flush(self) -> bool:
        """End the block that is open; return whether there is anything in it."""
        text = "".join(self._words)
        self._words.clear()
        link, self._link = self._link, _Link()
        if self._code:
            if text.strip():
                self._outs[-1].append(Block(text.strip("\n"), "code", self._asides > 0))
            return bool(text.strip())
        lines = [words for line in text.split("\n") if (words := " ".join(line.split()))]
        if not lines:
            return False
        text = ("\n" if self._kind == "text" else " ").join(lines)
        is_link = link.address.startswith(("http://", "https://")) and self._kind != "heading"
        if is_link and " ".join(link.text.split()) == text and link.address not in text:
            text = f"{text}: {link.address[:MAX_ADDRESS_CHARACTERS]}"
        self._outs[-1].append(Block(self._mark + text, self._kind, self._asides > 0))
        return True


def _row(names: Sequence[str], cells: Sequence[str]) -> str:
    named = zip_longest(names, cells, fillvalue="")
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)


def written(blocks: Sequence[Block]) -> str:
    """Return blocks as text: a blank line around all but items and rows that follow another."""
    out: list[str] = []
    before: Kind | None = None
    for block in blocks:
        is_close = block.kind == before and before in ("item", "row")
        if before is not None and not is_close:
            out.append("\n")
        out.append(f"```\n{block.text}\n```\n" if block.kind == "code" else f"{block.text}\n")
        before = block.kind
    return "".join(out)
