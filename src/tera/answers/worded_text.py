"""A text as words of its language: which have content, which are names, what it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tera.answers.reference_words import ReferenceWords
from tera.times import tells_time
from tera.times.words import fold

MOST_TOPIC_WORDS = 16
"""Words that a text is about; a longer one was pasted."""
EDGES = " \t\n?!.,;:¿¡…"

_CARRIED = re.compile(r"\(([^()]+)\)\?$")
_WORD = re.compile(r"[^\W_]+")


def folded_words(text: str) -> list[str]:
    """Return the words of a text without case and accents, numbers among them."""
    return [fold(word) for word in _WORD.findall(text)]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, and where it stands."""

    text: str
    folded: str
    start: int
    end: int


class WordedText:
    """A text as words of a language."""

    def __init__(self, text: str, kinds: ReferenceWords, language: str) -> None:
        self.text = text
        self.kinds = kinds
        self.language = language
        self.words = [
            Word(found[0], fold(found[0]), found.start(), found.end())
            for found in _WORD.finditer(text)
        ]
        empty = kinds.empty
        self.content = [
            number for number, word in enumerate(self.words) if word.folded not in empty
        ]
        self.names = [number for number in self.content if self.is_name(number)]

    def is_name(self, number: int) -> bool:
        """Return whether a word is written like a name; in German nouns are written so too."""
        word = self.words[number]
        if not word.text[:1].isupper() or word.folded in self.kinds.empty:
            return False
        if self.language == "de":
            before = self.words[number - 1].folded if number else ""
            return before not in self.kinds.articles | {"im", "am", "zum", "zur", "vom", "beim"}
        return not tells_time(word.text)

    def phrases(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """Return runs of words that stand side by side: the first, and the one behind the last."""
        runs: list[tuple[int, int]] = []
        for number in numbers:
            if runs and runs[-1][1] == number and self._is_beside(number):
                runs[-1] = (runs[-1][0], number + 1)
            else:
                runs.append((number, number + 1))
        return runs

    def _is_beside(self, number: int) -> bool:
        gap = self.text[self.words[number - 1].end : self.words[number].start]
        return gap.strip() in ("", ".", "-")

    def said(self, run: tuple[int, int]) -> str:
        """Return the words of a run as they are written."""
        return self.text[self.words[run[0]].start : self.words[run[1] - 1].end]

    def replaced(self, run: tuple[int, int], by: str) -> str:
        """Return the text with other words in the place of a run."""
        start, end = self.words[run[0]].start, self.words[run[1] - 1].end
        return self.text[:start] + by + self.text[end:]

    @property
    def stem(self) -> str:
        """The text without the marks at its end."""
        return self.text.strip(EDGES)

    @property
    def carried(self) -> str:
        """What a question took over from the one before it, in brackets at its end."""
        found = _CARRIED.search(self.text)
        return found[1].strip() if found else ""

    @property
    def topic(self) -> str:
        """What the text is about: its words with content, and what holds them together."""
        kinds = self.kinds
        if self.carried:
            return self.carried
        if not self.content:
            return ""
        first, last = self.content[0], self.content[-1]
        if first and self.words[first - 1].folded in kinds.articles:
            first -= 1
        dropped = kinds.auxiliaries | kinds.asking | kinds.persons | kinds.subjects
        kept = [
            number
            for number in range(first, min(last + 1, first + MOST_TOPIC_WORDS))
            if self.words[number].folded not in dropped
        ]
        runs: list[tuple[int, int]] = []
        for number in kept:
            if runs and runs[-1][1] == number:
                runs[-1] = (runs[-1][0], number + 1)
            else:
                runs.append((number, number + 1))
        return " ".join(map(self.said, runs)).replace("(", "").replace(")", "")
