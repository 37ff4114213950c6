"""The words of questions and sentences that say something, without their endings."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import Stemmer

STEM_LETTERS = 7
"""Words count as the same when their stems begin alike: "found", "founder"."""

_WORD = re.compile(r"[^\W_]+(?:[.,](?=\d)[^\W_]+)*")
_SPACELESS = re.compile(
    "[\u0e00-\u0e7f\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
)

_COMMON_WORDS = """
    a an the of to in on at for with by from as into onto upon within about and or than then not
    no nor but if so that this these those there here it its is are was were be been being am do
    does did done doing has have had having can could will would shall should may might must what
    which who whom whose when where why how much many long often i you he she they we me him us
    them my your his her their our mine yours hers theirs ours s t d m ll re ve also just very too
    more most some any such only own same other both each
    """
COMMON = frozenset(_COMMON_WORDS.split())
"""Words that nothing can be told by."""

_IRREGULAR = """
    be: become became; bear: bore born; begin: began begun; break: broke broken; bring: brought
    build: built; buy: bought; catch: caught; choose: chose chosen; come: came; draw: drew drawn
    drive: drove driven; eat: ate eaten; fall: fell fallen; feel: felt; fight: fought; find: found
    fly: flew flown; forget: forgot forgotten; get: got gotten; give: gave given; go: went gone
    grow: grew grown; hear: heard; hold: held; keep: kept; know: knew known; lead: led; leave: left
    lose: lost; make: made; mean: meant; meet: met; pay: paid; ride: rode ridden; rise: rose risen
    run: ran; say: said; see: saw seen; sell: sold; send: sent; show: shown; sing: sang sung
    sit: sat; sleep: slept; speak: spoke spoken; spend: spent; stand: stood; steal: stole stolen
    swim: swam swum; take: took taken; teach: taught; tell: told; think: thought; throw: threw
    throw: thrown; understand: understood; wake: woke woken; wear: wore worn; win: won
    write: wrote written; child: children; man: men; woman: women; person: people; foot: feet
    mom: mother mum; dad: father; die: death dead; marry: married marriage; live: life
    """
_BASE = {
    form: base.strip()
    for line in _IRREGULAR.replace("\n", ";").split(";")
    if line.strip()
    for base, forms in [line.split(":")]
    for form in forms.split()
    if form not in ("become", "became", "found")
}


@dataclass(frozen=True, slots=True)
class Term:
    """A word, as it is compared, and where it stands."""

    stem: str
    start: int
    end: int


def terms(text: str) -> list[Term]:
    """Return the words of a text that tell something, in their order."""
    found: list[Term] = []
    for word in _WORD.finditer(text):
        if _SPACELESS.search(word[0]):
            found += _pairs(word[0], word.start())
        elif (stem := stem_of(word[0])) and stem not in COMMON:
            found.append(Term(stem, word.start(), word.end()))
    return found


def stems(text: str) -> frozenset[str]:
    """Return the words of a text that tell something."""
    return frozenset(term.stem for term in terms(text))


@cache
def _stemmer() -> Stemmer.Stemmer:
    import Stemmer

    return Stemmer.Stemmer("english")


def stem_of(word: str) -> str:
    """Return a word as it is compared; a common one as it is."""
    folded = fold(word)
    if folded in COMMON:
        return folded
    base = _BASE.get(folded, folded)
    if any(map(str.isdigit, base)):
        return base.replace(",", "")
    return str(_stemmer().stemWord(base))[:STEM_LETTERS]


def fold(word: str) -> str:
    """Return a word without case and accents."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _pairs(word: str, start: int) -> list[Term]:
    """Return pairs of letters of a script that has no spaces between words."""
    if len(word) == 1:
        return [Term(word, start, start + 1)]
    return [Term(word[at : at + 2], start + at, start + at + 2) for at in range(len(word) - 1)]
