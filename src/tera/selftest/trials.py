"""Questions -> what came of them, through the calls that `tera search` and `tera ask` make."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tera.answers import Audience, Nobody
from tera.datatypes import Answer, Inquiry, Quote, SearchResult
from tera.selftest import DEPTH, Probe


class Asked(Protocol):
    """An engine, here or in the background agent."""

    def search(self, question: str, count: int) -> list[SearchResult]:
        """Return the passages closest to a question, best first."""

    def ask(self, inquiry: Inquiry, audience: Audience) -> Answer:
        """Answer a question from memory."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a question, without a language model.

    Attributes:
        probe: The question.
        is_refused: Whether the answer was that memory has nothing on it.
        rank: Place among the passages of the one that answers, from 1; 0 for none, or nothing told.
        is_quoted: Whether the first quote has the value.
        is_short: Whether the short answer has it.
        has_short: Whether there is a short answer.
        search_s: Seconds of the search; None where none was made.
        quote_s: Seconds until the first quote; None where there was none.
    """

    probe: Probe
    is_refused: bool
    rank: int = 0
    is_quoted: bool = False
    is_short: bool = False
    has_short: bool = False
    search_s: float | None = None
    quote_s: float | None = None


@dataclass(frozen=True, slots=True)
class WrittenTrial:
    """What a language model made of a question.

    Attributes:
        probe: The question.
        first_s: Seconds until its first words.
        whole_s: Seconds of the whole answer.
        claims: Its sentences.
        replaced: Those that a quote stands for.
        withheld: Those that were left out.
    """

    probe: Probe
    first_s: float
    whole_s: float
    claims: int
    replaced: int
    withheld: int


class _Watch(Nobody):
    """Takes the time until the first quote and until the first written words."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.quote_s: float | None = None
        self.words_s: float | None = None

    def now(self) -> float:
        return time.perf_counter() - self._start

    def quote(self, quote: Quote) -> None:
        self.quote_s = self.now() if self.quote_s is None else self.quote_s

    def draft(self, text: str) -> None:
        if text.strip() and self.words_s is None:
            self.words_s = self.now()

    def text(self, piece: str) -> None:
        self.draft(piece)
        # Without a language model the quotes are the answer.
        self.quote_s = self.now() if self.quote_s is None else self.quote_s


def try_probes(engine: Asked, probes: Iterable[Probe]) -> Iterator[Trial]:
    """Yield what comes of questions, one after the other."""
    for probe in probes:
        yield _try_told(engine, probe) if probe.kind == "told" else _try_untold(engine, probe)


def try_written(engine: Asked, probes: Iterable[Probe]) -> Iterator[WrittenTrial]:
    """Yield what a language model makes of questions; nothing for those that it does not answer."""
    for probe in probes:
        watch = _Watch()
        answer = engine.ask(Inquiry(probe.question), watch)
        whole_s = watch.now()
        # Whatever became of its sentences, the language model wrote some.
        if answer.claims and watch.words_s is not None:
            support = [claim.support for claim in answer.claims]
            yield WrittenTrial(
                probe,
                watch.words_s,
                whole_s,
                len(support),
                support.count("replaced"),
                support.count("withheld"),
            )


def _try_told(engine: Asked, probe: Probe) -> Trial:
    watch = _Watch()
    results = engine.search(probe.question, DEPTH)
    search_s = watch.now()
    watch, answer = _asked(engine, probe)
    # The same may have been told twice.
    sentence = folded(probe.sentence)
    ranks = (
        rank
        for rank, result in enumerate(results, 1)
        if result.memory.id == probe.memory_id or sentence in folded(result.text)
    )
    return Trial(
        probe,
        answer.kind == "unknown",
        rank=next(ranks, 0),
        is_quoted=answer.quote is not None and stands_in(probe.value, answer.quote.text),
        is_short=stands_in(probe.value, answer.short),
        has_short=bool(answer.short),
        search_s=search_s,
        quote_s=watch.quote_s,
    )


def _try_untold(engine: Asked, probe: Probe) -> Trial:
    _, answer = _asked(engine, probe)
    return Trial(probe, answer.kind == "unknown")


def _asked(engine: Asked, probe: Probe) -> tuple[_Watch, Answer]:
    watch = _Watch()
    return watch, engine.ask(Inquiry(probe.question, use_llm=False), watch)


def stands_in(value: str, text: str) -> bool:
    """Return whether a text has a value, not as a part of a longer word or number."""
    wanted = re.escape(folded(value))
    return re.search(rf"(?<!\w)(?<!\d[.,]){wanted}(?!\w)(?![.,]\d)", folded(text)) is not None


def folded(text: str) -> str:
    """Return a text on one line in lower case, its characters in one form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
