"""Which word means which time, in English and the language of the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache

from tera.times.languages.dutch import DUTCH
from tera.times.languages.english import ENGLISH
from tera.times.languages.french import FRENCH
from tera.times.languages.german import GERMAN
from tera.times.languages.italian import ITALIAN
from tera.times.languages.portuguese import PORTUGUESE
from tera.times.languages.spanish import SPANISH
from tera.times.languages.table import Table

Kinds = Mapping[str, object]
"""What a word may be -> its meaning."""

LONGEST = 4
"""Words in one entry ("the day before yesterday")."""

TABLES = {
    "en": ENGLISH,
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "it": ITALIAN,
    "pt": PORTUGUESE,
    "nl": DUTCH,
}

# Words that most sentences have some of, and most sentences of other languages have not.
_FREQUENT = {
    "en": """
        the of and is are was were did do does have has had what when who how where which why my
        i we you they he she it in on at to from with about for that this last tell me s
    """,
    "de": """
        der die das den dem des ein eine einen einem ist sind war waren hat haben habe hatte ich
        wir er sie es mir mich uns mit von zu und nicht was wer wie wo wann warum welche welcher
        welches am im um gab ging hatten wurde worden habt seit letzte letzten bin gemacht
    """,
    "fr": """
        le la les un une des du de et est sont etait ai as avons avez ont je tu nous vous il
        elle on que qu quoi quand qui comment ou quel quelle quels quelles pourquoi avec dans
        pour sur fait j au aux ce cette c s dit
    """,
    "es": """
        el la los las un una del de y es son fue que cuando quien como donde cual por con para
        en he has ha hemos han yo nosotros mi me se al hice hicimos hablamos paso sobre lo hablo
        dije
    """,
    "it": """
        il lo la i gli le un una del della di e che cosa quando chi come dove quale perche con
        per in ho hai ha abbiamo hanno sono era io noi mi si al nel alla ci abbiamo fatto detto
        successo
    """,
    "pt": """
        o a os as um uma do da de e que quando quem como onde qual por com para em no na nos foi
        eu nos meu minha me se ao fiz fizemos falamos aconteceu sobre voce fazer disse
    """,
    "nl": """
        de het een en is zijn was waren heb heeft hebben had ik we wij hij zij je jij mijn ons
        wat wanneer wie hoe waar welke waarom met van op in over voor dat niet er gedaan
        besproken
    """,
}


@cache
def words_of(language: str) -> dict[str, Kinds]:
    """Return the words of a language with English beneath them, by their folded form."""
    found: dict[str, dict[str, object]] = {}
    for name in dict.fromkeys(("en", language)):
        for kind, meanings in {**TABLES[name], **_compounds(name)}.items():
            for meaning, words in meanings.items():
                for word in words.split(", "):
                    found.setdefault(word, {})[kind] = meaning
    return dict(found)


def _compounds(language: str) -> Table:
    """Return the words that are a weekday and a part of the day: "Freitagabend"."""
    if language not in ("de", "nl"):
        return {}
    table = TABLES[language]
    return {
        "weekday_part": {
            (weekday, part): ", ".join(
                day + name for day in days.split(", ") for name in names.split(", ")
            )
            for weekday, days in table["weekday"].items()
            for part, names in table["part"].items()
        }
    }


@cache
def frequent_words() -> frozenset[str]:
    """Return the words that carry no content, of all languages."""
    return frozenset().union(*map(_frequent, TABLES))


_NAMES = """
    month weekday weekdays weekday_short weekday_part unit relative_day day_and_part part season
    holiday week_number
"""
_NAMING = frozenset(_NAMES.split())
"""Kinds of which every time without digits has a word."""
_MORE_HINTS = "third last last_after rolling ago ago_before since before after"
_HINTING = _NAMING - {"weekdays", "weekday_short", "week_number"} | {*_MORE_HINTS.split()}
"""Kinds of words that tell which language a text is in."""


@cache
def _frequent(language: str) -> frozenset[str]:
    return frozenset(_FREQUENT[language].split())


def guess_language(words: Sequence[str]) -> str:
    """Return the language of a text by its folded words: frequent ones, and those for times."""
    known = dict.fromkeys(TABLES, 0)
    hints = _hints()
    for word in words:
        for language in hints.get(word, ()):
            known[language] += 1
    return max(known, key=lambda language: known[language])


def has_time_word(words: Sequence[str]) -> bool:
    """Return whether a text without digits may speak of a time, by its folded words."""
    return not _time_words().isdisjoint(words)


@cache
def _hints() -> dict[str, list[str]]:
    """Return the languages that a word speaks for; one twice where it speaks so."""
    found: dict[str, list[str]] = {}
    for language in TABLES:
        for word in (*_frequent(language), *_words_of_kinds(language, _HINTING)):
            found.setdefault(word, []).append(language)
    return found


@cache
def _time_words() -> frozenset[str]:
    return frozenset(
        # Of "the day before yesterday" the word that stands in no other text.
        max(entry.split(), key=len)
        for language in TABLES
        for entry in _words_of_kinds(language, _NAMING)
    )


def _words_of_kinds(language: str, kinds: frozenset[str]) -> set[str]:
    table = {**TABLES[language], **_compounds(language)}
    return {
        word
        for kind in kinds
        for words in table.get(kind, {}).values()
        for word in words.split(", ")
    }


def fold(word: str) -> str:
    """Return a word without case and accents."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
