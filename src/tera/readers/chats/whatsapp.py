"""Exports of WhatsApp chats: the text file that Android and iOS write.

What people wrote is kept word for word, with attachments named. What WhatsApp wrote itself ("Ann
created group ...", "Bob left", missed calls) is kept as said by "WhatsApp", but for notices about
encryption and security codes, which are in every chat and tell nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

from tera.readers.chats.conversations import Message, conversations
from tera.readers.chats.exports import (
    Lines,
    head_lines,
    names_in,
    unreadable,
    without_messages,
)
from tera.readers.chats.whatsapp_headers import (
    MARKS,
    Header,
    Layout,
    Order,
    Survey,
    date_of,
    header_of,
)
from tera.readers.chats.whatsapp_words import chat_name, is_notice, readable
from tera.readers.document import Document, Item, Pace

WHATSAPP = "WhatsApp"
MOST_MESSAGE_CHARACTERS = 1_000_000
"""A longer message is divided. WhatsApp allows 65,536; more comes of a file that is none of its."""
MOST_REVERSED_BYTES = 256 * 1024 * 1024
"""An export that begins with its newest message is turned round in memory up to this size."""
_MOST_SENDERS = 20_000  # A group has 1,024 people.
_MOST_NAME_CHARACTERS = 100
_ENOUGH_OF_A_NAME = 3

_MARK_CHARACTERS = re.compile(rf"[{MARKS}]")
_QUOTES = re.compile('["“”„«»「」]')
_EMPTY = re.compile(r"[^:]+:\.?")
_LOG_LEVELS = frozenset(
    {
        *("info", "debug", "warn", "warning", "error", "critical", "fatal"),
        *("trace", "notice", "verbose", "severe", "alert"),
    }
)
_SEEN_LINES = 200
_ENOUGH_OF_A_TALK = 5
_PERSON = re.compile(r"\+?\d[\d ()-]{5,}|[A-Z\u0080-\uffff][\w'’ -]{0,40}")


def is_whatsapp(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is an export of a WhatsApp chat."""
    lines = [line for line in head_lines(head) if line.strip()][:_SEEN_LINES]
    headers = [header for header in map(header_of, lines) if header and _is_dated(header)]
    if not headers or not any(map(header_of, lines[:3])):
        return False
    top, count = Counter(header.layout for header in headers).most_common(1)[0]
    end, mark, seconds, first = top
    is_marked = "\u200e" in "".join(lines)
    if end == ":" or (end == "-" and seconds):
        return False
    senders = [header.rest.partition(":")[0].strip() for header in headers if ": " in header.rest]
    if end == "]" and first == "date" and (not seconds or (mark == "-" and not is_marked)):
        # Other programs write dates so; WhatsApp's own have marks, or people in nearly every line.
        return bool(seconds) and (is_marked or _are_people(senders, len(lines)))
    if 2 * sum(bool(_log_words(sender)) for sender in senders) >= max(1, len(senders)):
        return False
    return bool(senders) and (count >= 2 or is_marked or is_notice("".join(lines)))


def _is_dated(header: Header) -> bool:
    orders: tuple[Order, ...] = ("dmy", "mdy", "ymd")
    return any(date_of(header.fields, order) for order in orders)


def _are_people(senders: Sequence[str], lines: int) -> bool:
    """Return whether people talk with each other in nearly every line."""
    names = set(senders)
    is_talk = len(senders) >= max(_ENOUGH_OF_A_TALK, 0.8 * lines) and len(names) > 1
    return is_talk and all(_PERSON.fullmatch(name) and not _log_words(name) for name in names)


def _log_words(sender: str) -> set[str]:
    return set(re.split(r"[\W_]+", sender.lower())) & _LOG_LEVELS


def read_whatsapp(document: Document) -> Iterator[Item]:
    """Read the text file of a WhatsApp export.

    Args:
        document: Its name, or that of a folder or archive around it, may name the chat.

    Yields:
        A draft for each conversation; their title is "chat with Ann" or the group's name.

    Raises:
        NoTextError: There is no message in it.
    """
    lines = Lines(document)
    pace, total = Pace(), 2 * document.size_bytes
    chat = _Chat(names_in(document))
    for header, end_before, _ in _split_lines(lines):
        if header:
            chat.add(header, end_before)
        yield from pace.at(lines.done_bytes, total)
    orders = chat.survey.orders()
    chat.settle({layout: None for layout, _ in orders})
    messages: Iterator[Message] = _messages(lines, chat, orders)
    if document.size_bytes <= MOST_REVERSED_BYTES and chat.survey.is_newest_first(orders):
        messages = reversed(list(messages))
    is_empty = True
    for draft in conversations(messages, chat.title(document)):
        is_empty = False
        yield draft
        yield from pace.at(lines.done_bytes, total)
    if is_empty:
        raise without_messages(document, WHATSAPP)
    yield from lines.failures()


@dataclass(slots=True)
class _Seen:
    """Who seems to write in the lines of one layout.

    Attributes:
        senders: How often each beginning that may be a name was seen.
        own: How often what followed it may be WhatsApp's own words.
        opener: Whose name stands before the notice that opens the chat: iOS puts the chat's there.
        events: Lines without a sender.
    """

    senders: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    opener: str = ""
    events: int = 0

    def add(self, rest: str) -> None:
        parts = rest.split(": ", 2)
        if len(parts) == 1 or not _is_name(parts[0]):
            self.events += not is_notice(rest)
            return
        name, text = _name(parts[0]), rest[len(parts[0]) + 2 :]
        if not self.senders and is_notice(text):
            self.opener = name
        if len(self.senders) < _MOST_SENDERS:
            # The notice stands first; to look for it in all messages takes long.
            is_own = text.startswith("\u200e") or (name not in self.senders and is_notice(text))
            self.senders[name] += 1
            self.own[name] += is_own
            if len(parts) == 3 and _is_name(longer := f"{name}: {parts[1]}"):
                self.senders[longer] += 1


@dataclass(slots=True)
class _Chat:
    """Who writes in a chat, told from all of its lines.

    Attributes:
        file_names: The names of the file and of what it lies in.
        survey: Layouts and dates.
        seen: By layout.
        people: Who wrote, in the order of their first messages.
        long_names: Names with ": " in them, by what stands before it.
        group: The sender that is the group itself: iOS lets it say what WhatsApp wrote.
        name: Of the chat, if it is known.
        events: Lines without a sender.
    """

    file_names: list[str]
    survey: Survey = field(default_factory=Survey)
    seen: dict[Layout, _Seen] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    long_names: dict[str, str] = field(default_factory=dict)
    group: str = ""
    name: str = ""
    events: int = 0

    def add(self, header: Header, end_before: str) -> None:
        """Take the first line of a message into account."""
        self.survey.add(header, end_before)
        self.seen.setdefault(header.layout, _Seen()).add(header.rest)

    def settle(self, layouts: Iterable[Layout]) -> None:
        """Decide who is who after the last line; lines of other layouts are parts of messages."""
        all_seen = [self.seen[layout] for layout in layouts]
        senders = sum((seen.senders for seen in all_seen), Counter[str]())
        own = sum((seen.own for seen in all_seen), Counter[str]())
        opener = next((seen.opener for seen in all_seen if seen.opener), "")
        self.events = sum(seen.events for seen in all_seen)
        for name, count in senders.items():
            first, colon, _ = name.partition(": ")
            # Who always goes on with the same words and a colon has them in the name.
            if colon and count >= _ENOUGH_OF_A_NAME and count == senders[first]:
                self.long_names[first] = name
        self.people = [self.long_names.get(name, name) for name in senders if ": " not in name]
        self.name = next(filter(None, map(chat_name, self.file_names)), "") or opener
        if len(self.people) > 2:
            names = {opener, self.name} & set(self.people)
            self.group = next((name for name in names if own[name] == senders[name]), "")
            self.people = [name for name in self.people if name != self.group]

    def title(self, document: Document) -> str:
        """Return "chat with Ann", the group's name, or the file's."""
        people = self.people
        if not self.name:
            if len(people) == 2:
                return f"chat of {people[0]} and {people[1]}"
            return PurePath(document.name).stem
        is_alone = len(people) <= 1 and not self.events
        if is_alone or (
            not self.group and len(people) <= 2 and _plain(self.name) in map(_plain, people)
        ):
            return f"chat with {self.name}"
        return self.name


def _messages(
    lines: Lines, chat: _Chat, orders: dict[tuple[Layout, str], Order]
) -> Iterator[Message]:
    sender, time = WHATSAPP, datetime.min
    kept: list[str] = []
    size = 0
    is_first = True
    for header, end_before, line in _split_lines(lines):
        order = orders.get((header.layout, end_before)) if header else None
        date = date_of(header.fields, order) if header and order else None
        if header and date:
            moment = datetime(*date, *header.time)
            if kept:
                is_begun = time > datetime.min
                yield from _message(sender, time if is_begun else moment, kept, chat, is_first)
                is_first = not is_begun
            time = moment
            sender, text = _sender_and_text(header.rest, chat)
            kept, size = [text], len(text)
        else:
            kept.append(line)
            size += len(line)
        if size > MOST_MESSAGE_CHARACTERS:
            if time == datetime.min:
                raise unreadable(lines.document, "it does not begin with a message of WhatsApp")
            yield from _message(sender, time, kept, chat, is_first)
            is_first, kept, size = False, [""], 0
    if time > datetime.min:
        yield from _message(sender, time, kept, chat, is_first)


def _message(
    sender: str, time: datetime, kept: list[str], chat: _Chat, is_first: bool
) -> Iterator[Message]:
    text = "".join(kept).replace("\r\n", "\n").rstrip()
    is_own = sender == WHATSAPP or (bool(chat.group) and sender == chat.group)
    if (is_own or is_first or text.startswith("\u200e")) and is_notice(text):
        return
    yield Message(WHATSAPP if is_own else sender, time, readable(text))


def _split_lines(lines: Lines) -> Iterator[tuple[Header | None, str, str]]:
    """Yield what each line says as the first of a message, how the one before ends, and itself."""
    end_before = ""
    for line in lines:
        yield header_of(line), end_before, line
        end_before = "\r\n" if line.endswith("\r\n") else "\n"


def _sender_and_text(rest: str, chat: _Chat) -> tuple[str, str]:
    name, colon, text = rest.partition(": ")
    if not colon:
        # Nothing is left of a message that could be seen once.
        return (_name(rest), "") if _EMPTY.fullmatch(rest.strip()) else (WHATSAPP, rest)
    if not _is_name(name):
        return WHATSAPP, rest
    sender = _name(name)
    long_name = chat.long_names.get(sender, sender)
    ending = long_name[len(sender) + 2 :] + ": "
    if long_name != sender and text.startswith(ending):
        return long_name, text[len(ending) :]
    return sender, text


def _is_name(text: str) -> bool:
    """Return whether this can be a sender: a colon within quotes is in a group's name."""
    return len(text) <= _MOST_NAME_CHARACTERS and len(_QUOTES.findall(text)) % 2 == 0


def _name(text: str) -> str:
    # A tilde stands before the names that people gave themselves.
    return " ".join(_MARK_CHARACTERS.sub("", text).split()).removeprefix("~").lstrip()


def _plain(name: str) -> str:
    """Return a name as a file name may have it."""
    return "".join(filter(str.isalnum, name)).casefold()
