"""The best sentences -> the shortest words of them that answer: who, when, how many, which."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tera.answers.candidates import Candidate, Shape, candidates, tokens_of
from tera.answers.dated import dated, day
from tera.answers.terms import stem_of, stems, terms
from tera.answers.wanted import Kind, Wanted
from tera.datatypes import Quote
from tera.places import is_chat, message_head, moment_of
from tera.structure import is_mail

SEARCHED = 3
"""Sentences whose words are looked at."""
MAX_WORDS = 12
NEAR_WORDS = 4
"""A question's word this far from a span counts half."""

FITTING: Mapping[Kind, frozenset[Shape]] = {
    "person": frozenset(("name", "kin", "phrase")),
    "place": frozenset(("name", "phrase", "code")),
    "number": frozenset(("number",)),
    "amount": frozenset(("number",)),
    "duration": frozenset(("number",)),
    "time": frozenset(("time", "moment")),
    "name": frozenset(("name", "quoted", "code", "phrase", "number")),
    "code": frozenset(("name", "quoted", "code", "phrase", "number")),
    "thing": frozenset(("name", "quoted", "code", "phrase", "number", "kin")),
    "other": frozenset(),
}
"""What may answer each kind of question."""
_COUNTS = frozenset(("number", "amount", "duration"))
_PLACE_LEADS = frozenset({"in", "at", "to", "from", "near", "of", "into", "through", "around"})
_MAIL_STEMS = stems("mail email message sent written wrote received date reply answered")
"""Questions with one of these may ask when a mail was written."""
_PAST = re.compile(
    r"\b(?:did|was|were|had|has|have|ago|wurden?|war(?:en|st)?|habe?n?|hat(?:te)?)\b", re.I
)
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_VERB_ENDINGS = ("ed", "ly", "ing")

# Fitted on the even questions of LoCoMo and SQuAD 2 together (softmax over the spans), and tried
# on the odd ones: benchmarks/extractive.py, docs/decisions.md.
WEIGHTS: Mapping[str, float] = {
    "margin": 1.6,
    "near": 2.6,
    "nearest": 0.7,
    "after": 0.5,
    "repeated": 0.3,
    "noun": 1.1,
    "words": 0.3,
    "whole": 0.3,
    "first": 0.7,
    "ends": 0.3,
    "verb": -0.6,
    "capital": 0.5,
    "place_led": 0.7,
    "place_capital": 0.7,
    "person_capital": 0.4,
    "by": 0.6,
    "digits": 0.6,
    # In neither set: by hand, so that a word with digits goes before those without any.
    "code": 2.0,
    # Neither are "timeout=30", "Port: 5433" and "port 5433".
    "value": 2.0,
    "quoted": 1.0,
    "phrase": -0.9,
    "number": -0.4,
    "moment": 1.4,
    "moment_share": -0.3,
}
_SURE = frozenset(("time", "number", "amount", "duration"))
LEAST_SHARE = 0.12
"""Least share of a span among all that may answer (softmax of their scores) for a name or phrase to
be shown: of SQuAD 2's above it more than half are right, of those below it fewer."""
LEAST_SHARE_OF_NOTES = 0.3
"""The same in chats and in what was typed, where fewer words of the question are repeated."""


@dataclass(frozen=True, slots=True)
class Short:
    """Words of a quote that may answer.

    Attributes:
        text: As shown: a time told as "last Friday" is a date here.
        quote: The sentence that they stand in.
        shape: What they look like.
        features: What is known of them, by the names of WEIGHTS.
    """

    text: str
    quote: Quote
    shape: Shape
    features: Mapping[str, float]

    @property
    def score(self) -> float:
        """How well they fit the question."""
        return sum(WEIGHTS.get(name, 0.0) * value for name, value in self.features.items())


def shorts(wanted: Wanted, ranked: Sequence[tuple[Quote, float]]) -> list[Short]:
    """Return the spans of the best sentences that may answer a question, in no order.

    Args:
        wanted: What the question asks for.
        ranked: Sentences and their scores, best first.
    """
    if wanted.kind == "other":
        return []
    best = ranked[0][1] if ranked else 0.0
    return [
        short
        for quote, score in ranked[:SEARCHED]
        for short in _Sentence(wanted, quote).shorts(score - best)
    ]


def best_short(wanted: Wanted, ranked: Sequence[tuple[Quote, float]]) -> Short | None:
    """Return the span that answers a question best; None where none is likely to be right."""
    found = shorts(wanted, ranked)
    if not found:
        return None
    best = max(found, key=lambda short: short.score)
    memory = best.quote.result.memory
    is_message = is_chat(memory.type)
    if wanted.kind in _SURE:
        # How often something was done is seldom told in a message; how many there are may be.
        is_count = wanted.kind == "number" and is_message
        return best if not is_count or best.features["noun"] else None
    total = sum(math.exp(short.score - best.score) for short in found)
    same = sum(math.exp(s.score - best.score) for s in found if s.text == best.text)
    is_terse = is_message or not (memory.type or memory.title or memory.source)
    least = LEAST_SHARE_OF_NOTES if is_terse else LEAST_SHARE
    return best if same / total >= least else None


class _Sentence:
    """A quote as its words, with those of the question marked."""

    def __init__(self, wanted: Wanted, quote: Quote) -> None:
        self.wanted = wanted
        self.quote = quote
        self.text, self.head = _body(quote)
        self.tokens = tokens_of(self.text)
        self.is_head = is_mail(quote.result.memory) and quote.start == 0
        self.anchors = [
            (place, stem)
            for place, token in enumerate(self.tokens)
            if token.is_word and (stem := stem_of(token.text)) in wanted.stems
        ]

    def shorts(self, margin: float) -> Iterator[Short]:
        """Yield the spans that may answer; `margin` is the sentence's distance to the best."""
        for candidate, shown in self._candidates():
            features = self._features(candidate)
            if features is not None:
                yield Short(shown, self.quote, candidate.shape, {**features, "margin": margin})
        if self.wanted.kind == "time" and self.text and self._is_then():
            said = {stem for _, stem in self.anchors}
            share = len(said) / max(1, len(self.wanted.stems))
            moment = moment_of(self.quote.result.memory, self.quote.start)
            features = {"moment": 1.0, "moment_share": share, "margin": margin}
            yield Short(day(moment), self.quote, "moment", features)

    def _is_then(self) -> bool:
        """Return whether the moment at which it was written may be when it happened.

        Of a note only where the past is asked for and no year is told: "the bins are emptied on
        workdays" is not from the day on which they are.
        """
        if is_chat(self.quote.result.memory.type):
            return True
        is_past = bool(_PAST.search(self.wanted.question))
        return is_told(self.quote) and is_past and not _YEAR.search(self.text)

    def _candidates(self) -> Iterator[tuple[Candidate, str]]:
        kind = self.wanted.kind
        memory = self.quote.result.memory
        times = dated(self.text, moment_of(memory, self.quote.start))
        if kind == "time" and self.is_head and not self.wanted.stems & _MAIL_STEMS:
            return
        if kind == "time":
            is_own = is_chat(memory.type) or is_mail(memory) or not memory.type
            for one in times:
                words = self.text[one.start : one.end]
                yield Candidate(one.start, one.end, "time"), one.shown if is_own else words
            return
        for candidate in candidates(self.text, self.tokens):
            is_time = any(one.start < candidate.end and candidate.start < one.end for one in times)
            # "The bike of 2019 cost 900 euros".
            is_year = kind == "amount" and _YEAR.fullmatch(
                self.text, candidate.start, candidate.end
            )
            if candidate.shape in FITTING[kind] and not is_time and not is_year:
                yield candidate, self.text[candidate.start : candidate.end]

    def _features(self, candidate: Candidate) -> dict[str, float] | None:
        tokens, wanted = self.tokens, self.wanted
        inside = [
            place
            for place, token in enumerate(tokens)
            if token.start < candidate.end and candidate.start < token.end
        ]
        if not inside or len(inside) > MAX_WORDS:
            return None
        first, last = inside[0], inside[-1]
        own = [term.stem for term in terms(self.text[candidate.start : candidate.end])]
        repeated = sum(stem in wanted.stems for stem in own)
        if repeated == len(own) and (own or candidate.shape == "phrase"):
            return None
        near: dict[str, float] = {}
        after = 0.0
        for place, stem in self.anchors:
            if not first <= place <= last:
                distance = first - place if place < first else place - last
                near[stem] = max(near.get(stem, 0.0), 1 / (1 + distance / NEAR_WORDS))
                after = max(after, 1 / distance if place < first else 0.0)
        around = tokens[max(0, first - 2) : last + 4]
        before = tokens[first - 1] if first else None
        behind = tokens[last + 1] if last + 1 < len(tokens) else None
        is_led = before is not None and before.text.lower() in _PLACE_LEADS
        is_capital = first > 0 and tokens[first].is_capital
        kind = wanted.kind
        digits = any(map(str.isdigit, self.text[candidate.start : candidate.end]))
        return {
            "near": sum(near.values()) / max(1, len(wanted.stems)),
            "nearest": max(near.values(), default=0.0),
            "repeated": repeated / max(1, len(own)),
            "noun": float(
                any(stem_of(token.text) in wanted.noun_stems for token in around if token.is_word)
            ),
            "value": float(self._is_value(first, digits and first == last)),
            "words": math.log(last - first + 1),
            "whole": float(
                (before is None or before.is_small) and (behind is None or behind.is_small)
            ),
            "capital": float(is_capital),
            "first": float(first == 0),
            "after": after,
            "ends": float(behind is None or not behind.is_word),
            "verb": float(tokens[last].text.endswith(_VERB_ENDINGS) and not is_capital),
            "place_led": float(is_led and kind == "place"),
            "place_capital": float(is_capital and kind == "place"),
            "person_capital": float(is_capital and kind == "person"),
            "by": float(before is not None and before.text == "by" and kind == "person"),
            "digits": float(digits and (kind in _COUNTS or kind == "time")),
            "code": float(kind == "code" and (digits or candidate.shape == "code")),
            "quoted": float(candidate.shape == "quoted"),
            "phrase": float(candidate.shape == "phrase" and kind in ("person", "place")),
            "number": float(candidate.shape == "number" and kind in ("name", "thing")),
        }

    def _is_value(self, place: int, is_code: bool) -> bool:
        """Return whether words stand behind the name of what is asked for: "Port: 5433".

        A number or a word with digits may stand right behind it: "port 5433", "gate B14".
        """
        if is_code and place and stem_of(self.tokens[place - 1].text) in self.wanted.noun_stems:
            return True
        if place < 2 or self.tokens[place - 1].text not in ("=", ":"):
            return False
        return stem_of(self.tokens[place - 2].text) in self.wanted.stems


def is_told(quote: Quote) -> bool:
    """Return whether a quote was written when it happened: a message, or a note without title."""
    memory = quote.result.memory
    return is_chat(memory.type) or not (memory.type or memory.title or memory.source)


def _body(quote: Quote) -> tuple[str, str]:
    """Return the words of a quote on one line, and sender and time that stood before them."""
    memory = quote.result.memory
    head = message_head(memory, quote.start) if is_chat(memory.type) else ""
    has_head = bool(head) and memory.text.startswith(head, quote.start)
    start = min(quote.start + len(head), quote.end) if has_head else quote.start
    return " ".join(memory.text[start : quote.end].split()), head
