"""Memory -> Chunks: passages of bounded length in the embedder's tokens, cut where a reader would.

Pieces (sentences and lines) are packed in order until the next one no longer fits. A heading always
begins a chunk; a paragraph begins one when the chunk so far is at least half full. Where a
paragraph has to be cut, the next chunk repeats its last sentences, up to the overlap. Of
recordings and tables the pieces are whole utterances and rows. Of chats each message is a chunk:
what is said around it is looked at when it is searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tera.datatypes import Chunk, Memory
from tera.places import has_entries, is_chat
from tera.sentences import HEADING, HEADINGS, Span, paragraphs, sentences, trimmed

CHUNK_TOKENS = 96  # benchmarks/chunk_size.py, docs/decisions.md
OVERLAP_TOKENS = 32  # one or two sentences; benchmarks/chunk_size.py
CHARACTERS_PER_TOKEN = 8
"""Bounds words of over 100 characters (base64, hashes), each one unknown token to BERT."""

_ENTRY = re.compile(r"(?:\A|^(?=\S)).*(?:\n(?!\S).*)*", re.MULTILINE)
"""A line, with the lines below it that begin with white space or are empty."""

_Spanned = tuple[Span, str, bool, bool]
"""A span with the headings above it, and whether it opens a section or a paragraph."""

CountTokens = Callable[[Sequence[str]], list[int]]
"""Token counts of several texts, without special tokens."""


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    tokens: int
    heading: str
    opens_section: bool
    opens_paragraph: bool


def chunk_memory(
    memory: Memory, count_tokens: CountTokens, *, max_tokens: int = CHUNK_TOKENS
) -> list[Chunk]:
    """Cut a memory into chunks.

    Args:
        memory: Its text is cut; title and dates are not part of a chunk.
        count_tokens: The embedder's own measure.
        max_tokens: Most tokens in a chunk.

    Returns:
        Chunks in order; together they hold every character that is not white space.
    """
    headings = HEADINGS.get(memory.type, HEADING)
    spans = _entries(memory.text) if has_entries(memory.type) else _passages(memory.text, headings)
    pieces = _pieces(memory.text, list(spans), count_tokens, max_tokens)
    return [
        Chunk(memory.id, ordinal, group[0].start, group[-1].end, group[0].heading)
        for ordinal, group in enumerate(
            _messages(pieces) if is_chat(memory.type) else _packed(pieces, max_tokens)
        )
    ]


def _messages(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    for piece in pieces:
        yield [piece]


def _packed(pieces: Sequence[_Piece], max_tokens: int) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    size = 0
    for piece in pieces:
        is_full = size + piece.tokens > max_tokens
        ends = piece.opens_section or (piece.opens_paragraph and size >= max_tokens // 2)
        if group and (is_full or ends):
            yield group
            can_overlap = is_full and not ends and not piece.opens_paragraph
            group = _tail(group, max_tokens - piece.tokens) if can_overlap else []
            size = sum(kept.tokens for kept in group)
        group.append(piece)
        size += piece.tokens
    if group:
        yield group


def _tail(group: list[_Piece], room: int) -> list[_Piece]:
    tail: list[_Piece] = []
    left = min(OVERLAP_TOKENS, room)
    for piece in reversed(group[1:]):
        left -= piece.tokens
        if left < 0:
            break
        tail.insert(0, piece)
        if piece.opens_paragraph:
            break
    return tail


def _entries(text: str) -> Iterator[_Spanned]:
    """Yield the lines of a text, each with the indented lines below it."""
    for entry in _ENTRY.finditer(text):
        for span in trimmed(text, *entry.span()):
            yield span, "", False, False


def _passages(text: str, headings: re.Pattern[str]) -> Iterator[_Spanned]:
    path: list[tuple[int, str]] = []
    follows_heading = is_code = False
    for start, end in paragraphs(text):
        opens_paragraph = True
        for span in sentences(text, start, end):
            line = text[span[0] : span[1]]
            begins_line = span[0] == 0 or text[span[0] - 1] == "\n"
            is_code ^= begins_line and line.startswith(("```", "~~~"))
            heading = headings.match(line) if begins_line and not is_code else None
            if heading:
                level = len(heading[1])
                path = [(above, name) for above, name in path if above < level]
                path.append((level, heading[2].rstrip(" #")))
            # Headings that follow one another stay together with the text below them.
            opens_section = heading is not None and not follows_heading
            trail = " > ".join(name for _, name in path)
            yield span, trail, opens_section, opens_paragraph and not follows_heading
            opens_paragraph = False
            follows_heading = heading is not None


def _pieces(
    text: str, spans: Sequence[_Spanned], count_tokens: CountTokens, max_tokens: int
) -> list[_Piece]:
    counts = _measured(text, [span for span, *_ in spans], count_tokens)
    pieces: list[_Piece] = []
    for ((start, end), trail, opens_section, opens_paragraph), tokens in zip(
        spans, counts, strict=True
    ):
        parts: Iterable[tuple[Span, int]] = [((start, end), tokens)]
        if tokens > max_tokens:
            parts = _split_long(text, start, end, count_tokens, max_tokens)
        for (part_start, part_end), part_tokens in parts:
            opens = (opens_section, opens_paragraph) if part_start == start else (False, False)
            pieces.append(_Piece(part_start, part_end, part_tokens, trail, *opens))
    return pieces


def _measured(text: str, spans: Sequence[Span], count_tokens: CountTokens) -> list[int]:
    counts = count_tokens([text[start:end] for start, end in spans]) if spans else []
    return [
        max(count, (end - start) // CHARACTERS_PER_TOKEN)
        for count, (start, end) in zip(counts, spans, strict=True)
    ]


def _split_long(
    text: str, start: int, end: int, count_tokens: CountTokens, max_tokens: int
) -> Iterator[tuple[Span, int]]:
    """Yield parts of a sentence that is too long, cut at white space where there is some."""
    window = max_tokens * CHARACTERS_PER_TOKEN
    while start < end:
        stop = end if end - start <= window else _cut_near(text, start, start + window)
        yield from _halved(text, start, stop, count_tokens, max_tokens)
        start = stop


def _halved(
    text: str, start: int, end: int, count_tokens: CountTokens, max_tokens: int
) -> Iterator[tuple[Span, int]]:
    if not text[start:end].strip():
        return
    (tokens,) = _measured(text, [(start, end)], count_tokens)
    if tokens <= max_tokens or end - start == 1:
        yield (start, end), min(tokens, max_tokens)
        return
    middle = _cut_near(text, start, (start + end) // 2)
    yield from _halved(text, start, middle, count_tokens, max_tokens)
    yield from _halved(text, middle, end, count_tokens, max_tokens)


def _cut_near(text: str, start: int, target: int) -> int:
    space = text.rfind(" ", start + 1 + (target - start) // 2, target)
    return space + 1 if space > 0 else max(target, start + 1)
