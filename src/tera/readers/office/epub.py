"""E-books (EPUB): the chapters in order, with the headings of the table of contents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Document, Failure, Item
from tera.readers.office import ooxml
from tera.readers.office.ooxml import attribute, local
from tera.readers.office.outline import Outline, one_line
from tera.readers.office.package import BROKEN, Package, because, opened, resolved
from tera.readers.office.xhtml import ContentsHeading, blocks
from tera.readers.web.blocks import Block

MOST_DEPTH = 6
"""Levels of headings."""

# Fonts are scrambled in many books that anybody may read.
_FONT_SCRAMBLING = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")


def read_epub(document: Document) -> Iterator[Item]:
    """Read an e-book; it is known by its own title.

    Yields:
        Drafts in which chapters begin with headings, as the table of contents names them; a
        failure for each chapter that is broken; progress.

    Raises:
        UnreadableFileError: It is broken, hostile, protected against copying, or has no text.
        UnsupportedFormatError: It is no e-book.
    """
    with opened(document) as package:
        book = _Book(package)
        outline = Outline(document, title=book.title)
        if book.authors:
            outline.add(f"Author: {book.authors}")
        outline.has_text = False
        for part in book.spine:
            try:
                told = blocks(package.read(part), book.anchors(part))
            except (*BROKEN, UnreadableFileError) as error:
                if isinstance(error, UnreadableFileError) and "bomb" in error.message:
                    raise
                yield Failure(f"{document.name}: {part} is broken{because(error)}")
                continue
            for block in _with_headings(told, book.begins(part)):
                if block.kind == "heading":
                    marks, _, text = block.text.partition(" ")
                    outline.heading(text, len(marks))
                else:
                    outline.add(block.text, is_tight=block.kind in ("item", "row"))
            outline.gap()
            yield from outline.ready()
            yield from package.progress()
        yield from outline.rest()


class _Book:
    def __init__(self, package: Package) -> None:
        self._package = package
        name = package.document.name
        container = package.parse("META-INF/container.xml")
        root_files = ooxml.descendants(container, "rootfile") if container is not None else ()
        self._part = next((unquote(file.get("full-path", "")) for file in root_files), "")
        root = package.parse(self._part) if self._part else None
        if root is None:
            raise UnsupportedFormatError(
                f"{name} is not an e-book", hint="tera remember FILE, without --as"
            )
        self._folder = self._part.rpartition("/")[0]
        self._items = {item.get("id", ""): item for item in ooxml.descendants(root, "item")}
        self.title = next(
            filter(None, (one_line(e.text or "") for e in ooxml.descendants(root, "title"))), None
        )
        creators = (one_line(e.text or "") for e in ooxml.descendants(root, "creator"))
        self.authors = ", ".join(dict.fromkeys(filter(None, creators)))
        self._entries: dict[str, dict[str, Block]] = {}
        contents = self._read_contents(root)
        self.spine = [
            part
            for part in dict.fromkeys(self._spine(root))
            if part in package and part != contents
        ]
        self._refuse_protected()

    def anchors(self, part: str) -> dict[str, Block]:
        """Return the headings that begin inside a part, by the ids of the elements there."""
        entries = self._entries.get(part.casefold(), {})
        return {place: heading for place, heading in entries.items() if place}

    def begins(self, part: str) -> Block | None:
        """Return the heading that a part begins with, if the table of contents has one."""
        return self._entries.get(part.casefold(), {}).get("")

    def _target(self, item: Any) -> str:
        return resolved(self._folder, unquote(item.get("href", "")))

    def _spine(self, root: Any) -> Iterator[str]:
        for reference in ooxml.descendants(root, "itemref"):
            item = self._items.get(reference.get("idref", ""))
            if item is not None and item.get("media-type", _PAGES[0]) in _PAGES:
                yield self._target(item)

    def _read_contents(self, root: Any) -> str:
        """Learn the table of contents; return the part that it is a page of, or nothing."""
        for item in self._items.values():
            if "nav" in (item.get("properties") or "").split():
                part = self._target(item)
                page = self._package.parse_whole(part)
                for nav in ooxml.descendants(page, "nav") if page is not None else ():
                    if attribute(nav, "type") in ("toc", None):
                        self._learn_list(nav, part.rpartition("/")[0], 1)
                        return part
        for spine in ooxml.descendants(root, "spine"):
            item = self._items.get(spine.get("toc", ""))
            ncx = item is None and next(
                (i for i in self._items.values() if i.get("href", "").endswith(".ncx")), None
            )
            item = ncx if item is None and ncx is not False else item
            part = self._target(item) if item is not None else ""
            page = self._package.parse_whole(part)
            for points in ooxml.descendants(page, "navMap") if page is not None else ():
                self._learn_points(points, part.rpartition("/")[0], 1)
        return ""

    def _learn_list(self, element: Any, folder: str, level: int) -> None:
        for inner in element:
            name = local(inner)
            if name == "a":
                self._learn(inner.get("href", ""), folder, "".join(inner.itertext()), level)
            elif name in ("ol", "ul", "li", "span", "div"):
                is_deeper = name in ("ol", "ul") and local(element) == "li"
                self._learn_list(inner, folder, level + is_deeper)

    def _learn_points(self, element: Any, folder: str, level: int) -> None:
        for point in element:
            if local(point) == "navPoint":
                text = next(ooxml.descendants(point, "text"), None)
                content = next(ooxml.descendants(point, "content"), None)
                if text is not None and content is not None:
                    self._learn(content.get("src", ""), folder, text.text or "", level)
                self._learn_points(point, folder, level + 1)

    def _learn(self, address: str, folder: str, label: str, level: int) -> None:
        file, _, fragment = unquote(address).partition("#")
        entries = self._entries.setdefault(resolved(folder, file).casefold(), {})
        if one_line(label):
            text = f"{'#' * min(level, MOST_DEPTH)} {one_line(label)}"
            entries.setdefault(fragment, ContentsHeading(text, "heading"))

    def _refuse_protected(self) -> None:
        root = self._package.parse("META-INF/encryption.xml")
        for data in ooxml.descendants(root, "EncryptedData") if root is not None else ():
            methods = [
                attribute(e, "Algorithm") for e in ooxml.descendants(data, "EncryptionMethod")
            ]
            if not any(method in _FONT_SCRAMBLING for method in methods):
                raise UnreadableFileError(
                    f"{self._package.document.name} is protected against copying (DRM)",
                    hint="read it with the program of the shop that sold it",
                )


def _with_headings(told: list[Block], first: Block | None) -> Iterator[Block]:
    """Put the headings of the table of contents where they belong, each heading only once."""
    pending = [*([first] if first else []), *told]
    at = 0
    while at < len(pending):
        block = pending[at]
        at += 1
        if not isinstance(block, ContentsHeading):
            yield block
            continue
        # Several lines of the table of contents may point to the same place.
        yield block
        said = _letters(block.text)
        while at < len(pending) and _is_said(pending[at], said):
            at += 1


def _is_said(block: Block, said: str) -> bool:
    is_own = block.kind == "heading" and not isinstance(block, ContentsHeading)
    return is_own and _letters(block.text) in said


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text).casefold()
