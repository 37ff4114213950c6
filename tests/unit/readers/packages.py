"""Writes documents that are zip packages, whole and broken ones, as tests of readers need them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape

from hypothesis import strategies

Target = TypeVar("Target", Path, io.BytesIO)
DATA = Path(__file__).parents[2] / "data"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
DRAWING = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    f'xmlns:r="{OFFICE}"'
)
OPEN = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
    }.items()
)

WORDS = strategies.lists(
    strategies.text(
        strategies.characters(categories=("L", "N", "P", "S"), exclude_characters="#`~-"),
        min_size=1,
        max_size=12,
    ),
    min_size=1,
    max_size=8,
).map(" ".join)
"""Text as a person writes it, of any script."""


def write_package(path: Target, parts: Mapping[str, str | bytes]) -> Target:
    """Write a zip package."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def relations(**targets: str) -> str:
    """Return a part of relations: id -> "kind target"."""
    inner = ""
    for key, value in targets.items():
        kind, _, target = value.partition(" ")
        mode = ' TargetMode="External"' if "://" in target else ""
        inner += f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"{mode}/>'
    return f'<Relationships xmlns="{PACKAGE}">{inner}</Relationships>'


def docx_parts(body: str, prolog: str = "") -> dict[str, str | bytes]:
    """Return the parts of a Word document."""
    return {
        "_rels/.rels": relations(main="officeDocument word/document.xml"),
        "word/document.xml": f'{prolog}<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}">'
        f"<w:body>{body}</w:body></w:document>",
    }


def paragraph(text: str, properties: str = "") -> str:
    """Return a paragraph of a Word document."""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def xlsx_parts(
    sheets: Mapping[str, str], *, strings: str = "", styles: str = ""
) -> dict[str, str | bytes]:
    """Return the parts of a workbook; of a sheet its rows are given."""
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{at}" r:id="s{at}"/>'
        for at, name in enumerate(sheets, 1)
    )
    links = {f"s{at}": f"worksheet worksheets/{at}.xml" for at in range(1, len(sheets) + 1)}
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations(main="officeDocument xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}">'
        f"<sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            **links, strings="sharedStrings strings.xml", styles="styles styles.xml"
        ),
        "xl/strings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}">{styles}</styleSheet>',
    }
    for at, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/{at}.xml"] = (
            f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return parts


def open_parts(kind: str, body: str, prolog: str = "") -> dict[str, str | bytes]:
    """Return the parts of an OpenDocument file."""
    return {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"{prolog}<office:document-content {OPEN}><office:body><office:{kind}>"
        f"{body}</office:{kind}></office:body></office:document-content>",
    }
