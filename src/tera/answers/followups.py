"""A question within a conversation -> one that can be understood alone, by rules.

A language model would do it too, but reads ten words a second on a slow machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tera.answers.reference_words import reference_words
from tera.answers.worded_text import EDGES, WordedText, folded_words
from tera.datatypes import SearchResult, Turn
from tera.sentences import sentences
from tera.times import find_times, tells_time
from tera.times.words import guess_language

FEW_WORDS = 2
"""A question with so many words of its own, or fewer, may mean more than it says."""
MOST_FRAGMENT_WORDS = 4
"""Content words of a fragment like "the port of the staging database"."""
MOST_NAMES = 3
"""Names taken over from an answer where they are what was asked for; else one."""
AS_TYPED = 0.5  # benchmarks/followups.py
"""How much it counts what the question as typed finds, beside the one that stands alone."""
MOST_TURNS = 8
"""A question that leans on one that leans on one, and so on, is followed so far back."""

_CITATION = re.compile(r"\s*\[\d+\]")
_WHO = {"en": ("who", "whom"), "de": ("wer", "wen", "wem"), "fr": ("qui",), "es": ("quien",)}
_WHICH = {
    "en": ("what", "which"),
    "de": ("was", "welche", "welcher", "welches", "welchen"),
    "fr": ("quel", "quelle", "quels", "que", "qu"),
    "es": ("que", "cual"),
}
_SLIGHT = frozenset(["it", "es", "y", "en", "c", "then", "dann"])
"""They point at something only where little else is said: "how long does it take to ...?"."""
_COPULAS = frozenset(["is", "are", "were", "s", "ist", "sind", "war", "waren", "est", "sont", "es"])
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""Where times stand in a text does not depend on when it is read."""


def standalone(question: str, history: Sequence[Turn]) -> str:
    """Return a question with what it leaves to what was said before: "and when was that?".

    Args:
        question: As typed.
        history: Earlier turns, the last one last.

    Returns:
        The question itself where it leaves nothing out.
    """
    history = history[-MOST_TURNS:]
    if not history or not question.strip():
        return question
    before = standalone(history[-1].question, history[:-1])
    language = guess_language(folded_words(f"{before} {question}"))
    return _Followup(
        WordedText(question, reference_words(language), language),
        WordedText(before, reference_words(language), language),
        history[-1].answer,
    ).standalone()


def with_as_typed(
    results: Sequence[SearchResult], typed: Sequence[SearchResult]
) -> list[SearchResult]:
    """Return what a question that stands alone has found, ranked with what it found as typed.

    A question says most of what is wanted itself: what it takes over makes words of its own count
    less than they should.

    Args:
        results: What the question that stands alone has found.
        typed: What it has found as typed.
    """
    ranked = [
        replace(
            result,
            score=(result.score + AS_TYPED * _score_of(result, typed)) / (1 + AS_TYPED),
        )
        for result in results
    ]
    ranked += [
        replace(result, score=result.score * AS_TYPED / (1 + AS_TYPED))
        for result in typed
        if not _score_of(result, results)
    ]
    return sorted(ranked, key=lambda result: -result.score)


def _score_of(passage: SearchResult, results: Sequence[SearchResult]) -> float:
    """Return the best score of the results that share text with a passage."""
    return max(
        (
            result.score
            for result in results
            if result.memory.id == passage.memory.id
            and result.start < passage.end
            and passage.start < result.end
        ),
        default=0.0,
    )


class _Followup:
    """A question and the one before it."""

    def __init__(self, asked: WordedText, before: WordedText, answer: str) -> None:
        self.asked = asked
        self.before = before
        self.kinds = asked.kinds
        self.answer = answer
        opener = self._opener()
        self.has_opener = opener > 0
        self.rest = list(range(opener, len(asked.words)))
        self.folded = [word.folded for word in asked.words]

    def standalone(self) -> str:
        """Return the question as it is to be looked for."""
        if not self.before.content and not self.before.words:
            return self.asked.text
        if self._is_fragment():
            return self._swapped()
        if person := self._person():
            return self._with_person(person)
        if self._points() or self._is_thin():
            return self._with_topic()
        return self.asked.text

    # What kind of question it is.

    def _opener(self) -> int:
        folded = [word.folded for word in self.asked.words]
        for words in self.kinds.openers:
            if tuple(folded[: len(words)]) == words:
                return len(words)
        return 0

    @property
    def _own(self) -> list[int]:
        """The words with content behind the opener."""
        return [number for number in self.asked.content if number in self.rest]

    def _is_fragment(self) -> bool:
        """Return whether it names what the question before is to be asked of: "and Anna?"."""
        kinds, folded = self.kinds, [self.folded[number] for number in self.rest]
        if not folded or any(word in kinds.asking | kinds.persons for word in folded):
            return False
        if any(word in kinds.own for word in folded):
            return len(folded) == 1
        if not self._own or len(self._own) > MOST_FRAGMENT_WORDS:
            return False
        if any(word in kinds.auxiliaries or word in kinds.owners for word in folded):
            return False
        if self.has_opener:
            return True
        # Without "and" it may as well be what a search box would be given.
        is_asked = self.asked.text.rstrip().endswith("?")
        is_led = folded[0] in kinds.prepositions | kinds.articles
        is_name = len(self._own) == len(folded) == 1 and bool(self.asked.names)
        return is_asked and (is_led or is_name) and len(self._own) <= FEW_WORDS

    def _person(self) -> int | None:
        """Return the first word that points at a person who is not named before it."""
        kinds = self.kinds
        for number in self.rest:
            if self.folded[number] not in kinds.persons | kinds.owners:
                continue
            if self.asked.language == "de" and number and self.asked.words[number].text[0] == "S":
                # "Sie" is how strangers are addressed.
                continue
            earlier = [one for one in self._own if one < number]
            if any(one in self.asked.names for one in earlier):
                return None
            if earlier and len(self._own) > FEW_WORDS:
                return None
            return number
        return None

    def _points(self) -> bool:
        """Return whether a word points at what was said before."""
        return any(self._points_back(number) for number in self.rest)

    def _points_back(self, number: int) -> bool:
        kinds, word = self.kinds, self.folded[number]
        earlier = [one for one in self._own if one < number]
        few = len(self._own) <= FEW_WORDS
        if word in kinds.places:
            return self._is_place(number, bool(earlier))
        if word in kinds.leaning:
            return len(self._own) < FEW_WORDS or (few and word in ("one", "ones"))
        # "the hotel that burned"
        is_relative = bool(earlier) and earlier[-1] == number - 1 and number + 1 < len(self.folded)
        if word in kinds.pointing and number + 1 in self.asked.content:
            # "that hotel", but not "this week"
            return few and not (is_relative or tells_time(self.folded[number + 1]))
        if word not in kinds.things or self._is_article(number):
            return False
        if word in _SLIGHT:
            return few
        return not is_relative and (few or not earlier)

    def _is_place(self, number: int, is_late: bool) -> bool:
        """Return whether "there" is a place, not "is there"."""
        around = self.folded[max(0, number - 1) : number + 2]
        exists = any(word in self.kinds.auxiliaries for word in around)
        return number + 1 == len(self.folded) or not (exists or is_late)

    def _is_article(self, number: int) -> bool:
        """Return whether a German "das" belongs to a noun behind it."""
        return self.folded[number] == "das" and any(
            self.asked.words[one].text[0].isupper() for one in self._own if one > number
        )

    def _is_thin(self) -> bool:
        """Return whether it says too little to be understood alone."""
        own, names = self._own, self.asked.names
        if not own:
            return True
        if any(number in names for number in own):
            return False
        if self.has_opener:
            return len(own) <= FEW_WORDS
        # "Where is the tent?" says all, "what did we eat?" does not.
        return len(own) == 1 and (own[0] == 0 or self.folded[own[0] - 1] not in self.kinds.articles)

    # What it stands for.

    def _with_topic(self) -> str:
        named = self._answered(MOST_NAMES)
        is_thing = any(self.folded[number] in self.kinds.things for number in self.rest)
        if named and is_thing and self._asks_for_something():
            # "Which book did Tom recommend?" "Who wrote it?": what was answered is meant.
            parts = named
        elif not self._own and self._asks(_WHICH) and (said := self._said()):
            # "What did we decide?" "Why?"
            parts = [self.before.topic, said.topic]
        else:
            # Of what is talked of for longer, each answer would add another name.
            parts = [self.before.topic, *([] if self.before.carried else named[:1])]
        topic = ", ".join(dict.fromkeys(filter(None, parts)))
        return f"{self.asked.stem} ({topic})?" if topic else self.asked.text

    def _with_person(self, number: int) -> str:
        names = self._people()
        if not names:
            return self._with_topic()
        name = " and ".join(names)
        if self.folded[number] in self.kinds.owners and self.asked.language == "en":
            name += "'s"
        named = self.asked.replaced((number, number + 1), name).strip(EDGES)
        # What was said of them before is rarely what is asked now, unless nothing else is.
        return f"{named}?" if self._own else f"{named} ({self.before.topic})?"

    def _asks(self, words: Mapping[str, Sequence[str]]) -> bool:
        """Return whether the question before asks so."""
        asking = words.get(self.asked.language, words["en"])
        return any(word.folded in asking for word in self.before.words[:3])

    def _asks_for_something(self) -> bool:
        """Return whether the answer names it: "which book ...?", but not "what is it called?"."""
        second = self.before.words[1].folded if len(self.before.words) > 1 else ""
        return self._asks(_WHICH) and second not in _COPULAS

    def _people(self) -> list[str]:
        """Return the names of those that "he" or "they" may be."""
        if self._asks(_WHO) and (named := self._answered(MOST_NAMES, is_who=True)):
            return named
        names = [self.before.said(run) for run in self.before.phrases(self.before.names)]
        return names[:1]

    def _said(self) -> WordedText | None:
        """Return the first sentence of the answer."""
        answer = _CITATION.sub("", self.answer).strip()
        first = next(sentences(answer), None)
        if first is None:
            return None
        return WordedText(answer[first[0] : first[1]], self.kinds, self.asked.language)

    def _answered(self, most: int, *, is_who: bool = False) -> list[str]:
        """Return the names in an answer that its question does not have."""
        said = self._said()
        if said is None:
            return []
        known = set(folded_words(self.before.text))
        new = [number for number in said.names if said.words[number].folded not in known]
        if not is_who and new and new[0] == 0 and new[1:2] != [1]:
            # Every sentence begins with a capital.
            new = new[1:]
        return [said.said(run) for run in said.phrases(new)[:most]]

    def _swapped(self) -> str:
        """Return the question before, with the fragment in the place of what it is compared to."""
        fragment = self._fragment()
        run, said = self._place(fragment)
        if run is None:
            return f"{self.before.stem} {said}?"
        return self.before.replaced(run, said)

    def _fragment(self) -> WordedText:
        words = [number for number in self.rest if not self._is_dropped(number)] or self.rest
        start, end = self.asked.words[words[0]].start, self.asked.words[words[-1]].end
        return WordedText(self.asked.text[start:end], self.kinds, self.asked.language)

    def _is_dropped(self, number: int) -> bool:
        return self.folded[number] in self.kinds.leaning | self.kinds.things | self.kinds.pointing

    def _place(self, fragment: WordedText) -> tuple[tuple[int, int] | None, str]:
        """Return which words of the question before give way, and to what."""
        said, first = fragment.stem, fragment.words[0].folded
        if first in self.kinds.own:
            return self._owner(), self.kinds.own[first]
        run = self._time_of(fragment)
        if run is None and said.endswith(("'s", "’s", "s'", "s’")):
            run = self._owner()
        if run is None and first in self.kinds.prepositions:
            run = self._behind(first, len(fragment.words))
        if run:
            return run, said
        if fragment.names and self.before.names:
            run = self.before.phrases(self.before.names)[0]
            return run, fragment.said((fragment.names[0], len(fragment.words)))
        if run := self._noun(len(fragment.content)):
            return run, fragment.said((fragment.content[0], len(fragment.words)))
        return None, said

    def _owner(self) -> tuple[int, int] | None:
        """Return where the question before says whose something is."""
        for number, word in enumerate(self.before.words):
            if word.folded in ("my", "our", "your", *self.kinds.owners):
                return number, number + 1
            if word.folded == "s" and number:
                runs = self.before.phrases([one for one in self.before.names if one < number])
                return (runs[-1][0] if runs else number - 1), number + 1
        return None

    def _time_of(self, fragment: WordedText) -> tuple[int, int] | None:
        if not find_times(fragment.text, _ANY_TIME):
            return None
        for span in find_times(self.before.text, _ANY_TIME):
            inside = [
                number
                for number, word in enumerate(self.before.words)
                if span.at <= word.start < span.at + len(span.phrase)
            ]
            if inside:
                return inside[0], inside[-1] + 1
        return None

    def _behind(self, preposition: str, most: int) -> tuple[int, int] | None:
        """Return a preposition of the question before with the words that belong to it."""
        for number in reversed(range(len(self.before.words))):
            if self.before.words[number].folded == preposition:
                end = number + 1
                while end < len(self.before.words) and end - number < most:
                    end += 1
                return number, end
        return None

    def _noun(self, most: int) -> tuple[int, int] | None:
        """Return the last words behind an article, at most so many."""
        words = self.before.words
        for number in reversed(range(len(words) - 1)):
            if words[number].folded not in self.kinds.articles:
                continue
            end = number + 1
            while end < len(words) and end - number <= most and end in self.before.content:
                end += 1
            if end > number + 1:
                return number + 1, end
        return None
