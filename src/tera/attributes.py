"""A memory -> its attributes: what conditions like `tag = work and priority > 2` look at.

They come from the memory's own fields and from what its text states of itself; nothing is stored
for them. Names and values are compared casefolded, and in one Unicode form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tera.datatypes import Memory
from tera.places import MONTHS, senders
from tera.structure import fields_of, is_mail

FORMAT = 1
"""Counts up with every change of what is derived, so that an index of it is made anew."""
MAX_VALUE_CHARACTERS = 1000
"""Of a value so much counts; what is longer is no attribute but a text, which search looks at."""
MAX_NAME_CHARACTERS = 120
MAX_EXACT = 2**53
"""Numbers from there on are the same only if their texts are: floats cannot tell them apart."""
TIMES = frozenset({"at", "remembered"})
"""Attributes that are moments; on all others a condition may compare anything."""
OWN = frozenset({"tag", "source", "type", "title", *TIMES})
"""Names that mean the fields of a memory; what a text states under such a name has a dot before."""
ALIASES = {"tags": "tag", "path": "source", "time": "at"}

Attributes = Mapping[str, "tuple[Value, ...]"]
"""The values by name; a name without values is not there."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})(?:[eE][+-]?\d{1,3})?", re.A)
_ISO = re.compile(
    r"\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s?(?:Z|[+-]\d\d:?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_SPELLED = re.compile(
    rf"(?:\w{{6,9}}, )?(\d\d?) ({'|'.join(MONTHS)}) (\d{{4}})(?: (\d\d):(\d\d))?(?!\w)", re.I | re.A
)
_SPACES = re.compile(r"[\s_-]+")
_ADDRESS = re.compile(r"(.*?)\s*<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an attribute.

    `text` is folded. A text that is a number has `number`; one that is a date has the first and
    the last millisecond of it, on the wall clock; for `at` and `remembered` those since 1970, UTC.
    """

    text: str
    number: float | None = None
    start: int | None = None
    end: int | None = None


def attributes_of(memory: Memory) -> Attributes:
    """Return the attributes of a memory."""
    found: dict[str, dict[str, Value]] = {}
    for name, text in _texts(memory):
        folded = fold(text[: MAX_VALUE_CHARACTERS * 2])[:MAX_VALUE_CHARACTERS]
        known = found.setdefault(name, {})
        if folded not in known:
            known[folded] = value_of(folded)
    attributes = {name: tuple(values.values()) for name, values in found.items()}
    for name, moment in (("at", memory.at), ("remembered", memory.remembered_at)):
        attributes[name] = (Value("", None, to_ms(moment), to_ms(moment)),)
    return attributes


def _texts(memory: Memory) -> Iterator[tuple[str, str]]:
    yield from (("tag", tag) for tag in memory.tags)
    if memory.source:
        yield "source", memory.source
    if memory.type:
        yield "type", memory.type
    if memory.title:
        yield "title", memory.title
    for sender in senders(memory):
        yield "sender", sender
    for name, text in fields_of(memory):
        plain = name_of(name)
        if is_mail(memory):
            yield from _people(plain, text)
        if plain and len(plain) <= MAX_NAME_CHARACTERS:
            yield (f".{plain}" if ALIASES.get(plain, plain) in OWN else plain), text


def _people(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield whom a line of a mail's head names: whole, by name, and by address."""
    role = {"from": "sender", "to": "recipient", "cc": "recipient", "bcc": "recipient"}.get(name)
    if not role:
        return
    yield role, text
    if found := _ADDRESS.fullmatch(text):
        yield from ((role, part.strip("'\" ")) for part in found.groups() if part.strip("'\" "))


def name_of(text: str) -> str:
    """Return a name as attributes have it: "Due date", "due-date" and "DUE_DATE" are the same."""
    return _SPACES.sub("_", fold(text)).strip("_")


def key_of(name: str) -> str:
    """Return the attribute that a name in a condition means; a dot before it: the text's own."""
    plain = name_of(name.removeprefix("."))
    if name.startswith("."):
        return f".{plain}" if ALIASES.get(plain, plain) in OWN else plain
    return ALIASES.get(plain, plain)


def fold(text: str) -> str:
    """Return a text as values are compared: any case, one Unicode form, single spaces."""
    if not text.isascii():
        # Again after the case: some letters of another case have another form.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        text = folded.encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.replace("\0", " ").lower().split())


def value_of(folded: str) -> Value:
    """Return a value with what its text means as a number or a date, if anything."""
    if _NUMBER.fullmatch(folded):
        return Value(folded, number_of(folded))
    if _ISO.fullmatch(folded):
        moments = _iso(folded.upper())
    else:
        found = _SPELLED.match(folded)
        moments = _spelled(found) if found else None
    return Value(folded, None, *moments) if moments else Value(folded)


def number_of(folded: str) -> float | None:
    """Return the number that a text is; None if it is none."""
    return float(folded) if _NUMBER.fullmatch(folded) else None


def to_ms(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970, UTC."""
    return round((moment - _EPOCH) / timedelta(milliseconds=1))


def to_wall_ms(moment: datetime) -> int:
    """Return a moment as the person's wall clock shows it, in milliseconds.

    A date without a time has no zone: a note that says 3 May means that day wherever it is read.
    """
    if moment.tzinfo:
        try:
            moment = moment.astimezone()
        except (OverflowError, OSError, ValueError):  # at the very ends of the calendar
            moment = moment.astimezone(UTC)
    return to_ms(moment.replace(tzinfo=UTC))


def _iso(text: str) -> tuple[int, int] | None:
    try:
        if len(text) > len("2024-05-03"):
            moment = to_wall_ms(datetime.fromisoformat(text.replace(",", ".").replace(" Z", "Z")))
            return moment, moment
        if len(text) == len("2024-05-03"):
            return _days(datetime.fromisoformat(text), 1)
        first = datetime.fromisoformat(f"{text}-01")
        following = (first + timedelta(days=31)).replace(day=1)
        return _days(first, (following - first).days)
    except (ValueError, OverflowError):
        return None


def _days(first: datetime, count: int) -> tuple[int, int]:
    start = to_wall_ms(first)
    return start, start + count * 86_400_000 - 1


def _spelled(found: re.Match[str]) -> tuple[int, int] | None:
    """Return the date that the readers of mails, calendars and contacts write out."""
    months = [name.lower() for name in MONTHS]
    try:
        day = datetime(int(found[3]), months.index(found[2].lower()) + 1, int(found[1]))
        if found[4]:
            moment = to_wall_ms(day.replace(hour=int(found[4]), minute=int(found[5])))
            return moment, moment
        return _days(day, 1)
    except (ValueError, OverflowError):
        return None
