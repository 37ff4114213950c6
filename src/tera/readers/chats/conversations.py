"""Messages of a chat -> drafts: a memory for each stretch of conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tera.datatypes import Draft
from tera.places import message_line

PAUSE = timedelta(hours=4)
"""Silence after which another conversation begins, if the one before is long enough."""
ENOUGH_CHARACTERS = 2_000
"""About five chunks. Of chats with a message now and then, several days stay together."""
MOST_DAYS = timedelta(days=7)
"""But no more: a memory is found by the date of its first message."""
MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a chat; `time` is naive in the person's own calendar, or aware."""

    sender: str
    time: datetime
    text: str


def conversations(messages: Iterable[Message], title: str) -> Iterator[Draft]:
    """Divide a chat into conversations.

    Where one ends depends on what came before it only, so that a longer export of the same chat
    gives the same memories, and then more.

    Args:
        messages: In the order of the chat; empty ones are left out.
        title: Names the chat: "chat with Ann".

    Yields:
        Drafts, each with the date of its first message; the part is that date too, with a number
        when several begin in the same minute.
    """
    lines: list[str] = []
    size = 0
    began = last = datetime.min
    parts: dict[str, int] = {}

    def draft() -> Draft:
        key = f"{began:%Y-%m-%d %H:%M}"
        parts[key] = parts.get(key, 0) + 1
        part = key if parts[key] == 1 else f"{key} ({parts[key]})"
        return Draft("\n".join(lines), title=title, at=began.astimezone(), part=part)

    for message in messages:
        if not message.text.strip():
            continue
        time = (
            message.time.astimezone().replace(tzinfo=None) if message.time.tzinfo else message.time
        )
        is_enough = size >= ENOUGH_CHARACTERS or abs(time - began) >= MOST_DAYS
        is_over = is_enough and abs(time - last) >= PAUSE
        if lines and (is_over or size >= MOST_CHARACTERS):
            yield draft()
            lines, size = [], 0
        if not lines:
            began = time
        lines.append(message_line(message.sender, time, message.text))
        size += len(lines[-1]) + 1
        last = time
    if lines:
        yield draft()
