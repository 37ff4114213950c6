"""Passages -> two of them that say different things of the same, the newer one first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

from tera.answers.clocks import Clock
from tera.answers.days import Days
from tera.answers.numbers import Number
from tera.answers.quotes import QUOTE_SHARE
from tera.answers.values import Value, values_of
from tera.answers.wording import is_negated, same_letters, stems, words_of
from tera.datatypes import Disagreement, Quote
from tera.places import is_chat, message_head, moment_of

if TYPE_CHECKING:
    from tera.answers.quotes import Quotes

MOST_SENTENCES = 40
"""So many of the best sentences are compared with each other."""
SAME_SHARE = 0.75  # benchmarks/context.py
"""Two sentences are about the same when they share this part of all their words."""
FEWEST_WORDS = 2
"""Both have so many words, and before a number that follows a noun: "room 5", "room 6"."""
_LATER = frozenset(
    (
        *("still", "changed", "new", "update", "updated", "correction", "anymore", "actually"),
        *("already", "jetzt", "neu", "nun", "inzwischen", "maintenant", "ahora", "adesso", "agora"),
    )
)
"""Words that tell that something is no longer as it was."""


@dataclass(frozen=True)
class _Said:
    """A sentence and what it says."""

    quote: Quote
    score: float

    @cached_property
    def text(self) -> str:
        """The sentence without sender and time, which differ anyway."""
        return self.quote.text.removeprefix(self._head.strip()).strip()

    @cached_property
    def when(self) -> datetime:
        return moment_of(self.quote.result.memory, self.quote.start)

    @cached_property
    def values(self) -> list[Value]:
        return values_of(self.text, self.when)

    @cached_property
    def speaker(self) -> str:
        """Who says it; "I" is somebody else then."""
        return self._head.partition(" (")[0]

    @cached_property
    def _head(self) -> str:
        memory = self.quote.result.memory
        return message_head(memory, self.quote.start) if is_chat(memory.type) else ""

    @cached_property
    def words(self) -> set[str]:
        """The stems of what is no value."""
        rest = self.text
        for value in reversed(self.values):
            if value.kind != "name":
                rest = f"{rest[: value.start]} {rest[value.end :]}"
        return stems(rest) - {stem for word in _LATER for stem in stems(word)}


def find_disagreements(quotes: Quotes) -> tuple[Disagreement, ...]:
    """Return pairs of sentences that differ in one value and in hardly anything else.

    The value is a number, a day, a time, a path, an identifier or a name. Sentences of one text
    are not compared, but those of a chat are. What differs in ordinary words ("black", "white") is
    not seen.

    Args:
        quotes: The sentences of passages, best first. One of each pair is good enough to be quoted.
    """
    if not quotes.ranked:
        return ()
    best = quotes.ranked[0][1]
    least = min(QUOTE_SHARE * best, best)
    said = [_Said(quote, score) for quote, score in quotes.ranked[:MOST_SENTENCES]]
    found: list[Disagreement] = []
    for first, second in combinations(said, 2):
        if first.score >= least and first.when != second.when and _disagree(first, second):
            newer, older = sorted((first, second), key=lambda one: one.when, reverse=True)
            found.append(Disagreement(newer.quote, older.quote))
    return tuple(found)


def newer_first(quotes: Quotes, disagreements: Sequence[Disagreement]) -> Quotes:
    """Return quotes in which both sides of a disagreement follow each other, the newer first.

    Both have the score of the better one, so that both are quoted.
    """
    ranked = list(quotes.ranked)
    for one in disagreements:
        places = {
            place for place, (quote, _) in enumerate(ranked) if quote in (one.newer, one.older)
        }
        if len(places) < 2:
            continue
        first = min(places)
        score = ranked[first][1]
        rest = [pair for place, pair in enumerate(ranked) if place not in places]
        ranked = [*rest[:first], (one.newer, score), (one.older, score), *rest[first:]]
    # The shortest words were those of the best.
    is_same = not ranked or ranked[0][0] == quotes.best
    return replace(quotes, ranked=tuple(ranked), short=quotes.short if is_same else "")


def _disagree(first: _Said, second: _Said) -> bool:
    same_text = first.quote.result.memory == second.quote.result.memory
    if same_text and not is_chat(first.quote.result.memory.type):
        return False
    if first.speaker != second.speaker or is_negated(first.text) != is_negated(second.text):
        return False
    if "?" in first.text or "?" in second.text:
        return False
    difference = _only_difference(first.values, second.values)
    if difference is None:
        return False
    mine, other = difference
    names = stems(f"{mine.text} {other.text}") if mine.kind == "name" else set()
    words, others = first.words - names, second.words - names
    shared = words & others
    return (
        len(shared) >= max(FEWEST_WORDS, SAME_SHARE * len(words | others))
        and _is_led(mine, first, shared)
        and _is_led(other, second, shared)
    )


def _only_difference(first: Sequence[Value], second: Sequence[Value]) -> tuple[Value, Value] | None:
    """Return the one value of each that the other does not have."""
    mine = [value for value in first if not any(_same(value, other) for other in second)]
    theirs = [value for value in second if not any(_same(value, other) for other in first)]
    if len(mine) != 1 or len(theirs) != 1 or mine[0].kind != theirs[0].kind:
        return None
    return mine[0], theirs[0]


def _same(one: Value, other: Value) -> bool:
    if one.kind != other.kind:
        return False
    return same_letters(one.text) == same_letters(other.text) or any(
        _agree(mine, theirs) for mine in one.meanings for theirs in other.meanings
    )


def _agree(mine: Number | Days | Clock, theirs: Number | Days | Clock) -> bool:
    if isinstance(mine, Number) and isinstance(theirs, Number):
        return mine.agrees(theirs)
    if isinstance(mine, Clock) and isinstance(theirs, Clock):
        return bool(mine.minutes & theirs.minutes)
    if isinstance(mine, Days) and isinstance(theirs, Days):
        return mine.is_borne_out_by(theirs) or theirs.is_borne_out_by(mine)
    return False


def _is_led(value: Value, said: _Said, shared: set[str]) -> bool:
    """Return whether a value is told of something, and does not name it as in "room 5"."""
    before = [stems(word) for word in words_of(said.text[: value.start])]
    led = set().union(*before) & shared
    is_label = bool(before and before[-1])
    return len(led) >= (FEWEST_WORDS if is_label else 1)
