"""PowerPoint presentations: a heading for each slide, its texts in reading order, its notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tera.readers.document import Document, Failure, Item
from tera.readers.office import grid, ooxml
from tera.readers.office.numbering import item
from tera.readers.office.ooxml import child, local, number
from tera.readers.office.outline import Outline, one_line
from tera.readers.office.package import BROKEN, Package, Relation, because, opened

BAND = 228_600
"""EMU, a quarter of an inch: shapes whose tops differ by less stand beside each other."""

_TITLES = ("title", "ctrTitle")
_BODIES = ("body", "obj", "subTitle", None)
_FOOTERS = ("dt", "ftr", "sldNum", "hdr")


def read_pptx(document: Document) -> Iterator[Item]:
    """Read a presentation.

    Yields:
        Drafts in which each slide begins with the heading "Slide 4: Its title"; a failure for each
        slide that is broken; documents inside of it; progress.

    Raises:
        UnreadableFileError: It is broken, hostile, or has no text.
        UnsupportedFormatError: It is of another format.
        PasswordNeededError: It is encrypted.
    """
    with opened(document) as package:
        main = ooxml.main_part(package, "pptx")
        outline = Outline(document, at=ooxml.modified(package))
        root = package.parse(main)
        relations = package.relations(main)
        authors = _authors(package, relations)
        said: set[str] = set()
        slides = child(root, "sldIdLst")
        for ordinal, entry in enumerate(slides if slides is not None else (), 1):
            relation = relations.get(ooxml.relation_id(entry))
            try:
                if relation is None or relation.target not in package:
                    raise ValueError("it is missing")
                slide = _Slide(package, relation.target, said)
                title = slide.title()
                # Told before it is added: a broken slide leaves no half of itself behind.
                blocks = [*slide.blocks(), *slide.notes(), *slide.comments(authors)]
            except BROKEN as error:
                yield Failure(f"{document.name}: slide {ordinal} is broken{because(error)}")
                continue
            name = f"Slide {ordinal}" + (f": {title}" if title else "")
            outline.heading(name, is_name=not title)
            for block in blocks:
                outline.add(block)
            yield from package.attachments(slide.relations)
            yield from outline.ready()
            yield from package.progress()
        yield from outline.rest()


def _authors(package: Package, relations: dict[str, Relation]) -> dict[str, str]:
    found: dict[str, str] = {}
    for relation in relations.values():
        if relation.kind in ("commentAuthors", "authors"):
            root = package.parse_whole(relation.target)
            for author in root if root is not None else ():
                found[author.get("id", "")] = one_line(author.get("name", ""))
    return found


class _Slide:
    def __init__(self, package: Package, part: str, said: set[str]) -> None:
        self._package = package
        self._root = package.parse(part)
        self.relations = package.relations(part)
        self._said = said
        self._layout: Any = None
        for relation in self.relations.values():
            if relation.kind == "slideLayout":
                self._layout = package.parse_whole(relation.target)
        self._title: Any = None

    def title(self) -> str:
        """Return the title, on one line."""
        for shape in ooxml.descendants(self._root, "sp"):
            if _placeholder(shape)[0] in _TITLES:
                text = one_line(" ".join(text for _, text in self._lines(shape)))
                if text:
                    self._title = shape
                    return text
        return ""

    def blocks(self) -> Iterator[str]:
        """Yield what the slide shows, in reading order, without its title."""
        tree = child(self._root, "cSld", "spTree")
        if tree is not None:
            yield from self._shapes(tree)

    def notes(self) -> Iterator[str]:
        """Yield what the speaker says."""
        for relation in self.relations.values():
            if relation.kind != "notesSlide":
                continue
            root = self._package.parse(relation.target)
            relations = self._package.relations(relation.target)
            for shape in ooxml.descendants(root, "sp") if root is not None else ():
                if _placeholder(shape)[0] in (*_FOOTERS, "sldImg"):
                    continue
                texts = (text for _, text in ooxml.drawn_paragraphs(shape, relations))
                text = "\n".join(text for text in texts if text.strip())
                if text:
                    yield f"Notes: {text}"

    def comments(self, authors: dict[str, str]) -> Iterator[str]:
        """Yield what others say about the slide."""
        for relation in self.relations.values():
            if relation.kind != "comments":
                continue
            root = self._package.parse(relation.target)
            for comment in ooxml.descendants(root, "cm", "reply") if root is not None else ():
                author = authors.get(comment.get("authorId", "")) or "unknown"
                body = child(comment, "txBody")
                if body is None:
                    text = child(comment, "text")
                    told = (text.text or "") if text is not None else ""
                else:
                    told = "\n".join(text for _, text in ooxml.drawn_paragraphs(body, {}))
                if told.strip():
                    yield f"Comment by {author}: {told.strip()}"

    def _shapes(self, tree: Any) -> Iterator[str]:
        shapes = [shape for shape in (_chosen(element) for element in tree) if shape is not None]
        for shape in sorted(shapes, key=self._place):
            if shape is self._title:
                continue
            match local(shape):
                case "grpSp":
                    yield from self._shapes(shape)
                case "sp" | "cxnSp":
                    yield from self._text(shape)
                case "graphicFrame":
                    yield from self._graphic(shape)
                case "pic":
                    properties = child(shape, "nvPicPr", "cNvPr")
                    told = one_line(properties.get("descr", "")) if properties is not None else ""
                    if told and "generated" not in told:
                        yield f"[Picture: {told}]"

    def _place(self, shape: Any) -> tuple[int, int]:
        """Return where a shape stands; placeholders may stand where the layout has them."""
        corner = _corner(shape)
        kind, index = _placeholder(shape)
        if corner is None and self._layout is not None and (kind or index):
            for other in ooxml.descendants(self._layout, "sp"):
                other_kind, other_index = _placeholder(other)
                is_same = other_index == index if index else other_kind == kind
                if is_same and (corner := _corner(other)) is not None:
                    break
        if corner is None:
            return -1, 0
        return corner[1] // BAND, corner[0]

    def _text(self, shape: Any) -> Iterator[str]:
        kind, index = _placeholder(shape)
        lines = self._lines(shape)
        text = "\n".join(text for _, text in lines)
        if kind == "sldNum" or not text.strip():
            return
        if kind in _FOOTERS:
            # The same on every slide: once is enough.
            if text not in self._said:
                self._said.add(text)
                yield text
            return
        is_body = (kind is not None or index is not None) and kind in _BODIES
        yield "\n".join(_items(lines, has_bullets=is_body and kind != "subTitle"))

    def _lines(self, shape: Any) -> list[tuple[Any, str]]:
        body = child(shape, "txBody")
        if body is None:
            return []
        return list(ooxml.drawn_paragraphs(body, self.relations))

    def _graphic(self, frame: Any) -> Iterator[str]:
        data = child(frame, "graphic", "graphicData")
        for element in data if data is not None else ():
            name = local(element)
            if name == "tbl":
                yield "\n".join(filter(None, grid.lines(self._rows(element))))
            elif name in ("chart", "relIds"):
                yield ooxml.drawn(element, self._package, self.relations)

    def _rows(self, table: Any) -> Iterator[grid.Row]:
        properties = child(table, "tblPr")
        has_header = properties is not None and properties.get("firstRow") in ("1", "true")
        above: dict[int, str] = {}
        rows = [element for element in table if local(element) == "tr"]
        for ordinal, row in enumerate(rows):
            cells: dict[int, str] = {}
            for column, cell in enumerate(one for one in row if local(one) == "tc"):
                if cell.get("hMerge") in ("1", "true"):
                    continue
                if cell.get("vMerge") in ("1", "true"):
                    text = above.get(column, "")
                else:
                    paragraphs = ooxml.drawn_paragraphs(cell, self.relations)
                    text = "\n".join(text for _, text in paragraphs).strip()
                    above[column] = text if len(text) <= grid.LONGEST_CELL else ""
                if text:
                    cells[column] = text
            is_header = has_header and not ordinal and len(rows) > 1
            yield grid.Row(cells, True if is_header else None)


def _chosen(element: Any) -> Any:
    """Return a shape, of two versions the one for new programs; None for what is no shape."""
    if local(element) == "AlternateContent":
        for branch in element:
            inner = next((one for one in branch if local(one)), None)
            if inner is not None:
                return inner
        return None
    return element if local(element) else None


def _placeholder(shape: Any) -> tuple[str | None, str | None]:
    """Return the type and the index of a placeholder; nothing for other shapes."""
    for part in shape:
        if local(part).startswith("nv"):
            found = child(part, "nvPr", "ph")
            return (None, None) if found is None else (found.get("type"), found.get("idx", "0"))
    return None, None


def _corner(shape: Any) -> tuple[int, int] | None:
    for name in ("spPr", "grpSpPr"):
        offset = child(shape, name, "xfrm", "off")
        if offset is not None:
            return number(offset.get("x")), number(offset.get("y"))
    offset = child(shape, "xfrm", "off")
    return None if offset is None else (number(offset.get("x")), number(offset.get("y")))


def _items(lines: list[tuple[Any, str]], *, has_bullets: bool) -> Iterator[str]:
    """Yield the lines of a text, those with a bullet or a number as items of a list."""
    has_bullets = has_bullets and sum(1 for _, text in lines if text.strip()) > 1
    counts: dict[int, int] = {}
    for properties, text in lines:
        if not text.strip():
            continue
        depth = number(properties.get("lvl")) if properties is not None else 0
        is_numbered = child(properties, "buAutoNum") is not None
        is_bare = child(properties, "buNone") is not None
        for deeper in [level for level in counts if level > depth]:
            del counts[deeper]
        if is_numbered:
            start = number(child(properties, "buAutoNum").get("startAt"), 1)
            counts[depth] = counts.get(depth, start - 1) + 1
            yield item(f"{counts[depth]}.", text, depth)
        elif not is_bare and (has_bullets or child(properties, "buChar") is not None):
            yield item("", text, depth)
        else:
            yield text.strip("\n")
