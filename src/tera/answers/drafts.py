"""A model's tokens -> the sentences it writes, one by one, each with its citations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tera.answers.citations import loosened, markers_end
from tera.prompts import visible
from tera.sentences import sentences

MOST_CHARACTERS = 1200
"""What goes on without an end is looked at after this many."""
LOOPS = 4
"""Something written so many times in a row is a loop."""
SHORTEST_LOOP, LONGEST_LOOP = 3, 120
_LEADING_MARKER = re.compile(r"\s*\[\s*\d")


@dataclass(frozen=True, slots=True)
class Drafted:
    """A sentence as a model wrote it, and the white space before it."""

    text: str
    gap: str


def drafted(pieces: Iterable[str], on_draft: Callable[[str], None]) -> Iterator[Drafted]:
    """Yield sentences as they are complete; a citation behind its full stop belongs to one.

    Args:
        pieces: What the model writes, token by token. When it writes the same again and again, no
            more is taken.
        on_draft: Hears of the sentence in the making whenever it grows.
    """
    written = ""
    for piece in pieces:
        written = loosened(written + piece)
        if _is_loop(written):
            return
        while (end := _end_of_first(written)) is not None:
            yield _cut(written, end)
            written = written[end:]
        if written.strip():
            on_draft(visible(written.strip()))
    while written.strip():
        end = _last_end(written)
        yield _cut(written, end)
        written = written[end:]


def _end_of_first(written: str) -> int | None:
    """Return where the first sentence ends; None when it may go on."""
    found = list(sentences(written))
    if not found:
        return None
    end = _with_markers(written, *found[0])
    if end is not None and written[end:].strip():
        return end
    return len(written) if len(written) > MOST_CHARACTERS else None


def _last_end(written: str) -> int:
    """Return where the first sentence ends in a text that does not go on."""
    first = next(iter(sentences(written)))
    end = _with_markers(written, *first)
    return len(written) if end is None else end


def _with_markers(written: str, start: int, end: int) -> int | None:
    # A sentence that begins with its citation has none behind it.
    return end if _LEADING_MARKER.match(written, start) else markers_end(written, end)


def _cut(written: str, end: int) -> Drafted:
    text = written[:end].strip()
    gap = written[: len(written) - len(written.lstrip())]
    return Drafted(text, gap)


def _is_loop(written: str) -> bool:
    longest = min(LONGEST_LOOP, len(written) // LOOPS)
    return any(
        written.endswith(written[-size:] * LOOPS) and any(map(str.isalnum, written[-size:]))
        for size in range(SHORTEST_LOOP, longest + 1)
    )
