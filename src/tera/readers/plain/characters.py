"""Characters of a document that are no text, or that would keep a word from being found."""

from __future__ import annotations

import re

CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")

_NO_TEXT = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\xad\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_HARD_SPACE = re.compile("[\xa0\u202f]")


def clean(text: str) -> str:
    """Return a text without control characters and soft hyphens, with plain breaks and spaces."""
    return _HARD_SPACE.sub(" ", _NO_TEXT.sub("", _BREAK.sub("\n", text)))
