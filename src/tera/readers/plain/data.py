"""JSON and lines of JSON, as text: what stands on one line is laid out, escaped letters are read.

It is not parsed: a file may have any size, and one that is broken is text all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from tera.datatypes import Draft
from tera.readers.document import Document, Item
from tera.readers.plain.lines import drafts_of, read_lines

LONG_LINE_CHARACTERS = 200
"""JSON with lines longer than this on average was not laid out for people."""
MAX_INDENT = 40
"""Deeper levels are not indented further: 100,000 brackets would become gigabytes of spaces."""

# A string to its end, or as far as the block goes; a bracket or comma; anything else.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([dD][89abAB]\w\w)\\u([dD][c-fC-F]\w\w)|u(\w{4})|(.))", re.DOTALL)


def read_json(document: Document) -> Iterator[Item]:
    """Read a JSON file: line by line, or laid out first if it is all on long lines.

    Yields:
        Drafts of whole lines.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """
    blocks = read_lines(document)
    first: list[str | Item] = []
    for block in blocks:
        first.append(block)
        if isinstance(block, str) and block.strip():
            break
    head = first[-1] if first and isinstance(first[-1], str) else ""
    every = chain(first, blocks)
    laid_out = _laid_out(every) if _is_dense(head[:100_000]) else every
    yield from _drafts(laid_out, document)


def read_jsonl(document: Document) -> Iterator[Item]:
    """Read a file with a JSON value on each line; the lines stay as they are.

    Yields:
        Drafts of whole lines.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """
    yield from _drafts(read_lines(document), document)


def _drafts(blocks: Iterable[str | Item], document: Document) -> Iterator[Item]:
    readable = (unescaped(block) if isinstance(block, str) else block for block in blocks)
    yield from drafts_of(readable, document, lambda _: Draft("", title=document.name))


def unescaped(text: str) -> str:
    r"""Return JSON with its letters written out: `Gr\u00fcn` and `https:\/\/` are no words."""
    return _ESCAPE.sub(_letter, text) if "\\u" in text or "\\/" in text else text


def _letter(found: re.Match[str]) -> str:
    high, low, single, other = found.groups()
    try:
        if high:
            pair = bytes.fromhex(high) + bytes.fromhex(low)
            return pair.decode("utf-16-be")
        if single:
            letter = chr(int(single, 16))
            is_readable = letter > "\xa0" and not "\ud800" <= letter <= "\udfff"
            return letter if is_readable and letter.isprintable() else found[0]
    except ValueError:
        return found[0]
    return "/" if other == "/" else found[0]


def _is_dense(head: str) -> bool:
    head = head.strip()
    if not head.startswith(("{", "[")) or len(head) < LONG_LINE_CHARACTERS * (head.count("\n") + 1):
        return False
    first, _, rest = head.partition("\n")
    return not (rest.strip() and _is_value(first))


def _is_value(line: str) -> bool:
    """Whether a line is a value of its own, as in lines of JSON."""
    import json

    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _laid_out(blocks: Iterable[str | Item]) -> Iterator[str | Item]:
    """Yield JSON with a line for each member, whatever else is said in between."""
    layout = _Layout()
    rest = ""
    for block in blocks:
        if not isinstance(block, str):
            yield block
            continue
        text, rest = layout.lines(rest + block, is_end=False)
        yield text
    text, _ = layout.lines(rest, is_end=True)
    yield text + "\n"


class _Layout:
    """Indents pieces by the brackets around them; their order and spelling stay."""

    def __init__(self) -> None:
        self.depth = 0
        self.before = ""

    def lines(self, text: str, *, is_end: bool) -> tuple[str, str]:
        """Return the text laid out, and the end of it that may go on in the next block."""
        out: list[str] = []
        rest = len(text)
        for found in _PIECE.finditer(text):
            piece = found[0]
            is_open_end = piece[0] == '"' and not found[1]
            may_go_on = is_open_end or (found.end() == len(text) and piece not in "{}[],:")
            if may_go_on and not is_end and len(piece) < MAX_TOKEN_CHARACTERS:
                rest = found.start()
                break
            out.append(self._placed(piece))
        return "".join(out), text[rest:]

    def _placed(self, piece: str) -> str:
        before, self.before = self.before, piece
        if piece in ("}", "]"):
            self.depth = max(0, self.depth - 1)
            return piece if before in ("{", "[") else self._line() + piece
        if piece in (",", ":"):
            return piece if piece == "," else ": "
        is_first = before in ("{", "[", ",")
        # Several values one after the other, or what is no JSON.
        is_next = bool(before) and before not in ("{", "[", ",", ":")
        start = self._line() if is_first or (is_next and not self.depth) else " " * is_next
        if piece in ("{", "["):
            self.depth += 1
        return start + piece

    def _line(self) -> str:
        return "\n" + "  " * min(self.depth, MAX_INDENT)


MAX_TOKEN_CHARACTERS = 4_000_000
"""A longer string is laid out as it comes: a quote that is not closed must not gather the file."""
