"""A text as words and written dates, each with what it may mean and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tera.times.words import LONGEST, Kinds, fold, words_of
from tera.times.written import kinds_of


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number or a written date."""

    text: str
    start: int
    end: int
    gap: str = ""
    """What stands before it, beyond white space: a comma, a hyphen, the end of a sentence."""
    kinds: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_capitalised(self) -> bool:
        """Whether it is written like a name."""
        return self.text[:1].isupper()


# A comma parts words unless it groups the digits of a number.
_CHUNK = re.compile(r"(?:[^\s—–…,]|,(?=\d{3}(?!\d)))+,?|[—–…,]")
_EDGES = re.compile(r"([\"'“”„«»‹›‘’(\[{<*¿¡,;:]*)(.*?)([\"'“”„«»‹›‘’)\]}>*.,;:!?…]*)", re.S)
_WORDS = re.compile(r"[^\W\d_]+(?:['’´\-/.][^\W\d_]+)*['’]?", re.U)
_WORD = re.compile(r"[^\W\d_]+")
_MAX_CHUNK = 40
"""Longer ones are no dates."""

_TELLING = """
    month weekday weekdays weekday_short weekday_part unit relative_day day_and_part part season
    holiday digits date year_month years month_and_day days decade quarter_year date_week clock_time
    year short_year week_of_year week_number
"""
TELLING = frozenset(_TELLING.split())
"""Kinds of which each time has one; without any of them a text speaks of none."""


def read_tokens(text: str, language: str) -> list[Token]:
    """Return the words of a text with what they may mean.

    What has digits and is no number, time or date (a version, a path, an address) means nothing.
    """
    plain = list(_plain_tokens(text, words_of(language)))
    return _with_meanings(plain, words_of(language))


def folded_words(text: str) -> list[str]:
    """Return the words of a text without case and accents."""
    return [fold(found[0]) for found in _WORD.finditer(text)]


def _plain_tokens(text: str, words: Mapping[str, Kinds]) -> Iterator[Token]:
    gap = ""
    for chunk in _CHUNK.finditer(text):
        edges = _EDGES.fullmatch(chunk[0])
        assert edges
        before, core, after = edges.groups()
        if chunk[0] in "—–…":
            gap += chunk[0]
            continue
        gap += before
        if not core:
            gap += after
            continue
        start = chunk.start() + len(before)
        for token in _split(core, after, start, words):
            yield replace(token, gap=gap + token.gap)
            gap = ""
        gap = after


def _split(core: str, after: str, start: int, words: Mapping[str, Kinds]) -> Iterator[Token]:
    end = start + len(core)
    if len(core) <= _MAX_CHUNK and any(map(str.isdigit, core)):
        # Of "5." the dot may make it an ordinal, of "5.11." the date.
        for form in (core + ".", core) if after[:1] == "." else (core,):
            if kinds := kinds_of(form, words):
                if form != core:
                    kinds = {**kinds_of(core, words), **kinds}
                yield Token(core, start, end, kinds=kinds)
                return
        if prefixed := re.fullmatch(r"(mid|early|late|l|d|of|the)[-'’](\d.*)", core, re.I):
            for part in (1, 2):
                at = start + prefixed.start(part)
                kinds = kinds_of(prefixed[part], words)
                yield Token(prefixed[part], at, start + prefixed.end(part), kinds=kinds)
            return
        yield Token(core, start, end)
        return
    if not _WORDS.fullmatch(core):
        yield Token(core, start, end)
        return
    last = 0
    for found in _WORD.finditer(core):
        gap = core[last : found.start()]
        last = found.end()
        yield Token(found[0], start + found.start(), start + found.end(), gap)


def _with_meanings(plain: list[Token], words: Mapping[str, Kinds]) -> list[Token]:
    """Look words up, those that belong together as one."""
    tokens: list[Token] = []
    position = 0
    folded = [fold(token.text) for token in plain]
    while position < len(plain):
        for count in range(min(LONGEST, len(plain) - position), 0, -1):
            chosen = plain[position : position + count]
            if any(token.gap not in ("", "-", "'", "’", ".", "/") for token in chosen[1:]):
                continue
            if kinds := words.get(" ".join(folded[position : position + count])):
                break
        else:
            count, chosen, kinds = 1, plain[position : position + 1], {}
        first, last = chosen[0], chosen[-1]
        text = first.text if count == 1 else " ".join(token.text for token in chosen)
        tokens.append(
            Token(
                text,
                first.start,
                last.end,
                first.gap,
                {**kinds, **first.kinds} if count == 1 else kinds,
            )
        )
        position += count
    return tokens
