"""Markdown: text, with its first heading of the top level, or else its name, as its title."""

from __future__ import annotations

from tera.datatypes import Draft
from tera.readers.text import decode
from tera.sentences import HEADING


def read_markdown(data: bytes, name: str) -> Draft:
    """Read a Markdown file; the text is kept as it is written, marks and all."""
    text = decode(data, name)
    is_code = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
        heading = None if is_code else HEADING.match(line)
        if heading and len(heading[1]) == 1:
            return Draft(text=text, title=heading[2].rstrip(" #") or name)
    return Draft(text=text, title=name)
