"""What a sheet of a workbook says outside of its cells: comments, links, merges, drawings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tera.readers.office import ooxml
from tera.readers.office.ooxml import child, local, number
from tera.readers.office.outline import one_line
from tera.readers.office.package import BROKEN, Package, Relation

MOST_AHEAD = 256 * 2**20
"""Bytes of a sheet that are looked through before it is read: merges and links stand at its end."""
MOST_TAIL = 16 * 2**20
"""Bytes behind the rows."""

_BLOCK = 2**20
_TAG = re.compile(rb"<(?:\w+:)?(mergeCell|hyperlink|autoFilter)\s([^<>]*)>")
_END = re.compile(rb"</(?:\w{1,16}:)?sheetData>")
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*["']([^"']*)["']""")
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_THREADED = "[Threaded comment]"


@dataclass(slots=True)
class Extras:
    """What belongs to cells, by row from 1 and column from 0.

    Attributes:
        headers: Rows that are headers of tables.
        merges: First row -> column and last row of cells merged downwards.
        links: Cell -> address.
        comments: Row -> lines.
        texts: Of text boxes and charts.
    """

    headers: set[int] = field(default_factory=set)
    merges: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    comments: dict[int, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


def column_of(reference: str) -> int:
    """Return the column of a cell, from 0: 2 for "C7"; -1 for what is no cell."""
    column = 0
    for letter in reference:
        if not letter.isalpha():
            break
        column = column * 26 + (ord(letter) | 0x20) - 0x60
        if column > 10**6:
            return -1
    return column - 1


def people(package: Package, relations: dict[str, Relation]) -> dict[str, str]:
    """Return the names of those who comment."""
    found: dict[str, str] = {}
    for relation in relations.values():
        if relation.kind == "person":
            root = package.parse(relation.target)
            for person in root if root is not None else ():
                found[person.get("id", "")] = one_line(person.get("displayName", ""))
    return found


def load_extras(package: Package, part: str, names: dict[str, str]) -> Extras:
    """Look for what a sheet says outside of its cells; what is broken is left out."""
    extras = Extras()
    relations = package.relations(part)
    threaded: list[Any] = []
    for relation in relations.values():
        if relation.is_external:
            continue
        if relation.kind not in ("comments", "threadedComment", "table", "drawing"):
            continue
        try:
            if (root := package.parse(relation.target)) is None:
                continue
            match relation.kind:
                case "comments":
                    _add_comments(root, extras)
                case "threadedComment":
                    threaded += list(root)
                case "table" if root.get("headerRowCount", "1") != "0":
                    extras.headers.add(_rows(root.get("ref", ""))[0])
                case "drawing":
                    _add_drawing(package, relation.target, root, extras)
        except BROKEN:
            continue
    for comment in threaded:
        text = child(comment, "text")
        author = names.get(comment.get("personId", "")) or "unknown"
        _add_comment(
            extras, comment.get("ref", ""), author, "" if text is None else text.text or ""
        )
    if package.size(part) <= MOST_AHEAD:
        _add_tail(package, part, relations, extras)
    return extras


def _add_comments(root: Any, extras: Extras) -> None:
    authors = [one_line(author.text or "") for author in ooxml.descendants(root, "author")]
    for comment in ooxml.descendants(root, "comment"):
        at = number(comment.get("authorId"), -1)
        author = authors[at] if 0 <= at < len(authors) else ""
        text = "".join(piece.text or "" for piece in ooxml.descendants(comment, "t"))
        # For old programs, a copy of a threaded comment; Excel writes the author before the text.
        if not text.startswith(_THREADED):
            text = text.strip().removeprefix(f"{author}:")
            _add_comment(extras, comment.get("ref", ""), author or "unknown", text)


def _add_comment(extras: Extras, reference: str, author: str, text: str) -> None:
    if text.strip():
        line = f"Comment on {reference} by {author}: {one_line(text)}"
        extras.comments.setdefault(_rows(reference)[0], []).append(line)


def _add_drawing(package: Package, part: str, root: Any, extras: Extras) -> None:
    relations = package.relations(part)
    for shape in ooxml.descendants(root, "txBody", "chart", "relIds"):
        if local(shape) == "txBody":
            lines = (text for _, text in ooxml.drawn_paragraphs(shape, relations))
            text = "\n".join(line for line in lines if line.strip())
        else:
            text = ooxml.drawn(shape, package, relations)
        if text:
            extras.texts.append(text)


def _add_tail(package: Package, part: str, relations: dict[str, Relation], extras: Extras) -> None:
    tail = _tail(package, part)
    for found in _TAG.finditer(tail):
        values = {
            key.rpartition(b":")[2]: value.decode(errors="replace")
            for key, value in _ATTRIBUTE.findall(found[2])
        }
        reference = values.get(b"ref", "")
        first, last = _rows(reference)
        match found[1]:
            case b"mergeCell" if last > first:
                column = column_of(reference.lstrip("$"))
                extras.merges.setdefault(first, []).append((column, last))
            case b"autoFilter":
                extras.headers.add(first)
            case b"hyperlink":
                relation = relations.get(values.get(b"id", ""))
                if relation is not None and relation.is_external:
                    extras.links[first, column_of(reference)] = relation.target


def _tail(package: Package, part: str) -> bytes:
    """Return what stands behind the rows of a sheet."""
    tail = b""
    is_behind = False
    with package.open(part) as stream:
        while data := stream.read(_BLOCK):
            if is_behind:
                tail += data
                if len(tail) > MOST_TAIL:
                    break
                continue
            data = tail + data
            # Looked for in two steps: the name alone is found ten times faster.
            found = _END.search(data) if b"sheetData>" in data else None
            is_behind = found is not None
            tail = data[found.end() :] if found else data[-32:]
    return tail if is_behind else b""


def _rows(reference: str) -> tuple[int, int]:
    """Return the first and last row of a range; 0 for what is none."""
    rows = [int(row) for _, row in _CELL.findall(reference)]
    return (rows[0], rows[-1]) if rows else (0, 0)
