"""Headers of a mail -> names, subjects and dates that a person can read; no header can fail."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime
from email.message import Message
from email.policy import Compat32
from email.utils import getaddresses, parsedate_to_datetime

from tera.readers.dates import localised, plausible, spelled_day
from tera.readers.mail.charset import clean_text, decode_text

MAX_HEADER_CHARACTERS = 256 * 1024
"""Of one header: some 4,000 recipients."""
MAX_SUBJECT_CHARACTERS = 1000
MAX_RECIPIENTS = 20
"""Named in a text; the others are counted."""

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_REPLY = "re|aw|antw|antwort|sv|vs|odp|res|ref|rif|r|ynt|atb|bls|回复|答复|回覆|回信|返信"
_FORWARD = "fw|fwd|wg|tr|rv|enc|i|pd|vb|vl|doorst|转发|轉寄|転送"
_PREFIX = re.compile(rf"\s*(?:(?P<re>{_REPLY})|(?:{_FORWARD}))\s*(?:[\[(]\d+[\])])?\s*[:：]", re.I)


class _Verbatim(Compat32):
    """Gives headers as they were read; the library's own decoding fails on broken ones."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        text = value[:MAX_HEADER_CHARACTERS]
        if not text.isascii():
            text = decode_text(text.encode("utf-8", "surrogateescape"), "")
        return text


VERBATIM = _Verbatim()


def header(mail: Message, name: str) -> str:
    """Return a header in one line, its encoded words decoded; empty if it is not there."""
    return decode_words(str(mail.get(name, "")))


def subject(mail: Message) -> str:
    """Return the subject, of bounded length."""
    return header(mail, "Subject")[:MAX_SUBJECT_CHARACTERS]


def is_reply(mail: Message) -> bool:
    """Return whether a mail answers another, whose text is thus in a mail of its own."""
    if prefix := _PREFIX.match(header(mail, "Subject")):
        return prefix["re"] is not None
    return bool(mail.get("In-Reply-To") or mail.get("References"))


def topic(text: str) -> str:
    """Return a subject without "Re:", "Fwd:", "AW:" at its beginning."""
    while prefix := _PREFIX.match(text):
        text = text[prefix.end() :]
    return text.strip()


def people(mail: Message, name: str) -> list[str]:
    """Return those whom a header names: "Ann Lee <ann@example.org>"."""
    values = [" ".join(str(value).split()) for value in mail.get_all(name, [])]
    try:
        pairs = getaddresses(values)
    except (RecursionError, ValueError, IndexError, TypeError):
        return [text for value in values if (text := decode_words(value)[:MAX_SUBJECT_CHARACTERS])]
    found: list[str] = []
    for display, address in pairs:
        if display or address:
            found.append(_person(display, address) if len(found) < MAX_RECIPIENTS else "")
    return found


def shortened(names: list[str], most: int = MAX_RECIPIENTS) -> str:
    """Return a list of people, or of other names, in one line; of many, the first."""
    text = ", ".join(names[:most])
    others = len(names) - most
    return f"{text} and {others} others" if others > 0 else text


def display_name(person: str) -> str:
    """Return how a person of `people` is called: the name, or else the address."""
    return person.partition(" <")[0]


def sent_at(mail: Message, envelope: str = "") -> datetime | None:
    """Return when a mail was sent: by its date, else by the first server that took it.

    Args:
        mail: The mail.
        envelope: The date in the line that divides mails in a mailbox, as a last resort.
    """
    received = [str(value).rpartition(";")[2] for value in mail.get_all("Received", [])]
    for text in (str(mail.get("Date", "")), *reversed(received[:100]), envelope):
        if moment := _moment(text):
            return moment
    return None


def long_date(moment: datetime) -> str:
    """Return a moment in the person's own calendar: "Friday, 3 May 2024 14:02"."""
    local = localised(moment)
    return f"{spelled_day(local)} {local:%H:%M}"


def decode_words(text: str) -> str:
    """Decode the encoded words of a header (RFC 2047); white space becomes single spaces.

    Words that follow one another are put together first: programs cut them within a character.
    """
    out: list[str] = []
    pending = b""
    charset = ""
    end = 0
    for word in _WORD.finditer(text):
        gap = text[end : word.start()]
        named = word[1].partition("*")[0].lower()
        if gap.strip() or named != charset or not end:
            out.append(decode_text(pending, charset))
            out.append(gap if gap.strip() or not end else "")
            pending = b""
        charset = named
        pending += _word_bytes(word[2], word[3])
        end = word.end()
    out.append(decode_text(pending, charset))
    out.append(text[end:])
    return " ".join(clean_text("".join(out)).split())


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data, header=True)
    try:
        return binascii.a2b_base64(data + b"===")
    except binascii.Error:
        return data


def _person(display: str, address: str) -> str:
    name = decode_words(display)[:MAX_SUBJECT_CHARACTERS].strip("'\" ")
    address = decode_words(address)[:MAX_SUBJECT_CHARACTERS]
    if not name or name == address:
        return address
    return f"{name} <{address}>" if address else name


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(" ".join(text[:200].split()))
        # Without a zone it is a server that keeps its own a secret: its time is UTC (RFC 5322).
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
    return plausible(moment)
