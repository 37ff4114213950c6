"""Tokens as they are written → the text to show: whole characters, no marks, no loops."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

STOPS = ("<|im_end|>", "<|im_start|>", "<|endoftext|>")
"""Marks that a model may also spell out in ordinary tokens."""
LOOP_TOKENS = 32
"""So many tokens in a row that the answer already has are a loop, not a turn of phrase."""
HELD_TOKENS = 3
"""From so many on they are held back, so that a loop is not shown."""


class Loops:
    """Notices an answer that begins to repeat itself.

    This takes the place of a repeat penalty, which changes what is written next to words that the
    prompt has, so that quotes and numbers of notes come out wrong.
    """

    def __init__(self) -> None:
        """Begin with an empty answer."""
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        self._run = 0
        self._place = -1

    def add(self, token: int) -> int:
        """Take a token; return how many of the last tokens stood in a row before, from three on."""
        tokens = self._tokens
        tokens.append(token)
        if self._run and tokens[self._place] == token:
            self._run += 1
            self._place += 1
            self._remember()
            return self._run
        last = tuple(tokens[-HELD_TOKENS:])
        self._place = self._places.get(last, -1)
        self._run = len(last) if self._place >= 0 else 0
        self._remember()
        return self._run

    def _remember(self) -> None:
        """Note where the answer went on after its last tokens; the first place counts."""
        self._places.setdefault(tuple(self._tokens[-HELD_TOKENS:]), len(self._tokens))


def shown(pieces: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """Yield the text of tokens as soon as it is certain.

    Args:
        pieces: Token and its bytes, in order; no further one is taken once the answer is over.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    loops = Loops()
    held = ""
    for token, piece in pieces:
        run = loops.add(token)
        if run >= LOOP_TOKENS:
            return
        held += decoder.decode(piece)
        if (stop := _find_stop(held)) >= 0:
            if held[:stop]:
                yield held[:stop]
            return
        if run < HELD_TOKENS and (ready := len(held) - _open_stop(held)):
            yield held[:ready]
            held = held[ready:]
    # Half a character at the end is left out.
    if held:
        yield held


def _find_stop(text: str) -> int:
    found = [place for stop in STOPS if (place := text.find(stop)) >= 0]
    return min(found, default=-1)


def _open_stop(text: str) -> int:
    """Return how many of the last characters may be the beginning of a stop."""
    longest = max(map(len, STOPS)) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(stop.startswith(text[-size:]) for stop in STOPS):
            return size
    return 0
