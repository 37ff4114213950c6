"""Where a text can be cut: headings, paragraphs, sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]
"""Start and end of a piece of a text, in characters."""

# A full stop after these does not end a sentence.
_ABBREVIATIONS = frozenset(
    (
        *("dr", "mr", "mrs", "ms", "prof", "st", "jr", "sr", "gen", "col", "sgt", "rev"),
        *("vs", "etc", "e.g", "i.e", "cf", "approx", "fig", "vol", "al"),
        *("inc", "ltd", "co", "u.s", "u.k", "a.m", "p.m"),
        *("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    )
)
# A row of stops is looked at once, from its beginning: else a line of dots takes quadratic time.
_ENDING = re.compile(
    r"""(?:(?<![.!?…])[.!?…]++["'”’)\]]*+(?=\s))|(?:[。！？]+[」』”’）]*)|\n""",
)
_WRAPPED_LINE = 50
"""A line that was broken because it was full has at least this many characters."""
HEADING = re.compile(r"^(#{1,6})[ \t]+(\S.*)$")
HEADINGS = {"org": re.compile(r"^(\*{1,6})[ \t]+(\S.*)$")}
"""By the types of documents that write headings in another way."""
_PARAGRAPH_END = re.compile(r"\n[ \t\f]*(?:\n[ \t\f]*)+")


def paragraphs(text: str) -> Iterator[Span]:
    """Yield the parts of a text that blank lines divide, without the blank lines."""
    start = 0
    for gap in _PARAGRAPH_END.finditer(text):
        if text[start : gap.start()].strip():
            yield start, gap.start()
        start = gap.end()
    if text[start:].strip():
        yield start, len(text)


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield the sentences of `text[start:end]`, outer white space left out.

    A line break ends a sentence too (lists, logs and chats have no full stops), except in a
    paragraph wrapped by hand: after a long line, before a small letter.
    """
    end = len(text) if end is None else end
    at = start
    for ending in _ENDING.finditer(text, start, end):
        if _ends_sentence(text, at, ending):
            yield from trimmed(text, at, ending.end())
            at = ending.end()
    yield from trimmed(text, at, end)


def _ends_sentence(text: str, start: int, ending: re.Match[str]) -> bool:
    if ending.group() == "\n":
        line = text[text.rfind("\n", 0, ending.start()) + 1 : ending.start()]
        is_wrapped = len(line) >= _WRAPPED_LINE and not HEADING.match(line)
        return not (is_wrapped and text[ending.end() : ending.end() + 1].islower())
    line_start = max(start, text.rfind("\n", 0, ending.start()) + 1)
    if line_start == start and HEADING.match(text[start : ending.end()]):
        return False
    if not ending.group().startswith("."):
        return True
    word = text[max(start, ending.start() - 12) : ending.start()].split()[-1:]
    if not word:
        return False
    bare = word[0].lstrip("(\"'“‘[").lower()
    is_initial = len(bare) == 1 and bare.isalpha()
    is_list_number = bare.isdigit() and not text[start : ending.start()].strip(" \t#").strip(bare)
    return not (bare in _ABBREVIATIONS or is_initial or is_list_number)


def trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield `text[start:end]` without its outer white space, if anything is left."""
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        start += len(piece) - len(piece.lstrip())
        yield start, start + len(stripped)
