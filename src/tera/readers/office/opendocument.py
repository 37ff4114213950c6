"""OpenDocument texts, sheets and presentations, as LibreOffice writes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.dates import parse_date, plausible
from tera.readers.document import Document, Failure, Item
from tera.readers.office import grid, ooxml
from tera.readers.office.odf_text import Texts
from tera.readers.office.ooxml import local, number
from tera.readers.office.outline import Outline
from tera.readers.office.package import BROKEN, Package, because, opened

MOST_COLUMNS = 16_384
"""LibreOffice's own limit; a file may claim to repeat a cell two billion times."""
MOST_REPEATS = 100
"""Equal rows of a sheet that are written out; more of them say nothing more."""
BAND_CM = 0.6
"""Frames of a slide whose tops differ by less stand beside each other."""

_BLOCKS = frozenset({"p", "h", "list", "table-row", "tracked-changes", "table-of-content"})
_CM = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6, "px": 2.54 / 96}


def read_odt(document: Document) -> Iterator[Item]:
    """Read a text document.

    Yields:
        Drafts and progress.

    Raises:
        UnreadableFileError: It is broken, hostile, encrypted, or has no text.
        UnsupportedFormatError: It is of another format.
    """
    yield from _read(document, "text")


def read_ods(document: Document) -> Iterator[Item]:
    """Read a spreadsheet: each sheet begins with its name as a heading; else as `read_odt`."""
    yield from _read(document, "spreadsheet")


def read_odp(document: Document) -> Iterator[Item]:
    """Read a presentation: each slide begins with a heading "Slide 4: ..."; else as `read_odt`."""
    yield from _read(document, "presentation")


def _read(document: Document, kind: str) -> Iterator[Item]:
    with opened(document) as package:
        _refuse_others(package, kind)
        outline = Outline(document, at=_modified(package))
        texts = Texts(package)
        readers = {"text": _read_text, "spreadsheet": _read_sheets, "presentation": _read_slides}
        try:
            for _ in readers[kind](package, texts, outline):
                yield from outline.ready()
                yield from package.progress()
        except BROKEN as error:
            if not outline.has_text:
                raise
            yield Failure(f"{document.name} is broken: its end was not read{because(error)}")
        yield from outline.rest()


def _refuse_others(package: Package, kind: str) -> None:
    name = package.document.name
    manifest = (
        package.parse("META-INF/manifest.xml") if "META-INF/manifest.xml" in package else None
    )
    encryption = ooxml.descendants(manifest, "encryption-data") if manifest is not None else ()
    is_encrypted = any(True for _ in encryption)
    if is_encrypted or "encrypted-package" in package:
        raise UnreadableFileError(
            f"{name} is encrypted", hint="open it in LibreOffice and save it without a password"
        )
    said = (
        package.read("mimetype", 4096).decode("ascii", "replace") if "mimetype" in package else ""
    )
    is_opendocument = not said or "opendocument" in said
    if "content.xml" not in package or not is_opendocument:
        raise UnsupportedFormatError(
            f"{name} is not an OpenDocument file", hint="tera remember FILE, without --as"
        )
    for other, ending in (("text", "odt"), ("spreadsheet", "ods"), ("presentation", "odp")):
        if other != kind and f"opendocument.{other}" in said:
            raise UnsupportedFormatError(
                f"{name} is an OpenDocument {other}", hint=f"tera remember --as {ending} FILE"
            )


def _modified(package: Package) -> datetime | None:
    root = package.parse_whole("meta.xml")
    found = next(ooxml.descendants(root, "date"), None) if root is not None else None
    return plausible(parse_date(found.text or "")) if found is not None else None


def _read_text(  # noqa: PLR0912
    package: Package, texts: Texts, outline: Outline
) -> Iterator[None]:
    for line in texts.page_lines():
        outline.add(line, is_tight=True)
    outline.gap()
    elements = package.outermost("content.xml", _BLOCKS)
    for table, group in groupby(elements, _table):
        if table is not None:
            outline.gap()
            for line in grid.lines(_row(texts, row) for row in group):
                outline.add(line, is_tight=bool(line))
                yield
            outline.gap()
            continue
        for element in group:
            texts.collect(element)
            match local(element):
                case "h":
                    level = number(ooxml.attribute(element, "outline-level"), 1)
                    outline.heading(texts.heading(element, level), level)
                case "p" if texts.is_title(element):
                    outline.heading(texts.line(element))
                case "p":
                    outline.add(texts.line(element))
                case "list":
                    # A heading may stand in a list, which gives it its number.
                    for line, level in texts.items(element):
                        if level:
                            outline.heading(line, level)
                        else:
                            outline.add(line, is_tight=True)
            for block in texts.told():
                outline.add(block)
            yield


def _table(element: Any) -> Any:
    return next(element.iterancestors("{*}table"), None) if local(element) == "table-row" else None


def _row(texts: Texts, row: Any) -> grid.Row:
    return texts.row(row, MOST_COLUMNS)


def _read_sheets(package: Package, texts: Texts, outline: Outline) -> Iterator[None]:
    rows = package.outermost("content.xml", frozenset({"table-row", "shapes", "tracked-changes"}))
    rows = (row for row in rows if local(row) != "tracked-changes")
    for table, group in groupby(rows, lambda row: next(row.iterancestors("{*}table"), None)):
        if table is None:
            continue
        outline.heading(ooxml.attribute(table, "name") or "Sheet", is_name=True)
        shapes: list[str] = []
        for line in grid.lines(_sheet_rows(texts, group, shapes)):
            if line:
                outline.add(line, is_tight=True)
            else:
                outline.gap()
            yield
        outline.gap()
        for text in shapes:
            outline.add(text)
        yield


def _sheet_rows(texts: Texts, rows: Iterator[Any], shapes: list[str]) -> Iterator[grid.Row]:
    for row in rows:
        if local(row) == "shapes":
            shapes += texts.frames(row)
            continue
        told = texts.row(row, MOST_COLUMNS, prefers_values=True)
        repeats = max(number(ooxml.attribute(row, "number-rows-repeated"), 1), 1)
        for _ in range(min(repeats, MOST_REPEATS) if told.cells else 1):
            yield told


def _read_slides(package: Package, texts: Texts, outline: Outline) -> Iterator[None]:
    for ordinal, page in enumerate(package.outermost("content.xml", frozenset({"page"})), 1):
        texts.collect(page)
        title = ""
        blocks: list[str] = []
        notes: list[str] = []
        for shape in sorted(page, key=_place):
            kind = ooxml.attribute(shape, "class") or ""
            if local(shape) == "notes":
                for inner in shape:
                    if ooxml.attribute(inner, "class") == "notes":
                        notes += texts.frames(inner)
                continue
            told = texts.frames(shape)
            if kind == "title" and not title:
                title = " ".join(told)
            else:
                blocks += told
        name = f"Slide {ordinal}" + (f": {title}" if title else "")
        outline.heading(name, is_name=not title)
        for block in (*blocks, *(f"Notes: {note}" for note in notes), *texts.told()):
            outline.add(block)
        yield


def _place(shape: Any) -> tuple[float, float]:
    """Return where a shape stands on its slide; notes come last."""
    if local(shape) == "notes":
        return float("inf"), 0.0
    y, x = (_centimetres(ooxml.attribute(shape, name)) for name in ("y", "x"))
    return (y // BAND_CM if y is not None else -1.0), x or 0.0


def _centimetres(length: str | None) -> float | None:
    for unit, size in _CM.items():
        if length and length.endswith(unit):
            try:
                return float(length.removesuffix(unit)) * size
            except ValueError:
                return None
    return None
