"""Trials -> shares with their 95 % intervals, times, and hints at what is off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tera.selftest import FEWEST_QUESTIONS, Plan
from tera.selftest.trials import Trial, WrittenTrial

Z = 1.96
"""Half the width of a 95 % interval, in standard deviations."""
LOW_RECALL = 0.8
"""Among the first 10; benchmarks/cloze_questions.py finds all, in chats and in prose."""
HIGH_WRONG_REFUSAL = 0.15
"""The same refuses .03 to .08."""
LOW_REFUSAL = 0.8
SLOW_QUOTE_S = 1.0


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a number; `low` and `high` are Wilson's 95 % interval (Wilson, JASA 1927)."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """The share itself; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def low(self) -> float:
        """The lower end."""
        return self._interval()[0]

    @property
    def high(self) -> float:
        """The upper end."""
        return self._interval()[1]

    def _interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        share, spread = self.hits / self.of, Z * Z / self.of
        middle = share + spread / 2
        half = Z * math.sqrt(share * (1 - share) / self.of + spread / (4 * self.of))
        low, high = ((middle + sign * half) / (1 + spread) for sign in (-1, 1))
        # Rounding may bring them beyond.
        return max(0.0, min(low, share)), min(1.0, max(high, share))


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: the median, the 95th percentile (nearest rank), and of how many."""

    p50: float
    p95: float
    of: int


@dataclass(frozen=True, slots=True)
class Written:
    """What the language model did.

    Attributes:
        first_words: Time until it began to write.
        whole: Time of the answer.
        replaced: Sentences that a quote stands for.
        withheld: Sentences that were left out.
    """

    first_words: Times
    whole: Times
    replaced: Share
    withheld: Share


@dataclass(frozen=True, slots=True)
class Figures:
    """How well Tera does on a store.

    Attributes:
        first, first_4, first_10: What was told was found there.
        quoted: The first quote or the short answer has it.
        short: The short answer has it, of those that had one.
        wrongly_refused: What was told was refused.
        everyday, swapped: What was never told was refused.
        search, quote: Times of the search, and until the first quote.
        written: Of the language model, when it was asked.
        failed: What went wrong, and with which question.
        hints: What is off, and what to do about it.
    """

    first: Share
    first_4: Share
    first_10: Share
    quoted: Share
    short: Share
    wrongly_refused: Share
    everyday: Share
    swapped: Share
    search: Times | None
    quote: Times | None
    written: Written | None
    failed: tuple[tuple[str, Trial], ...]
    hints: tuple[tuple[str, str], ...]


def figures(plan: Plan, trials: Sequence[Trial], written: Sequence[WrittenTrial] = ()) -> Figures:
    """Return what trials amount to."""
    told = [trial for trial in trials if trial.probe.kind == "told"]

    def share(holds: Callable[[Trial], bool], of: Sequence[Trial] = told) -> Share:
        return Share(sum(map(holds, of)), len(of))

    def refused(kind: str) -> Share:
        return share(lambda t: t.is_refused, [t for t in trials if t.probe.kind == kind])

    def found(depth: int) -> Share:
        return share(lambda trial: 0 < trial.rank <= depth)

    wrongly, everyday = refused("told"), refused("everyday")
    quote = times_of(trial.quote_s for trial in told)
    return Figures(
        first=found(1),
        first_4=found(4),
        first_10=found(10),
        quoted=share(lambda trial: trial.is_quoted or trial.is_short),
        short=share(lambda trial: trial.is_short, [trial for trial in told if trial.has_short]),
        wrongly_refused=wrongly,
        everyday=everyday,
        swapped=refused("swapped"),
        search=times_of(trial.search_s for trial in told),
        quote=quote,
        written=_written(written),
        failed=tuple((how, trial) for trial in trials if (how := _failure(trial))),
        hints=tuple(_hints(plan, found(10), wrongly, everyday, quote)),
    )


def times_of(seconds: Iterable[float | None]) -> Times | None:
    """Return the percentiles of times; None without any."""
    known = sorted(second for second in seconds if second is not None)
    if not known:
        return None
    p50, p95 = (known[math.ceil(share * len(known)) - 1] for share in (0.5, 0.95))
    return Times(p50, p95, len(known))


def _written(trials: Sequence[WrittenTrial]) -> Written | None:
    first, whole = (
        times_of(getattr(trial, name) for trial in trials) for name in ("first_s", "whole_s")
    )
    if first is None or whole is None:
        return None
    claims = sum(trial.claims for trial in trials)
    replaced, withheld = (
        Share(sum(getattr(trial, name) for trial in trials), claims)
        for name in ("replaced", "withheld")
    )
    return Written(first, whole, replaced, withheld)


def _failure(trial: Trial) -> str:
    """Return what went wrong, in a word or two; empty when nothing did."""
    if trial.probe.kind != "told":
        return "" if trial.is_refused else "answered"
    if not trial.rank:
        return "not found"
    if trial.is_refused:
        return "refused"
    return "" if trial.is_quoted or trial.is_short else "not quoted"


def _hints(
    plan: Plan, found: Share, wrongly: Share, everyday: Share, quote: Times | None
) -> Iterable[tuple[str, str]]:
    """Yield what is off: where the whole interval is on the wrong side, and of some questions."""
    if plan.waiting:
        yield f"{plan.waiting:,} memories are still being read: found by words alone", "tera status"
    if found.of >= FEWEST_QUESTIONS and found.high < LOW_RECALL:
        if plan.language:
            says = f"much is in {plan.language}, of which {plan.embedder} knows little"
            yield f"little of what you told is found: {says}", "tera models list"
        else:
            yield "little of what you told is found", "tera doctor"
    if wrongly.of >= FEWEST_QUESTIONS and wrongly.low > HIGH_WRONG_REFUSAL:
        yield "much is refused that is there", "tera search, which never refuses"
    if everyday.of >= FEWEST_QUESTIONS and everyday.high < LOW_REFUSAL:
        yield "much is answered that you never told: look at the quote's date and source", ""
    if quote and quote.p95 > SLOW_QUOTE_S:
        yield f"the first quote takes up to {quote.p95:.1f} s", "tera agent status"
