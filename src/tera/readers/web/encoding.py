"""Bytes of a page -> its text: what they prove counts more than what the page says of itself."""

from __future__ import annotations

import codecs
import re

from tera.readers.plain.encoding import HEAD_BYTES, find_encoding

_SAID = re.compile(
    rb"(?:<meta\b[^>]{0,300}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?\s*([\w:.-]{2,40})",
    re.IGNORECASE,
)
# An encoding that the text is in no more, and entities, which no page needs.
_PROLOGUE = re.compile(
    r"\s*<\?xml[^>]{0,200}\?>|<!doctype[^>\[]{0,300}\[[^\]]{0,100000}\]\s*>", re.IGNORECASE
)
_LATIN_1 = ("iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii", "windows-1252")
# Those of Unicode prove themselves; the others are codecs, but no encodings of pages.
_NO_PAGES = ("utf", "idna", "punycode", "unicode", "raw", "undefined")


def page_text(data: bytes) -> str:
    """Return the text of a page, its tags too."""
    return data.decode(page_encoding(data), "replace").replace("\0", "")


def page_encoding(data: bytes) -> str:
    """Return the encoding of a page that begins with these bytes."""
    found = find_encoding(data[:HEAD_BYTES], is_whole=len(data) <= HEAD_BYTES)
    said = _SAID.search(data[:8192])
    if said and not (found and found.startswith("utf")):
        name = said[1].decode("ascii", "replace").lower()
        try:
            # As browsers do: Latin-1 means cp1252.
            name = codecs.lookup("cp1252" if name in _LATIN_1 else name).name
            if not name.startswith(_NO_PAGES) and b"x".decode(name, "replace"):
                return name
        except (LookupError, ValueError):
            pass
    return found or "cp1252"


def without_prologue(text: str) -> str:
    """Return a page without the encoding that it was in, and without entities of its own."""
    return _PROLOGUE.sub("", text[:HEAD_BYTES]) + text[HEAD_BYTES:]
