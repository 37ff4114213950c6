"""The times that a question speaks of, and what it asks about besides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from tera.times.periods import DAY, Grain, midnight
from tera.times.spotting import Spotted, spot
from tera.times.tokens import TELLING, folded_words, read_tokens
from tera.times.words import frequent_words, guess_language, has_time_word

LAST = timedelta(milliseconds=1)
MOST_TIMES = 16
"""More are those of a pasted table or log; each is looked for, which takes about 5 ms."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A time that a question speaks of."""

    start: datetime | None
    """In UTC, inclusive; None for open."""
    end: datetime | None
    phrase: str
    """The words in the question, with the "in" or "since" before them."""
    at: int
    """Where they stand in it."""
    grain: Grain


def find_times(question: str, now: datetime) -> tuple[TimeSpan, ...]:
    """Return the times that a question speaks of, in the order of the text: the first of them.

    A day or month without its year is the latest that is not after `now`; where the question
    speaks of the future, the next.

    Args:
        question: Any text, in one of the languages of `tera.times.languages`.
        now: Aware; what "yesterday" is relative to.
    """
    words = folded_words(question)
    if not (any(map(str.isdigit, question)) or has_time_word(words)):
        return ()
    tokens = read_tokens(question, guess_language(words))
    if not any(TELLING & token.kinds.keys() for token in tokens):
        return ()
    local = now.astimezone().replace(tzinfo=None)
    is_future = bool(_FUTURE.search(question)) and not _PAST.search(question)
    spans = (_span(question, found) for found in spot(tokens, local, is_future))
    return tuple(islice((span for span in spans if span), MOST_TIMES))


def whole_days(span: TimeSpan) -> TimeSpan:
    """Return a span from its first day's midnight to its last day's end.

    A memory that is known to the day only is not within "in the evening on 5 May", but is of it.
    """
    start, end = span.start, span.end
    try:
        if start:
            start = _utc(midnight(start.astimezone().date()))
        if end:
            end = _utc(midnight(end.astimezone().date()) + DAY) - LAST
    except OverflowError:
        # The last day of the calendar.
        return span
    return replace(span, start=start, end=end)


def without_times(question: str, spans: Sequence[TimeSpan]) -> str:
    """Return the question's other words: what it asks about."""
    rest, last = "", 0
    for span in sorted(spans, key=lambda span: span.at):
        rest += question[last : max(last, span.at)] + " "
        last = max(last, span.at + len(span.phrase))
    rest += question[last:]
    return _LOOSE.sub(r"\1", " ".join(rest.split())).strip(" ,;")


def is_only_time(question: str, spans: Sequence[TimeSpan]) -> bool:
    """Return whether a question names a time and nothing else, as "what did we discuss in May?"."""
    if not spans:
        return False
    rest = without_times(question, spans)
    return all(word in _EMPTY or word in frequent_words() for word in folded_words(rest)) and not (
        any(map(str.isdigit, rest))
    )


def asks_when(question: str) -> bool:
    """Return whether the answer is a time: "when did ...", "what year", "how long ago", "wann"."""
    return bool(_WHEN.search(" ".join(folded_words(question))))


def tells_time(text: str) -> bool:
    """Return whether a text seems to tell a time: "yesterday", "in May", "two years ago"."""
    return has_time_word(folded_words(text))


def _utc(moment: datetime) -> datetime:
    """Return a moment of the person's own calendar in UTC."""
    return moment.astimezone(UTC)


def _span(question: str, found: Spotted) -> TimeSpan | None:
    period = found.period
    try:
        start = _utc(period.start) if period.start else None
        end = _utc(period.end) - LAST if period.end else None
    except (OverflowError, ValueError):
        # At the ends of the calendar another zone has no such day.
        return None
    if (start is None and end is None) or (start and end and end < start):
        return None
    return TimeSpan(start, end, question[found.start : found.end], found.start, period.grain)


_LOOSE = re.compile(r"\s+([?.!,;:])")
_FUTURE = re.compile(
    r"\b(?:will|won't|shall|going to|gonna|upcoming|werden?|wirst|wird|werdet|zal|zullen|sarà"
    r"|saranno|sera|seront|vais|allons|será|serão|voy a|vamos a|vou|vamos)\b|['’]ll\b"
)
_PAST = re.compile(r"\b(?:did|was|were|had|happened|said|went|hatten?|war|waren)\b")
_ASKING = r"(?:and |so |but |(?:can you )?(?:tell|remind) me |do you (?:know|remember) )*"
_WHEN = re.compile(
    # Of folded words with one space between them.
    rf"^{_ASKING}when\b|\b(?:since|until|remember) when\b"
    r"|\bhow long ago\b|\bhow long (?:has|have) it been\b"
    r"|\bhow many (?:minutes|hours|days|weeks|months|years)(?: \w+)? ago\b"
    r"|\b(?:what|which) (?:exact |specific )?(?:date|day|weekday|week|weekend|month|season|quarter"
    r"|year|decade|century|time)\b(?! zone)"
    r"|\bthe (?:exact |specific )?dates? (?:of|on which|when|that)\b"
    r"|^(?:ab |bis |seit )?wann\b|\b(?:bis|seit) wann\b"
    r"|\bwelche[mnrs]? (?:tag|datum|woche|monat|jahr)\b|\bwie lange ist\b"
    r"|^(?:depuis |jusqu a )?quand\b|\bquand$|\bdepuis quand\b"
    r"|\bquelle (?:date|annee|semaine)\b|\bquel (?:jour|mois)\b"
    r"|^(?:desde |hasta )?cuando\b|\b(?:desde|hasta) cuando\b"
    r"|^(?:da |de |desde |ate )?quando\b|\b(?:da|desde|ate) quando\b"
    r"|\b(?:que|qual|che|quale) (?:dia|fecha|ano|mes|semana|data|giorno|anno|mese|settimana)\b"
    r"|^(?:sinds )?wanneer\b|\bsinds wanneer\b|\bwelke? (?:dag|datum|week|maand|jaar)\b"
)
_SAID_OR_DONE = """
    discuss discussed discussing discussion discussions talk talked talking talks chat chatted
    chatting chats speak spoke spoken say said saying says mention mentioned do did done doing
    happen happened happening happens go going went on tell show give list summarize summarise
    summary recap overview remember remembered note noted notes record recorded write wrote
    conversation conversations message messages memory memories entry entries event events thing
    things stuff sort sorts kind kinds something anything everything all any some there been be
    being were was up over again earlier later late early please can could would you us our we
    each other together between during also back exactly topics topic subjects subject and or
    plan planned plans know learn learned store stored save saved besprochen gesprochen gesagt
    gemacht passiert geredet getan los erzahl erzahle zeig uber alles geschehen worum ging es
    notiert geschrieben parle parlions discute dit fait passe raconte moi quels choses chose
    note ecrit hablamos hablado dijimos hicimos hice paso pasado hecho dicho cuentame cosas todo
    dime parlato detto fatto successo discusso cose cosa dimmi raccontami falamos falado fizemos
    fiz aconteceu feito dito discutimos conversamos coisas diga conta gepraat gesproken
    besproken gezegd gedaan gebeurd gebeurde vertel dingen
"""
_EMPTY = frozenset(_SAID_OR_DONE.split())
"""What is said or done, without a word about what."""
