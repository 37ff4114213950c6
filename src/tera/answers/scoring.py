"""Which sentences answer a question? By meaning, words, passage, who speaks, and what is told."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tera.answers.candidates import NUMBER
from tera.answers.dated import names_year
from tera.answers.pieces import said
from tera.answers.terms import stem_of, stems
from tera.answers.wanted import Wanted
from tera.datatypes import Quote
from tera.places import is_chat, message_head
from tera.times import tells_time

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatVector
    from tera.gate import Scale

# Chosen so that both halves of the questions of LoCoMo and of SQuAD 2 gain or stay as they were:
# benchmarks/extractive.py, docs/decisions.md.
EMBEDDED = 8
"""Sentences that are compared by meaning, others by the rest alone: as good as all of them, while 4
lose up to .01 of the right ones. They are embedded while the person waits."""
MEANING_WEIGHT = 0.66
WORDS_WEIGHT = 1.3
PASSAGE_WEIGHT = 3.0
QUESTION_PENALTY = 0.4
"""A question is seldom an answer."""
SPEAKER_BONUS = 0.6
"""The question names who wrote the message."""
TOLD_BONUS = 0.4
"""The sentence has words of the kind that is asked for: a time, a number, a name."""

_NAME = re.compile(r"(?<![.!?:“\"]\s)(?<!^)\b[A-Z][a-z]+")
_MARKS = " \t\"”’')]*_"


def score_quotes(
    wanted: Wanted,
    found: Sequence[Quote],
    embedder: Embedder,
    vector: FloatVector,
    scale: Scale | None,
) -> list[float]:
    """Return a score for each sentence; higher is better.

    Args:
        wanted: What the question asks for.
        found: The sentences.
        embedder: Compares the best of them with the question.
        vector: That of the question.
        scale: The embedder's; without one, cosines count as they are.
    """
    texts = [said(quote) for quote in found]
    scores = [
        known + PASSAGE_WEIGHT * quote.result.score + _manner(wanted, quote, text)
        for known, quote, text in zip(_shared(wanted, texts), found, texts, strict=True)
    ]
    best = sorted(range(len(found)), key=lambda place: -scores[place])[:EMBEDDED]
    if not best:
        return []
    cosines = embedder.embed_passages([texts[place] for place in best]) @ vector
    for place, cosine in zip(best, cosines.tolist(), strict=True):
        scores[place] += MEANING_WEIGHT * (scale.of(cosine) if scale else cosine)
    # The others count as the least of these.
    least = min(cosines.tolist())
    for place in set(range(len(found))) - set(best):
        scores[place] += MEANING_WEIGHT * (scale.of(least) if scale else least)
    return scores


def _shared(wanted: Wanted, texts: Sequence[str]) -> list[float]:
    """Return what the question's words in each text count; words that few have count more."""
    shared = [stems(text) & wanted.stems for text in texts]
    frequency = Counter(stem for those in shared for stem in those)
    weight = {stem: math.log(1 + len(texts) / (1 + frequency[stem])) for stem in wanted.stems}
    total = sum(weight.values()) or 1.0
    return [WORDS_WEIGHT * sum(weight[stem] for stem in those) / total for those in shared]


def _manner(wanted: Wanted, quote: Quote, text: str) -> float:
    """Return what a sentence gains and loses by who says it and what it tells."""
    head = (
        message_head(quote.result.memory, quote.start) if is_chat(quote.result.memory.type) else ""
    )
    body = text.removeprefix(head)
    gain = TOLD_BONUS * _tells(wanted, body)
    if body.rstrip(_MARKS).endswith(("?", "？", "؟")):
        gain -= QUESTION_PENALTY
    if head and stems(head.partition(" (")[0]) & wanted.stems:
        gain += SPEAKER_BONUS
    return gain


def _tells(wanted: Wanted, body: str) -> bool:
    match wanted.kind:
        case "time":
            return tells_time(body) or names_year(body)
        case "number" | "amount" | "duration":
            return bool(NUMBER.search(body))
        case "person" | "place":
            return any(stem_of(name) not in wanted.stems for name in _NAME.findall(body))
        case _:
            return False
