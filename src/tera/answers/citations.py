"""The markers of an answer, like [1]: found, taken out, put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKER = re.compile(r"\[\s*(\d+(?:\s*[,;]\s*\d+)*)\s*\]")
_SPACED_MARKER = re.compile(r"[ \t]*" + _MARKER.pattern)
_LEADING_MARKERS = re.compile(rf"(?:\s*{_MARKER.pattern})+[ \t]*[.!?…,;:]*")
_MAYBE_MARKER = re.compile(r"\s*(?:\[[\d\s,;]*)?$")
# "5433.[1]": nothing would end the sentence before its citation.
_GLUED_MARKER = re.compile(r"(?<=[.!?…])(?=\[\s*\d)")
_CLOSING = re.compile(r"[ \t]*([.!?…。！？]*[\"”’»)*_]*)$")


def cited_numbers(text: str) -> set[int]:
    """Return the numbers that a text cites."""
    return {number for marker in _MARKER.finditer(text) for number in _numbers(marker[1])}


def without_markers(text: str) -> str:
    """Return a text without its citations and the spaces before them."""
    return _SPACED_MARKER.sub("", text).strip()


def with_markers(text: str, numbers: Sequence[int]) -> str:
    """Return a sentence that cites exactly some numbers.

    Markers that cite them stay where they are. Others go, and what is not cited then is cited at
    the end.
    """
    wanted = set(numbers)

    def known(marker: re.Match[str]) -> str:
        kept = [number for number in dict.fromkeys(_numbers(marker[1])) if number in wanted]
        return " " + "".join(f"[{number}]" for number in kept) if kept else ""

    kept = _SPACED_MARKER.sub(known, text).strip()
    while not cited_numbers(kept) <= wanted:
        # What goes may leave another one behind: "[ [1]9]".
        kept = _SPACED_MARKER.sub(known, kept).strip()
    if not (left := wanted - cited_numbers(kept)):
        return kept
    closing = _CLOSING.search(kept)
    place = closing.start() if closing else len(kept)
    marks = "".join(f"[{number}]" for number in sorted(left))
    joint = "" if kept[:place].endswith("]") else " "
    return kept[:place] + joint + marks + kept[place:].lstrip()


def loosened(text: str) -> str:
    """Return a text with a space between the end of a sentence and a citation that follows."""
    return _GLUED_MARKER.sub(" ", text)


def markers_end(text: str, start: int) -> int | None:
    """Return where the citations that follow a sentence end; None while more may come.

    Args:
        text: What is written so far.
        start: The end of the sentence; returned when no citation follows it.
    """
    found = _LEADING_MARKERS.match(text, start)
    end = found.end() if found else start
    return None if _MAYBE_MARKER.match(text, end) else end


def _numbers(listed: str) -> Iterable[int]:
    return (int(number) for number in re.findall(r"\d+", listed))
