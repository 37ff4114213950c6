"""The words of a text that carry its content, as stems that can be compared, and its negations."""

from __future__ import annotations

import re

from tera.times.words import fold, frequent_words

STEM_LETTERS = 6
"""Words count as the same when they begin alike: "closes" and "closed"."""
_WORD = re.compile(r"[^\W_]+")
# Chinese, Japanese, Thai and Lao have no spaces between words: two characters stand for one.
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
# "Moved" and "move" begin alike too, but are shorter than the letters compared.
_ENDING = re.compile(r"(?<=[^\W\d_]{3})(?:ing|ed|es|s|e)$")
_MARKS = re.compile(r"[\"“”„«»‹›‘’`´]")

# What English sentences have besides the frequent words of `tera.times`, and words of answers
# about notes.
_LIGHT = frozenset(
    (
        *("a", "an", "be", "been", "being", "am", "can", "could", "will", "would", "should", "may"),
        *("might", "must", "not", "no", "yes", "but", "or", "if", "then", "than", "so", "as", "by"),
        *("its", "his", "her", "him", "their", "them", "your", "our", "us", "me", "these", "those"),
        *("there", "here", "also", "into", "onto", "after", "before", "because", "while", "during"),
        *("who", "whom", "whose", "some", "any", "all", "each", "both", "such", "own", "just"),
        *("very", "more", "most", "much", "many", "other", "another", "one", "now", "currently"),
        *("however", "therefore", "according", "note", "notes", "mention", "mentioned", "states"),
        *("stated", "says", "said", "don", "doesn", "didn", "isn", "wasn", "aren", "weren", "won"),
        *("ja", "nein", "oui", "non", "si", "sim", "nao", "nee", "auch", "aber", "oder", "kein"),
    )
)
_NEGATIONS = frozenset(
    (
        *("not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot"),
        *("nicht", "kein", "keine", "keinen", "keinem", "keiner", "nie", "niemals", "ohne"),
        *("pas", "jamais", "aucun", "aucune", "sans", "nunca", "ningun", "ninguna", "sin"),
        *("nessun", "nessuno", "nessuna", "senza", "non", "nao", "nem", "sem"),
        *("niet", "geen", "nooit", "zonder"),
    )
)
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and accents."""
    return [fold(word) for word in _WORD.findall(text)]


def stems(text: str) -> set[str]:
    """Return the stems of the words that carry a text's content."""
    found: set[str] = set()
    for run in _UNSPACED.findall(text):
        found |= {run[place : place + 2] for place in range(max(1, len(run) - 1))}
    for word in words_of(_UNSPACED.sub(" ", text)):
        if not is_light(word):
            found.add(_ENDING.sub("", word)[:STEM_LETTERS])
    return found


def is_light(word: str) -> bool:
    """Return whether a folded word carries no content of its own."""
    return word in _LIGHT or word in frequent_words()


def is_negated(text: str) -> bool:
    """Return whether a text denies something."""
    return bool(_CONTRACTED.search(text)) or not _NEGATIONS.isdisjoint(words_of(text))


def same_letters(text: str) -> str:
    """Return a text so that spellings of it compare as equal: no case, accents, quotation marks."""
    return " ".join(_MARKS.sub("'", fold(text)).split())
