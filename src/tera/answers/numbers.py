"""The numbers of a text, however they are spelt, with their units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from tera.times.words import TABLES, fold, words_of

MOST_DIGITS = 30
"""Longer ones are compared as text."""

_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>(?<![^\s(])[-−])?(?P<currency>(?:US)?[$€£¥₹]\s?)?"
    r"(?P<digits>\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\w])|\d+(?:[.,'’]\d+)*)"
    r"(?P<suffix>[^\W\d_]*)"
)
_AFTER = re.compile(r"[\s-]?(%|‰|°\s?[CF]?|[€$£]|[^\W\d_]+)")
_ORDINAL = frozenset(
    ("st", "nd", "rd", "th", "er", "re", "e", "eme", "ere", "o", "a", "ste", "de", "te", "s")
)
_MAGNITUDES: Mapping[str, int] = {
    **dict.fromkeys(("thousand", "tausend", "mille", "mil", "mila", "duizend"), 10**3),
    **dict.fromkeys(("million", "millions", "millionen", "mio", "millon", "millones"), 10**6),
    **dict.fromkeys(("milione", "milioni", "milhao", "milhoes", "miljoen"), 10**6),
    **dict.fromkeys(("billion", "billions", "bn", "milliarde", "milliarden", "mrd"), 10**9),
    **dict.fromkeys(("milliard", "milliards", "miljard"), 10**9),
}
_SHORT_MAGNITUDES = {"k": 10**3, "K": 10**3, "M": 10**6}
_UNITS = """
    percent: % percent prozent pourcent procent
    euro: € eur euro euros
    dollar: $ us$ usd dollar dollars
    sterling: £ gbp
    pound: lb lbs
    sterling pound: pound pounds
    yen: ¥ yen jpy
    kilometre: km kilometer kilometers kilometre kilometres kilometern
    metre: m meter meters metre metres metern
    centimetre: cm centimeter centimeters centimetre centimetres zentimeter
    millimetre: mm millimeter millimeters millimetre millimetres
    mile: mi mile miles meile meilen
    foot: ft foot feet
    inch: inch inches
    kilogram: kg kilo kilos kilogram kilograms kilogramm
    gram: g gram grams gramm
    milligram: mg milligram milligrams milligramm
    ton: ton tons tonne tonnes tonnen
    litre: l liter liters litre litres litern
    millilitre: ml milliliter milliliters millilitre millilitres
    kilobyte: kb kib
    megabyte: mb mib
    gigabyte: gb gib gigabyte gigabytes
    terabyte: tb tib terabyte terabytes
    millisecond: ms millisecond milliseconds millisekunden
    second: s sec secs
    minute: min mins
    hour: h hr hrs
    celsius: °c
    fahrenheit: °f
    kilowatt: kw
    watt: watt watts
    volt: volt volts
"""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text, `text[start:end]`.

    Attributes:
        readings: What it may be: "5.433" is five thousand in one country and five in another.
        units: What it may count, in words of our own; empty when that is not told.
        is_word: Whether it is written out.
        is_ordinal: Whether it is a place in an order.
    """

    readings: frozenset[Decimal]
    units: frozenset[str]
    start: int
    end: int
    is_word: bool = False
    is_ordinal: bool = False

    def agrees(self, other: Number) -> bool:
        """Return whether both may be the same; a unit that one of them leaves out is no matter."""
        is_same_unit = not (self.units and other.units) or bool(self.units & other.units)
        return is_same_unit and bool(self.readings & other.readings)


def numbers_of(text: str, language: str) -> Iterator[Number]:
    """Yield the numbers of a text, first those in digits.

    Digits that are part of a word ("db7", "5f3a") are not among them.
    """
    for found in _NUMBER.finditer(text):
        readings = read_digits(found["digits"])
        suffix = found["suffix"]
        folded = fold(suffix)
        if suffix in _SHORT_MAGNITUDES:
            readings |= {value * _SHORT_MAGNITUDES[suffix] for value in readings}
        elif suffix and folded not in _ORDINAL and folded not in _units():
            continue
        is_ordinal = folded in _ORDINAL and bool(suffix)
        end = found.end()
        unit = _units().get(folded, frozenset()) if suffix and not is_ordinal else frozenset()
        if not suffix:
            readings, unit, end = _with_what_follows(text, end, readings)
        if found["currency"]:
            unit = _units()[fold(found["currency"].strip())]
        if found["sign"]:
            readings = frozenset(-value for value in readings)
        if readings:
            yield Number(readings, unit, found.start(), end, is_ordinal=is_ordinal)
    yield from _written_out(text, language)


def read_digits(digits: str) -> frozenset[Decimal]:
    """Return what digits with separators may mean; nothing when they are no number."""
    plain = re.sub(r"[ \u00a0\u202f'’]", "", digits)
    if len(plain) > MOST_DIGITS:
        return frozenset()
    marks = [mark for mark in plain if mark in ".,"]
    if not marks:
        return frozenset({Decimal(int(plain))})
    groups = re.split(r"[.,]", plain)
    if len(set(marks)) == 2:
        *whole, part = groups
        is_grouped = len(set(marks[:-1])) == 1 and marks[-1] != marks[0]
        return _decimal("".join(whole), part) if is_grouped else frozenset()
    is_grouped = 0 < len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    whole_number = frozenset({Decimal(int("".join(groups)))}) if is_grouped else frozenset()
    if len(marks) > 1:
        return whole_number
    return whole_number | _decimal(*groups)


def _decimal(whole: str, part: str) -> frozenset[Decimal]:
    return frozenset({Decimal(f"{int(whole)}.{''.join(str(int(digit)) for digit in part)}")})


def _with_what_follows(
    text: str, end: int, readings: frozenset[Decimal]
) -> tuple[frozenset[Decimal], frozenset[str], int]:
    """Take up the "million euros" of "5 million euros"."""
    following = _AFTER.match(text, end)
    word = fold(following[1]).replace(" ", "") if following else ""
    if following and word in _MAGNITUDES:
        readings = frozenset(value * _MAGNITUDES[word] for value in readings)
        end = following.end()
        following = _AFTER.match(text, end)
        word = fold(following[1]).replace(" ", "") if following else ""
    if following and word in _units():
        return readings, _units()[word], following.end()
    return readings, frozenset(), end


@cache
def _units() -> dict[str, frozenset[str]]:
    found = {
        spelling: frozenset(name.split())
        for name, _, spellings in (line.partition(": ") for line in _UNITS.strip().split("\n"))
        for name in (name.strip(),)
        for spelling in spellings.split()
    }
    for table in TABLES.values():
        for unit, spellings in table["unit"].items():
            for spelling in spellings.split(", "):
                found.setdefault(spelling, frozenset({str(unit)}))
    return found


_LETTERS = re.compile(r"[^\W\d_]+")


def _written_out(text: str, language: str) -> Iterator[Number]:
    """Yield "five", "twenty-five", "two hundred", "third"; "one" is mostly no number."""
    table = words_of(language)
    found = list(_LETTERS.finditer(text))
    at = 0
    while at < len(found):
        kinds = table.get(fold(found[at][0]), {})
        value: object = kinds.get("number", kinds.get("tens"))
        ordinal = kinds.get("ordinal")
        first, last = found[at], found[at]
        at += 1
        if isinstance(value, int):
            total = value
            while at < len(found) and text[last.end() : found[at].start()] in (" ", "-"):
                word = fold(found[at][0])
                digit = table.get(word, {}).get("number")
                if "tens" in kinds and total == value and isinstance(digit, int) and digit < 10:
                    total += digit
                elif word in ("hundred", *_MAGNITUDES):
                    total *= _MAGNITUDES.get(word, 100)
                else:
                    break
                last = found[at]
                at += 1
            _, units, end = _with_what_follows(text, last.end(), frozenset())
            yield Number(frozenset({Decimal(total)}), units, first.start(), end, is_word=True)
        elif isinstance(ordinal, int):
            readings = frozenset({Decimal(ordinal)})
            yield Number(readings, frozenset(), *first.span(), is_word=True, is_ordinal=True)
