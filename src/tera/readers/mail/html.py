"""HTML of a mail -> plain text: quotes marked with ">", links with their addresses, no hidden text.

Tools that look for a page's main text drop parts of a mail; those that lay out every table or keep
its columns drown it in white space. Mails are laid out with tables, and quote with <blockquote>.
"""

from __future__ import annotations

import html as entities
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tera.readers.mail.charset import clean_text

MAX_CHARACTERS = 2_000_000
"""Of HTML, without pictures, that is laid out; of more, only the marks are taken off."""
MAX_LINK_CHARACTERS = 300
"""Longer ones carry what a sender wants to know, not where they lead."""

_LEFT_OUT_WORDS = "head style script template title svg object audio video map"
_LEFT_OUT = frozenset(_LEFT_OUT_WORDS.split())
_PARAGRAPHS_WORDS = "p h1 h2 h3 h4 h5 h6 blockquote ul ol dl pre table hr figure"
_PARAGRAPHS = frozenset(_PARAGRAPHS_WORDS.split())
_LINES_WORDS = (
    "div li tr td th dt dd section article header footer address center form fieldset option main "
    "aside nav br caption legend figcaption body"
)
_LINES = frozenset(_LINES_WORDS.split())
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|max-height\s*:\s*0(?!\.?\d)",
    re.I,
)
_INDENT = re.compile(r"border\s*:\s*(?:none|medium none|0)", re.I)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_PICTURE = re.compile(r"data:[\w/+.-]{0,100};base64,[A-Za-z0-9+/=\s]*", re.I)
_TAG = re.compile(r"<(?:style|script)\b[^<]*|<[^<>]*>", re.I)


def html_to_text(html: str) -> str:
    """Return the text of an HTML mail as its reader sees it."""
    from lxml import etree

    # Mails of long threads are nested deeper than the parser takes by default.
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    text = clean_text(_PICTURE.sub("", html))
    root = None
    if len(text) <= MAX_CHARACTERS:
        with suppress(etree.LxmlError, ValueError):
            root = etree.fromstring(text.encode(), parser)
    is_cut = any("depth" in error.message for error in parser.error_log)
    if root is None or is_cut:
        bare = clean_text(entities.unescape(_TAG.sub(" ", text)))
        return "\n".join(_SPACE.sub(" ", line).strip() for line in bare.split("\n")).strip()
    return _render(root)


@dataclass(slots=True)
class _Page:
    """Text that is being written; `gap` is how many line breaks are due before the next word."""

    lines: list[str] = field(default_factory=list)
    line: str = ""
    gap: int = 0
    depth: int = 0
    is_marker: bool = False

    def write(self, text: str) -> None:
        text = _SPACE.sub(" ", text)
        if not text.strip():
            if text and self.line and not self.gap and not self.line.endswith(" "):
                self.line += " "
            return
        self.due()
        self.line += text.lstrip() if not self.line or self.line.endswith(" ") else text

    def write_verbatim(self, text: str) -> None:
        for number, row in enumerate(text.split("\n")):
            if number:
                self.gap = 1
                self.flush()
            elif row.strip():
                self.due()
            self.line += row

    def mark(self, marker: str) -> None:
        """Begin a line with what says that it is an item or a heading."""
        self.flush()
        self.line = marker
        self.is_marker = True

    def break_line(self, blank: bool = False) -> None:
        self.gap = max(self.gap, 2 if blank else 1)

    def due(self) -> None:
        if self.gap and not self.is_marker:
            self.flush()
        self.gap = 0
        self.is_marker = False

    def flush(self) -> None:
        quote = "> " * self.depth
        if self.line.strip() and not self.is_marker:
            self.lines.append(quote + self.line.rstrip())
        if self.gap > 1 and self.lines and self.lines[-1] != quote.rstrip():
            self.lines.append(quote.rstrip())
        self.line = ""
        self.gap = 0
        self.is_marker = False


def _render(root: Any) -> str:
    from lxml import etree

    page = _Page()
    lists: list[int] = []  # the next number of each open list; 0 where items have none
    verbatim = 0
    links: list[int] = []
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, node in walk:
        tag = node.tag if isinstance(node.tag, str) else ""
        if event == "start":
            if _is_hidden(node, tag):
                walk.skip_subtree()
                continue
            if tag == "table" and (rows := _rows(node)):
                page.break_line(blank=True)
                for row in rows:
                    page.write(row)
                    page.break_line()
                walk.skip_subtree()
                continue
            _open(page, node, tag, lists)
            if tag == "pre":
                verbatim += 1
            if tag == "a":
                links.append(len(page.lines) * 10**6 + len(page.line))
            if node.text:
                (page.write_verbatim if verbatim else page.write)(node.text)
            continue
        # The end of what was skipped comes too: its tail is text of the parent.
        if tag == "table" or not _is_hidden(node, tag):
            if tag == "a" and links:
                _write_link(page, node, links.pop())
            _close(page, node, tag, lists)
            if tag == "pre":
                verbatim = max(0, verbatim - 1)
        if node.tail:
            (page.write_verbatim if verbatim else page.write)(node.tail)
    page.gap = 0
    page.flush()
    return "\n".join(page.lines).strip("\n")


def _open(page: _Page, node: Any, tag: str, lists: list[int]) -> None:
    if tag == "br":
        page.break_line(blank=page.gap > 0)
    elif tag in _PARAGRAPHS or tag in _LINES:
        page.break_line(blank=tag in _PARAGRAPHS and not (tag in ("ul", "ol") and bool(lists)))
    if tag == "blockquote" and not _is_indent(node):
        page.flush()
        page.depth += 1
    elif tag in ("ul", "ol"):
        lists.append(1 if tag == "ol" else 0)
    elif tag == "li":
        number = lists[-1] if lists else 0
        page.mark("  " * (len(lists) - 1) + (f"{number}. " if number else "- "))
        if number:
            lists[-1] += 1
    elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        page.mark("#" * int(tag[1]) + " ")
    elif tag == "img":
        _write_image(page, node)
    elif "gmail_signature" in node.get("class", "").split():
        if (page.line.strip() or (page.lines[-1:] or [""])[0]).strip("> ") != "--":
            page.break_line()
            page.write("--")
        page.break_line()


def _close(page: _Page, node: Any, tag: str, lists: list[int]) -> None:
    if tag in _PARAGRAPHS or (tag in _LINES and tag != "br"):
        page.break_line(blank=tag in _PARAGRAPHS and not (tag in ("ul", "ol") and len(lists) > 1))
    if tag == "blockquote" and not _is_indent(node):
        page.gap = 1
        page.flush()
        page.depth = max(0, page.depth - 1)
        page.gap = 2
    elif tag in ("ul", "ol") and lists:
        lists.pop()


def _is_hidden(node: Any, tag: str) -> bool:
    if tag in _LEFT_OUT or not tag or node.get("hidden") is not None:
        return True
    style = node.get("style")
    return bool(style and _HIDDEN.search(style[:2000]))


def _is_indent(node: Any) -> bool:
    """Return whether a block is moved to the right, not quoted: how Gmail indents."""
    if node.get("type") == "cite" or "quote" in node.get("class", ""):
        return False
    return bool(_INDENT.search(node.get("style", "")[:2000]))


def _write_link(page: _Page, node: Any, start: int) -> None:
    target = node.get("href", "").strip()
    is_empty = start == len(page.lines) * 10**6 + len(page.line)
    if is_empty or not target.lower().startswith(("http://", "https://", "mailto:")):
        return
    shown = "".join(node.itertext()).strip()
    address = target.removeprefix("mailto:").partition("?")[0] if ":" in target[:7] else target
    address = target if target.lower().startswith("http") else address
    if len(address) > MAX_LINK_CHARACTERS:
        address = address.partition("?")[0]
    bare = re.sub(r"^https?://(?:www\.)?|/$", "", address, flags=re.I)
    if bare and bare not in shown and len(address) <= MAX_LINK_CHARACTERS:
        is_spaced = page.line.endswith(" ")
        page.line = page.line.rstrip() + f" ({address})" + " " * is_spaced


def _write_image(page: _Page, node: Any) -> None:
    # One word is a logo, a social network or the name of a file.
    described = " ".join(node.get("alt", "").split())
    if " " in described and node.get("width") not in ("0", "1") and node.get("height") != "1":
        page.write(f"[{described}]")


def _rows(table: Any) -> list[str]:
    """Return the rows of a table that holds data, a line each; none if it is there for layout."""
    if table.get("role") == "presentation" or table.find(".//table") is not None:
        return []
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    rows = [row for row in rows if row]
    if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return []
    if any(
        not _is_hidden(cell, "td") and cell.find(".//p") is not None for row in rows for cell in row
    ):
        return []
    texts = [[" ".join(_cell(cell).split()) for cell in row] for row in rows]
    if any(len(text) > 200 for row in texts for text in row):
        return []
    if all(cell.tag == "th" for cell in rows[0]):
        heads, *values = texts
        return [
            "; ".join(f"{head}: {text}" if head else text for head, text in pairs if text)
            for row in values
            if (pairs := list(zip(heads, row, strict=True)))
        ]
    return [" ".join(_joined([text for text in row if text])) for row in texts if any(row)]


def _joined(cells: list[str]) -> list[str]:
    return [text if text.endswith(":") or text is cells[-1] else f"{text};" for text in cells]


def _cell(cell: Any) -> str:
    from copy import deepcopy

    alone = deepcopy(cell)
    alone.tag, alone.tail = "div", None
    return _render(alone)
