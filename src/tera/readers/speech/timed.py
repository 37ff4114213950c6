"""What is said when -> drafts: a line for each sentence, with the time at which it begins."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tera.datatypes import Draft
from tera.places import timed_line
from tera.readers.document import PART_CHARACTERS, Attachment, Failure, Note, Progress

PAUSE_S = 1.0
"""After a longer silence another line begins, whether the sentence is over or not."""
LINE_CHARACTERS = 250
"""About 15 seconds of speech: how far a citation may be from the words, where no stop is heard."""
MOST_SECONDS = 1_000_000.0
"""Eleven days. A broken file may state any time at all."""

_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»」』)\]]*$")


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words and the time in which they are said, in seconds from the beginning."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""


Said = Spoken | Attachment | Progress | Note | Failure


def timed_drafts(
    said: Iterable[Said], title: str, at: datetime | None = None, headline: str = ""
) -> Iterator[Draft | Attachment | Progress | Note | Failure]:
    """Write down what is said, sentence by sentence; what is not speech passes through.

    Args:
        said: In the order of their times.
        title: Of the recording.
        at: When it was made.
        headline: What is known of all of it; the first line, at 0:00, if anything is said.

    Yields:
        Drafts of about PART_CHARACTERS; the part of each is the time at which it begins, or empty
        when there is one alone.
    """
    lines: list[str] = []
    size = 0
    waiting: Draft | None = None
    parts: dict[str, int] = {}
    for item in _sentences(said):
        if not isinstance(item, Spoken):
            yield item
            continue
        line = timed_line(
            item.start_s, f"{item.speaker}: {item.text}" if item.speaker else item.text
        )
        if headline:
            # A line like the others, so that the passage it is in has a time.
            lines.append(timed_line(0, headline))
            headline = ""
        if size >= PART_CHARACTERS:
            if waiting:
                yield waiting
            waiting = Draft("\n".join(lines), title=title, at=at, part=_part(lines[0], parts))
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if waiting:
        yield waiting
    if lines:
        part = _part(lines[0], parts) if waiting else ""
        yield Draft("\n".join(lines), title=title, at=at, part=part)


def _sentences(said: Iterable[Said]) -> Iterator[Said]:
    """Join pieces of one sentence."""
    open_piece: Spoken | None = None
    for item in said:
        if not isinstance(item, Spoken):
            yield item
            continue
        start = _sane(item.start_s)
        piece = replace(
            item,
            start_s=start,
            end_s=max(start, _sane(item.end_s)),
            text=" ".join(item.text.split()),
            speaker=" ".join(item.speaker.split()),
        )
        if not piece.text:
            continue
        if open_piece and _goes_on(open_piece, piece):
            text = open_piece.text + _glue(open_piece.text, piece.text) + piece.text
            open_piece = replace(open_piece, text=text, end_s=max(open_piece.end_s, piece.end_s))
            continue
        if open_piece:
            yield open_piece
        open_piece = piece
    if open_piece:
        yield open_piece


def _goes_on(before: Spoken, after: Spoken) -> bool:
    is_over = _SENTENCE_END.search(before.text) and not after.text[0].islower()
    return (
        not is_over
        and before.speaker == after.speaker
        and not after.text.startswith(("- ", "– ", "— "))
        and len(before.text) + len(after.text) < LINE_CHARACTERS
        and before.start_s <= after.start_s <= before.end_s + PAUSE_S
    )


def _glue(before: str, after: str) -> str:
    """Return what stands between two pieces: nothing in Chinese and Japanese."""
    return "" if _is_unspaced(before[-1]) and _is_unspaced(after[0]) else " "


def _is_unspaced(character: str) -> bool:
    # CJK signs, kana and ideographs, and their full-width stops; Korean has spaces.
    return "\u2e80" <= character < "\ua000" or "\uff00" <= character < "\uff66"


def _sane(seconds: float) -> float:
    return min(max(seconds, 0.0), MOST_SECONDS) if math.isfinite(seconds) else 0.0


def _part(line: str, parts: dict[str, int]) -> str:
    key = line[1 : line.index("]")]
    parts[key] = parts.get(key, 0) + 1
    return key if parts[key] == 1 else f"{key} ({parts[key]})"
