"""Subtitles in files of their own: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tera.datatypes import Draft
from tera.readers.document import Document, Item, without_text
from tera.readers.plain.encoding import find_encoding
from tera.readers.plain.lines import read_lines
from tera.readers.speech.cues import Cue, spoken_in
from tera.readers.speech.timed import Said, timed_drafts

CUE_LINES = 1_000
"""More lines without a time are not shown together by any player."""

_CLOCK = r"(?:(\d{1,4})\s?:\s?)?(\d{1,2})\s?:\s?(\d{1,2})(?:\s?[,.:]\s?(\d{1,6}))?"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-{{1,2}}>\s*{_CLOCK}(?:\s.*)?$")
_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")


def is_subtitles(head: bytes) -> bool:
    """Return whether a file that begins like this has subtitles in it."""
    encoding = find_encoding(head)
    text = head.decode(encoding, "replace").lstrip("\ufeff") if encoding else ""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and _is_webvtt(lines[0]):
        return any(_TIMES.match(line) for line in lines)
    return len(lines) > 2 and lines[0].strip().isdecimal() and bool(_TIMES.match(lines[1]))


def read_subtitles(document: Document) -> Iterator[Item]:
    """Read subtitles: a line for each sentence, with the time at which it is shown.

    Args:
        document: A file in any encoding that can be told for sure.

    Yields:
        Drafts, and progress in bytes; a Note if the encoding was guessed.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: Its encoding cannot be told.
        NoTextError: There are no cues in it.
    """
    is_empty = True
    for item in timed_drafts(_said(document), document.name):
        is_empty = is_empty and not isinstance(item, Draft)
        yield item
    if is_empty:
        raise without_text(
            document,
            "subtitles",
            "lines such as 00:01:02,500 --> 00:01:04,000 must stand before the words",
        )


def _said(document: Document) -> Iterator[Said]:
    told: list[Said] = []
    for spoken in spoken_in(_cues(_lines(document, told))):
        yield from told
        told.clear()
        yield spoken
    yield from told


def _lines(document: Document, told: list[Said]) -> Iterator[str]:
    """Yield the lines of a file; what there is to tell beside them is put into a list."""
    for block in read_lines(document):
        if isinstance(block, str):
            yield from block.removesuffix("\n").split("\n")
        elif not isinstance(block, Draft):
            told.append(block)


def _cues(lines: Iterator[str]) -> Iterator[Cue]:
    is_webvtt = False
    is_skipped = True
    times: tuple[float, float] | None = None
    held: list[str] = []
    for number, line in enumerate(lines):
        if number == 0:
            is_webvtt = _is_webvtt(line)
        if found := _TIMES.match(line):
            if times:
                yield Cue(*times, "\n".join(_without_name(held, is_webvtt)))
            times = _seconds(*found.groups()[:4]), _seconds(*found.groups()[4:])
            held, is_skipped = [], False
            continue
        is_after_blank = not held or not held[-1].strip()
        if is_webvtt and is_after_blank and _BLOCK.match(line) and held:
            is_skipped = True
        if is_skipped:
            is_skipped = bool(line.strip()) or not times
            continue
        held.append(line)
        if len(held) >= CUE_LINES and times:
            yield Cue(*times, "\n".join(held))
            held = []
    if times:
        yield Cue(*times, "\n".join(held))


def _without_name(lines: list[str], is_webvtt: bool) -> list[str]:
    """Return the lines of a cue without the number or name of the next, which stands after them."""
    if not lines or not lines[-1].strip():
        return lines
    is_apart = len(lines) > 1 and not lines[-2].strip()
    is_name = lines[-1].strip().isdecimal() or (is_webvtt and is_apart)
    return lines[:-1] if is_name else lines


def _is_webvtt(line: str) -> bool:
    return bool(re.match(r"WEBVTT(?:\s|$)", line))


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + (float(f"0.{fraction}") if fraction else 0.0)
