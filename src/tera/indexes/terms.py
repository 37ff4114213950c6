"""Text -> terms of the keyword index; passages and questions go the same way.

Words are folded to lower case without accents and stemmed by the language of the passage. What is
written as one (paths, versions, addresses, identifiers) becomes one term and a term for each of its
parts; scripts without spaces become pairs of characters; dates become days and months.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from tera.indexes.day_terms import WrittenDate, dates_in, terms_of_day, terms_of_span
from tera.indexes.languages import (
    ENGLISH,
    STOP_WORDS,
    clear_language,
    small_words,
    stemmer_of,
)

LONGEST_TERM = 120
"""Characters of a term; nobody types more of a key or an address to find it."""
CACHED_TOKENS = 100_000
"""Tokens whose terms are kept, 30 MB of them; then all are forgotten."""

_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_MARKS += "\u0e31-\u0e4e\u0eb1-\u0ece\u0f71-\u0fbc\u102b-\u103e\u17b4-\u17d3"
_WORD = rf"[\w{_MARKS}]+"
_TOKEN = re.compile(
    rf"{_WORD}(?:(?:://|[-./:@\\&=?%~+#'’\u2010]|,(?=\d)){_WORD})*(?:\+\+|\#(?!\w))?"
)
_OUTER = re.compile(r"[/\\:@?&=%~#]+")
_INNER = re.compile(r"[-._+'’,\u2010]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MEASURE = re.compile(r"(\d+)([a-z]{1,3})")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_JOINED = re.compile(r"(?<!\d)[^\w]|[^\w](?!\d)|[,_]")
_SPACELESS = re.compile(
    "([\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
_ENDINGS = frozenset(["s", "t", "d", "m", "ll", "re", "ve"])
"""What English puts behind an apostrophe."""
_NUMBER_ENDINGS = frozenset(["st", "nd", "rd", "th"])
_NAMES_TOO = frozenset(["Will"])
_LETTERS = str.maketrans("øłđıħŧ", "oldiht", "\u0640") | {ord("æ"): "ae", ord("œ"): "oe"}


@dataclass(frozen=True, slots=True)
class PassageTerms:
    """What one passage is found by.

    Attributes:
        terms: All but the small words.
        small: The small words: they would only make passages look longer.
        language: By whose rules they are stemmed.
    """

    terms: tuple[str, ...]
    small: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class QuestionTerm:
    """One thing asked for.

    Attributes:
        alternatives: Terms that say it; a passage has one of them, rarely two.
        weight: How often it counts.
        is_small: It is one of the small words, as a question has them that has no others.
    """

    alternatives: tuple[str, ...]
    weight: int = 1
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    """Terms of a token.

    Attributes:
        parts: Each in its spellings.
        wholes: The token, or a part of it, as one.
        singles: Characters of scripts without spaces, to be found alone.
        is_small: It is a small word of the language.
    """

    parts: tuple[tuple[str, ...], ...] = ()
    wholes: tuple[str, ...] = ()
    singles: tuple[str, ...] = ()
    is_small: bool = False


@dataclass(slots=True)
class Analysis:
    """Turns texts into terms; keeps those of frequent tokens."""

    _tokens: dict[str, dict[str, _Token]] = field(default_factory=dict)

    def language_of(self, texts: Iterable[str], otherwise: str = ENGLISH) -> str:
        """Return the language of texts, told by their small words."""
        return _language(word for text in texts for word in _lower_words(text)) or otherwise

    def passage(
        self, text: str, days: Sequence[date] = (), otherwise: str = ENGLISH
    ) -> PassageTerms:
        """Return the terms of a passage.

        Args:
            text: The passage with its context.
            days: Days that it belongs to.
            otherwise: Its language where its own words do not say.
        """
        text = normalised(text)
        words = _lower_words(text)
        language = _language(words) or otherwise
        dates = list(dates_in(text, words))
        known = self._tokens.setdefault(language, {})
        terms: list[str] = []
        small: list[str] = []
        for found in _TOKEN.findall(_without(text, dates)):
            token = known.get(found) or self._token(found, language)
            for part in token.parts:
                (small if token.is_small else terms).extend(part)
            terms += token.wholes
            terms += token.singles
        for written in dates:
            terms += written.terms
        if days:
            written_terms = set(terms)
            for day in days:
                terms += (term for term in terms_of_day(day) if term not in written_terms)
        return PassageTerms(tuple(terms), tuple(small), language)

    def question(
        self,
        text: str,
        languages: Sequence[str] = (ENGLISH,),
        spans: Sequence[tuple[date, date]] = (),
    ) -> list[QuestionTerm]:
        """Return what a question asks for, each once; small words only where there is nothing else.

        Args:
            text: The question.
            languages: Those of the passages, the most frequent first.
            spans: First and last days of the times that it names.
        """
        text = normalised(text)
        languages = languages or (ENGLISH,)
        words = _lower_words(text)
        own = _language(words) or languages[0]
        dates = list(dates_in(text, words))
        asked: dict[QuestionTerm, None] = {}
        for match in _TOKEN.finditer(_without(text, dates)):
            token = match[0]
            if match.start() == 0 and token in _NAMES_TOO:
                token = token.lower()
            is_small = self._token(token, own).is_small
            asked.update(dict.fromkeys(self._asked(token, languages, is_small=is_small)))
        for written in dates:
            asked.update(dict.fromkeys(_asked_date(written)))
        for start, end in spans:
            if terms := terms_of_span(start, end):
                asked[QuestionTerm(terms)] = None
        return [term for term in asked if not term.is_small] or list(asked)

    def _asked(
        self, token: str, languages: Sequence[str], *, is_small: bool
    ) -> Iterator[QuestionTerm]:
        read = [self._token(token, language) for language in languages]
        for spellings in zip(*(token.parts for token in read), strict=True):
            terms = tuple(dict.fromkeys(term for part in spellings for term in part))
            yield QuestionTerm(terms, is_small=is_small)
        for whole in read[0].wholes:
            yield QuestionTerm((whole,))

    def _token(self, token: str, language: str) -> _Token:
        known = self._tokens.setdefault(language, {})
        read = known.get(token)
        if read is None:
            if len(known) > CACHED_TOKENS:
                known.clear()
            read = known[token] = _read(token, language)
        return read


def _asked_date(written: WrittenDate) -> Iterator[QuestionTerm]:
    # A day without a year, or a month alone, is one term where a full date is four: without its
    # double weight "in May" loses to the other words of a question (tmd: nDCG@10 .408 -> .475).
    has_year = any(term[0] in "dm" for term in written.terms)
    for term in written.terms:
        is_narrowest = term[0] == "a" or len(written.terms) == 1
        yield QuestionTerm(
            (term,),
            weight=2 if is_narrowest and not has_year else 1,
        )


def _without(text: str, dates: Sequence[WrittenDate]) -> str:
    """Return a text whose dates are years alone: their terms say the rest."""
    for written in reversed(dates):
        if written.is_whole:
            text = f"{text[: written.start]} {written.year} {text[written.end :]}"
    return text


_WORDS = re.compile(_WORD)


def _lower_words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


def _language(words: Iterable[str]) -> str | None:
    return clear_language(small_words(words))


def normalised(text: str) -> str:
    """Return a text in Unicode's compatible composed form."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _read(token: str, language: str) -> _Token:
    lower = token.casefold()
    # WHO and IT are no small words, and Will may be a person.
    is_name = token in _NAMES_TOO or (len(token) > 1 and token.isupper())
    is_small = not is_name and lower in STOP_WORDS.get(stemmer_of(lower, language), frozenset())
    if token.isascii() and token.isalpha() and token[1:].islower():
        return _Token((_spellings(lower, language),), is_small=is_small)
    parts: list[tuple[str, ...]] = []
    wholes: list[str] = []
    singles: list[str] = []
    if token[-1] in "+#":
        wholes.append(lower)
        token = token.rstrip("+#")
    token = _THOUSANDS.sub("", token)
    segments = [segment for segment in _OUTER.split(token) if segment]
    for segment in segments:
        words = _words(segment)
        for word in words:
            for run in filter(None, _SPACELESS.split(word)):
                if _SPACELESS.match(run):
                    parts += _pairs(run)
                    singles += run if len(run) > 1 else ()
                else:
                    read, names = _word(run, language)
                    parts += read
                    wholes += names
        if len(words) > 1 and not _is_elided(words):
            wholes.append(_as_one(segment))
    if len(segments) > 1:
        wholes.append(_as_one(token))
    known = {term for part in parts for term in part}
    return _Token(
        tuple(dict.fromkeys(parts)),
        tuple(dict.fromkeys(whole[:LONGEST_TERM] for whole in wholes if whole not in known)),
        tuple(singles),
        is_small,
    )


def _words(segment: str) -> list[str]:
    words = [word for word in _INNER.split(segment) if word]
    if ("'" in segment or "’" in segment) and words[-1].casefold() in _ENDINGS:
        words = words[:-1] or words
    return words


def _is_elided(words: Sequence[str]) -> bool:
    """Return whether an article or preposition was put before a word, as in l'école."""
    return len(words) == 2 and len(words[0]) == 1 and words[0] in "lLcCjJmMnNsStTqQ"


def _word(word: str, language: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the parts of a word without separators, and names that it has as a whole."""
    pieces = _CAMEL.split(word) if not (word.islower() or word.isupper()) else [word]
    names = [_folded(word.casefold())] if len(pieces) > 1 else []
    for piece in pieces:
        measure = _MEASURE.fullmatch(piece)
        if measure and measure[2] not in _NUMBER_ENDINGS:
            names += measure.groups()
    return [_spellings(piece.casefold(), language) for piece in pieces], names


def _pairs(run: str) -> list[tuple[str, ...]]:
    if len(run) == 1:
        return [(run,)]
    return [(run[place : place + 2],) for place in range(len(run) - 1)]


def _spellings(word: str, language: str) -> tuple[str, ...]:
    """Return the terms of a word in lower case: its stem without accents, before or after."""
    word = word[:LONGEST_TERM]
    if word.isascii():
        if not word.isalpha():
            return (word,)
        return (_stemmer(language).stemWord(word),)
    plain = _folded(word) or word
    if any(character.isdigit() for character in word):
        return (plain,)
    stem = _stemmer(stemmer_of(word, language)).stemWord
    return tuple(dict.fromkeys((_folded(stem(word)) or word, stem(plain))))


def _as_one(text: str) -> str:
    """Return what is written as one in one form: separators only stay between digits."""
    return _folded(_JOINED.sub("", text.casefold()))


def _folded(word: str) -> str:
    """Return a word without accents and vowel points; scripts that need their marks keep them."""
    if word.isascii():
        return word
    letters = unicodedata.normalize("NFD", word.translate(_LETTERS))
    return unicodedata.normalize(
        "NFC", "".join(c for c in letters if not (c < "\u0671" and unicodedata.combining(c)))
    )


@cache
def _stemmer(language: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(language)
