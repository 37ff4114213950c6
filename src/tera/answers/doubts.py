"""Why the best sentence may be no answer, though it is about the same: another person, not, 1974.

A sentence is quoted unless something speaks against it: to miss an answer that is there is worse
than to show one that is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal

from tera.answers.pieces import said
from tera.answers.scoring import SPEAKER_BONUS
from tera.answers.terms import COMMON, fold, stems
from tera.answers.wanted import Wanted
from tera.datatypes import Quote, SearchResult
from tera.places import is_chat, message_head
from tera.times.words import has_time_word

Doubt = Literal["another person", "not", "the opposite", "another number", "unknown name"]

OTHERS_LEAD = 0.0
"""By how much the best message of anyone else must fit better than those of the person asked about,
and those that name them. What 0.0 refuses on LoCoMo: .32 of the questions about what the other one
did, .03 of those with an answer; 0.3: .20 and .015 (benchmarks/extractive.py)."""
SIMILAR = 0.75
"""Names that are spelt so much alike are the same: "Groener", "Groner"."""
SHORTEST_NAME = 4
"""Letters; shorter ones are mostly written out elsewhere: UN, Jr, AAA."""
ALIKE_LETTERS = 4
"""Names that begin alike belong together: Norman, Normandy."""

_WORD = re.compile(r"[^\W_]+(?:[.,](?=\d)[^\W_]+)*")
_NUMBER = re.compile(r"(?<![\w.,])\d{3,}(?!\w)")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_OWNER = re.compile(r"\b([A-Z]\w+)['’]s\b")
"""Whose something is: what the passage says must be of them."""
_NEGATION = re.compile(
    r"\b(?:not|never|no|without|except|nobody|none|neither|nor|cannot|unable|fail\w*|least|lack\w*"
    r"|refus\w*|rejec\w*|prevent\w*|un\w+|in\w+able)\b|n['’]t\b",
    re.I,
)
_NEGATED = re.compile(r"\b(?:not|never|without|nobody|cannot)\b|n['’]t\b", re.I)
_REASON = re.compile(r"\b(?:why|how come|what['’]?s? (?:is |was |went )?wrong)\b", re.I)
"""Why something is not so is seldom told by a "not": "the printer is out of toner"."""
_OPPOSITES = """
    first last, before after, largest smallest, large small, big small, highest lowest
    higher lower, high low, most least, more less, more fewer, greater lesser, increase decrease
    increased decreased, rise fall, north south, northern southern, east west, eastern western
    male female, men women, old new, older newer, oldest youngest, early late
    earlier later, earliest latest, start end, begin end, began ended, win lose, won lost
    buy sell, bought sold, import export, inside outside, internal external, above below
    left right, strong weak, stronger weaker, strongest weakest, rich poor, positive negative
    legal illegal, public private, major minor, majority minority, maximum minimum
    same different, similar different, ancient modern, open closed, hot cold, fast slow
    faster slower, longest shortest, longer shorter, best worst, better worse, love hate
    allowed banned, accepted rejected, support oppose, supported opposed, success failure
    succeeded failed, include exclude, included excluded, gain loss, rural urban, upper lower
    true false, simple complex, easy difficult, arrive leave, arrived left, birth death, born died
    add remove, added removed, always never, all none, summer winter, mother father
    son daughter, uncle aunt, king queen
"""


# Not husband and wife, brother and sister, older and younger: "Mary is John's sister" answers who
# Mary's brother is.


def doubts(wanted: Wanted, ranked: Sequence[tuple[Quote, float]]) -> list[Doubt]:
    """Return what speaks against the best sentence; nothing where it is likely an answer.

    Args:
        wanted: What the question asks for.
        ranked: The sentences of all passages with their scores, best first.
    """
    best = ranked[0][0]
    results = list({id(quote.result): quote.result for quote, _ in ranked}.values())
    found: list[Doubt] = []
    if _is_of_another(wanted, ranked):
        found.append("another person")
    memory = best.result.memory
    if not is_chat(memory.type):
        # "What can Rex not eat?" is answered by a note that he is allergic to chicken.
        is_note = not (memory.type or memory.title or memory.source)
        if not is_note and _is_denied(wanted.question) and not _NEGATION.search(best.text):
            found.append("not")
        if _is_opposite(wanted.question, f"{_context(best.result)} {best.text}"):
            found.append("the opposite")
        if not set(_NUMBER.findall(_GROUPED.sub("", wanted.question))) <= set(
            _numbers(best.result)
        ):
            found.append("another number")
        if any(not _stands(name, [best.result]) for name in _OWNER.findall(wanted.question)):
            found.append("another person")
    if any(not _stands(name, results) for name in wanted.names):
        found.append("unknown name")
    return found


def _is_of_another(wanted: Wanted, ranked: Sequence[tuple[Quote, float]]) -> bool:
    """Return whether a question names who writes in a chat, and someone else's messages fit."""
    senders = {
        sender: stems(sender)
        for quote, _ in ranked
        if is_chat(quote.result.memory.type) and (sender := _sender(quote))
    }
    asked = [name for name in senders.values() if name and name <= wanted.stems]
    if not asked:
        return False
    own, others = -math.inf, -math.inf
    for quote, score in ranked:
        if any(name <= stems(said(quote)) for name in asked):
            # What who is asked about gains by that is no sign of what is told.
            is_sender = senders.get(_sender(quote)) in asked
            own = max(own, score - SPEAKER_BONUS * is_sender)
        else:
            others = max(others, score)
    return others > own + OTHERS_LEAD


def _sender(quote: Quote) -> str:
    return message_head(quote.result.memory, quote.start).rpartition(" (")[0]


def _context(result: SearchResult) -> str:
    return result.memory.title or ""


def _numbers(result: SearchResult) -> list[str]:
    text = f"{result.memory.at.year} {_context(result)} {result.text}"
    return _NUMBER.findall(_GROUPED.sub("", text))


def _is_denied(question: str) -> bool:
    """Return whether a question is about what is not so, and not about why."""
    return bool(_NEGATED.search(question)) and not _REASON.search(question)


def _is_opposite(question: str, sentence: str) -> bool:
    asked, told = _words(question), _words(sentence)
    return any(_OPPOSITE[word] & (told - asked) for word in asked - told if word in _OPPOSITE)


def _words(text: str) -> set[str]:
    return {fold(word) for word in _WORD.findall(text)}


def _stands(name: str, results: Sequence[SearchResult]) -> bool:
    """Return whether a name, or a word of it, or one much like it stands in any passage."""
    if any(map(str.isdigit, name)):
        return True
    asked = [
        fold(word)
        for word in _WORD.findall(name)
        if word[:1].isupper() and not word.isupper() and len(word) >= SHORTEST_NAME
    ]
    # "On Tuesday" and "in March" are mostly when a memory is from, not what stands in it.
    asked = [word for word in asked if not has_time_word([word])]
    if not asked or any(word in COMMON for word in asked):
        return True
    told = {word for result in results for word in _words(_everything(result))}
    begun = {word[:ALIKE_LETTERS] for word in told}
    return any(
        word[:ALIKE_LETTERS] in begun or get_close_matches(word, told, 1, SIMILAR) for word in asked
    )


def _everything(result: SearchResult) -> str:
    memory = result.memory
    head = message_head(memory, result.start) if is_chat(memory.type) else ""
    return " ".join((head, memory.title or "", memory.source or "", *memory.tags, result.text))


def _pairs() -> dict[str, set[str]]:
    pairs: dict[str, set[str]] = {}
    for pair in re.split(r"[,\n]", _OPPOSITES):
        if pair.strip():
            one, other = pair.split()
            pairs.setdefault(one, set()).add(other)
            pairs.setdefault(other, set()).add(one)
    return pairs


_OPPOSITE = _pairs()
