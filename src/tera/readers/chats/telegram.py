"""Exports of Telegram Desktop in JSON: one chat, or all of an account."""

from __future__ import annotations

import contextlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from tera.readers.chats.conversations import Message, conversations
from tera.readers.chats.exports import (
    chunks,
    iso_time,
    mapping,
    mappings,
    snippet,
    string,
    time_of,
    unreadable,
    without_messages,
)
from tera.readers.document import Document, Failure, Item, Pace

MOST_TOKEN_BYTES = 16 * 1024 * 1024
"""A message has 4,096 characters; a longer string is no Telegram's, and would be held whole."""
MOST_MESSAGE_EVENTS = 200_000
"""Elements of one message, for the same reason."""
MOST_DEPTH = 100
"""Of lists in lists; Telegram's go about ten deep."""
_DEPTH_OF_PLACES = 8
REMEMBERED_MESSAGES = 20_000
"""Of a chat, to name what a message replies to."""

_CHAT_TYPES = (
    "personal_chat|bot_chat|private_group|private_supergroup|public_supergroup|private_channel|"
    "public_channel|saved_messages|verification_codes|replies"
)
_SIGNS = (
    # One chat; the head of one chat without its name, as tools cut it out; all of an account.
    (re.compile(rf'"type"\s*:\s*"(?:{_CHAT_TYPES})"'), re.compile(r'"messages"\s*:\s*\[')),
    (
        re.compile(r'"messages"\s*:\s*\[\s*\{'),
        *(re.compile(r'"date_unixtime"\s*:\s*"'), re.compile(r'"text"\s*:')),
    ),
    (
        re.compile(r'\A\s*\{\s*"about"\s*:'),
        re.compile(r'"personal_information"\s*:\s*\{\s*"user_id"'),
    ),
)
_CHATS = ("", "chats.list.item", "left_chats.list.item")
_LISTS = ("messages", "chats.list.item.messages", "left_chats.list.item.messages")
# Telegram Desktop writes control characters so, which is not JSON.
_HEX_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|.)", re.DOTALL)
_OPEN_HEX = re.compile(rb"x[0-9A-Fa-f]?\Z")
_ONE_TO_ONE = ("personal_chat", "bot_chat")
_BEFORE_A_LINK = (*" \n\t([{<\"'“„«", "")
_SAID = ("sticker", "voice_message", "video_message", "animation", "video_file", "audio_file")


def is_telegram(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a JSON export of Telegram Desktop."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    text = head.decode("utf-8", "replace")
    return any(all(part.search(text) for part in sign) for sign in _SIGNS)


def read_telegram(document: Document) -> Iterator[Item]:
    """Read `result.json` of Telegram Desktop, chat by chat, without holding it in memory.

    Args:
        document: One chat, or all of an account.

    Yields:
        A draft for each conversation; their title is "chat with Ann" or the group's name. If the
        file breaks off, what was read before that, and a failure.

    Raises:
        UnreadableFileError: It is not JSON.
        NoTextError: There is no message in it.
    """
    export = _Export(document)
    pace = Pace()
    events = export.events()
    known: dict[str, int] = {}
    is_empty = True
    for chat in export.chats(events):
        known[chat.key] = known.get(chat.key, 0) + 1
        key = chat.key if known[chat.key] == 1 else f"{chat.key} #{known[chat.key]}"
        for draft in conversations(chat.messages(events), chat.title):
            is_empty = False
            yield draft if chat.is_alone else replace(draft, part=f"{key} {draft.part}")
            yield from pace.at(export.done_bytes, document.size_bytes)
    if is_empty:
        raise (
            without_messages(document, "Telegram")
            if not export.error
            else unreadable(
                document, export.error, hint="export the chat again, in the format JSON"
            )
        )
    if export.error:
        yield Failure(
            f"{document.name} breaks off: {export.error}",
            hint="export the chat again, in the format JSON",
        )


Event = tuple[str, str, Any]


class _Export:
    """The JSON file as a stream of events."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.done_bytes = 0
        self.error = ""

    def events(self) -> Iterator[Event]:
        """Yield (place, kind, value) of every element, as ijson; ends where the file is broken."""
        try:
            yield from _Places().of(self._elements())
        except (ValueError, ArithmeticError, RecursionError):
            self.error = "it is not valid JSON"

    def _elements(self) -> Iterator[tuple[str, Any]]:
        import ijson

        elements = ijson.sendable_list()
        parser = ijson.basic_parse_coro(elements)
        silent_bytes = 0
        try:
            for chunk in filter(None, self._mended()):
                parser.send(chunk)
                silent_bytes = 0 if elements else silent_bytes + len(chunk)
                if silent_bytes > MOST_TOKEN_BYTES:
                    self.error = "it has a string of more than 16 MB"
                    return
                yield from elements
                elements.clear()
            self.error = "it is not whole"
            with contextlib.suppress(StopIteration):
                parser.send(b"")  # the end
            self.error = ""
        except ijson.JSONError:
            self.error = self.error or "it is not valid JSON"
        yield from elements

    def _mended(self) -> Iterator[bytes]:
        """Yield the file in pieces, with its escapes as JSON has them."""
        rest = b""
        for chunk in chunks(self.document):
            self.done_bytes += len(chunk)
            piece = rest + chunk
            open_hex = _OPEN_HEX.search(piece, len(piece) - 2)
            before = piece[: open_hex.start()] if open_hex else piece
            # An odd backslash at the end begins an escape that goes on in the next piece.
            is_open = (len(before) - len(before.rstrip(b"\\"))) % 2
            whole = len(before) - 1 if is_open else len(piece)
            rest = piece[whole:]
            yield _HEX_ESCAPE.sub(_json_escape, piece[:whole])
        yield rest

    def chats(self, events: Iterator[Event]) -> Iterator[_Chat]:
        """Yield the chats; the messages of each must be taken before the next."""
        names: dict[str, str] = {}
        for place, kind, value in events:
            if kind == "start_array" and place in _LISTS:
                yield _Chat(
                    place,
                    names.get("name", ""),
                    names.get("type", ""),
                    names.get("id", ""),
                    self.document,
                )
                names = {}
            elif kind == "start_map" and place.endswith("list.item"):
                names = {}
            elif kind in ("string", "number"):
                before, _, last = place.rpartition(".")
                if last in ("name", "type", "id") and before in _CHATS:
                    names[last] = str(value)


class _Places:
    """Where the elements of the file stand: ijson's own way takes deep nesting squared."""

    def __init__(self) -> None:
        self.open: list[tuple[str, bool]] = []
        self.key = ""

    def of(self, events: Iterable[tuple[str, Any]]) -> Iterator[Event]:
        """Yield events with their places; those deep within a message have none.

        Raises:
            ValueError: They are nested too deeply.
        """
        for kind, value in events:
            if kind in ("end_map", "end_array"):
                yield self.open.pop()[0], kind, value
                continue
            outer, is_list = self.open[-1] if self.open else ("", False)
            if kind == "map_key":
                self.key = value
                yield outer, kind, value
                continue
            name = "item" if is_list else self.key
            place = f"{outer}.{name}" if outer else name
            if len(self.open) > _DEPTH_OF_PLACES:
                place = "deep"
            yield place, kind, value
            if kind in ("start_map", "start_array"):
                if len(self.open) >= MOST_DEPTH:
                    raise ValueError("nested too deeply")
                self.open.append((place if self.open else "", kind == "start_array"))


def _json_escape(found: re.Match[bytes]) -> bytes:
    return b"\\u00" + found[1] if found[1] else found[0]


@dataclass(slots=True)
class _Chat:
    """A chat whose messages are still to be read.

    Attributes:
        place: Of its messages in the file.
        name: Of the person or group; empty if the account was deleted.
        type: In Telegram's words.
        id: A number.
        document: What it is in.
        seen: Sender and beginning of the last messages, by id, for what replies to them.
    """

    place: str
    name: str
    type: str
    id: str
    document: Document
    seen: OrderedDict[object, tuple[str, str]] = field(default_factory=OrderedDict)

    @property
    def is_alone(self) -> bool:
        """Whether the export is of this chat only."""
        return self.place == "messages"

    @property
    def key(self) -> str:
        """What tells it from the others; a name may change."""
        return self.id or self.name or self.type

    @property
    def title(self) -> str:
        """How a person calls it."""
        if self.type in _ONE_TO_ONE:
            return f"chat with {self.name or 'a deleted account'}"
        if self.type in ("saved_messages", "replies", "verification_codes"):
            return self.name or self.type.replace("_", " ").capitalize()
        return self.name or (PurePath(self.document.name).stem if self.is_alone else "a chat")

    def messages(self, events: Iterator[Event]) -> Iterator[Message]:
        """Yield the messages up to the end of the list."""
        from ijson import ObjectBuilder

        item = f"{self.place}.item"
        builder: Any = None
        count = 0
        for place, kind, value in events:
            if place == self.place and kind == "end_array":
                return
            if place == item and kind == "start_map":
                builder, count = ObjectBuilder(), 0
            if builder is None:
                continue
            count += 1
            if count <= MOST_MESSAGE_EVENTS:
                builder.event(kind, value)
            if place == item and kind == "end_map":
                if count <= MOST_MESSAGE_EVENTS:
                    yield from self._message(mapping(builder.value))
                builder = None

    def _message(self, data: dict[str, Any]) -> Iterator[Message]:
        time = time_of(data.get("date_unixtime")) or iso_time(data.get("date"))
        if time is None:
            return
        if data.get("type") == "service":
            sender = string(data.get("actor")) or string(data.get("from")) or "Telegram"
            text = _event(data)
        else:
            sender = string(data.get("from")) or "a deleted account"
            text = "\n".join(filter(None, self._lines(data)))
        if self.seen and len(self.seen) >= REMEMBERED_MESSAGES:
            self.seen.popitem(last=False)
        self.seen[data.get("id") if isinstance(data.get("id"), int) else None] = sender, text
        yield Message(sender, time, text)

    def _lines(self, data: dict[str, Any]) -> Iterator[str]:
        if data.get("reply_to_message_id"):
            yield self._reply(data["reply_to_message_id"])
        if "forwarded_from" in data:
            yield f"(forwarded from {string(data['forwarded_from']) or 'a deleted account'})"
        text = _text(data.get("text")) or _text(data.get("text_entities"))
        yield f"{text} (edited)" if text and ("edited" in data) else text
        yield from _media(data)
        if reactions := [
            f"{string(one.get('emoji')) or 'sticker'} {one.get('count', 1)}"
            for one in mappings(data.get("reactions"))
        ]:
            yield f"(reactions: {', '.join(reactions)})"

    def _reply(self, target: object) -> str:
        found = self.seen.get(target) if isinstance(target, int) else None
        if not found:
            return "(in reply to an earlier message)"
        sender, text = found
        return f"(in reply to {sender}: “{snippet(text)}”)"


def _text(value: object) -> str:
    """Return a text: a string, or a list of strings and of pieces with a form."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    pieces = []
    for piece in value:
        if isinstance(piece, str):
            pieces.append(piece)
        elif isinstance(piece, dict):
            text, link = string(piece.get("text")), string(piece.get("href"))
            if piece.get("type") == "link" and pieces and pieces[-1][-1:] not in _BEFORE_A_LINK:
                pieces.append(" ")
            pieces.append(f"{text} ({link})" if link and link != text else text)
    return "".join(pieces)


def _media(data: dict[str, Any]) -> Iterator[str]:
    """Yield what a message has beside its text, in words."""
    kind = string(data.get("media_type"))
    if "photo" in data:
        yield _file("photo", data["photo"])
    if "file" in data or kind:
        what = kind.replace("_", " ") if kind in _SAID else "file"
        names = (data.get("sticker_emoji"), data.get("performer"), data.get("title"))
        said = " ".join(filter(None, [what, *map(string, names)]))
        yield _file(said, data.get("file_name") or data.get("file"))
    if contact := mapping(data.get("contact_information")):
        keys = ("first_name", "last_name", "phone_number")
        yield f"contact: {' '.join(filter(None, (string(contact.get(key)) for key in keys)))}"
    place = ", ".join(filter(None, (string(data.get(key)) for key in ("place_name", "address"))))
    if point := mapping(data.get("location_information")):
        numbers = f"{point.get('latitude')}, {point.get('longitude')}"
        place = f"{place} ({numbers})" if place else numbers
    if place:
        yield f"location: {place}"
    for key in ("poll", "todo_list"):
        if poll := mapping(data.get(key)):
            yield f"{key.replace('_', ' ')}: {_text(poll.get('question') or poll.get('title'))}"
            for answer in mappings(poll.get("answers")):
                yield f"- {_text(answer.get('text'))} ({answer.get('voters', 0)} votes)"


def _file(what: str, path: object) -> str:
    """Return "photo: photo_1.jpg"; Telegram writes a sentence in brackets for one left out."""
    name = string(path)
    if not name or name.startswith("(") or name.endswith(".)"):
        return f"({what})"
    return f"attached {what}: {PurePath(name).name}"


def _event(data: dict[str, Any]) -> str:
    """Return what happened in a chat, in words: "(invite members: Bob)"."""
    words = string(data.get("action")).replace("_", " ") or string(data.get("information_text"))
    details = [string(data.get(key)) for key in ("title", "new_title", "emoticon", "inviter")]
    members = data.get("members")
    if isinstance(members, list):
        details += [string(member) or "a deleted account" for member in members]
    for key in ("duration_seconds", "duration"):
        if data.get(key):
            details.append(f"{data[key]} seconds")
    details.append(string(data.get("discard_reason")))
    said = ", ".join(filter(None, details))
    text = _text(data.get("text"))
    return " ".join(filter(None, [f"({words}: {said})" if said else f"({words})", text]))
