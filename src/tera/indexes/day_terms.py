"""Days and months written in a text, in one form, so that the spelling of a date does not matter.

The 22nd of December 2006 becomes `d:20061222`, `a:1222` (that day of any year), `m:200612` and
`n:12` (that month of any year); of less, what is known. The year stays a word. Dates that can be
read in two ways (3/4/2024) become both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

LONGEST_SPAN_TERMS = 70
"""Terms that stand for a span of time: a month and a half by days, beyond that months and years."""

_MONTHS = (
    "january jan januar janvier enero gennaio janeiro januari jänner gen ene",
    "february feb februar février febrero febbraio fevereiro februari fev fév",
    "march mar märz mars marzo março maart mrz",
    "april apr avril abril aprile avr abr",
    "may mai mayo maggio maio mei maj",
    "june jun juni juin junio giugno junho",
    "july jul juli juillet julio luglio julho",
    "august aug août agosto augustus ago",
    "september sep sept septembre septiembre settembre setembro set",
    "october oct oktober octobre octubre ottobre outubro okt",
    "november nov novembre noviembre novembro",
    "december dec dezember décembre diciembre dicembre dezembro dez dic déc",
)
_MONTH_NUMBERS = {
    name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()
}
_TENS = ["twenty", "thirty"]
_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
_SPOKEN_DAYS = {word: number for number, word in enumerate(_ORDINALS, start=1)} | {
    f"{tens}{word}": 10 * number + unit
    for number, tens in enumerate(_TENS, start=2)
    for unit, word in enumerate(_ORDINALS[:9], start=1)
    if 10 * number + unit <= 31
}
_SPOKEN_DAYS["thirtieth"] = 30
_MONTH = "(?:" + "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_SPOKEN = r"(?:(?:twenty|thirty)[- ]?)?(?:" + "|".join([*_ORDINALS, "thirtieth"]) + r")\b"
_YEAR = r"(?:1[5-9]|20|21)\d\d"
_NUMBERS = r"(?:0?[1-9]|1[0-2])"
_DATE = re.compile(
    rf"""(?<![\w.])(?:
      (?P<y1>{_YEAR})(?P<s1>[-/.])(?P<m1>{_NUMBERS})(?:(?P=s1)(?P<d1>{_DAY}))?(?![\d/-]|\.\d)
    | (?P<y5>{_YEAR})年(?P<m5>{_NUMBERS})月(?:(?P<d5>{_DAY})日)?
    | (?P<a2>{_DAY})(?P<s2>[-/.])(?P<b2>{_DAY})(?P=s2)(?P<y2>{_YEAR}|\d\d)(?![\d/-]|\.\d)
    | (?P<d3>{_DAY}(?:st|nd|rd|th|er|º|ª|\.)?|{_SPOKEN})\s*(?:of\s+|de\s+|-)?(?P<m3>{_MONTH})
      (?:\s*(?:,|of|del?|-)?\s*(?P<y3>{_YEAR}))?
    | (?P<m4>{_MONTH})
      (?:\s+(?:the\s+)?(?:(?P<d4>{_DAY})(?:st|nd|rd|th)?(?![\d:])|(?P<w4>{_SPOKEN})))?
      (?:\s*(?:,|of|de)?\s*(?P<y4>{_YEAR}))?
    )(?:(?<=[月日])|(?!\w)|(?=T\d))""",
    re.IGNORECASE | re.VERBOSE,
)
_WORDS_TOO = frozenset(
    [
        "march",
        "mars",
        "mai",
        "may",
        "set",
        "ago",
        "mar",
        "dic",
        "gen",
        "jan",
        "ene",
        "dez",
        "okt",
        "abr",
        "fev",
        "avr",
    ]
)
"""Months that are words or names as well: alone they are months where the word before says so."""
_BEFORE = re.compile(
    r"\b(?:in|of|last|this|next|since|until|by|early|late|mid|im|seit|letzten|en|au|de|i|v)\s+\Z",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"\d[-/.年]\d")
_REACH = 25
"""Characters from the name of a month to its day and year: "twenty-seventh of " has 18."""
_DAY_LONG = timedelta(days=1)
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date in a text.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        terms: What stands for it, the year not included.
        year: The year as written; empty where there is none, or of two digits.
        is_whole: It can be nothing but a date, and its words say no more than the terms.
    """

    start: int
    end: int
    terms: tuple[str, ...]
    year: str
    is_whole: bool


def terms_of_day(day: date) -> tuple[str, ...]:
    """Return the terms of a passage that belongs to a day."""
    return (*_terms(day.year, day.month, day.day), str(day.year))


def dates_in(text: str, words: Iterable[str]) -> Iterator[WrittenDate]:
    """Yield the dates that are written in a text.

    Args:
        text: The text.
        words: Its words in lower case.
    """
    months = _MONTH_NUMBERS.keys() & words
    signs = [match.span() for match in _NUMERIC.finditer(text)]
    for month in months:
        signs += (match.span() for match in re.finditer(month, text, re.IGNORECASE))
    for start, end in _around(sorted(signs), text):
        yield from _dates_between(text, start, end)


def _around(signs: Iterable[tuple[int, int]], text: str) -> Iterator[tuple[int, int]]:
    """Yield the parts of a text that dates can stand in: the full pattern is slow on prose."""
    begin = end = 0
    for sign, sign_end in signs:
        if not end or sign - _REACH > end:
            if end:
                yield begin, end
            begin = max(end, text.rfind(" ", 0, max(0, sign - _REACH)) + 1)
        end = max(end, min(len(text), sign_end + _REACH))
        end = end if (space := text.find(" ", end)) < 0 else space
    if end:
        yield begin, end


def _dates_between(text: str, start: int, end: int) -> Iterator[WrittenDate]:
    for match in _DATE.finditer(text, start, end):
        part = match.groupdict()
        if part["m4"] and not (part["d4"] or part["w4"] or part["y4"]):
            if _is_month_alone(match, text):
                number = _MONTH_NUMBERS[match["m4"].casefold().rstrip(".")]
                yield WrittenDate(match.start(), match.end(), (f"n:{number:02d}",), "", False)
            continue
        terms: list[str] = []
        for year, month, day in _readings(part):
            terms += [term for term in _terms(year, month, day) if term not in terms]
        if terms:
            years = [part[key] for key in ("y1", "y2", "y3", "y4", "y5") if part[key]]
            written = years[0] if years else ""
            is_short = len(written) == len("06")
            yield WrittenDate(
                match.start(), match.end(), tuple(terms), "" if is_short else written, not is_short
            )


def _is_month_alone(match: re.Match[str], text: str) -> bool:
    """Return whether the name of a month without day and year is meant as that."""
    name = match["m4"].casefold()
    if len(name) > 3 and name not in _WORDS_TOO:
        return True
    return name in _WORDS_TOO and bool(
        _BEFORE.search(text[max(0, match.start() - 12) : match.start()])
    )


def terms_of_span(start: date, end: date) -> tuple[str, ...]:
    """Return terms that together stand for the days from `start` to `end`, both included.

    Whole years and months have one term each. A span that needs too many loses days at its ends.
    """
    years: list[str] = []
    months: list[str] = []
    days: list[str] = []
    day = start
    while day <= end:
        after = _next_month(day)
        if day.month == 1 and day.day == 1 and (past := _next_year(day)) - _DAY_LONG <= end:
            years.append(str(day.year))
        elif day.day == 1 and after - _DAY_LONG <= end:
            months.append(f"m:{day.year:04d}{day.month:02d}")
            past = after
        else:
            days.append(f"d:{day.year:04d}{day.month:02d}{day.day:02d}")
            past = day + _DAY_LONG
        if past <= day or len(years) + len(months) + len(days) > 4 * LONGEST_SPAN_TERMS:
            break
        day = past
    return tuple((*years, *months, *days)[:LONGEST_SPAN_TERMS])


def _next_month(day: date) -> date:
    year, month = day.year + day.month // _MONTHS_A_YEAR, day.month % _MONTHS_A_YEAR + 1
    return date(year, month, 1) if year <= date.max.year else date.max


def _next_year(day: date) -> date:
    return date(day.year + 1, 1, 1) if day.year < date.max.year else date.max


def _readings(part: Mapping[str, str | None]) -> Iterator[tuple[int | None, int, int | None]]:
    """Yield year, month and day as a written date can be meant."""
    first, second, short = part["a2"], part["b2"], part["y2"]
    if first and second and short:
        year = _full_year(short)
        if int(second) <= _MONTHS_A_YEAR:
            yield year, int(second), int(first)
        if int(first) <= _MONTHS_A_YEAR and first != second and part["s2"] != ".":
            yield year, int(first), int(second)
        return
    for kind in "15":
        written, month, day = part[f"y{kind}"], part[f"m{kind}"], part[f"d{kind}"]
        # 2006.12 is rather a number; a month only with - or /.
        if written and month and (day or part["s1"] != "."):
            yield int(written), int(month), int(day) if day else None
    for kind in "34":
        name, day, written = part[f"m{kind}"], part[f"d{kind}"], part[f"y{kind}"]
        if name:
            number = _MONTH_NUMBERS[name.casefold().rstrip(".")]
            yield int(written) if written else None, number, _day(day or part["w4"])


def _day(written: str | None) -> int | None:
    if not written:
        return None
    digits = re.sub(r"\D", "", written)
    return int(digits) if digits else _SPOKEN_DAYS.get(re.sub(r"[- ]", "", written.casefold()))


def _full_year(text: str) -> int:
    year = int(text)
    # As POSIX reads years of two digits.
    return year if year > 99 else year + (2000 if year < 69 else 1900)


def _terms(year: int | None, month: int, day: int | None) -> Sequence[str]:
    terms: list[str] = []
    if day is not None:
        try:
            date(year or 2000, month, day)
        except ValueError:
            return ()
        if year is not None:
            terms.append(f"d:{year:04d}{month:02d}{day:02d}")
        terms.append(f"a:{month:02d}{day:02d}")
    if year is not None:
        terms.append(f"m:{year:04d}{month:02d}")
    terms.append(f"n:{month:02d}")
    return terms
