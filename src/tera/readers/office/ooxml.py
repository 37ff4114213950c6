"""What the parts of Word, Excel and PowerPoint files have in common: properties, drawings, math."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tera.errors import UnsupportedFormatError
from tera.readers.dates import parse_date, plausible
from tera.readers.office.outline import one_line
from tera.readers.office.package import Package, Relation

MOST_POINTS = 500
"""Of a chart: more are a curve, which nobody reads as text."""

# Dates of the files that python-docx and python-pptx begin every new document with.
_OF_TEMPLATES = ("2013-12-23T23:15:00Z", "2013-01-27T09:14:16Z")
_NAMES = {
    "docx": "a Word document",
    "pptx": "a PowerPoint presentation",
    "xlsx": "an Excel workbook",
}
_MAIN = {"document": "docx", "presentation": "pptx", "workbook": "xlsx"}


def local(element: Any) -> str:
    """Return the name of an element without its namespace; "" for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str | None:
    """Return an attribute by its name without namespace: strict and usual files differ in it."""
    value = element.get(name)
    if value is not None:
        return str(value)
    ending = f"}}{name}"
    return next((str(value) for key, value in element.items() if key.endswith(ending)), None)


def relation_id(entry: Any) -> str:
    """Return the id of the relation that a slide or sheet names; its own id has no namespace."""
    return next((str(value) for key, value in entry.items() if key.endswith("}id")), "")


def child(element: Any, *path: str) -> Any:
    """Return the first child of a name, its first child of the next name, and so on, or None."""
    for name in path:
        if element is None:
            return None
        element = next((inner for inner in element if local(inner) == name), None)
    return element


def child_value(element: Any, *path: str) -> str | None:
    """Return the attribute `val` of such a child."""
    found = child(element, *path)
    return None if found is None else attribute(found, "val")


def is_on(element: Any, *path: str) -> bool:
    """Return whether there is such a child and it is not switched off."""
    found = child(element, *path)
    return found is not None and attribute(found, "val") not in ("0", "false", "off", "none")


def descendants(element: Any, *names: str) -> Iterator[Any]:
    """Yield the elements of these names, in order, at any depth."""
    found: Iterator[Any] = element.iter(*(f"{{*}}{name}" for name in names))
    return found


def number(text: str | None, default: int = 0) -> int:
    """Return a whole number, bounded by a billion; the default for everything else."""
    if not text:
        return default
    if len(text) < 10 and text.isascii() and text.isdecimal():
        return int(text)
    found = re.fullmatch(r"\s*([+-]?)0*([0-9]{1,30})\s*", text)
    return int(f"{found[1]}1") * min(int(found[2]), 10**9) if found else default


def main_part(package: Package, kind: str) -> str:
    """Return the name of the part that a document begins with.

    Raises:
        UnsupportedFormatError: The package holds a document of another kind, or none.
    """
    name = package.document.name
    for relation in package.relations("").values():
        if relation.kind == "officeDocument" and relation.target in package:
            if relation.target.endswith(".bin"):
                raise UnsupportedFormatError(
                    f"{name} is a binary workbook, which Tera does not read",
                    hint="open it and save it as .xlsx",
                )
            found = next((_MAIN[word] for word in _MAIN if word in relation.target.lower()), kind)
            if found != kind:
                raise UnsupportedFormatError(
                    f"{name} is not {_NAMES[kind]}, but {_NAMES[found]}",
                    hint=f"tera remember --as {found} FILE",
                )
            return relation.target
    usual = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}
    if usual[kind] in package:
        return usual[kind]
    raise UnsupportedFormatError(
        f"{name} is not {_NAMES[kind]}", hint="tera remember --as archive FILE, if it is a zip file"
    )


def modified(package: Package) -> datetime | None:
    """Return when the author changed the document: a copy or download has another date."""
    root = package.parse("docProps/core.xml")
    text = (
        next((e.text or "" for e in descendants(root, "modified")), "") if root is not None else ""
    )
    return None if text.strip() in _OF_TEMPLATES else plausible(parse_date(text))


def linked(text: str, url: str | None) -> str:
    """Return the text of a link with its address behind it, if the text does not say it."""
    url = one_line(url or "").removeprefix("mailto:")
    is_said = not url or url.rstrip("/").partition("://")[2] in text or url in text
    if is_said or url.startswith("#"):
        return text
    return f"{text} ({url})" if text.strip() else text


def math(element: Any) -> str:  # noqa: PLR0911
    """Return an equation of Office on one line: "(a+b)/(2)", "x^2", "√(y)"."""
    name = local(element)
    if name == "t":
        return str(element.text or "")
    if name.endswith("Pr"):
        return ""
    pieces = [(local(inner), math(inner)) for inner in element]
    parts = dict(pieces)
    match name:
        case "f":
            return f"({parts.get('num', '')})/({parts.get('den', '')})"
        case "sSup":
            return f"{parts.get('e', '')}^{_grouped(parts.get('sup', ''))}"
        case "sSub":
            return f"{parts.get('e', '')}_{_grouped(parts.get('sub', ''))}"
        case "rad":
            return f"{parts.get('deg', '')}√({parts.get('e', '')})"
        case "nary":
            sign = child_value(element, "naryPr", "chr") or "∫"
            low, high = parts.get("sub", ""), parts.get("sup", "")
            bounds = (f"_({low})" if low else "") + (f"^({high})" if high else "")
            return f"{sign}{bounds} {parts.get('e', '')}"
        case "d":
            left = child_value(element, "dPr", "begChr")
            right = child_value(element, "dPr", "endChr")
            inner = ", ".join(text for of, text in pieces if of == "e")
            return ("(" if left is None else left) + inner + (")" if right is None else right)
    return "".join(text for _, text in pieces)


def _grouped(text: str) -> str:
    return text if len(text) < 2 else f"({text})"


def drawn_paragraphs(body: Any, relations: dict[str, Relation]) -> Iterator[tuple[Any, str]]:
    """Yield the paragraphs of a text in a drawing, each with its properties (or None)."""
    for paragraph in descendants(body, "p"):
        pieces: list[str] = []
        for run in paragraph:
            match local(run):
                case "r":
                    pieces.append(_linked_run(run, relations))
                case "fld" if (run.get("type") or "") != "slidenum":
                    pieces.append(_linked_run(run, relations))
                case "br":
                    pieces.append("\n")
                case "AlternateContent" | "m" | "oMath" | "oMathPara":
                    pieces += [math(formula) for formula in descendants(run, "oMath")]
        yield child(paragraph, "pPr"), "".join(pieces)


def _linked_run(run: Any, relations: dict[str, Relation]) -> str:
    text = "".join(inner.text or "" for inner in run if local(inner) == "t")
    link = child(run, "rPr", "hlinkClick")
    relation = relations.get(attribute(link, "id") or "") if link is not None else None
    return linked(text, relation.target if relation and relation.is_external else None)


def chart_lines(root: Any) -> Iterator[str]:
    """Yield the title of a chart and, as rows of a table, what it shows."""
    for title in descendants(root, "title"):
        text = one_line(" ".join(text for _, text in drawn_paragraphs(title, {})))
        if text:
            yield f"Chart: {text}" if local(title.getparent()) == "chart" else text
    for series in descendants(root, "ser"):
        name = " ".join(_points(child(series, "tx")).values())
        categories = _points(child(series, "cat")) or _points(child(series, "xVal"))
        values = _points(child(series, "val")) or _points(child(series, "yVal"))
        told = [
            f"{categories[at]}: {values[at]}" if at in categories else values[at] for at in values
        ]
        if told or name:
            yield (f"{name}: " if name and told else name) + "; ".join(told)


def _points(element: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for point in descendants(element, "pt") if element is not None else ():
        value = child(point, "v")
        if value is not None and value.text and len(found) < MOST_POINTS:
            found[point.get("idx", "")] = one_line(value.text)
    return found


def drawn(element: Any, package: Package, relations: dict[str, Relation]) -> str:
    """Return the text of a chart or of a SmartArt diagram that an element stands for."""
    is_chart = local(element) == "chart"
    relation = relations.get(attribute(element, "id" if is_chart else "dm") or "")
    if relation is None or relation.is_external:
        return ""
    root = package.parse_whole(relation.target)
    if root is None:
        return ""
    return "\n".join(filter(None, chart_lines(root) if is_chart else diagram_lines(root)))


def diagram_lines(root: Any) -> Iterator[str]:
    """Yield the texts of a SmartArt diagram."""
    for _, text in drawn_paragraphs(root, {}):
        if text.strip():
            yield one_line(text)
