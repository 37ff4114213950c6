"""Paragraphs, lists, tables and frames of OpenDocument -> text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tera.readers.office import grid
from tera.readers.office.numbering import Counter, Level, item, numeral
from tera.readers.office.ooxml import attribute, child, descendants, linked, local, number
from tera.readers.office.outline import one_line
from tera.readers.office.package import Package

MOST_SPACES = 1_000
"""A file may ask for two billion of them in a row."""
MOST_TABLE_COLUMNS = 1_000
"""Of a table in a text."""

_FORMATS = {"1": "decimal", "a": "letter", "A": "LETTER", "i": "roman", "I": "ROMAN", "": "none"}
_IGNORED = frozenset(
    {"tracked-changes", "table-of-content", "deletion", "annotation-end", "ruby-text"}
)
_VALUES = {
    "date": "date-value",
    "float": "value",
    "boolean": "boolean-value",
    "string": "string-value",
}


class Texts:
    """Turns the elements of a document into text; keeps what is said of them for after them."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._after: list[str] = []
        self._notes = {"footnote": 0, "endnote": 0}
        self._lists: dict[str, dict[int, Level]] = {}
        self._counters: dict[str, Counter] = {}
        self._titles = {"Title"}
        self._outline = Counter({})
        self._styles = package.parse_whole("styles.xml")
        if self._styles is not None:
            self._learn(self._styles)
            for outline in descendants(self._styles, "outline-style"):
                self._outline = Counter(_levels(outline))

    def collect(self, element: Any) -> None:
        """Learn the styles that stand before the first element of a streamed part."""
        if self._lists.get("", None) is not None:
            return
        self._lists[""] = {}
        root = element.getroottree().getroot()
        styles = child(root, "automatic-styles")
        if styles is not None:
            self._learn(styles)

    def _learn(self, root: Any) -> None:
        for style in descendants(root, "list-style"):
            self._lists[attribute(style, "name") or "?"] = _levels(style)
        for style in descendants(root, "style"):
            if attribute(style, "parent-style-name") == "Title":
                self._titles.add(attribute(style, "name") or "")

    def page_lines(self) -> Iterator[str]:
        """Yield headers and footers, each text once, without numbers of pages."""
        said: set[str] = set()
        if self._styles is None:
            return
        names = ("header", "footer", "header-left", "footer-left", "header-first", "footer-first")
        for part in descendants(self._styles, *names):
            has_page = any(True for _ in descendants(part, "page-number", "page-count"))
            lines = [one_line(self.line(one)) for one in descendants(part, "p", "h")]
            text = " | ".join(line for line in lines if line)
            if text and text not in said and not (has_page and len(text) < 20):
                said.add(text)
                yield f"{local(part).partition('-')[0].title()}: {text}"
        self.told()

    def is_title(self, paragraph: Any) -> bool:
        """Return whether a paragraph is the title of the document."""
        return attribute(paragraph, "style-name") in self._titles

    def heading(self, element: Any, level: int) -> str:
        """Return a heading with its number."""
        text = self.line(element).strip()
        if not text or attribute(element, "is-list-header") == "true":
            return text
        label = self._outline.next(level - 1) if self._outline.levels else ""
        return f"{label} {text}".strip()

    def told(self) -> list[str]:
        """Return what is to be said after an element: notes, comments, text boxes."""
        told, self._after = self._after, []
        return told

    def line(self, element: Any) -> str:
        """Return the text of a paragraph; white space counts as it does in HTML."""
        pieces = [_squeezed(element.text)]
        for inner in element:
            pieces.append(self._piece(inner))
            pieces.append(_squeezed(inner.tail))
        return "".join(pieces)

    def blocks(self, container: Any) -> Iterator[str]:
        """Yield the paragraphs, lists and tables of a cell, a note or a text box."""
        for element in container:
            name = local(element)
            if name in ("p", "h"):
                yield self.line(element)
            elif name == "list":
                yield "\n".join(line for line, _ in self.items(element))
            elif name == "table":
                yield "\v".join(filter(None, grid.lines(self._rows(element))))
            elif name == "annotation":
                self._piece(element)
            elif name and name not in _IGNORED:
                yield from self.blocks(element)

    def frames(self, shape: Any) -> list[str]:
        """Return the texts of a shape or frame, and of those in it."""
        name = local(shape)
        if name in ("annotation", "object"):
            self._piece(shape)
            return self.told() if name == "object" else []
        if name == "table":
            return ["\n".join(filter(None, grid.lines(self._rows(shape))))]
        if name in ("g", "a", "frame", "shapes"):
            found: list[str] = []
            for inner in shape:
                found += self.frames(inner)
                # Of a frame's pictures of the same thing the first is the thing itself.
                if name == "frame" and found and local(inner) == "object":
                    break
            return found
        if name == "desc":
            description = one_line("".join(shape.itertext()))
            return [f"[Picture: {description}]"] if description else []
        texts = [text for text in self.blocks(shape) if text.strip()]
        return ["\n".join(texts)] if texts else []

    def items(self, element: Any, depth: int = 0, style: str = "") -> Iterator[tuple[str, int]]:
        """Yield the items of a list as lines, each with its level if it is a heading, or 0."""
        style = attribute(element, "style-name") or style
        if depth == 0:
            goes_on = attribute(element, "continue-numbering") == "true" or attribute(
                element, "continue-list"
            )
            if style not in self._counters or not goes_on:
                self._counters[style] = Counter(self._lists.get(style, {}))
        counter = self._counters.setdefault(style, Counter(self._lists.get(style, {})))
        for entry in element:
            name = local(entry)
            if name not in ("list-item", "list-header"):
                continue
            start = attribute(entry, "start-value")
            if start is not None:
                counter.restart(depth, number(start, 1))
            is_first = name == "list-item"
            for block in entry:
                kind = local(block)
                if kind == "list":
                    yield from self.items(block, depth + 1, style)
                elif kind == "h":
                    level = number(attribute(block, "outline-level"), 1)
                    yield self.heading(block, level), level
                elif kind == "p":
                    text = self.line(block)
                    if is_first:
                        yield item(counter.next(depth), text, depth), 0
                    elif text.strip():
                        yield "  " * (depth + 1) + text, 0
                    is_first = False

    def row(self, row: Any, most_columns: int, *, prefers_values: bool = False) -> grid.Row:
        """Return a row of a table.

        Args:
            row: Its element.
            most_columns: Cells that are repeated beyond them are left out.
            prefers_values: Dates are told in ISO, not as they are shown.
        """
        cells: dict[int, str] = {}
        outer, self._after = self._after, []
        column = 0
        for cell in row:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            text = self._value(cell) if prefers_values else ""
            if not text:
                text = "\n".join(block for block in self.blocks(cell) if block.strip())
            elif child(cell, "annotation") is not None:
                self._piece(child(cell, "annotation"))
            repeats = max(number(attribute(cell, "number-columns-repeated"), 1), 1)
            written = repeats if len(text) <= grid.LONGEST_CELL else 1
            for at in range(column, min(column + written, most_columns)):
                if not text.strip():
                    break
                cells[at] = text.strip()
            column += repeats
            if column >= most_columns:
                break
        notes, self._after = tuple(self._after), outer
        is_header = any(True for _ in row.iterancestors("{*}table-header-rows"))
        return grid.Row(cells, True if is_header else None, notes=notes)

    def _rows(self, table: Any) -> Iterator[grid.Row]:
        for row in descendants(table, "table-row"):
            if next(row.iterancestors("{*}table"), None) is table:
                yield self.row(row, MOST_TABLE_COLUMNS)

    def _value(self, cell: Any) -> str:
        kind = attribute(cell, "value-type") or ""
        value = attribute(cell, _VALUES.get(kind, "")) or "" if kind in _VALUES else ""
        if kind == "date":
            return value.removesuffix("T00:00:00").replace("T", " ")
        is_shown = any(True for _ in descendants(cell, "p"))
        return "" if is_shown else value

    def _piece(self, element: Any) -> str:  # noqa: PLR0911, PLR0912
        name = local(element)
        match name:
            case "s":
                return " " * min(number(attribute(element, "c"), 1), MOST_SPACES)
            case "tab":
                return "\t"
            case "line-break":
                return "\n"
            case "soft-page-break" | "bookmark" | "" | "change" | "change-start" | "change-end":
                return ""
            case "a":
                url = attribute(element, "href") or ""
                return linked(self.line(element), url if "://" in url or "mailto" in url else None)
            case "note":
                return self._note(element)
            case "annotation":
                creator = child(element, "creator")
                author = one_line(creator.text or "") if creator is not None else ""
                texts = [self.line(one) for one in element if local(one) in ("p", "list")]
                text = "\n".join(filter(None, texts))
                if text.strip():
                    self._after.append(f"Comment by {author or 'unknown'}: {text}")
            case "ruby":
                base = child(element, "ruby-base")
                return self.line(base) if base is not None else ""
            case "object":
                self._object(attribute(element, "href") or "")
            case "image" | "binary-data" | "event-listeners" | "plugin":
                return ""
            case "frame" | "custom-shape" | "rect" | "g" | "ellipse" | "polygon" | "path":
                told = self.frames(element)
                self._after += told
            case _ if name not in _IGNORED:
                return self.line(element)
        return ""

    def _note(self, element: Any) -> str:
        kind = attribute(element, "note-class") or "footnote"
        self._notes[kind] = self._notes.get(kind, 0) + 1
        mark = f"[{numeral(self._notes[kind], 'roman' if kind == 'endnote' else 'decimal')}]"
        body = child(element, "note-body")
        outer, self._after = self._after, []
        text = "\n".join(self.blocks(body)) if body is not None else ""
        inner, self._after = self._after, outer
        self._after += [f"{mark} {text.strip()}", *inner]
        return mark

    def _object(self, address: str) -> None:
        """Tell what an embedded formula or chart says."""
        part = address.removeprefix("./").rstrip("/") + "/content.xml"
        if (root := self._package.parse_whole(part)) is None:
            return
        formula = next(descendants(root, "annotation"), None)
        if formula is not None:
            text = one_line(formula.text or "")
        else:
            titles = descendants(root, "title", "subtitle", "p")
            text = " | ".join(dict.fromkeys(filter(None, (one_line(self.line(t)) for t in titles))))
        if text:
            self._after.append(text)


def _levels(style: Any) -> dict[int, Level]:
    levels: dict[int, Level] = {}
    for shape in style:
        depth = number(attribute(shape, "level"), 1) - 1
        name = local(shape)
        if name in ("list-level-style-number", "outline-level-style"):
            form = _FORMATS.get(attribute(shape, "num-format") or "", "decimal")
            shown = min(max(number(attribute(shape, "display-levels"), 1), 1), depth + 1)
            numbers = ".".join(f"%{at}" for at in range(depth + 2 - shown, depth + 2))
            before, after = (
                attribute(shape, "num-prefix") or "",
                attribute(shape, "num-suffix") or "",
            )
            pattern = "" if form == "none" else f"{before}{numbers}{after}"
            levels[depth] = Level(form, pattern, number(attribute(shape, "start-value"), 1))
        else:
            levels[depth] = Level()
    return levels


def _squeezed(text: str | None) -> str:
    """Return text with runs of white space made one space; spaces that count have elements."""
    if not text:
        return ""
    core = " ".join(text.split())
    if not core:
        return " "
    return (" " if text[0].isspace() else "") + core + (" " if text[-1].isspace() else "")
