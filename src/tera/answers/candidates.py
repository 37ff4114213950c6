"""A sentence -> the spans of it that may answer a question: names, numbers, quotes, phrases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tera.answers.terms import COMMON

Shape = Literal["time", "moment", "number", "name", "quoted", "code", "phrase", "kin"]

MAX_PHRASE_WORDS = 5
"""A longer run of words without a small one among them is no short answer."""
MAX_CUT = 4
"""Words that are left out at either end of a run."""
MAX_JOINERS = 2
"""Small words between two of one name or phrase: "Order of the Phoenix"."""

_TOKEN = re.compile(r"[$€£]?\w+(?:[.,:/@%'’&+-]+\w+)*(?:%|°)?|[^\w\s]")
_QUOTED = re.compile(r"[\"“«]([^\"”»\n]{2,60}?)[,.]?[\"”»]")
_CODE = re.compile(
    r"(?<![\w/])(?:https?://[^\s\"'<>)]+|[\w.+-]+@[\w-]+\.[\w.]+|~?/[\w.~-]+(?:/[\w.~-]+)*/?"
    r"|[A-Za-z_]\w*(?:[._/:-]\w+)*[_/]\w+(?:[._/-]\w+)*|v?\d+(?:\.\d+){2,}[\w.-]*"
    r"|\+\d[\d ()/-]{6,}\d"
    r"|\b(?=[A-Za-z-]*\d)(?=[\d-]*[A-Za-z])[\w-]{4,})(?<![.,;:])"
)
_NUMBER_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand million billion trillion dozen dozens half
"""
_WORD_NUMBER = rf"(?:{'|'.join(_NUMBER_WORDS.split())})"
_UNIT = (
    r"%|percent|per cent|percentage points?|(?:square |cubic )?(?:km|kilomet\w+|m|met(?:er|re)s?|cm"
    r"|centimet\w+|mm|miles?|mi|feet|foot|ft|inch(?:es)?|yards?|acres?|hectares?|kg|kilograms?|g"
    r"|grams?|pounds?|lbs?|tons?|tonnes?|lit(?:er|re)s?|gallons?|ml)\b|seconds?|minutes?|mins?|hours?|days?"
    r"|nights?|weeks?|months?|years?(?: old)?|decades?|centuries|euros?|dollars?|pounds?|francs?"
    r"|cents?|degrees?|°C|°F|[KMGT]i?B|bytes?|kHz|MHz|GHz|Hz|kW|MW|GW|watts?|volts?|horsepower|hp|mph"
)
NUMBER = re.compile(
    rf"(?<![\w.])(?P<money>[$€£] ?)?(?P<number>\d+(?:[.,]\d+)*|\b{_WORD_NUMBER}"
    rf"(?:[ -]{_WORD_NUMBER})*\b)(?P<scale>(?: (?:hundred|thousand|million|billion|trillion))?)"
    rf"(?P<unit>(?:[ -]?(?:{_UNIT})(?!\w))?)(?! ?(?:st|nd|rd|th)\b)",
    re.I,
)
_SOME = re.compile(
    r"\b(?:once|twice|three times|a couple|a few|several|an? (?:hour|day|week|month|year))\b", re.I
)
_JOINERS = frozenset({"of", "the", "de", "la", "van", "von", "and", "&", "du", "al", "for", "in"})
_KIN = re.compile(
    r"\b(?:my|his|her|our|their|your|the) (?:\w+ )?(?:mom|mother|dad|father|parents?|sister|brother"
    r"|wife|husband|son|daughter|kids?|children|aunt|uncle|cousins?|grand\w+|friends?|boss|teacher"
    r"|neighbou?rs?|colleagues?|coworkers?|boyfriend|girlfriend|partner|family|team|teammates?)\b",
    re.I,
)
# Words that end a phrase although they are no small ones: verbs that stand in most sentences.
_VERB_WORDS = """
    said says say went goes going go got get getting made make makes making took take takes taken
    came come comes gave give gives given used use uses using saw see seen found find known called
    named became become becomes began begin started start include includes including included
    contain contains led lead leads held hold want wants wanted need needs needed think thought
    know knew feel felt tell told let keep kept put try tried trying love loved like liked enjoy
    really even still already then now never always well yeah yes ok okay oh wow hey hi thanks
    thank because since while although though however after before during between through against
    without under over until among around upon up out off down back away again where when who
    which that whose whom together along across behind beyond near per via according
    """
_VERBS = frozenset(_VERB_WORDS.split())
_TIME_NAME_WORDS = """
    january february march april may june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday
    """
_TIME_NAMES = frozenset(_TIME_NAME_WORDS.split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark of a text."""

    text: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        """Whether it is no mark."""
        return self.text[-1:].isalnum() or self.text[:1].isalnum() or self.text[:1] in "$€£"

    @property
    def is_small(self) -> bool:
        """Whether it ends a phrase."""
        folded = self.text.lower().partition("'")[0].partition("’")[0]
        return not self.is_word or folded in COMMON or folded in _VERBS

    @property
    def is_capital(self) -> bool:
        """Whether it is written like a name."""
        return self.text[:1].isupper() and self.text not in ("I", "I'm", "I’m", "I've", "I’ve")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Characters `start` to `end` of a text, and what they look like."""

    start: int
    end: int
    shape: Shape


def tokens_of(text: str) -> list[Token]:
    """Return the words and marks of a text."""
    return [Token(found[0], found.start(), found.end()) for found in _TOKEN.finditer(text)]


def candidates(text: str, tokens: Sequence[Token]) -> list[Candidate]:
    """Return the spans of a text that may be answers, each once; times are not among them."""
    found: dict[tuple[int, int], Candidate] = {}
    for candidate in _all(text, tokens):
        found.setdefault((candidate.start, candidate.end), candidate)
    return list(found.values())


def _all(text: str, tokens: Sequence[Token]) -> Iterator[Candidate]:
    for match in _QUOTED.finditer(text):
        yield Candidate(match.start(1), match.end(1), "quoted")
    for match in _CODE.finditer(text):
        yield Candidate(match.start(), match.end(), "code")
    for match in (*NUMBER.finditer(text), *_SOME.finditer(text)):
        yield Candidate(match.start(), match.end(), "number")
        # "two hours" and "two": which one is wanted depends on the question.
        if match.groupdict().get("unit"):
            yield Candidate(match.start(), match.end("scale"), "number")
    for first, last in _names(tokens):
        yield Candidate(tokens[first].start, tokens[last].end, "name")
    for match in _KIN.finditer(text):
        yield Candidate(match.start(), match.end(), "kin")
    for first, last in _phrases(tokens):
        yield Candidate(tokens[first].start, tokens[last].end, "phrase")


def _names(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield runs of capital words, with small ones between them: "University of Leeds"."""
    at = 0
    while at < len(tokens):
        if not tokens[at].is_capital or tokens[at].text.lower() in _TIME_NAMES:
            at += 1
            continue
        last = at
        while (after := _next_of_name(tokens, last)) is not None:
            if any(token.text.lower() == "and" for token in tokens[last + 1 : after]):
                yield at, last
            last = after
        # The first word of a sentence is capital in any case.
        is_first = at == 0 or not tokens[at - 1].is_word
        if last > at or not (is_first and tokens[at].is_small):
            yield (at + 1 if is_first and tokens[at].is_small else at), last
        at = last + 1


def _next_of_name(tokens: Sequence[Token], last: int) -> int | None:
    """Return the next word of the name that a word belongs to."""
    after = last + 1
    while after < len(tokens) and tokens[after].text.lower() in _JOINERS:
        after += 1
    if after >= len(tokens) or after - last > MAX_JOINERS + 1:
        return None
    is_more = tokens[after].is_capital or tokens[after].text.isdigit()
    return after if is_more and tokens[after].is_word else None


def _phrases(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield runs of words that no small one divides, parts of them, and two joined by "of"."""
    runs = list(_runs(tokens))
    for first, last in runs:
        for begin in range(first, min(last, first + MAX_CUT) + 1):
            if last - begin < MAX_PHRASE_WORDS:
                yield begin, last
        for end in range(max(first, last - MAX_CUT + 1), last):
            if end - first < MAX_PHRASE_WORDS:
                yield first, end
    for (first, last), (then_first, then_last) in pairwise(runs):
        between = [token.text.lower() for token in tokens[last + 1 : then_first]]
        is_joined = between[:1] in (["of"], ["and"]) and len(between) <= MAX_JOINERS
        if is_joined and then_last - first < MAX_PHRASE_WORDS + 2:
            yield first, then_last


def _runs(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    begin: int | None = None
    for place, token in enumerate(tokens):
        if not token.is_small:
            begin = place if begin is None else begin
        elif begin is not None:
            yield begin, place - 1
            begin = None
    if begin is not None:
        yield begin, len(tokens) - 1
