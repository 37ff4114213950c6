"""Excel workbooks: a heading for each sheet, a line for each row; sheets of any length stream."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from tera.readers.document import Document, Failure, Item
from tera.readers.office import grid, ooxml
from tera.readers.office.cell_formats import BUILTIN, general, shown
from tera.readers.office.ooxml import child, local, number
from tera.readers.office.outline import Outline
from tera.readers.office.package import BROKEN, Package, because, opened
from tera.readers.office.sheet_extras import Extras, column_of, load_extras, people

MOST_COLUMNS = 16_384
"""Excel's own limit."""
EMPTY_ROWS = 10_000
"""Formatted rows without content that are skipped before anybody hears of it."""

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_HYPERLINK = re.compile(r'HYPERLINK\(\s*"([^"]+)"', re.IGNORECASE)


def read_xlsx(document: Document) -> Iterator[Item]:
    """Read a workbook, hidden sheets too.

    Yields:
        Drafts in which each sheet begins with its name as a heading; a failure for each sheet that
        is broken; progress.

    Raises:
        UnreadableFileError: It is broken, hostile, or has no text.
        UnsupportedFormatError: It is of another format.
        PasswordNeededError: It is encrypted.
    """
    with opened(document) as package:
        main = ooxml.main_part(package, "xlsx")
        outline = Outline(document, at=ooxml.modified(package))
        book = _Book(package, main)
        for name, part in book.sheets():
            outline.heading(name, is_name=True)
            try:
                if not part or part not in package:
                    raise ValueError("it is missing")
                extras = load_extras(package, part, book.people)
                for line in grid.lines(book.rows(part, extras)):
                    if line:
                        outline.add(line, is_tight=True)
                        yield from outline.ready()
                    else:
                        outline.gap()
                    yield from package.progress()
                outline.gap()
                for text in extras.texts:
                    outline.add(text)
            except BROKEN as error:
                yield Failure(f"{document.name}: sheet {name} is broken{because(error)}")
            yield from package.attachments(package.relations(part) if part else {})
        yield from outline.rest()


class _Book:
    """What the sheets of a workbook share."""

    def __init__(self, package: Package, main: str) -> None:
        self._package = package
        self._root = package.parse(main)
        self._relations = package.relations(main)
        self._is_1904 = False
        properties = child(self._root, "workbookPr")
        if properties is not None:
            self._is_1904 = properties.get("date1904") in ("1", "true")
        self._styles = self._load_styles()
        self._strings = list(self._load_strings())
        self.people = people(package, self._relations)

    def sheets(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each sheet and that of its part, "" if it is missing."""
        sheets = child(self._root, "sheets")
        for sheet in sheets if sheets is not None else ():
            if local(sheet) == "sheet":
                relation = self._relations.get(ooxml.relation_id(sheet))
                yield sheet.get("name", ""), relation.target if relation else ""

    def rows(self, part: str, extras: Extras) -> Iterator[grid.Row]:
        """Yield the rows of a sheet; those without content are one empty row."""
        last = skipped = 0
        merged: dict[int, tuple[int, str]] = {}
        for row in self._package.outermost(part, frozenset({"row"}), can_nest=False):
            at = number(row.get("r"), last + 1)
            cells, is_bold = self._cells(row, at, extras) if len(row) else ({}, False)
            for column, end in extras.merges.pop(at, ()):
                text = cells.get(column, "")
                merged[column] = (end, text if len(text) <= grid.LONGEST_CELL else "")
            notes = tuple(extras.comments.pop(at, ()))
            if not cells and not notes:
                skipped += 1
                if skipped % EMPTY_ROWS == 0:
                    yield grid.Row({})
                continue
            if skipped or at > last + 1:
                yield grid.Row({})
            skipped, last = 0, at
            fills = [c for c, (end, text) in merged.items() if at <= end and text]
            if cells and any(column not in cells for column in fills):
                cells |= {c: merged[c][1] for c in fills if c not in cells}
                cells = dict(sorted(cells.items()))
            is_header = True if at in extras.headers and len(cells) > 1 else None
            yield grid.Row(cells, is_header, is_bold, notes)
        for left in extras.comments.values():
            yield grid.Row({}, notes=tuple(left))

    def _cells(self, row: Any, at: int, extras: Extras) -> tuple[dict[int, str], bool]:
        cells: dict[int, str] = {}
        is_bold = True
        column = -1
        for cell in row:
            reference = cell.get("r")
            column = column_of(reference) if reference else column + 1
            if not len(cell) or not 0 <= column < MOST_COLUMNS:
                continue
            style = number(cell.get("s"))
            form, cell_is_bold = (
                self._styles[style] if 0 <= style < len(self._styles) else ("", False)
            )
            text = self._text(cell, form).strip()
            if (at, column) in extras.links:
                text = ooxml.linked(text, extras.links[at, column])
            if text:
                cells[column] = text
                is_bold &= cell_is_bold
        return cells, is_bold

    def _text(self, cell: Any, form: str) -> str:
        kind = cell.get("t", "n")
        value = formula = None
        for inner in cell:
            match local(inner):
                case "v":
                    value = inner.text
                case "f":
                    formula = inner.text
                case "is":
                    return _string(inner)
        if value is None or (kind == "str" and not value):
            # Written by a program that does not calculate: the formula is all there is.
            return f"={formula}" if formula and value is None else ""
        match kind:
            case "s":
                index = number(value, -1)
                value = self._strings[index] if 0 <= index < len(self._strings) else ""
            case "b":
                value = "TRUE" if value.strip() == "1" else "FALSE"
            case "n":
                value = self._number(value, form)
            case "d":
                value = value.replace("T00:00:00", "").replace("T", " ").removesuffix(".000")
            case "str":
                value = _unescaped(value)
        link = _HYPERLINK.search(formula) if formula else None
        return ooxml.linked(value, link[1]) if link else value

    def _number(self, text: str, form: str) -> str:
        try:
            value = float(text)
        except ValueError:
            return text
        if not math.isfinite(value):
            return text
        return shown(value, form, is_1904=self._is_1904) if form else general(value)

    def _load_styles(self) -> list[tuple[str, bool]]:
        """Return the number format of each style, and whether it is bold."""
        part = next((r.target for r in self._relations.values() if r.kind == "styles"), "")
        root = self._package.parse_whole(part)
        if root is None:
            return []
        forms = dict(BUILTIN)
        for form in ooxml.descendants(root, "numFmt"):
            if local(form.getparent()) == "numFmts":
                forms[number(form.get("numFmtId"))] = form.get("formatCode", "")
        fonts = child(root, "fonts")
        bold = [ooxml.is_on(font, "b") for font in fonts] if fonts is not None else []
        styles: list[tuple[str, bool]] = []
        shapes = child(root, "cellXfs")
        for shape in shapes if shapes is not None else ():
            font = number(shape.get("fontId"))
            form = forms.get(number(shape.get("numFmtId")), "")
            styles.append((form, 0 <= font < len(bold) and bold[font]))
        return styles

    def _load_strings(self) -> Iterator[str]:
        part = next((r.target for r in self._relations.values() if r.kind == "sharedStrings"), "")
        if not part or part not in self._package:
            return
        for element in self._package.outermost(part, frozenset({"si"}), can_nest=False):
            yield _string(element)


def _string(element: Any) -> str:
    """Return a text of several formats, without how it is pronounced."""
    pieces: list[str] = []
    for inner in element:
        match local(inner):
            case "t":
                pieces.append(inner.text or "")
            case "r":
                pieces += [text.text or "" for text in inner if local(text) == "t"]
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
