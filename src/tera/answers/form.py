"""The form of a written sentence: marks of lists, emphasis, links that say where they lead."""

from __future__ import annotations

import re

from tera.prompts import visible

_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,300})\]\(\s*<?([^()\s<>]{1,500})>?(?:\s+[\"'][^\"'\n]*[\"'])?\s*\)"
)
_TAG = re.compile(r"</?[a-z]\w{0,20}(?:[\s/][^<>]{0,500})?>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"(?:href|src)\s*=\s*[\"']?([^\s\"'<>]{1,500})", re.IGNORECASE)
_LIST_MARK = re.compile(r"(?:[-*+•]|(\d{1,2})[.)])\s+(?=\S)")
_EMPHASIS = re.compile(r"\*+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)|^\s*#{1,6}\s+|^\s*>\s*")


def spelt_out(written: str) -> str:
    """Return a sentence as it is safe to show.

    Links and images become their words and their address, HTML its addresses; nothing is hidden.
    """

    def addresses(tag: re.Match[str]) -> str:
        return "".join(f" {found[1]} " for found in _ADDRESS.finditer(tag[0]))

    text = _LINK.sub(lambda link: f"{link[1]} ({link[2]})", visible(written.strip()))
    return _TAG.sub(addresses, text).strip()


def list_mark(sentence: str) -> tuple[str, int, str]:
    """Return the mark of a list that a sentence begins with, its number or 0, and the rest."""
    mark = _LIST_MARK.match(sentence)
    if not mark:
        return "", 0, sentence
    return mark[0], int(mark[1] or 0), sentence[mark.end() :]


def without_emphasis(sentence: str) -> str:
    """Return a sentence without stars, underlines, and the marks of headings and quotes."""
    return _EMPHASIS.sub("", sentence)
