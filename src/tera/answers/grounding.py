"""A written sentence -> what the passages bear out of it, or the quote that it should have been."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tera.answers.citations import cited_numbers, with_markers, without_markers
from tera.answers.context import Shown
from tera.answers.evidence import Evidence, evidence_of, evidence_of_text
from tera.answers.form import list_mark, spelt_out, without_emphasis
from tera.answers.quotes import QUOTE_SHARE
from tera.answers.refusals import is_refusal
from tera.answers.speakers import speakers_of
from tera.answers.values import Value, values_of
from tera.answers.wording import is_negated, same_letters, stems, words_of
from tera.datatypes import Claim, Quote
from tera.prompts import visible
from tera.times.words import guess_language

if TYPE_CHECKING:
    from tera.answers.quotes import Quotes

WORDS_SHARE = 0.5  # benchmarks/grounding.py
"""A sentence without a value that can be checked has this share of its words in its passages."""
VALUES_SHARE = 0.3  # benchmarks/grounding.py
"""And one whose values stand there."""
MOST_MISSING = 5
"""So many of the words that stand nowhere are told."""

_CAPITALISED = re.compile(r"\b[^\W\d_a-z][^\W\d_]+")
_AFFIRMING = re.compile(r"\W*(?:yes|yeah|yep|correct|right|true|ja|jawohl|genau|oui|si|sim)\b")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence as it is checked.

    Attributes:
        plain: Without citations, emphasis and the mark of a list.
        values: What must stand in a passage.
        told: The stems that the question does not have.
        stems: All stems.
        affirms: Whether it says yes to the question.
    """

    plain: str
    values: tuple[Value, ...]
    told: set[str]
    stems: set[str]
    is_denied: bool
    affirms: bool
    language: str


class Grounding:
    """Checks the sentences of one answer, in their order."""

    def __init__(
        self, question: str, shown: Sequence[Shown], quotes: Quotes, now: datetime
    ) -> None:
        """Prepare.

        Args:
            question: What is asked; a sentence may repeat it.
            shown: The passages that the model was shown.
            quotes: Their sentences, the best first: they take the place of what is wrong.
            now: Local; what "yesterday" is relative to in an answer.
        """
        self._shown = {one.citation.number: one for one in shown}
        self._evidence = {
            number: evidence_of(one.citation.result, one.about)
            for number, one in self._shown.items()
        }
        self._question = evidence_of_text(question, now)
        self._quotes = quotes
        self._now = now
        self._said: list[set[str]] = []
        self._said_letters: set[str] = set()
        self._list_number = 0

    def check(self, written: str, *, begins_line: bool = True) -> Claim | None:
        """Return what becomes of a sentence.

        Args:
            written: With its citations.
            begins_line: Whether it may be an item of a list.

        Returns:
            The claim; nothing for a sentence that was said before.
        """
        tidied = spelt_out(written)
        bullet, sentence = self._without_bullet(tidied) if begins_line else ("", tidied)
        read = self._read(sentence)
        letters = same_letters(read.plain).strip(" .!?…")
        if letters in self._said_letters:
            return None
        cited = sorted(cited_numbers(sentence) & self._shown.keys())
        borne, missing = self._borne_out(read, cited)
        if borne:
            self._remember(read.plain, letters)
            text = bullet + with_markers(sentence, borne)
            is_changed = text.strip() != written.strip()
            return Claim(text, tuple(borne), "supported", written=written if is_changed else "")
        found = self._quote_for(cited)
        if found is None:
            return Claim("", (), "withheld", missing, written)
        number, quote = found
        text = f"{bullet}“{' '.join(visible(quote.text).split())}” [{number}]"
        self._remember(quote.text, letters)
        return Claim(text, (number,), "replaced", missing, written)

    def tells_anew(self, sentence: str) -> bool:
        """Return whether a passage bears out a value of a sentence that the question has not.

        Then it is no mere "I don't know".
        """
        return any(
            evidence.holds(value) and not self._question.holds(value)
            for value in self._read(spelt_out(sentence)).values
            for evidence in self._evidence.values()
            if value.kind != "name"
        )

    def _read(self, sentence: str) -> _Sentence:
        plain = without_emphasis(without_markers(sentence))
        values = tuple(values_of(plain, self._now))
        rest = plain
        for value in reversed(values):
            rest = f"{rest[: value.start]} {rest[value.end :]}"
        return _Sentence(
            plain,
            values,
            stems(rest) - self._question.stems,
            stems(plain),
            # "The notes do not say much, but ..." denies nothing.
            is_negated(plain) and not is_refusal(plain),
            bool(_AFFIRMING.match(same_letters(plain))),
            guess_language(words_of(plain)),
        )

    def _borne_out(
        self, sentence: _Sentence, cited: Sequence[int]
    ) -> tuple[list[int], tuple[str, ...]]:
        """Return which passages bear a sentence out, and else what stands in none that it cites."""
        if cited and not self._missing(sentence, cited):
            return self._contributing(sentence, cited), ()
        alone = [number for number in self._evidence if not self._missing(sentence, [number])]
        if alone:
            return [max(alone, key=lambda number: self._share(sentence, [number]))], ()
        return [], self._missing(sentence, cited or list(self._evidence))

    def _missing(self, sentence: _Sentence, numbers: Sequence[int]) -> tuple[str, ...]:
        """Return what a sentence says and no passage of some does; nothing if they bear it out."""
        evidence = [self._evidence[number] for number in numbers]
        absent = [v for v in sentence.values if not any(one.holds(v) for one in evidence)]
        standing = [v for v in sentence.values if v not in absent]
        if absent:
            absent = [v for v in absent if not self._may_repeat(v, sentence, standing, evidence)]
        if absent:
            return tuple(dict.fromkeys(value.text for value in absent))
        is_told = any(not self._question.holds(value) for value in standing)
        least = VALUES_SHARE if is_told else WORDS_SHARE
        wanted = sentence.told or (set() if is_told else sentence.stems)
        # One word may be any other ("went" for "moved"), and another language has all others.
        is_reworded = is_told and (
            len(wanted) < 2 or sentence.language not in {one.language for one in evidence}
        )
        is_unlike = not is_reworded and self._share(sentence, numbers) < least
        if is_unlike or not (wanted or is_told):
            found = set().union(*(one.stems for one in evidence))
            words = [
                word
                for word in words_of(sentence.plain)
                if stems(word) and not stems(word) <= found
            ]
            return tuple(dict.fromkeys(words))[:MOST_MISSING] or (sentence.plain,)
        has_all = len(standing) == len(sentence.values)
        if has_all and any(one.denies(sentence.stems, sentence.is_denied) for one in evidence):
            return ("not",)
        return self._wrong_person(sentence, standing, evidence)

    def _wrong_person(
        self, sentence: _Sentence, standing: Sequence[Value], evidence: Sequence[Evidence]
    ) -> tuple[str, ...]:
        """Return the name of whom a sentence is about, if others say that of themselves."""
        own = [value for value in standing if not self._question.holds(value)]
        speakers = set().union(*(speakers_of(one.lines) for one in evidence))
        names = {
            word: text
            for text in _CAPITALISED.findall(sentence.plain)
            for word in words_of(text)
            if word in speakers
        }
        if len(names) != 1 or not (own or sentence.told):
            return ()
        ((person, name),) = names.items()
        news = [value for value in own if value.text != name]
        is_wrong = all(one.is_told_by_another(sentence.told, news, person) for one in evidence)
        return (name,) if is_wrong else ()

    def _share(self, sentence: _Sentence, numbers: Sequence[int]) -> float:
        """Return the share of a sentence's words that stand in passages, the question's left out.

        What only repeats the question must stand there by itself.
        """
        is_told = any(not self._question.holds(value) for value in sentence.values)
        wanted = sentence.told or (set() if is_told else sentence.stems)
        if not wanted:
            return 1.0
        found = set().union(*(self._evidence[number].stems for number in numbers))
        return len(wanted & found) / len(wanted)

    def _may_repeat(
        self,
        value: Value,
        sentence: _Sentence,
        standing: Sequence[Value],
        evidence: Sequence[Evidence],
    ) -> bool:
        """Return whether a value may stand for the question's sake.

        "Is it port 80?" does not make "it is port 80" true: only a sentence that tells something
        else, or that denies, may repeat what is asked.
        """
        if sentence.affirms or not self._question.holds(value):
            return False
        if any(not self._question.holds(other) for other in standing):
            return True
        if value.kind != "name" and not sentence.is_denied:
            return False
        return any(one.stems & sentence.told for one in evidence)

    def _contributing(self, sentence: _Sentence, numbers: Sequence[int]) -> list[int]:
        """Return the passages among those cited that hold some of what is said."""
        own = [value for value in sentence.values if not self._question.holds(value)]
        kept = [
            number
            for number in numbers
            if any(self._evidence[number].holds(value) for value in own)
            or (sentence.told and self._share(sentence, [number]) >= WORDS_SHARE)
        ]
        return kept or list(numbers)

    def _quote_for(self, cited: Sequence[int]) -> tuple[int, Quote] | None:
        """Return the best sentence of the cited passages, else of all, that is not yet said."""
        if not self._quotes.ranked:
            return None
        best = self._quotes.ranked[0][1]
        least = min(QUOTE_SHARE * best, best)
        near = [quote for quote, score in self._quotes.ranked if score >= least]
        for allowed in (cited, list(self._shown)):
            for quote in near:
                number = self._number_of(quote)
                if number in allowed and not self._is_said(quote.text):
                    return number, quote
        return None

    def _number_of(self, quote: Quote) -> int:
        for number, one in self._shown.items():
            result = one.citation.result
            is_within = result.start <= quote.start and quote.end <= result.end
            if is_within and result.memory == quote.result.memory:
                return number
        return 0

    def _is_said(self, text: str) -> bool:
        mine = stems(text)
        return same_letters(text).strip(" .!?…") in self._said_letters or (
            bool(mine) and any(mine <= said for said in self._said)
        )

    def _remember(self, text: str, letters: str) -> None:
        self._said.append(stems(text))
        self._said_letters |= {letters, same_letters(text).strip(" .!?…")}

    def _without_bullet(self, sentence: str) -> tuple[str, str]:
        """Return the mark of a list and the rest; a number is one only where it counts on."""
        mark, number, rest = list_mark(sentence)
        if number and number != self._list_number + 1:
            return "", sentence
        self._list_number = number or self._list_number
        return mark, rest
