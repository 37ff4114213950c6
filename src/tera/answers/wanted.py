"""A question -> what kind of words would answer it, and what it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tera.answers.terms import COMMON, Term, stem_of, terms
from tera.times import asks_when

Kind = Literal[
    "person", "time", "place", "number", "amount", "duration", "name", "code", "thing", "other"
]
"""`name` is asked for by a word (which song), `code` too (which port), `thing` by none (what);
`other` wants no short words."""

_WHEN_CLAUSE = re.compile(r"\W*when\b[^,]*, *(?:what|who|which|how|where|why)\b", re.I)
_LAST_WHEN = re.compile(r"\bwhen\W*$", re.I)
_HOW_MANY = re.compile(r"\bhow many\b\s*(?P<noun>[\w'’-]*)", re.I)
_AMOUNT = re.compile(
    r"\bhow (?:much|far|tall|high|deep|wide|big|large|heavy|fast|hot|cold|expensive)\b"
    r"|\bwhat (?:percent\w*|proportion|share|price|cost|distance|temperature|amount|fraction)\b",
    re.I,
)
_DURATION = re.compile(
    r"\bhow (?:long|old)\b|\bhow many (?:seconds|minutes|hours|days|weeks|months|years)\b"
    r"|\bwhat age\b",
    re.I,
)
_NUMBER_OF = re.compile(
    r"\bwhat (?:is|was|are|were) the (?:\w+ )?(?:number|population|total|size|age|height|length"
    r"|width|weight|speed|price|cost|percentage|rate|temperature)\b|\bwhat number\b",
    re.I,
)
_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.I)
_WHERE = re.compile(r"\bwhere\b", re.I)
_FIRST_WHERE = re.compile(r"\W*(?:from |to )?where\b", re.I)
_PLACE_NOUNS_WORDS = """
    city cities country countries state states town towns place places location locations
    continent region regions county province island village street address river lake mountain
    ocean sea area areas district building neighborhood neighbourhood
    """
_PLACE_NOUNS = frozenset(_PLACE_NOUNS_WORDS.split())
_PERSON_NOUNS_WORDS = """
    person people actor actress author writer singer artist king queen emperor president leader
    scientist player musician philosopher general pope duke engineer inventor architect
    """
_PERSON_NOUNS = frozenset(_PERSON_NOUNS_WORDS.split())
_AMOUNT_NOUNS = frozenset({"percentage", "percent", "number", "amount"})
_CODE = re.compile(
    r"\b(?:what|which)(?:['’]s)? (?:(?:is|was|are) )?(?:the |our |my |your |his |her |their )?"
    r"(?:[\w'’.-]+ ){0,4}?(?P<noun>ports?|versions?|passwords?|passcodes?|pins?|codes?"
    r"|urls?|paths?|commands?|ids?|keys?|tokens?|ips?|ssid|iban|e-?mail"
    r"|(?:phone|e-?mail|ip) (?:number|address)"
    r"|extension|host(?:name)?|branch|commit)"
    r"(?= (?:is|was|are|do|does|did|has|of|for|to|in|on|at)\b"
    r"|\W*$)",
    re.I,
)
_WHICH = re.compile(
    r"\b(?:what|which)(?:'s|’s)?\s+(?!(?:is|are|was|were|do|does|did|has|have|had|can|could|will"
    r"|would|should|may|might|must|else|about|happen\w*)\b)(?P<noun>(?:[\w'’-]+ ){0,3}?[\w'’-]+)"
    r"(?=\s+(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|of"
    r"|in|for|that|to|from|on|with|by|at|the|a|\w+s|\w+ed)\b|[?]|$)",
    re.I,
)
_KIND_OF = re.compile(r"\b(?:kinds?|types?|sorts?|names?|colou?rs?|titles?|brands?)\b", re.I)
_WHAT = re.compile(r"\bwhat\b|\bwhich\b", re.I)
_DOING = re.compile(r"\bwhat\b.*\bd(?:o|oes|id|oing)\b[^?]*\bdo(?:ing)?\b", re.I)
_WHY_HOW = re.compile(r"^\W*(?:why|how)\b", re.I)
_ENGLISH = re.compile(
    r"\b(?:who|whom|whose|where|when|what|which|how (?:many|much|long|old|far|\w+))\b", re.I
)
_NAME = re.compile(
    r"\b(?:[A-Z][\w’'&-]*|\d[\w.,%:/-]*\w|\d)(?: (?:of |the |de |van |von )?"
    r"(?:[A-Z][\w’'&-]*|\d[\w.,%:/-]*\w|\d)\b)*"
)
_QUOTED = re.compile(r"[\"“«]([^\"”»]{2,60})[\"”»]")
_POSSESSIVE = re.compile(r"['’]s?$")


_RULES: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (_DURATION, "duration"),
    (_HOW_MANY, "number"),
    (_AMOUNT, "amount"),
    (_CODE, "code"),
    (_NUMBER_OF, "amount"),
    (_WHO, "person"),
    (_FIRST_WHERE, "place"),
    (_DOING, "other"),
    (_WHY_HOW, "other"),
    (_WHICH, "name"),
    (_WHAT, "thing"),
    (_WHERE, "place"),
)
"""The first that holds says what is wanted."""


@dataclass(frozen=True)
class Wanted:
    """What a question asks for.

    Attributes:
        question: As asked.
        kind: What would answer it.
        noun: What it asks for by a word: "turtles" of "how many turtles".
        terms: Its words that tell something.
    """

    question: str
    kind: Kind
    noun: str
    terms: tuple[Term, ...]

    @cached_property
    def stems(self) -> frozenset[str]:
        """Its words as they are compared."""
        return frozenset(term.stem for term in self.terms)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names, numbers and quoted words in it, each as it stands."""
        found = [match[1] for match in _QUOTED.finditer(self.question)]
        for match in _NAME.finditer(self.question):
            words = match[0].split()
            # The first word of a question is capital in any case.
            begins = not self.question[: match.start()].strip(" \"'“¿¡")
            if begins and (stem_of(words[0]) in COMMON or len(words) == 1):
                words = words[1:]
            name = _POSSESSIVE.sub("", " ".join(words))
            if name and stem_of(name) not in COMMON:
                found.append(name)
        return tuple(dict.fromkeys(found))

    @cached_property
    def noun_stems(self) -> frozenset[str]:
        """What it asks for, as it is compared."""
        return frozenset(term.stem for term in terms(self.noun))


def wanted(question: str) -> Wanted:
    """Return what a question asks for; `other` where it is not English or wants no short words."""
    kind, noun = _kind_of(" ".join(question.split()))
    return Wanted(question, kind, noun, tuple(terms(question)))


def _kind_of(question: str) -> tuple[Kind, str]:
    if not _ENGLISH.search(question):
        # "Wann", "quand" and others are known to the times.
        return ("time" if asks_when(question) else "other"), ""
    is_when = _asks_when(question)
    for pattern, kind in _RULES:
        found = pattern.search(question)
        # "How long ago" is a time.
        if found and not (is_when and kind != "time"):
            noun = found.groupdict().get("noun") or ""
            return (_kind_of_noun(noun) if kind == "name" else kind), noun
    return ("time" if is_when else "other"), ""


def _asks_when(question: str) -> bool:
    # "When he was young, what did he do?" asks for something else.
    if _WHEN_CLAUSE.match(question):
        return False
    return asks_when(question) or bool(_LAST_WHEN.search(question))


def _kind_of_noun(noun: str) -> Kind:
    words = set(noun.lower().split())
    if words & _PLACE_NOUNS:
        return "place"
    if words & _PERSON_NOUNS:
        return "person"
    return "amount" if words & _AMOUNT_NOUNS else "name"
