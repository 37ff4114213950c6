"""Does a model say that it does not know, and may it, with what it was shown?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tera.answers.wording import same_letters, stems

if TYPE_CHECKING:
    from tera.answers.quotes import Quotes

CLEAR_SHARE = 0.9  # benchmarks/context.py
"""The best sentence holds what is asked when it has this share of the question's words."""

_NOTES = r"(?:notes?|memor(?:y|ies)|passages?|context|text|information|excerpts?)"
# As `same_letters` writes them: small letters, no accents, one kind of apostrophe.
_REFUSALS = (
    r"\b(?:i|we) (?:\w+ ){0,2}?(?:do not|don't|cannot|can't|could not|couldn't|didn't) (?:\w+ )?"
    r"(?:know|say|tell|find|answer|determine|see|recall"
    r"|have (?:\w+ ){0,2}?(?:information|knowledge|details|data|answers?|records?|idea|clue))\b",
    r"\b(?:i am|i'm) (?:\w+ )?(?:not (?:\w+ )?(?:sure|certain|able|aware)|unsure|unable|sorry"
    r"|afraid)\b",
    rf"\b{_NOTES} (?:(?!sa[iy]|that|stat|mention)\w+ ){{0,3}}?"
    r"(?:do not|don't|does not|doesn't|did not|didn't|fails? to|never) (?:\w+ )?"
    r"(?:say|mention|contain|specify|provide|state|hold|include|tell|give|answer|indicate|have"
    r"|discuss|reveal|show|describe|explain|address|cover)\b",
    r"\b(?:there is|there's|there are|there was|i see|i find|i found|i have)"
    r" (?:no|not any|not enough|insufficient|nothing) (?:\w+ ){0,2}?(?:information|mention|records?"
    r"|notes?|memory|memories|details?|data|indication|evidence|references?|answers?|about)\b",
    r"\bnot (?:\w+ )?(?:mentioned|specified|stated|provided|known|given|found|available|clear)"
    rf"\b.{{0,40}}\b{_NOTES}\b",
    r"\b(?:cannot|can't|could not|couldn't|not possible to|impossible to) (?:be )?"
    r"(?:determined?|answer(?:ed)?|known|inferred|deduced)\b",
    r"^(?:the answer is )?(?:unknown|not (?:mentioned|specified|stated|known|given|provided|sure"
    r"|enough information)|no (?:information|answer|idea|mention|data|relevant)|n/a"
    r"|none of the notes|insufficient (?:information|context))\b",
    r"\bas an ai\b",
    r"\bi apologi[sz]e\b",
    r"\bweiss (?:ich )?(?:es |das )?(?:leider )?nicht\b",
    r"\bnotizen (?:\w+ ){0,4}?(?:nicht|nichts|keine[nr]?)\b",
    r"\bkeine (?:angaben?|information(?:en)?|hinweise?|notiz(?:en)?)\b",
    r"\bje ne (?:le )?sais pas\b",
    r"\bnotes ne (?:\w+ ){1,3}?(?:pas|rien|aucun)",
    r"\baucune (?:information|mention)\b",
    r"\b(?:no lo se|no se la respuesta|nao sei|non lo so|non so)\b",
    r"\b(?:notas|note|anotacoes) (?:no|non|nao) \w+",
    r"\b(?:no hay|non ci sono|nao ha) (?:\w+ )?informa",
    r"\bweet (?:ik )?(?:het |dat )?niet\b",
    r"\bnotities (?:\w+ ){0,4}?(?:niet|niets|geen)\b",
    r"\bgeen (?:informatie|gegevens)\b",
)
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _REFUSALS))


def is_refusal(sentence: str) -> bool:
    """Return whether a sentence says that the answer is not known, in the usual words for that."""
    return bool(_REFUSAL.search(same_letters(sentence)))


def holds_answer(question: str, quotes: Quotes) -> bool:
    """Return whether the best sentence clearly holds what is asked.

    Then a model that says that it does not know is not believed. It does when words of it were
    found that answer the question, or when it has most of the question's words.
    """
    if not (quotes.ranked and quotes.is_answer):
        return False
    if quotes.short:
        return True
    asked = stems(question)
    return len(asked) > 1 and len(asked & stems(quotes.best.text)) >= CLEAR_SHARE * len(asked)
