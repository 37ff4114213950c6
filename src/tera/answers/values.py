"""What a sentence says that can be checked to the letter: numbers, days, names, paths, quotes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from tera.answers.clocks import Clock, clocks_of
from tera.answers.days import Days, days_of
from tera.answers.names import names_of
from tera.answers.numbers import Number, numbers_of, read_digits
from tera.answers.wording import words_of
from tera.times.words import guess_language

Kind = Literal["quotation", "day", "clock", "code", "number", "name"]

_QUOTED = re.compile(
    r"“([^“”]{1,400})”|„([^„“”]{1,400})[“”]|«\s?([^«»]{1,400}?)\s?»|\"([^\"]{1,400})\"|`+([^`]{1,400})`+"
)
_CHUNK = re.compile(r"[^\s\"“”„«»()<>\[\]{}|…`]+")
_EDGES = ".,;:!?'’*~_"
_URL = re.compile(r"[a-z][a-z\d+.-]{1,20}://|www\.|mailto:", re.IGNORECASE)
_PATH = re.compile(
    r"(?:~|\.{0,2})/\S|[a-z]:\\|\S*\\\S|[^/\s]*/[^/\s]*/|\S*\w/\S*[\d._]", re.IGNORECASE
)
_DOTTED = re.compile(r"[^\W_][\w-]*(?:\.[\w-]+)+")
_DOTTED_NUMBER = re.compile(r"\d+(?:\.\d+){2,}")
_COUNTED = re.compile(r"\d[\d.,]*[-‐][^\W\d_]{2,}(?:[-‐][^\W\d_]+)*")
_PAIR = re.compile(r"([\w.-]+)[:=]([\w.-]+)")
_FLAG = re.compile(r"--?[a-z][\w-]*$", re.IGNORECASE)
_WITH_DIGITS = re.compile(r"\w*\d\w*")
_DECADE = re.compile(r"\d{2,4}['’]?s")


@dataclass(frozen=True, slots=True)
class Value:
    """Something that a sentence says word for word at `start` to `end`, and what it means."""

    kind: Kind
    text: str
    start: int
    end: int
    meanings: tuple[Number | Days | Clock, ...] = ()


def values_of(sentence: str, now: datetime) -> list[Value]:
    """Return what can be checked in a sentence, each character in one value at most.

    Args:
        sentence: Without citations and without the mark of a list.
        now: What its "yesterday" is relative to.
    """
    language = guess_language(words_of(sentence))
    found: list[Value] = []
    taken: list[tuple[int, int]] = []

    def is_free(start: int, end: int) -> bool:
        return all(end <= first or last <= start for first, last in taken)

    def take(
        kind: Kind, spans: Iterator[tuple[int, int, tuple[Number | Days | Clock, ...]]]
    ) -> None:
        new = [span for span in spans if span[0] < span[1] and is_free(span[0], span[1])]
        for start, end, meanings in new:
            if is_free(start, end):
                found.append(Value(kind, sentence[start:end], start, end, meanings))
                taken.append((start, end))

    take("quotation", ((*span, ()) for span in _quotations(sentence)))
    take("code", ((*span, ()) for span in _codes(sentence, _is_address)))
    take("clock", ((clock.start, clock.end, (clock,)) for clock in clocks_of(sentence)))
    clocks = [value for value in found if value.kind == "clock"]
    taken[:] = [span for span in taken if span not in {(one.start, one.end) for one in clocks}]
    take("day", _days(sentence, now))
    taken += [(clock.start, clock.end) for clock in clocks]
    take("code", ((*span, ()) for span in _codes(sentence, _is_code)))
    take("number", _numbers(sentence, language))
    # Digits that are none of these must stand as they are.
    take("code", ((*left.span(), ()) for left in _WITH_DIGITS.finditer(sentence)))
    take("name", ((*span, ()) for span in names_of(sentence, language)))
    return sorted(found, key=lambda value: value.start)


def _quotations(sentence: str) -> Iterator[tuple[int, int]]:
    for quoted in _QUOTED.finditer(sentence):
        group = next(number for number in range(1, 6) if quoted[number] is not None)
        if any(map(str.isalnum, quoted[group])):
            yield quoted.span(group)


def _days(sentence: str, now: datetime) -> Iterator[tuple[int, int, tuple[Days, ...]]]:
    spans: dict[tuple[int, int], list[Days]] = defaultdict(list)
    for days in days_of(sentence, now):
        spans[days.start, days.end].append(days)
    for (start, end), alternatives in spans.items():
        yield start, end, tuple(alternatives)


def _numbers(sentence: str, language: str) -> Iterator[tuple[int, int, tuple[Number]]]:
    for number in numbers_of(sentence, language):
        # "A", "one" and "the second" are mostly no numbers.
        least = 3 if number.is_ordinal else 2
        if number.is_word and max(number.readings) < least:
            continue
        yield number.start, number.end, (number,)


def _codes(sentence: str, is_wanted: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    for chunk in _CHUNK.finditer(sentence):
        text = chunk[0]
        core = (
            text.strip(_EDGES)
            if not text.startswith(("./", "../", "~/", "_"))
            else text.rstrip(_EDGES)
        )
        core = core or text
        start = chunk.start() + text.find(core)
        pair = _PAIR.fullmatch(core)
        if pair and not _URL.match(core):
            for part in (1, 2):
                if is_wanted(pair[part]):
                    yield start + pair.start(part), start + pair.end(part)
        elif is_wanted(core):
            yield start, start + len(core)


def _is_address(text: str) -> bool:
    """Return whether a text is a URL, an e-mail address or a path: digits in it are no dates."""
    is_email = 0 < text.find("@") < len(text) - 1
    return bool(_URL.match(text) or is_email or (_PATH.match(text) and any(map(str.isalpha, text))))


def _is_code(text: str) -> bool:
    """Return whether a text is an identifier, a version, a file's name or the like."""
    has_letter, has_digit = any(map(str.isalpha, text)), any(map(str.isdigit, text))
    if has_digit and not has_letter:
        return bool(_DOTTED_NUMBER.fullmatch(text)) and not read_digits(text)
    if not has_letter:
        return False
    if text.startswith("@") or "::" in text or _FLAG.match(text) or "_" in text:
        return len(text) > 1
    if has_digit:
        is_plain_number = _COUNTED.fullmatch(text) or _DECADE.fullmatch(text)
        return not is_plain_number and not any(
            number.start == 0 and not number.is_word and number.end >= len(text)
            for number in numbers_of(text, "en")
        )
    if _DOTTED.fullmatch(text):
        parts = text.split(".")
        return len(parts[-1]) > 1 and any(len(part) > 1 for part in parts[:-1])
    return (
        any(first.islower() and second.isupper() for first, second in pairwise(text))
        and text.isalnum()
    )
