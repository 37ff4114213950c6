"""The bytes of one mail -> what is remembered of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from hashlib import sha256

from tera.readers.mail.headers import (
    MAX_SUBJECT_CHARACTERS,
    VERBATIM,
    display_name,
    header,
    is_reply,
    long_date,
    people,
    sent_at,
    shortened,
    subject,
    topic,
)
from tera.readers.mail.parts import Enclosure, contents
from tera.readers.mail.quotes import split_signature, without_quotes

MAX_MAIL_BYTES = 64 * 1024 * 1024
"""Servers take half of that; the parser needs nine times as much memory."""
MAX_WORK = 60_000_000
"""Lines times boundaries: each line is compared with the boundary of every part it stands in. About
ten seconds."""

MAX_HEADERS_BYTES = 2 * 1024 * 1024
MAX_DIVIDERS = 100_000
"""Lines that could divide parts: a thousand parts are read, but the parser makes all of them."""
MAX_REPLY_CHARACTERS = 1_000_000
"""Nobody writes more; in such a text, a log or a table, nothing is looked for."""

_KNOWN = ("From", "To", "Subject", "Date", "Message-ID", "Received", "Return-Path", "Cc", "Sender")
_END_OF_HEADERS = re.compile(rb"\n\r?\n")
_BOUNDARY = re.compile(rb"boundary\s*=", re.I)


class NotMailError(ValueError):
    """Bytes that are no mail, or none that can be read; the text says why, after a name."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is remembered.

    Attributes:
        key: The Message-ID, or else a digest of what the mail says.
        fingerprint: Of date and subject: tells copies from other mails with the same Message-ID.
        title: The subject, or else who it is from.
        at: When it was sent.
        head: Who wrote to whom, when, about what: a line each.
        body: What was written, without quotes of the mail that is answered.
        signature: Below it.
        enclosures: Documents that came with it.
        problems: What could not be read, each to follow the mail's name.
    """

    key: str
    fingerprint: str
    title: str
    at: datetime | None
    head: str
    body: str
    signature: str
    enclosures: tuple[Enclosure, ...]
    problems: tuple[str, ...]

    def text(self, signed: bool = True) -> str:
        """Return all of it, with or without the signature."""
        parts = (self.head, self.body.strip("\n"), self.signature if signed else "")
        return "\n\n".join(part for part in parts if part.strip())


def parse_headers(data: bytes) -> Message:
    """Return a mail of which only the headers are read."""
    end = _END_OF_HEADERS.search(data[:MAX_HEADERS_BYTES])
    return message_from_bytes(data[: end.end() if end else MAX_HEADERS_BYTES], policy=VERBATIM)


def read_message(data: bytes, envelope: str = "") -> Mail:
    """Read one mail.

    Args:
        data: From its first header to its end.
        envelope: The date of the line above it in a mailbox.

    Raises:
        NotMailError: It is no mail, or built to keep a reader busy.
    """
    boundaries = len(_BOUNDARY.findall(data))
    if (data.count(b"\n") + 1) * boundaries > MAX_WORK:
        raise NotMailError("has too many parts within parts")
    if boundaries and data.count(b"\n--") > MAX_DIVIDERS:
        raise NotMailError("has too many parts")
    if _END_OF_HEADERS.search(data[:MAX_HEADERS_BYTES]) is None and len(data) > MAX_HEADERS_BYTES:
        raise NotMailError("has too many headers")
    try:
        mail = message_from_bytes(data, policy=VERBATIM)
        return _described(mail, envelope)
    except (
        RecursionError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        AssertionError,
    ) as error:
        if isinstance(error, NotMailError):
            raise
        raise NotMailError("is broken") from error


def _described(mail: Message, envelope: str) -> Mail:
    if not any(mail.get(name) for name in _KNOWN):
        raise NotMailError("has no headers of a mail")
    found = contents(mail)
    text = body = found.text
    signature = ""
    if len(text) <= MAX_REPLY_CHARACTERS:
        text = without_quotes(text) if is_reply(mail) else text
        body, signature = split_signature(text)
    at = sent_at(mail, envelope)
    title = subject(mail)
    senders = people(mail, "From") or people(mail, "Sender")
    rows = [
        ("From", shortened(senders)),
        *((name, shortened(people(mail, name))) for name in ("To", "Cc", "Bcc")),
        ("Date", long_date(at) if at else header(mail, "Date")[:MAX_SUBJECT_CHARACTERS]),
        ("Subject", title),
        ("Thread", _thread(mail, title)),
        ("Attachments", shortened([enclosure.name for enclosure in found.enclosures])),
    ]
    fingerprint = sha256(f"{at} {title}".encode()).hexdigest()[:8]
    return Mail(
        key=_key(mail, text),
        fingerprint=fingerprint,
        title=title or (f"mail from {display_name(senders[0])}" if senders else ""),
        at=at,
        head="\n".join(f"{name}: {value}" for name, value in rows if value),
        body=body,
        signature=signature,
        enclosures=tuple(found.enclosures),
        problems=tuple(dict.fromkeys(found.problems)),
    )


def _thread(mail: Message, title: str) -> str:
    """Return what the conversation was called at first, if the subject does not say so."""
    name = header(mail, "Thread-Topic")[:MAX_SUBJECT_CHARACTERS]
    return "" if topic(name).casefold() in topic(title).casefold() else topic(name)


def _key(mail: Message, text: str) -> str:
    identifier = header(mail, "Message-ID").strip("<> ")
    if identifier and len(identifier) <= MAX_SUBJECT_CHARACTERS:
        return identifier
    names = ("From", "To", "Date", "Subject")
    said = "\n".join([*(str(mail.get(name, "")) for name in names), text])
    return sha256(said.encode("utf-8", "replace")).hexdigest()[:32]
