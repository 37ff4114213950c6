"""Who says something in a chat, and of whom: what Anna tells of herself is not told of Bob."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tera.answers.wording import words_of

TOLD_SHARE = 0.5  # benchmarks/grounding.py
"""What has this share of a sentence's news, measured by the line that has most, tells it."""
_OF_THEMSELVES = frozenset(
    (
        *("i", "my", "me", "mine", "myself", "ich", "mein", "meine", "meinen", "mir", "mich"),
        *("je", "j", "mon", "ma", "mes", "yo", "mi", "mis", "io", "mio", "mia", "eu", "meu"),
        *("minha", "ik", "mijn"),
    )
)
_TO_OTHERS = frozenset(
    (
        *("you", "your", "yours", "we", "our", "us", "du", "dein", "deine", "wir", "unser"),
        *("tu", "ton", "ta", "tes", "vous", "nous", "tus", "nosotros", "noi", "voi", "nos"),
        *("voce", "jij", "je", "jouw", "wij"),
    )
)
_CALLED = re.compile(
    r"(?:(?:^|[,.!?]\s*)(?:\w+ )?|\b(?:thanks|hey|hi|hello|wow|yeah|danke|hallo|merci|hola) )"
    r"[A-Z]\w*(?=\s*[,.!?])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a passage, and when it was said."""

    text: str
    when: datetime | None
    speaker: str = ""


def speakers_of(lines: Sequence[Line]) -> set[str]:
    """Return the folded words of the names of those who speak."""
    return {word for line in lines for word in words_of(line.speaker)}


def is_told_by_another(lines: Sequence[Line], news: Sequence[int], person: str) -> bool:
    """Return whether only others say of themselves what is said of a person.

    Args:
        lines: What was said, in its order.
        news: How much of it stands in each line.
        person: A folded word of the person's name.

    Returns:
        False where that person does not speak, is spoken of or spoken to.
    """
    if person not in speakers_of(lines):
        return False
    least = max(TOLD_SHARE * max(news), 1)
    telling = [line for line, count in zip(lines, news, strict=True) if count >= least]
    return bool(telling) and all(
        person not in words_of(f"{line.speaker} {_spoken_of(line.text)}")
        and _TO_OTHERS.isdisjoint(words_of(line.text))
        and _is_of_themselves(line, lines)
        for line in telling
    )


def _is_of_themselves(line: Line, lines: Sequence[Line]) -> bool:
    """Return whether whoever says a line speaks of themselves in that message."""
    message = (
        other.text for other in lines if (other.speaker, other.when) == (line.speaker, line.when)
    )
    return not _OF_THEMSELVES.isdisjoint(words_of(" ".join(message)))


def _spoken_of(text: str) -> str:
    """Return a text without the names that it only calls somebody by: "Thanks, Anna!"."""
    return _CALLED.sub(" ", text.partition("): ")[2] or text)
