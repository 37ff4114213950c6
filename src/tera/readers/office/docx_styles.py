"""What a paragraph of a Word document is by its style: heading, item of a numbered list, text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tera.readers.office.numbering import Counter, Level
from tera.readers.office.ooxml import attribute, child, child_value, is_on, local, number

MOST_ANCESTORS = 20
"""Styles that a style is based on; longer chains are loops."""

_FORMATS = {
    "bullet": "bullet",
    "none": "none",
    "decimalZero": "zero",
    "lowerLetter": "letter",
    "upperLetter": "LETTER",
    "lowerRoman": "roman",
    "upperRoman": "ROMAN",
}
_LIST = re.compile(r"list (?:bullet|number|continue) ([2-5])")
_HEADING = re.compile(r"heading ([1-9])")


@dataclass(frozen=True, slots=True)
class Style:
    """What a paragraph is.

    Attributes:
        level: Of a heading, from 1; 0: it is none.
        numbering: Id of its list and its depth in it, from 0.
        is_contents: It is a line of the table of contents, which repeats the headings.
        indent: How deep it stands in its list; styles as "List Bullet 2" are lists of their own.
    """

    level: int = 0
    numbering: tuple[str, int] | None = None
    is_contents: bool = False
    indent: int = 0


class Styles:
    """The styles and lists of a document."""

    def __init__(self, styles: Any, lists: Any) -> None:
        """Take the roots of the parts `styles` and `numbering`; None where there is none."""
        self._styles: dict[str, Any] = {}
        self._default = ""
        for style in styles if styles is not None else ():
            if local(style) == "style" and _get(style, "type") == "paragraph":
                self._styles[_get(style, "styleId")] = style
                if _get(style, "default") in ("1", "true", "on"):
                    self._default = _get(style, "styleId")
        self._known: dict[str, Style] = {}
        self._abstract: dict[str, Any] = {}
        self._lists: dict[str, Any] = {}
        for one in lists if lists is not None else ():
            if local(one) == "abstractNum":
                self._abstract[_get(one, "abstractNumId")] = one
            elif local(one) == "num":
                self._lists[_get(one, "numId")] = one
        self._counters: dict[str, Counter] = {}
        self._begun: set[str] = set()

    def of(self, paragraph: Any) -> Style:
        """Return what a paragraph is."""
        properties = child(paragraph, "pPr")
        if properties is None:
            return self._named(self._default)
        style = self._named(child_value(properties, "pStyle") or self._default)
        own = child_value(properties, "outlineLvl")
        level = style.level if own is None else _level(own)
        numbering = style.numbering
        shape = child(properties, "numPr")
        if shape is not None:
            inherited = numbering or ("0", 0)
            list_id = child_value(shape, "numId") or inherited[0]
            depth = number(child_value(shape, "ilvl"), inherited[1])
            numbering = None if list_id == "0" else (list_id, depth)
        indent = max(style.indent, numbering[1] if numbering else 0)
        return Style(level, numbering, style.is_contents, indent)

    def is_bullet(self, list_id: str, depth: int) -> bool:
        """Return whether the items of a list have a bullet."""
        shape = self._counter(list_id).levels.get(depth)
        return shape is None or shape.style == "bullet"

    def label(self, list_id: str, depth: int) -> str:
        """Count an item of a list and return its number; "" if it has none."""
        return self._counter(list_id).next(depth)

    def _named(self, style_id: str) -> Style:
        if style_id not in self._known:
            self._known[style_id] = self._resolve(style_id)
        return self._known[style_id]

    def _resolve(self, style_id: str) -> Style:
        level: int | None = None
        numbering: tuple[str, int] | None = None
        has_numbering = is_contents = False
        indent = 0
        for _ in range(MOST_ANCESTORS):
            style = self._styles.get(style_id)
            # Files without styles still name them: "Heading1".
            name = (child_value(style, "name") or style_id).lower()
            is_contents |= name.startswith("toc ") and name[4:].isdigit()
            if found := _LIST.fullmatch(name):
                indent = max(indent, int(found[1]) - 1)
            properties = child(style, "pPr")
            outline = child_value(properties, "outlineLvl")
            found = _HEADING.fullmatch(name) or _HEADING.fullmatch(
                name.replace("heading", "heading ")
            )
            if level is None and found:
                level = int(found[1])
            elif level is None and name == "title":
                level = 1
            elif level is None and outline is not None:
                level = _level(outline)
            shape = child(properties, "numPr")
            if shape is not None and not has_numbering:
                has_numbering = True
                list_id = child_value(shape, "numId")
                depth = number(child_value(shape, "ilvl"), max((level or 1) - 1, 0))
                numbering = None if list_id in (None, "0") else (str(list_id), depth)
            style_id = child_value(style, "basedOn") or ""
            if not style_id:
                break
        return Style(level or 0, numbering, is_contents, indent)

    def _counter(self, list_id: str) -> Counter:
        one = self._lists.get(list_id)
        abstract_id = child_value(one, "abstractNumId") or ""
        # Lists of the same kind count on, unless one of them says where it starts.
        overrides = [] if one is None else [e for e in one if local(e) == "lvlOverride"]
        key = f"list {list_id}" if overrides else f"kind {abstract_id}"
        if key not in self._counters:
            levels: dict[int, Level] = {}
            abstract = self._abstract.get(abstract_id)
            for shape in abstract if abstract is not None else ():
                if local(shape) == "lvl":
                    levels[number(_get(shape, "ilvl"))] = _shape(shape)
            for override in overrides:
                depth = number(_get(override, "ilvl"))
                own = child(override, "lvl")
                levels[depth] = _shape(own) if own is not None else levels.get(depth, Level())
                start = child_value(override, "startOverride")
                if start is not None:
                    old = levels[depth]
                    levels[depth] = Level(
                        old.style, old.pattern, number(start, 1), old.restarts, old.is_legal
                    )
            self._counters[key] = Counter(levels)
        return self._counters[key]


def _shape(level: Any) -> Level:
    name = child_value(level, "numFmt") or "decimal"
    return Level(
        style=_FORMATS.get(name, "decimal"),
        pattern=child_value(level, "lvlText") or "",
        start=number(child_value(level, "start"), 1),
        restarts=child_value(level, "lvlRestart") != "0",
        is_legal=is_on(level, "isLgl"),
    )


def _level(outline: str) -> int:
    """Return the level of a heading; 9 in the file means that it is none."""
    level = number(outline, 9)
    return level + 1 if 0 <= level < 9 else 0


def _get(element: Any, name: str) -> str:
    return attribute(element, name) or ""
