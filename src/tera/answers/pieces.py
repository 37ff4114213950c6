"""A passage -> the pieces of it that can be quoted: sentences, messages, rows, lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tera.datatypes import Quote, SearchResult
from tera.places import is_chat, message_head
from tera.sentences import HEADING, Span, paragraphs, sentences, trimmed
from tera.structure import is_mail

MIN_PIECE_WORDS = 5
"""A shorter sentence says something only together with the next one: "3. The lift."."""
MAX_MESSAGE_CHARACTERS = 240
"""A message up to this length is quoted whole, a longer one by its sentences."""
MAX_PIECE_CHARACTERS = 400
"""What has no sentences (a row with many columns, JSON on one line) is cut to such pieces."""

_HEAD = re.compile(r"\w[\w-]*: \S")
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_FENCE = re.compile(r"(?m)^[ \t]{0,3}(?:```|~~~)[^\n]*$")
_CUT = re.compile(r"[;,|]\s|\s(?=\S)")
_WIDE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u3005-\u318f\u3400-\u9fff\uac00-\ud7af]")
"""Letters of scripts in which words are not divided, or say more with fewer letters."""
_LETTERS_PER_WORD = 2


def pieces(results: Sequence[SearchResult], most: int) -> list[Quote]:
    """Return the first pieces of passages, in their order; at least one of each, up to `most`."""
    found: list[Quote] = []
    for result in results:
        found += pieces_of(result)
    return found[:most]


def pieces_of(result: SearchResult) -> list[Quote]:
    """Return what of a passage can be quoted; all of it when it is nothing but a heading."""
    cut = _messages if is_chat(result.memory.type) else _prose
    quotes = [
        Quote(result, start, end)
        for first, last in cut(result)
        for start, end in _short_enough(result.memory.text, first, last)
    ]
    return quotes or [Quote(result, result.start, result.end)]


def said(quote: Quote) -> str:
    """Return the words of a quote; of a message, who wrote it and when before them."""
    result = quote.result
    if not is_chat(result.memory.type):
        return quote.text
    head = message_head(result.memory, quote.start)
    if not head or result.memory.text.startswith(head, quote.start):
        return quote.text
    return f"{head}… {quote.text}"


def _prose(result: SearchResult) -> Iterator[Span]:
    text = result.memory.text
    for start, end, is_code in _by_fences(text, result.start, result.end):
        if is_code:
            for line in re.finditer(r"[^\n]*\w[^\n]*", text[start:end]):
                yield from trimmed(text, start + line.start(), start + line.end())
        else:
            yield from _paragraphs(result, start, end)


def _by_fences(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the parts of a passage in and outside of fenced code, without the fences."""
    is_code = len(_FENCE.findall(text, 0, start)) % 2 == 1
    at = start
    for fence in _FENCE.finditer(text, start, end):
        yield at, fence.start(), is_code
        at, is_code = fence.end(), not is_code
    yield at, end, is_code


def _paragraphs(result: SearchResult, begin: int, stop: int) -> Iterator[Span]:
    text = result.memory.text
    for first, last in paragraphs(text[begin:stop]):
        end = begin + last
        if is_mail(result.memory) and begin + first == 0 and _HEAD.match(text):
            # Sender, subject and date say something only together.
            yield from trimmed(text, 0, end)
            continue
        found = list(sentences(text, begin + first, end))
        is_headed = len(found) > 1 or end < result.end
        yield from _joined(
            text, [span for span in found if not (is_headed and HEADING.match(text[slice(*span)]))]
        )


def _messages(result: SearchResult) -> Iterator[Span]:
    text = result.memory.text
    for first, last in _lines_of_messages(result):
        if last - first <= MAX_MESSAGE_CHARACTERS:
            yield from trimmed(text, first, last)
        else:
            yield from _joined(text, list(sentences(text, first, last)))


def _lines_of_messages(result: SearchResult) -> Iterator[Span]:
    """Yield the messages of a passage of a chat; what is before the first is one too."""
    text, start = result.memory.text, result.start
    at = start
    while at < result.end:
        line_end = text.find("\n", at, result.end)
        at = result.end if line_end < 0 else line_end + 1
        head = message_head(result.memory, at) if at < result.end else ""
        if at == result.end or (head and text.startswith(head, at)):
            yield start, at
            start = at


def _joined(text: str, found: Sequence[Span]) -> Iterator[Span]:
    """Yield sentences, short ones with what follows them; rules and empty cells are left out."""
    begin: int | None = None
    for place, (start, end) in enumerate(found):
        is_empty = not any(map(str.isalnum, text[start:end]))
        after = found[place + 1] if place + 1 < len(found) else None
        # The row above a rule names the columns of a table.
        if is_empty or (after and "|" in text[start:end] and _RULE.fullmatch(text[slice(*after)])):
            continue
        begin = start if begin is None else begin
        if place + 1 == len(found) or not _is_short(text[begin:end]):
            yield begin, end
            begin = None
    if begin is not None:
        yield begin, found[-1][1]


def _is_short(piece: str) -> bool:
    wide = len(_WIDE.findall(piece))
    return len(piece.split()) + wide // _LETTERS_PER_WORD < MIN_PIECE_WORDS


def _short_enough(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > MAX_PIECE_CHARACTERS:
        cut = start + MAX_PIECE_CHARACTERS
        half = start + MAX_PIECE_CHARACTERS // 2
        for gap in _CUT.finditer(text, half, start + MAX_PIECE_CHARACTERS):
            cut = gap.end()
        yield from trimmed(text, start, cut)
        start = cut
    yield from trimmed(text, start, end)
