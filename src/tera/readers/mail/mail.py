"""Mail: a file with one, or a mailbox with many -> a memory for each, and what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from tera.datatypes import Draft
from tera.errors import UnreadableFileError
from tera.readers.document import (
    PART_CHARACTERS,
    Attachment,
    Document,
    Failure,
    Item,
    Note,
    Pace,
    without_text,
)
from tera.readers.mail.blocks import Parts
from tera.readers.mail.headers import header
from tera.readers.mail.mailbox import is_mbox, mails
from tera.readers.mail.message import (
    MAX_MAIL_BYTES,
    Mail,
    NotMailError,
    parse_headers,
    read_message,
)
from tera.readers.mail.parts import file_name

__all__ = ["is_email", "is_mbox", "read_email", "read_mbox"]

MAX_UNPACKED_BYTES = 4 * 1024**3
"""Of attachments of one mailbox: they lie in the scratch folder until it is read."""

_HEADER_LINE = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,60}):(?:[ \t]*(.*))$")
_MAIL_HEADERS = frozenset(
    b"from to cc subject date message-id received return-path delivered-to reply-to sender "
    b"mime-version x-original-to in-reply-to references content-type envelope-to newsgroups "
    b"authentication-results dkim-signature arc-seal x-received list-id".split()
)
_COUNTED = re.compile(rb"\d{1,12}[ \t]*\r?\n")
_ADDRESS = re.compile(rb"[^\s@<>]@[^\s@<>]")
_THROWN_AWAY_WORDS = (
    "spam trash bin papierkorb corbeille papelera cestino prullenbak kosz papperskorgen "
    "lixeira lixo papirkurv koš roskakori корзина спам 垃圾邮件 ゴミ箱 迷惑メール "
    "스팸함 휴지통"
)
_THROWN_AWAY = frozenset(_THROWN_AWAY_WORDS.split())

_OPEN_FIRST = "open it in the mail program, copy what it says and pipe it into tera remember"


def is_email(head: bytes) -> bool:
    """Return whether a file is a mail, by its first bytes; files of a Maildir have no ending.

    It begins with headers: at least two that mails have, one of them with an address or a server,
    and one that says when or which.
    """
    head = _without_count(head.removeprefix(b"\xef\xbb\xbf"))
    names: set[bytes] = set()
    has_origin = has_identity = False
    for line in head.split(b"\n")[:500]:
        row = line.rstrip(b"\r")
        if not row:
            break
        if row[:1] in (b" ", b"\t") and names:
            continue
        found = _HEADER_LINE.match(row)
        if not found:
            # The last line may be cut where the head ends.
            if line is not head.rpartition(b"\n")[2] or not names:
                return False
            break
        name, value = found[1].lower(), found[2]
        names.add(name)
        if name in (b"from", b"return-path", b"sender", b"delivered-to"):
            has_origin |= bool(_ADDRESS.search(value))
        has_origin |= name == b"received"
        has_identity |= name in (b"message-id", b"received", b"dkim-signature")
        has_identity |= name == b"date" and _is_date(value)
    return len(names & _MAIL_HEADERS) >= 2 and has_origin and has_identity


def read_email(document: Document) -> Iterator[Item]:
    """Read a file with one mail.

    Yields:
        The mail, and its attachments; a failure if a part of it is encrypted.

    Raises:
        UnreadableFileError: It is no mail, broken, or larger than `MAX_MAIL_BYTES`.
    """
    if document.size_bytes > MAX_MAIL_BYTES:
        raise UnreadableFileError(
            f"{document.name} is larger than {MAX_MAIL_BYTES // 2**20} MB, the most for one mail",
            hint="if it is a mailbox with several: tera remember FILE --as mbox",
        )
    with document.open() as file:
        data = file.read()
    data = _without_count(data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"))
    try:
        mail = read_message(data)
    except NotMailError as error:
        raise UnreadableFileError(
            f"{document.name} {error}", hint="if it is text: tera remember FILE --as text"
        ) from error
    for problem in mail.problems:
        yield Failure(f"{document.name} {problem}", hint=_OPEN_FIRST)
    yield from _drafts(mail, mail.text(), mail.title or document.name, "")
    yield from _Unpacker(document).attachments(mail, folder="")


def read_mbox(document: Document) -> Iterator[Item]:
    """Read a mailbox, mail by mail; copies, deleted ones and spam are left out.

    Yields:
        A draft for each mail, its attachments, failures for those that cannot be read.

    Raises:
        UnreadableFileError: There is no mail in it.
    """
    reading = _Mailbox(document)
    with document.open() as file:
        if not is_mbox(file.read(64 * 1024)):
            raise UnreadableFileError(
                f"{document.name} does not begin like a mailbox",
                hint="if it is a single mail: tera remember FILE --as email",
            )
        file.seek(0)
        pace = Pace()
        for number, entry in enumerate(mails(file), 1):
            if entry.data is None:
                size = f"{MAX_MAIL_BYTES // 2**20} MB"
                yield Failure(f"mail {number} of {document.name} is larger than {size}")
            else:
                yield from reading.read(number, entry.data, entry.envelope)
            yield from pace.at(entry.end, document.size_bytes)
    yield from reading.end()


class _Mailbox:
    """Knows what was read of a mailbox."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._unpacker = _Unpacker(document)
        self._parts = Parts()
        self._signatures: set[int] = set()
        self._thrown_away = 0
        self._mails = 0

    def read(self, number: int, data: bytes, envelope: str) -> Iterator[Item]:
        name = f"mail {number} of {self._document.name}"
        try:
            headers = parse_headers(data)
            if _is_deleted(headers):
                return
            if _is_thrown_away(headers):
                self._thrown_away += 1
                return
            mail = read_message(data, envelope)
        except NotMailError as error:
            yield Failure(f"{name} {error}")
            return
        part = self._parts.name(mail.key, mail.fingerprint)
        if not part:
            return
        self._mails += 1
        if mail.title:
            name = f"{name} ({mail.title[:80]})"
        for problem in mail.problems:
            yield Failure(f"{name} {problem}", hint=_OPEN_FIRST)
        # A signature is remembered with the first mail that has it.
        signature = hash(mail.signature)
        text = mail.text(signed=signature not in self._signatures)
        self._signatures.add(signature)
        yield from _drafts(mail, text, mail.title or self._document.name, part)
        day = f"{mail.at.astimezone():%Y-%m-%d} " if mail.at else ""
        yield from self._unpacker.attachments(
            mail, file_name(f"{day}{mail.title}".replace("/", "-"))
        )

    def end(self) -> Iterator[Item]:
        name = self._document.name
        if not self._mails:
            what = "mail but spam and what was thrown away" if self._thrown_away else "mail"
            hint = "move what is worth keeping, and export it again"
            raise without_text(self._document, what, hint)
        if self._thrown_away:
            count = "1 mail" if self._thrown_away == 1 else f"{self._thrown_away} mails"
            verb = "is" if self._thrown_away == 1 else "are"
            yield Note(f"{count} of {name} {verb} left out: spam, or thrown away")


class _Unpacker:
    """Writes attachments to the scratch folder."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._written = 0
        self._written_bytes = 0
        self._names: dict[str, int] = {}
        self._is_full = False

    def attachments(self, mail: Mail, folder: str) -> Iterator[Attachment | Failure]:
        for enclosure in mail.enclosures:
            if enclosure.data is None:
                continue
            self._written_bytes += len(enclosure.data)
            if self._written_bytes > MAX_UNPACKED_BYTES:
                if not self._is_full:
                    self._is_full = True
                    size = f"{MAX_UNPACKED_BYTES // 2**30} GB"
                    yield Failure(
                        f"attachments of {self._document.name} beyond {size} are left out"
                    )
                continue
            self._written += 1
            path = self._document.scratch / str(self._written)
            path.write_bytes(enclosure.data)
            name = f"{folder}/{enclosure.name}" if folder else enclosure.name
            yield Attachment(path, self._unique(name), mail.at)

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, 0) + 1
        if count == 1:
            return name
        stem, dot, ending = name.rpartition(".")
        return self._unique(f"{stem} ({count}){dot}{ending}" if stem else f"{name} ({count})")


def _drafts(mail: Mail, text: str, title: str, part: str) -> Iterator[Draft]:
    number = 1
    start = 0
    while start < len(text):
        end = len(text)
        if end - start > PART_CHARACTERS:
            end = (
                text.rfind("\n", start + 1, start + PART_CHARACTERS) + 1 or start + PART_CHARACTERS
            )
        name = part if number == 1 else f"{part} ({number})".strip()
        if text[start:end].strip():
            yield Draft(text[start:end], title=title, at=mail.at, part=name)
            number += 1
        start = end


def _without_count(data: bytes) -> bytes:
    """Take off the line above a mail where Apple Mail says how long it is, and what is below it."""
    if count := _COUNTED.match(data[:32]):
        return data[count.end() : count.end() + int(count[0])]
    return data


def _is_date(value: bytes) -> bool:
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        return isinstance(parsedate_to_datetime(value[:100].decode("ascii", "replace")), datetime)
    return False


def _is_deleted(headers: Message) -> bool:
    """Return whether a mail is only still there because its mailbox was not compacted."""
    with suppress(ValueError):
        if int(str(headers.get("X-Mozilla-Status", "0")), 16) & 0x8:
            return True
    return "D" in str(headers.get("X-Status", ""))


def _is_thrown_away(headers: Message) -> bool:
    labels = header(headers, "X-Gmail-Labels").lower().split(",")
    return any(label.strip(' "') in _THROWN_AWAY for label in labels)
