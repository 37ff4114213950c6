"""Passages -> the sentences that answer best, quoted: an answer without a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tera.answers import Audience
from tera.answers.doubts import doubts
from tera.answers.pieces import pieces, said
from tera.answers.scoring import score_quotes
from tera.answers.spans import best_short
from tera.answers.terms import stems
from tera.answers.wanted import wanted
from tera.datatypes import Answer, Citation, Quote, SearchResult
from tera.places import moment_of

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatVector
    from tera.gate import Scale

MAX_QUOTES = 3
QUOTE_SHARE = 0.75
"""A further sentence is quoted when it scores at least this share of the best one."""
MAX_SENTENCES = 200
"""Sentences that are looked at; few of them are embedded, see `scoring`."""
ALIKE_SHARE = 0.6
"""Sentences that share this part of their words say the same, or what has become of it."""
ALIKE_SCORE = 0.8
"""The newer of two alike comes first, unless it scores less than this share of the older."""
COMPARED = 12
"""Sentences, best first, that are compared with each other."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """The sentences of passages, and how well each fits a question.

    Attributes:
        ranked: Sentences with their scores, best first.
        short: The shortest words of the best that answer the question; may be empty.
        is_answer: Whether the best is likely to be one.
    """

    ranked: tuple[tuple[Quote, float], ...]
    short: str = ""
    is_answer: bool = True

    @property
    def best(self) -> Quote:
        """The sentence that fits best; there is one where `is_answer` says so."""
        return self.ranked[0][0]


def find_quotes(
    question: str,
    results: Sequence[SearchResult],
    embedder: Embedder,
    vector: FloatVector,
    scale: Scale | None = None,
) -> Quotes:
    """Return the sentences of passages by how well they fit a question.

    Args:
        question: Understandable alone.
        results: Passages, best first.
        embedder: Compares sentences with the question.
        vector: That of the question.
        scale: What the embedder's cosines mean; they count as they are without it.
    """
    if not results:
        return Quotes((), is_answer=False)
    want = wanted(question)
    found = pieces(results, MAX_SENTENCES)
    scores = score_quotes(want, found, embedder, vector, scale)
    # The sort is stable: of equal ones the better passage's comes first.
    ranked = sorted(zip(found, scores, strict=True), key=lambda pair: -pair[1])
    is_answer = not doubts(want, ranked) or not ranked[0][0].result.memory.id
    ranked = _newer_first(ranked)
    short = best_short(want, ranked)
    if short:
        # What is shown first of all is quoted first too.
        ranked.sort(key=lambda pair: pair[0] != short.quote)
    return Quotes(tuple(ranked), short.text if short else "", is_answer)


def quote_answer(question: str, quotes: Quotes, audience: Audience) -> Answer:
    """Answer with the sentences that fit the question best, a line each.

    Before them comes a line with the shortest words that answer, where there are any.
    """
    best = quotes.ranked[0][1]
    least = min(QUOTE_SHARE * best, best)
    kept = [quote for quote, score in quotes.ranked[:MAX_QUOTES] if score >= least]
    numbers: dict[SearchResult, int] = {}
    lines = [
        f"“{said(quote)}” [{numbers.setdefault(quote.result, len(numbers) + 1)}]" for quote in kept
    ]
    if quotes.short and quotes.short != kept[0].text:
        lines.insert(0, f"{quotes.short} [1]")
    text = "\n".join(lines)
    audience.text(text)
    citations = tuple(Citation(number, result) for result, number in numbers.items())
    return Answer(question, text, "extractive", citations, quote=quotes.best, short=quotes.short)


def _newer_first(ranked: Sequence[tuple[Quote, float]]) -> list[tuple[Quote, float]]:
    """Return sentences without those that say the same, the newer before the older when alike."""
    kept: list[tuple[Quote, float]] = []
    words: list[frozenset[str]] = []
    for quote, score in ranked[:COMPARED]:
        own = stems(quote.text)
        place = len(kept)
        is_known = False
        for before, known in enumerate(words):
            other, other_score = kept[before]
            share = len(own & known) / max(1, len(own | known))
            if quote.text == other.text or share < ALIKE_SHARE:
                is_known = is_known or quote.text == other.text
            elif _is_newer(quote, other) and score >= ALIKE_SCORE * other_score:
                place = before
                break
        if not is_known:
            # The newer takes the older's score, and the older its own: what follows goes by them.
            scores = [score, *(worse for _, worse in kept[place:])]
            scores.sort(reverse=True)
            behind = [quote, *(other for other, _ in kept[place:])]
            kept[place:] = list(zip(behind, scores, strict=True))
            words.insert(place, own)
    said_before = {quote.text for quote, _ in kept}
    return kept + [pair for pair in ranked[COMPARED:] if pair[0].text not in said_before]


def _is_newer(quote: Quote, other: Quote) -> bool:
    one, two = quote.result.memory, other.result.memory
    return moment_of(one, quote.start) > moment_of(two, other.start)
