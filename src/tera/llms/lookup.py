"""Prompt lookup: what may be written next is copied from where the same words stood before.

A draft is checked in one evaluation, which costs less than one evaluation a token; so an answer
that quotes comes faster, and is the same (Saxena, "Prompt lookup decoding", 2023).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

SEEN_TOKENS = 2
"""So many last tokens must stand before for a draft; how many more do decides on its length.

Fixed lengths lose up to a third where nothing is quoted, this a tenth: benchmarks/drafts.py."""
LONGEST_MATCH = 64
BATCHES = (4, 8, 16, 32)
"""Tokens evaluated at once that are considered, the drafted and the one before them."""
FIRST_COSTS = {1: 1.0, 2: 2.0, 4: 3.4, 8: 6.2, 16: 6.6, 32: 13.0}
"""Time of a batch in single tokens on one core, which is bound by computing, not by memory.

The slower of both ways to load a model (benchmarks/llama_settings.py); with more cores batches cost
less, which is soon seen."""
WORTH = 1.2
"""How much faster than without it a draft must promise to be; benchmarks/drafts.py."""
LEARNING_RATE = 0.25


@dataclass(frozen=True, slots=True)
class Draft:
    """What stood behind the same tokens, and how many tokens these are."""

    tokens: Sequence[int]
    matched: int


class Lookup:
    """Where pairs of tokens stand in one prompt and the answer to it."""

    def __init__(self, tokens: Sequence[int], marks: Container[int]) -> None:
        """Index a prompt.

        Args:
            tokens: The prompt.
            marks: Tokens that no draft holds: a template's marks.
        """
        self._marks = marks
        self._tokens: list[int] = []
        self._places: dict[tuple[int, int], list[int]] = defaultdict(list)
        for token in tokens:
            self.append(token)
        self._answer = len(self._tokens)

    def append(self, token: int) -> None:
        """Add a token that was written."""
        tokens = self._tokens
        if len(tokens) >= SEEN_TOKENS:
            self._places[tokens[-2], tokens[-1]].append(len(tokens))
        tokens.append(token)

    def draft(self, most: int) -> Draft:
        """Return up to `most` tokens that followed the longest run of tokens just written.

        Tokens of the prompt do not count: that it ends as it once went on says nothing about
        the answer.
        """
        tokens = self._tokens
        limit = min(len(tokens) - self._answer, LONGEST_MATCH)
        if limit < SEEN_TOKENS or most < 1:
            return Draft((), 0)
        matched, place = 0, 0
        for candidate in self._places.get((tokens[-2], tokens[-1]), ()):
            run = SEEN_TOKENS
            while (
                run < limit
                and run < candidate
                and (tokens[candidate - 1 - run] == tokens[-1 - run])
            ):
                run += 1
            if run > matched:
                matched, place = run, candidate
        found: list[int] = []
        for token in tokens[place : place + most] if matched else ():
            if token in self._marks:
                break
            found.append(token)
        return Draft(found, matched) if found else Draft((), 0)


class Costs:
    """How long batches take on this machine, learned from those that were evaluated."""

    def __init__(self) -> None:
        """Know nothing yet but `FIRST_COSTS`."""
        self._seconds: dict[int, float] = {}

    def note(self, tokens: int, seconds: float) -> None:
        """Learn from a batch of any size."""
        size = _size_class(tokens)
        known = self._seconds.get(size, seconds)
        self._seconds[size] = known + LEARNING_RATE * (seconds - known)

    def of(self, tokens: int) -> float:
        """Return the time of a batch of up to 32 tokens; a single one takes 1."""
        if not (single := self._seconds.get(1)):
            return FIRST_COSTS[_size_class(tokens)]
        size = _size_class(tokens)
        if size in self._seconds:
            return max(1.0, self._seconds[size] / single)
        # A smaller batch does not take longer than a larger one that was seen.
        larger = [seconds / single for seen, seconds in self._seconds.items() if seen > size]
        return max(1.0, min([FIRST_COSTS[size], *larger]))


def _size_class(tokens: int) -> int:
    """Return the next power of two."""
    return 1 << (tokens - 1).bit_length()


@dataclass(slots=True)
class Drafting:
    """How much of a draft is worth checking, in one answer."""

    costs: Costs
    _misses: float = field(default=0.0, init=False)

    def tokens(self, draft: Draft) -> Sequence[int]:
        """Return the beginning of a draft that promises most, empty if none promises enough.

        After `matched` tokens in a row as they stood before, the chance that the next `n` are too
        is a / (a + n) with a = matched + 1, by Laplace's rule; each wrong draft counts as one
        failure more.
        """
        best, best_speed = 0, WORTH / self.costs.of(1)
        expected, checked = 1.0, 0
        chance = 1.0
        for batch in BATCHES:
            size = min(batch - 1, len(draft.tokens))
            while checked < size:
                hits = draft.matched + 1 + checked
                chance *= hits / (hits + 1 + self._misses)
                expected += chance
                checked += 1
            speed = expected / self.costs.of(1 + size)
            if size and speed > best_speed:
                best, best_speed = size, speed
        return draft.tokens[:best]

    def note(self, drafted: int, accepted: int) -> None:
        """Learn how a draft went."""
        self._misses = self._misses / 2 if accepted == drafted else self._misses + 1
