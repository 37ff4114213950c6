"""Exports of Signal chats: its own JSON, and the Markdown and JSON of the tool signal-export.

Signal's own export is `main.jsonl` of "Export chat history" (2026): frames of its backup format,
one a line, of all chats. Left out are encrypted backups, web pages, and the text of other tools.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from tera.readers.chats.conversations import Message, conversations
from tera.readers.chats.exports import (
    Lines,
    head_lines,
    iso_time,
    mapping,
    mappings,
    names_in,
    parsed,
    string,
    unreadable,
    without_messages,
)
from tera.readers.chats.signal_frames import People, message_of, number_of
from tera.readers.document import Document, Failure, Item, Pace

MOST_LINE_BYTES = 8 * 1024 * 1024
"""Of one frame: a message has 64 KB at most; a group's frame lists its 1,000 members."""
MOST_MESSAGE_CHARACTERS = 1_000_000

_HEADER = re.compile(
    r"\[(\d{4}-\d{2}-\d{2})(,?) (\d{2}:\d{2}(?::\d{2})?)\] (\S[^\n]{0,100}?):(?: |(?=\s*\Z))(.*)",
    re.DOTALL,
)
_FRAME = re.compile(
    r'\{\s*"(?:account|recipient|chat|chatItem|stickerPack|chatFolder|adHocCall)"\s*:\s*\{'
)
_INFO = re.compile(r'\{(?=.*"version"\s*:)(?=.*"backupTimeMs"\s*:).*\}')
_RECORD = re.compile(r'\{"date": ?"[^"]+", ?"sender": ?.*"body": ?.*"reactions": ?')
_MEDIA = re.compile(r"!?\[([^\]\n]*)\]\((?:\./|\.\./)?(?:media|exported_stickers)/[^)\n]*\)")
_OWN_NAMES = ("Me", "No-Sender")
_GENERIC_STEMS = ("chat", "data", "index", "main", "signal", "export", "messages")
_LEVELS = re.compile(r"[A-Z]{4,8}|(?:\w+\.)+[A-Z]+|info|debug|warn(?:ing)?|error", re.ASCII)


def is_signal(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is an export of Signal chats."""
    lines = [line.rstrip("\r\n") for line in head_lines(head) if line.strip()]
    if not lines:
        return False
    if lines[0].startswith("{"):
        return bool(_RECORD.match(lines[0])) or (
            bool(_INFO.match(lines[0]) or _FRAME.match(lines[0]))
            and len(lines) > 1
            and all(map(_FRAME.match, lines[1:3]))
        )
    headers = [found for found in map(_HEADER.match, lines) if found]
    if not headers or not _HEADER.match(lines[0]):
        return False
    senders = [found[4] for found in headers]
    if any(map(_LEVELS.fullmatch, senders)):
        return False
    # WhatsApp on iOS writes seconds in some languages; only this tool calls the owner so.
    is_old = headers[0][2] == "," and len(headers[0][3]) == 5
    return (
        is_old
        or any(sender in _OWN_NAMES for sender in senders)
        or "  " in (found[5][-2:] for found in headers)
    )


def read_signal(document: Document) -> Iterator[Item]:
    """Read an export of Signal chats.

    Args:
        document: Signal's `main.jsonl`, or `chat.md` or `data.json` of signal-export, whose folder
            has the chat's name.

    Yields:
        A draft for each conversation; their title is "chat with Ann" or the group's name.

    Raises:
        NoTextError: There is no message in it.
    """
    first = next((line for line in Lines(document) if line.strip()), "").lstrip("\ufeff")
    if _RECORD.match(first):
        yield from _read_one_chat(document, _records)
    elif first.startswith("{"):
        yield from _read_frames(document)
    else:
        yield from _read_one_chat(document, _lines)


def _read_one_chat(document: Document, messages: Any) -> Iterator[Item]:
    lines = Lines(document)
    pace, total = Pace(), 2 * document.size_bytes
    senders: dict[str, None] = {}
    for message in messages(lines):
        if len(senders) < 100:
            senders[message.sender] = None
        yield from pace.at(lines.done_bytes, total)
    is_empty = True
    for draft in conversations(messages(lines), _title(document, list(senders))):
        is_empty = False
        yield draft
        yield from pace.at(lines.done_bytes, total)
    if is_empty:
        raise without_messages(document, "Signal")
    yield from lines.failures()


def _title(document: Document, senders: list[str]) -> str:
    names = [PurePath(name).stem for name in names_in(document)]
    name = next((name for name in names if name.lower() not in _GENERIC_STEMS), "")
    others = [sender for sender in senders if sender not in _OWN_NAMES]
    if len(others) == 1 and len(senders) <= 2 and (others[0] == name or len(names) == 1):
        return f"chat with {others[0]}"
    return name or names[0]


def _lines(lines: Lines) -> Iterator[Message]:
    """Yield the messages of a text whose lines begin `[2019-05-29, 15:04] Ann: `."""
    sender, time = "", datetime.min
    kept: list[str] = []
    size = 0
    for line in lines:
        found = _HEADER.match(line)
        moment = iso_time(f"{found[1]} {found[3]}") if found else None
        if found and moment:
            if sender:
                yield Message(sender, time, _readable(kept))
            sender, time = found[4], moment
            kept, size = [found[5]], len(found[5])
        elif sender:
            kept.append(line)
            size += len(line)
        elif line.strip("\ufeff \r\n"):
            raise unreadable(lines.document, "it does not begin with a message of Signal")
        if size > MOST_MESSAGE_CHARACTERS:
            yield Message(sender, time, _readable(kept))
            kept, size = [], 0
    if sender:
        yield Message(sender, time, _readable(kept))


def _readable(kept: list[str]) -> str:
    return _MEDIA.sub(r"attached: \1", "".join(kept)).strip()


def _records(lines: Lines) -> Iterator[Message]:
    """Yield the messages of `data.json`, which has one a line."""
    for line in lines:
        try:
            data = mapping(parsed(line))
        except ValueError:
            continue
        time = iso_time(data.get("date"))
        if time is None:
            continue
        text = [string(data.get("quote")).strip(), string(data.get("body")).strip()]
        if data.get("deleted") is True:
            text.append("(deleted message)")
        if emoji := string(mapping(data.get("sticker")).get("emoji")):
            text.append(f"(sticker {emoji})")
        text += [
            f"attached: {string(file.get('name'))}" for file in mappings(data.get("attachments"))
        ]
        yield Message(string(data.get("sender")) or "unknown", time, "\n".join(filter(None, text)))


def _read_frames(document: Document) -> Iterator[Item]:
    """Read Signal's own export: its chats are mixed, so their places are noted first."""
    pace, total = Pace(), 2 * document.size_bytes
    people = People()
    places: dict[str, array[int]] = {}
    broken = 0
    for place, line in _frames(document):
        try:
            frame = mapping(parsed(line))
        except ValueError:
            broken += bool(line.strip())
            continue
        if item := mapping(frame.get("chatItem")):
            places.setdefault(number_of(item.get("chatId")), array("Q")).append(place)
        else:
            people.add(frame)
        yield from pace.at(place, total)
    is_empty = True
    done_bytes = document.size_bytes
    for chat, its_places in places.items():
        messages = _messages_at(document, its_places, people)
        for draft in conversations(messages, people.title(chat)):
            is_empty = False
            yield replace(draft, part=f"{chat} {draft.part}")
            done_bytes += len(draft.text)
            yield from pace.at(min(done_bytes, total), total)
    if is_empty:
        raise without_messages(document, "Signal")
    if broken:
        yield Failure(
            f"{document.name} has {broken} lines that are not JSON", hint="export the chats again"
        )


def _frames(document: Document) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their places; too long ones come cut, and are no JSON then."""
    place = 0
    with document.open() as file:
        while line := file.readline(MOST_LINE_BYTES):
            yield place, line
            place += len(line)


def _messages_at(document: Document, places: array[int], people: People) -> Iterator[Message]:
    with document.open() as file:
        for place in places:
            file.seek(place)
            try:
                frame = mapping(parsed(file.readline(MOST_LINE_BYTES)))
            except ValueError:
                continue
            if message := message_of(mapping(frame.get("chatItem")), people):
                yield message
