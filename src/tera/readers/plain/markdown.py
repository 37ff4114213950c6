"""Markdown: its text line by line; title, date and tags from its front matter or first heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tera.datatypes import Draft
from tera.readers.document import Document, Item
from tera.readers.plain.front_matter import clean_title, front_matter
from tera.readers.plain.lines import HEADING_CUTS, drafts_of, read_lines
from tera.sentences import HEADING

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")


def read_markdown(document: Document) -> Iterator[Item]:
    """Read a Markdown file; the text is kept as it is written, marks and front matter too.

    Yields:
        Drafts of whole lines, in a long text cut before a heading.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """

    def describe(text: str) -> Draft:
        draft, start = front_matter(text)
        return replace(draft, title=draft.title or first_heading(text[start:]) or document.name)

    yield from drafts_of(read_lines(document), document, describe, HEADING_CUTS)


def first_heading(text: str) -> str | None:
    """Return the first heading of the top level that is not in a block of code."""
    fence = ""
    before = ""
    for line in text.splitlines():
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence) and not line.strip(" \t" + fence[0]):
                fence = ""
            before = ""
            continue
        if fence:
            continue
        heading = HEADING.match(line)
        if heading and len(heading[1]) == 1 and (title := heading[2].rstrip(" #")):
            return clean_title(title)
        if _UNDERLINE.match(line) and before.strip() and not before.startswith(("    ", "\t")):
            return clean_title(before)
        before = "" if heading else line
    return None
