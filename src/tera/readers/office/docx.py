"""Word documents: headings, lists with their numbers, tables, notes, comments, text boxes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tera.readers.document import Document, Failure, Item
from tera.readers.office import grid, ooxml
from tera.readers.office.docx_styles import Styles
from tera.readers.office.numbering import item, numeral
from tera.readers.office.ooxml import attribute, child, child_value, is_on, local, number
from tera.readers.office.outline import Outline, one_line
from tera.readers.office.package import BROKEN, Package, Relation, because, opened
from tera.readers.office.symbols import symbol

LONGEST_PAGE_LINE = 20
"""Characters beside the number of the page: "Page 3 of 12" says nothing about the document."""
LONGEST_LINK = 2_000
"""Characters of a field's text that are compared with its address."""
MOST_FIELDS = 32
"""Fields in one another."""

_IGNORED = frozenset({"del", "moveFrom", "delText", "instrText", "pPr", "rPr", "sdtPr", "rt"})
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_PAGE_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")


def read_docx(document: Document) -> Iterator[Item]:
    """Read a Word document.

    Yields:
        Drafts, documents inside of it, and progress.

    Raises:
        UnreadableFileError: It is broken, hostile, or has no text.
        UnsupportedFormatError: It is of another format.
        PasswordNeededError: It is encrypted.
    """
    with opened(document) as package:
        main = ooxml.main_part(package, "docx")
        outline = Outline(document, at=ooxml.modified(package))
        relations = package.relations(main)
        word = _Word(package, relations)
        for line in word.page_lines():
            outline.add(line, is_tight=True)
        outline.gap()
        has_attachments = False
        for attachment in package.attachments(relations):
            has_attachments = True
            yield attachment
        try:
            elements = package.outermost(main, frozenset({"p", "tr"}))
            for table, group in groupby(elements, _table):
                if table is None:
                    for paragraph in group:
                        word.add(paragraph, outline)
                        yield from outline.ready()
                        yield from package.progress()
                    continue
                outline.gap()
                for line in grid.lines(word.rows(group)):
                    outline.add(line, is_tight=bool(line))
                    yield from outline.ready()
                    yield from package.progress()
                outline.gap()
        except BROKEN as error:
            if not outline.has_text:
                raise
            yield Failure(f"{document.name} is broken: its end was not read{because(error)}")
        yield from outline.rest(may_be_empty=has_attachments)


def _table(element: Any) -> Any:
    return next(element.iterancestors("{*}tbl"), None) if local(element) == "tr" else None


class _Field:
    def __init__(self) -> None:
        self.code = ""
        self.result = ""
        self.shows_result = False


class _Word:
    """Turns the elements of a document into text; keeps what is said of them for after them."""

    def __init__(self, package: Package, relations: dict[str, Relation]) -> None:
        self._package = package
        self._relations = relations
        self._styles = Styles(self._part("styles"), self._part("numbering"))
        self._notes = {
            kind: self._by_id(self._part(kind), kind.removesuffix("s"))
            for kind in ("footnotes", "endnotes", "comments")
        }
        self._fields: list[_Field] = []
        self._after: list[str] = []
        self._shown = {"footnotes": 0, "endnotes": 0}
        self._has_page_field = False

    def _part(self, kind: str) -> Any:
        target = next((r.target for r in self._relations.values() if r.kind == kind), "")
        return self._package.parse_whole(target)

    def _by_id(self, root: Any, name: str) -> dict[str, Any]:
        found = ooxml.descendants(root, name) if root is not None else ()
        return {attribute(note, "id") or "": note for note in found}

    def page_lines(self) -> Iterator[str]:
        """Yield headers and footers, each text once, without numbers of pages."""
        said: set[str] = set()
        parts = {
            (r.kind, r.target) for r in self._relations.values() if r.kind in ("header", "footer")
        }
        for kind, part in sorted(parts, key=lambda part: (part[0] == "footer", part[1])):
            if (root := self._package.parse_whole(part)) is None:
                continue
            relations, self._relations = self._relations, self._package.relations(part)
            texts = [one_line(text) for text in self.blocks(root)]
            self._relations = relations
            text = " | ".join(text for text in texts if text)
            if text and text not in said:
                said.add(text)
                yield f"{kind.title()}: {text}"

    def add(self, paragraph: Any, outline: Outline) -> None:
        """Add a paragraph of the body, and what is said about it."""
        level, text, is_item = self._paragraph(paragraph)
        if level:
            outline.heading(text, level)
        else:
            outline.add(text, is_tight=is_item)
        for block in self._told():
            outline.add(block)

    def blocks(self, container: Any) -> Iterator[str]:
        """Yield the paragraphs and tables of a cell, a note or a text box."""
        for element in container:
            name = local(element)
            if name == "p":
                self._has_page_field = False
                _, text, _ = self._paragraph(element)
                is_page_line = self._has_page_field and len(one_line(text)) < LONGEST_PAGE_LINE
                if text.strip() and not is_page_line:
                    yield text
            elif name == "tbl":
                rows = (row for row in ooxml.descendants(element, "tr") if _table(row) is element)
                text = "\v".join(line for line in grid.lines(self.rows(rows)) if line)
                if text.strip():
                    yield text
            elif name not in _IGNORED:
                yield from self.blocks(element)

    def rows(self, rows: Iterator[Any]) -> Iterator[grid.Row]:
        """Yield the rows of one table; a cell that is merged with those above has their text."""
        above: dict[int, str] = {}
        for ordinal, row in enumerate(rows):
            properties = child(row, "trPr")
            if properties is not None and child(properties, "del") is not None:
                continue
            column = number(child_value(properties, "gridBefore"))
            cells: dict[int, str] = {}
            after, self._after = self._after, []
            for cell in _cells(row):
                shape = child(cell, "tcPr")
                merge = child(shape, "vMerge")
                if merge is not None and attribute(merge, "val") in (None, "continue"):
                    text = above.get(column, "")
                else:
                    text = "\n\n".join(self.blocks(cell)).strip()
                    above[column] = text if len(text) <= grid.LONGEST_CELL else ""
                if text:
                    cells[column] = text
                column += max(number(child_value(shape, "gridSpan"), 1), 1)
            is_header = True if is_on(properties, "tblHeader") else None
            notes, self._after = tuple(self._told()), after
            yield grid.Row(cells, is_header, ordinal < 2 and _is_bold(row), notes)

    def _paragraph(self, paragraph: Any) -> tuple[int, str, bool]:
        """Return the level of a heading (or 0), the text, and whether it is an item of a list."""
        text = self._inline(paragraph).strip("\n")
        # Fields may go on over paragraphs, but one without a result would hide all that follows.
        self._fields = [field for field in self._fields if field.shows_result]
        style = self._styles.of(paragraph)
        if style.is_contents:
            return 0, "", False
        label = ""
        if style.numbering is not None and text.strip():
            label = self._styles.label(*style.numbering)
        if style.level:
            return style.level, f"{label} {text}".strip(), False
        if style.numbering is not None and text.strip():
            if not label and not self._styles.is_bullet(*style.numbering):
                return 0, text, False
            return 0, item(label, text, style.indent), True
        return 0, text, False

    def _told(self) -> list[str]:
        told, self._after = self._after, []
        return told

    def _inline(self, element: Any) -> str:
        return "".join(self._piece(inner) for inner in element)

    def _piece(self, element: Any) -> str:  # noqa: PLR0911, PLR0912
        name = local(element)
        if not name or name in _IGNORED:
            if name == "instrText" and self._fields and not self._fields[-1].shows_result:
                self._fields[-1].code += element.text or ""
            return ""
        match name:
            case "t":
                return self._shown_text(element.text or "")
            case "fldChar":
                return self._field(element)
            case "sym":
                code = int(attribute(element, "char") or "20", 16)
                return self._shown_text(symbol(code & 0xFFFF, attribute(element, "font") or ""))
            case "hyperlink":
                relation = self._relations.get(attribute(element, "id") or "")
                text = self._inline(element)
                return ooxml.linked(
                    text, relation.target if relation and relation.is_external else None
                )
            case "fldSimple":
                field = _Field()
                field.code = attribute(element, "instr") or ""
                field.result = self._inline(element)
                return self._result(field, field.result)
            case "AlternateContent":
                # The same text box stands in it twice: for new programs and for old ones.
                branch = child(element, "Choice")
                branch = child(element, "Fallback") if branch is None else branch
                return "" if branch is None else self._inline(branch)
            case "oMath":
                return ooxml.math(element)
            case "txbxContent":
                self._boxed(element)
            case "footnoteReference" | "endnoteReference":
                return self._note(element, name.removesuffix("Reference") + "s")
            case "commentReference":
                self._comment(element)
            case "chart" | "relIds":
                if text := ooxml.drawn(element, self._package, self._relations):
                    self._after.append(text)
            case "sdt":
                is_placeholder = child(element, "sdtPr", "showingPlcHdr") is not None
                return "" if is_placeholder else self._inline(element)
            case "docPr":
                description = one_line(element.get("descr", ""))
                # Word's own guesses are no text of the author's.
                if description and "generated" not in description:
                    self._after.append(f"[Picture: {description}]")
            case _ if name in _CHARACTERS:
                return _CHARACTERS[name]
            case _:
                return self._inline(element)
        return ""

    def _shown_text(self, text: str) -> str:
        for field in self._fields:
            if not field.shows_result:
                return ""
            if len(field.result) < LONGEST_LINK:
                field.result += text
        return text

    def _field(self, element: Any) -> str:
        match attribute(element, "fldCharType"):
            case "begin" if len(self._fields) < MOST_FIELDS:
                box = child(element, "ffData", "checkBox")
                self._fields.append(_Field())
                if box is not None:
                    is_checked = is_on(box, "checked") or (
                        child(box, "checked") is None and is_on(box, "default")
                    )
                    return "☒ " if is_checked else "☐ "
            case "separate" if self._fields:
                self._fields[-1].shows_result = True
            case "end" if self._fields:
                return self._result(self._fields.pop(), "")
        return ""

    def _result(self, field: _Field, text: str) -> str:
        words = field.code.split()
        kind = words[0].upper() if words else ""
        if kind in _PAGE_FIELDS:
            self._has_page_field = True
        if kind != "HYPERLINK" or len(words) < 2 or words[1].startswith("\\"):
            return text
        url = words[1].strip('"')
        return text + ooxml.linked(field.result, url).removeprefix(field.result)

    def _boxed(self, container: Any) -> None:
        fields, self._fields = self._fields, []
        after, self._after = self._after, []
        texts = list(self.blocks(container))
        self._after = [*after, *texts, *self._after]
        self._fields = fields

    def _note(self, element: Any, kind: str) -> str:
        note = self._notes[kind].pop(attribute(element, "id") or "", None)
        if note is None:
            return ""
        self._shown[kind] += 1
        style = "decimal" if kind == "footnotes" else "roman"
        mark = f"[{numeral(self._shown[kind], style)}]"
        at = len(self._after)
        self._boxed(note)
        text = "\n".join(block.strip() for block in self._after[at:])
        self._after[at:] = [f"{mark} {text}"] if text else []
        return mark

    def _comment(self, element: Any) -> None:
        comment = self._notes["comments"].pop(attribute(element, "id") or "", None)
        if comment is None:
            return
        author = one_line(attribute(comment, "author") or "")
        at = len(self._after)
        self._boxed(comment)
        text = "\n".join(block.strip() for block in self._after[at:])
        self._after[at:] = [f"Comment by {author or 'unknown'}: {text}"] if text else []


def _cells(row: Any) -> Iterator[Any]:
    for element in row:
        name = local(element)
        if name == "tc":
            if child(element, "tcPr", "cellDel") is None:
                yield element
        elif name in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _cells(element)


def _is_bold(row: Any) -> bool:
    runs = [run for run in ooxml.descendants(row, "r") if child(run, "t") is not None]
    return bool(runs) and all(is_on(run, "rPr", "b") for run in runs)
