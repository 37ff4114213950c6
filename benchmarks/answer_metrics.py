"""How close is an answer to the accepted ones? As the question sets define it, without a judge."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import Stemmer

_SQUAD_SMALL = re.compile(r"\b(?:a|an|the)\b")
_LOCOMO_SMALL = re.compile(r"\b(?:a|an|the|and)\b")
_MARKS = str.maketrans("", "", string.punctuation)


def squad_normal(text: str) -> str:
    """Return a text as SQuAD compares it: small letters, no marks, no articles."""
    return " ".join(_SQUAD_SMALL.sub(" ", text.lower().translate(_MARKS)).split())


def squad_exact(answer: str, accepted: Sequence[str]) -> float:
    """Return 1 when an answer is one of the accepted (Rajpurkar et al., 2016)."""
    return float(any(squad_normal(answer) == squad_normal(one) for one in accepted))


def squad_f1(answer: str, accepted: Sequence[str]) -> float:
    """Return the best overlap of words with an accepted answer (Rajpurkar et al., 2016)."""
    words = squad_normal(answer).split()
    return max((_overlap(words, squad_normal(one).split()) for one in accepted), default=0.0)


def locomo_normal(text: str) -> str:
    """Return a text as LoCoMo compares it: commas go first, so that 2,000 is 2000."""
    plain = text.replace(",", "").lower().translate(_MARKS)
    return " ".join(_LOCOMO_SMALL.sub(" ", plain).split())


def locomo_exact(answer: str, accepted: str) -> float:
    """Return 1 when an answer is the accepted one."""
    return float(locomo_normal(answer) == locomo_normal(accepted))


def locomo_f1(answer: str, accepted: str, category: str) -> float:
    """Return the overlap of stems (Maharana et al., 2024).

    A multi-hop answer is a list: each part of the accepted one takes the best part of the answer.
    An open-domain answer ends at its first semicolon.
    """
    if category == "open-domain":
        accepted = accepted.split(";", maxsplit=1)[0]
    if category != "multi-hop":
        return _overlap(_stems(answer), _stems(accepted))
    given = answer.split(",")
    parts = [
        max(_overlap(_stems(one), _stems(part)) for one in given) for part in accepted.split(",")
    ]
    return sum(parts) / len(parts)


def _overlap(one: Sequence[str], other: Sequence[str]) -> float:
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


def _stems(text: str) -> list[str]:
    return [str(stem) for stem in _stemmer().stemWords(locomo_normal(text).split())]


@cache
def _stemmer() -> Stemmer.Stemmer:
    import Stemmer

    return Stemmer.Stemmer("porter")
