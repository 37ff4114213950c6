"""Words of a sentence that may name somebody or something: capital letters where none need be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tera.answers.wording import is_light
from tera.times.words import fold

_WORD = re.compile(r"[^\W\d_]+(?:['’‐-][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['’](?:s|S)?$")
_ELISION = re.compile(r"^(?:[dlmtscnj]|qu|dell|all|nell|un)['’]", re.IGNORECASE)
# What stands before the first word of a sentence, or before one that is written like it.
_OPENING = re.compile(r"(?:^|[:;.!?…“\"«„(\[*_–—-]\s*)$")

# With which a sentence that names nobody may begin, besides the words without content.
_STARTERS = frozenset(
    (
        *("based", "given", "unfortunately", "additionally", "furthermore", "moreover", "overall"),
        *("today", "tomorrow", "yesterday", "later", "earlier", "first", "second", "finally"),
        *("next", "last", "since", "until", "although", "though", "despite", "whether", "every"),
        *("everyone", "everything", "someone", "something", "nobody", "nothing", "people", "only"),
        *("answer", "summary", "sources", "source", "question", "sure", "okay", "ok", "please"),
        *("several", "few", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        *("run", "use", "see", "make", "take", "let", "go", "click", "visit", "open", "call"),
        *("laut", "heute", "gestern", "morgen", "leider", "dann", "danach", "beide", "alle"),
        *("selon", "aujourd", "hier", "malheureusement", "segun", "ayer", "hoy", "secondo"),
        *("ieri", "oggi", "ontem", "hoje", "volgens", "gisteren", "vandaag", "helaas"),
    )
)
_ORDINARY_ENDINGS = ("ly", "ing")
# In English a name that begins a sentence is followed by what somebody does, or by more names:
# "Bob owns it", but "Write to me".
_AFTER_NAME = re.compile(
    r"['’]s\b|\s*,|\s+(?:[A-Z]|\w+(?:s|ed)\b|(?:is|was|were|are|has|had|have|will|would|can|could"
    r"|should|may|might|must|did|and|or|went|got|made|said|told|took|came|gave|bought|met|saw|ran"
    r"|left|sold|paid|wrote|sent|kept|found|lost|won|built|began|became|felt|knew|thought|put|set"
    r"|at|of|from)\b)"
)
# German nouns are written like names; these stand before a noun that is none, or end one.
_ARTICLES = frozenset(
    (
        *("der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer"),
        *("eines", "kein", "keine", "keinen", "mein", "meine", "meinen", "meiner", "dein", "deine"),
        *("sein", "seine", "seinen", "seiner", "ihr", "ihre", "ihren", "ihrer", "unser", "unsere"),
        *("zum", "zur", "im", "am", "beim", "vom", "ins", "ans", "diese", "dieser", "dieses"),
        *("diesen", "diesem", "jede", "jeder", "jedes", "jeden", "pro", "viele", "zwei", "drei"),
    )
)
_NOUN_ENDINGS = (
    *("ung", "ungen", "heit", "heiten", "keit", "keiten", "schaft", "tat", "ion", "ionen"),
    *("nis", "nisse", "tum", "chen", "ment", "mus", "ik", "ur", "zeit", "tag", "stunde", "stunden"),
)
_SAID_SO = frozenset(("i", "ok", "am", "pm", "a", "dr", "mr", "mrs", "ms", "herr", "frau"))


def names_of(sentence: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield the characters of each word that may be a name, without its possessive.

    Args:
        sentence: One sentence; a word that merely begins it is left out.
        language: "de" for German, where every noun has a capital letter.
    """
    letters = [character for character in sentence if character.isalpha()]
    if len(letters) > 12 and sum(map(str.isupper, letters)) > 0.6 * len(letters):
        # Shouted: capital letters tell nothing.
        return
    before = ""
    for found in _WORD.finditer(sentence):
        start, word = found.start(), found[0]
        if elided := _ELISION.match(word):
            start, word = start + elided.end(), word[elided.end() :]
        if possessive := _POSSESSIVE.search(word):
            word = word[: possessive.start()]
        end = start + len(word)
        folded = fold(word)
        is_first = bool(_OPENING.search(sentence[: found.start()]))
        if (
            word[:1].isupper()
            and folded not in _SAID_SO
            and not (is_first and _is_ordinary(folded))
            and not (is_first and language == "en" and not _AFTER_NAME.match(sentence, end))
            and not (language == "de" and _is_noun(folded, before, is_first))
        ):
            yield start, end
        before = folded


def _is_ordinary(folded: str) -> bool:
    return (
        is_light(folded)
        or folded in _STARTERS
        or (len(folded) > 4 and folded.endswith(_ORDINARY_ENDINGS))
    )


def _is_noun(folded: str, before: str, is_first: bool) -> bool:
    """Return whether a capital letter tells nothing in German."""
    return (
        before in _ARTICLES
        or folded.endswith(_NOUN_ENDINGS)
        # Behind an adjective: "die neue Datenbank".
        or (
            not is_first and before.endswith(("en", "er", "es", "em", "e")) and not is_light(before)
        )
    )
