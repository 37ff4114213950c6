"""Texts that wait for their vectors, in memory: found by the words they share with a question."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable

MOST_CHARACTERS = 16_000_000
"""A bound for memory; in a larger import the newest are found at once, the others when embedded."""
_WORD = re.compile(r"\w{3,}|\d+")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Where words have no spaces between them, or only endings would tell them apart: pairs count."""


class WaitingTexts:
    """The newest memories without vectors. What the store says of them counts, not this."""

    def __init__(self) -> None:
        """Begin with none."""
        self._texts: dict[str, str] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many texts wait here."""
        return len(self._texts)

    @property
    def is_full(self) -> bool:
        """Return whether another text would make an older one leave."""
        return self._characters >= MOST_CHARACTERS

    def add(self, memory_id: str, text: str) -> None:
        """Add a text, or replace it; the oldest leave when there are too many."""
        with self._lock:
            self._remove(memory_id)
            self._texts[memory_id] = text.casefold()
            self._characters += len(text)
            while self._characters > MOST_CHARACTERS and len(self._texts) > 1:
                self._remove(next(iter(self._texts)))

    def remove(self, memory_ids: Iterable[str]) -> None:
        """Remove texts that have their vectors, or are gone."""
        with self._lock:
            for memory_id in memory_ids:
                self._remove(memory_id)

    def clear(self) -> None:
        """Remove all texts."""
        with self._lock:
            self._texts.clear()
            self._characters = 0

    def find(self, question: str, count: int, among: Collection[str] | None = None) -> list[str]:
        """Return the ids of the texts that hold most words of a question, best first.

        Args:
            question: As asked.
            count: Most ids.
            among: Only these ids; None for all.
        """
        words = words_of(question)
        with self._lock:
            texts = list(self._texts.items())
        scores = {
            memory_id: shared_words(words, text)
            for memory_id, text in reversed(texts)
            if among is None or memory_id in among
        }
        best = sorted((key for key in scores if scores[key]), key=lambda key: -scores[key])
        return best[:count]

    def _remove(self, memory_id: str) -> None:
        text = self._texts.pop(memory_id, None)
        if text is not None:
            self._characters -= len(text)


def words_of(question: str) -> set[str]:
    """Return the words by which a question finds a text."""
    folded = question.casefold()
    words = set(_WORD.findall(_SPACELESS.sub(" ", folded)))
    for run in _SPACELESS.findall(folded):
        words |= {run[at : at + 2] for at in range(max(1, len(run) - 1))}
    return words


def shared_words(words: Collection[str], text: str) -> int:
    """Return how many of the words occur in a text, as part of a word too; `text` is casefolded."""
    return sum(word in text for word in words)
