"""reStructuredText and Org: their text line by line; title, date and tags where they are told.

Nothing of the markup is run: includes are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tera.datatypes import Draft
from tera.readers.document import Document, Item
from tera.readers.plain.front_matter import clean_title, described
from tera.readers.plain.lines import drafts_of, read_lines

HEAD_CHARACTERS = 20_000
"""How far into a document its fields are looked for."""

_UNDERLINE = re.compile(r"([!-/:-@[-`{-~])\1+[ \t]*$")
# ":date: 2024-05-03" of a docinfo, ".. date: 2024-05-03" of Nikola.
_RST_FIELD = re.compile(
    r"^(?:\.\. |:)(title|date|created|tags|keywords):[ \t]*(\S.*)$", re.I | re.M
)
_ORG_FIELD = re.compile(r"^[ \t]*#\+(title|date|filetags|keywords):[ \t]*(\S.*)$", re.I | re.M)
_ORG_DATE = re.compile(r"[<[](\d{4}-\d\d-\d\d[^\]>]*)[\]>]")
_ORG_CUTS = tuple(re.compile(rf"^\*{{{level}}} ", re.MULTILINE) for level in range(1, 7))
_RST_CUTS = (re.compile(r"^(?=\S.*\n([=\-~^\"*+#`'])\1{2,}[ \t]*$)", re.MULTILINE),)


def read_rst(document: Document) -> Iterator[Item]:
    """Read a reStructuredText file; the text is kept as it is written.

    Yields:
        Drafts of whole lines, in a long text cut before a heading.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """

    def describe(text: str) -> Draft:
        draft = described(_fields(_RST_FIELD, text))
        return replace(draft, title=_rst_title(text) or draft.title or document.name)

    yield from drafts_of(read_lines(document), document, describe, _RST_CUTS)


def read_org(document: Document) -> Iterator[Item]:
    """Read an Org file; the text is kept as it is written.

    Yields:
        Drafts of whole lines, in a long text cut before a heading.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """

    def describe(text: str) -> Draft:
        fields = _fields(_ORG_FIELD, text)
        if tags := fields.get("filetags"):
            fields["tags"] = " ".join(tags.replace(":", " ").split())
        if date := _ORG_DATE.search(fields.get("date", "")):
            fields["date"] = date[1]
        draft = described(fields)
        heading = re.search(r"^\* +(\S.*)$", text[:HEAD_CHARACTERS], re.MULTILINE)
        # As in Markdown; an Org file without a title is often a list of many headings of the top.
        has_one = heading and not re.search(r"^\* ", text[heading.end() :], re.MULTILINE)
        title = clean_title(heading[1]) if heading and has_one else None
        return replace(draft, title=draft.title or title or document.name)

    yield from drafts_of(read_lines(document), document, describe, _ORG_CUTS)


def _fields(pattern: re.Pattern[str], text: str) -> dict[str, str]:
    """Return the first value of each field."""
    fields: dict[str, str] = {}
    for name, value in pattern.findall(text[:HEAD_CHARACTERS]):
        fields.setdefault(name.lower(), value.strip())
    return fields


def _rst_title(text: str) -> str | None:
    """Return the first line that is underlined as far as it goes."""
    before = ""
    for line in text[:HEAD_CHARACTERS].split("\n"):
        title = before.strip()
        # A table's border is under a border or nothing; a list's item is not that short.
        if (
            title
            and _UNDERLINE.match(line)
            and len(line.rstrip()) >= len(title)
            and not _UNDERLINE.match(before)
        ):
            return clean_title(title)
        before = line
    return None
