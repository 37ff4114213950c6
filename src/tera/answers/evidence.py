"""What a passage bears out: the values and words that stand in it, its date and its source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import chain

from tera.answers.clocks import Clock, clocks_of
from tera.answers.days import Days, days_of, the_day, years_of
from tera.answers.numbers import Number, numbers_of
from tera.answers.speakers import Line, is_told_by_another
from tera.answers.values import Value
from tera.answers.wording import is_negated, same_letters, stems, words_of
from tera.datatypes import SearchResult
from tera.places import is_chat, message_head, moment_of
from tera.prompts import visible
from tera.sentences import sentences
from tera.times.words import fold, guess_language
from tera.times.words import words_of as time_words

_INFLECTIONS = ("s", "es", "n", "y", "i", "ian", "an", "er", "ish", "ese")
"""What two spellings of one name may differ by: "Peters", "German", "Germany", "Berliner"."""
SHORTEST_STEM = 4
LONGEST = 31
"""The number in what is longer than a month counts by itself."""
DENIED_SHARE = 0.6  # benchmarks/grounding.py
"""A sentence with "not" has this share of its words in one that it may deny."""
SAME_SHARE = 0.8  # benchmarks/grounding.py
"""Two sentences say the same, or the opposite, when one has this share of the other's words."""
_ELLIPSIS = re.compile(r"\s*(?:…|\.\.\.)\s*")
_OUTER = " .,;:!?'"


class Evidence:
    """A text that sentences are checked against; what is found in it is kept."""

    def __init__(
        self, lines: Sequence[Line], about: str = "", when: datetime | None = None
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            lines: The text, sentence by sentence.
            about: What stands beside it: title, source, speaker.
            when: The moment that belongs to it.
        """
        self.lines = tuple(lines)
        self.text = "\n".join(line.text for line in lines)
        self.about = about
        self.when = when

    def holds(self, value: Value) -> bool:
        """Return whether a value stands here, however it is spelt."""
        match value.kind:
            case "quotation":
                pieces = _ELLIPSIS.split(same_letters(visible(value.text)))
                return all(self._has(piece.strip(_OUTER)) for piece in pieces)
            case "code":
                return self._has(same_letters(value.text), is_exact=True)
            case "number":
                return any(self._has_number(one) for one in value.meanings)
            case "clock":
                return any(self._has_clock(one) for one in value.meanings)
            case "day":
                days = [one for one in value.meanings if isinstance(one, Days)]
                return self._has(same_letters(value.text)) or any(
                    mine.is_borne_out_by(other) for mine in days for other in self.days
                )
            case "name":
                return self._has_name(value.text)

    def denies(self, wanted: set[str], is_denied: bool) -> bool:
        """Return whether the sentence here that says the same says the opposite.

        Args:
            wanted: The stems of a sentence.
            is_denied: Whether that sentence has a negation.

        Returns:
            False where no sentence has nearly all of the stems: a negation is told only by
            comparing.
        """
        share = DENIED_SHARE if is_denied else SAME_SHARE
        alike = [
            (theirs, is_negated(line.text))
            for line in self.lines
            for theirs in (stems(line.text),)
            if len(wanted) > 1 and len(wanted & theirs) >= share * len(wanted)
        ]
        if is_denied:
            return bool(alike) and not any(is_other_denied for _, is_other_denied in alike)
        return bool(alike) and all(
            is_other_denied and len(theirs) <= len(wanted) + 1 for theirs, is_other_denied in alike
        )

    def is_told_by_another(self, told: set[str], values: Sequence[Value], person: str) -> bool:
        """Return whether only others say of themselves what is said of a person.

        Args:
            told: The stems of what is said.
            values: The values of it.
            person: A folded word of a name.
        """
        news = [
            len(told & stems(line.text)) + sum(Evidence([line]).holds(value) for value in values)
            for line in self.lines
        ]
        return is_told_by_another(self.lines, news, person)

    @cached_property
    def stems(self) -> set[str]:
        """The stems of its words."""
        return stems(f"{self.text}\n{self.about}")

    @cached_property
    def language(self) -> str:
        """The language that it seems to be in."""
        return guess_language(words_of(self.text))

    @cached_property
    def days(self) -> tuple[Days, ...]:
        """The days that it speaks of, and its own."""
        return tuple(chain.from_iterable(self._days()))

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """Its numbers, without those of days and times."""
        texts = (*(line.text for line in self.lines), self.about)
        return tuple(chain.from_iterable(map(_numbers, texts)))

    @cached_property
    def clocks(self) -> tuple[Clock, ...]:
        """The times of day in it."""
        return tuple(clock for text in (self.text, self.about) for clock in clocks_of(text))

    @cached_property
    def _letters(self) -> str:
        return same_letters(visible(f"{self.text}\n{self.about}"))

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(words_of(visible(f"{self.text}\n{self.about}")))

    def _days(self) -> Iterator[Iterator[Days]]:
        if self.when:
            yield iter((the_day(self.when.date()),))
        for line in self.lines:
            if line.when:
                yield iter((the_day(line.when.date()),))
            yield days_of(line.text, line.when or self.when or datetime.now())
        yield days_of(self.about, self.when or datetime.now())

    def _has(self, letters: str, *, is_exact: bool = False) -> bool:
        """Return whether words stand here as they are, not as a part of longer words."""
        if not letters:
            return True
        # A URL that goes on is another URL.
        # So is the version 2.3 that goes on with .1.
        behind = r"(?!\w|\.\d)" if is_exact else r"(?!\w)"
        if is_exact and "/" in letters:
            behind = r"(?![\w/?&=#%@-]|[.:]\w)"
        ahead = r"(?<!\w)" if letters[0].isalnum() else ""
        return re.search(ahead + re.escape(letters) + behind, self._letters) is not None

    def _has_number(self, wanted: object) -> bool:
        assert isinstance(wanted, Number)
        if any(wanted.agrees(number) for number in self.numbers):
            return True
        if wanted.units or wanted.is_word or len(wanted.readings) != 1:
            return False
        year = int(max(wanted.readings))
        return year > 1000 and (
            year in years_of(self.text)
            or any(year in (days.first.year, days.last.year) for days in self.days)
        )

    def _has_clock(self, wanted: object) -> bool:
        assert isinstance(wanted, Clock)
        whens = [when for when in (self.when, *(line.when for line in self.lines)) if when]
        own = {when.hour * 60 + when.minute for when in whens if (when.hour, when.minute) != (0, 0)}
        return any(wanted.minutes & clock.minutes for clock in self.clocks) or bool(
            wanted.minutes & own
        )

    def _has_name(self, name: str) -> bool:
        parts = words_of(name)
        return all(self._has_word(part) for part in parts) or same_letters(name) in self._letters

    def _has_word(self, word: str) -> bool:
        if word in self._words:
            return True
        if len(word) == 1:
            # An initial.
            return any(other.startswith(word) for other in self._words)
        if self._is_day_in_time(word):
            return True
        stem_words = (word[: -len(end)] for end in _INFLECTIONS if word.endswith(end))
        spellings = (*(word + end for end in _INFLECTIONS), *stem_words)
        return any(len(one) >= SHORTEST_STEM and one in self._words for one in spellings) and (
            len(word) >= SHORTEST_STEM
        )

    def _is_day_in_time(self, word: str) -> bool:
        """Return whether a word is the name of a weekday or month that the text speaks of."""
        kinds = time_words(guess_language([fold(word)])).get(word, {})
        if "weekday" in kinds:
            return any(d.is_day and d.first.weekday() == kinds["weekday"] for d in self.days)
        if "month" in kinds:
            return any(d.first.month == d.last.month == kinds["month"] for d in self.days)
        return False


def _numbers(text: str) -> Iterator[Number]:
    found = days_of(text, datetime.now())
    # "The 11th century" is no day.
    spans = [(days.start, days.end) for days in found if (days.last - days.first).days <= LONGEST]
    spans += [(clock.start, clock.end) for clock in clocks_of(text)]
    for number in numbers_of(text, guess_language(words_of(text))):
        is_of_time = any(first <= number.start < last for first, last in spans)
        # A year counts as a number too.
        if not is_of_time or max(number.readings) > 1000:
            yield number


def evidence_of(result: SearchResult, about: str) -> Evidence:
    """Return what a passage bears out.

    Args:
        result: The passage.
        about: What is shown beside it: its origin, and the lines that lead it.
    """
    memory = result.memory
    head = message_head(memory, result.start)
    has_speakers = is_chat(memory.type) or bool(head)
    lines = [
        Line(
            memory.text[start:end],
            moment_of(memory, start),
            message_head(memory, start).partition(" (")[0] if has_speakers else "",
        )
        for start, end in sentences(memory.text, result.start, result.end)
    ]
    names = " ".join(filter(None, (memory.title, memory.source, *memory.tags)))
    return Evidence(lines, f"{head}\n{about}\n{names}", moment_of(memory, result.start))


def evidence_of_text(text: str, when: datetime) -> Evidence:
    """Return what a question itself says."""
    return Evidence([Line(text[start:end], when) for start, end in sentences(text)])
