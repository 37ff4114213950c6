"""Messages of a Slack export in plain words: people, mentions, links, threads and files named."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from tera.readers.chats.conversations import Message
from tera.readers.chats.exports import mapping, mappings, snippet, string, time_of

REMEMBERED_THREADS = 50_000
"""Of a channel, to name what a reply on a later day belongs to."""
_MOST_DEPTH = 20  # of blocks in blocks
_NOISE = frozenset(
    {
        *("channel_join", "channel_leave", "group_join", "group_leave"),
        *("bot_add", "bot_remove", "channel_convert_to_private", "joiner_notification"),
    }
)
_REFERENCE = re.compile(r"<([^<>\n]{1,4000})>")


class People:
    """The users of a workspace."""

    def __init__(self, users: list[dict[str, Any]]) -> None:
        self.names: dict[str, str] = {}
        for user in users:
            profile = mapping(user.get("profile"))
            names = (
                *(profile.get("display_name"), profile.get("real_name")),
                *(user.get("real_name"), user.get("name")),
            )
            self.names[string(user.get("id"))] = next(filter(None, map(string, names)), "")

    def name(self, user: str) -> str:
        """Return the name of a user, or the number if there is none."""
        return self.names.get(user) or user


class Messages:
    """Turns the days of one channel into messages, one day after the other."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.threads: dict[str, tuple[str, str]] = {}

    def of_day(self, day: list[dict[str, Any]]) -> Iterator[Message]:
        """Yield the messages of a day in order, replies after what they reply to."""
        parents = {string(data.get("ts")): place for place, data in enumerate(day)}
        ordered = sorted(
            enumerate(day),
            key=lambda one: (parents.get(string(one[1].get("thread_ts")), one[0]), one[0]),
        )
        for _, data in ordered:
            message = self._message(data)
            if message:
                yield message

    def _message(self, data: dict[str, Any]) -> Message | None:
        kind = string(data.get("subtype"))
        if kind == "message_changed":
            data = {**mapping(data.get("message")), "edited": {"user": ""}}
        ts = string(data.get("ts"))
        time = time_of(ts)
        if time is None or kind in _NOISE:
            return None
        sender = self._sender(data)
        lines = [*self._thread(data, ts), *self._lines(data)]
        text = "\n".join(filter(None, lines))
        is_parent = data.get("thread_ts") == ts or data.get("reply_count")
        if is_parent and len(self.threads) < REMEMBERED_THREADS:
            self.threads[ts] = sender, snippet(text)
        return Message(sender, time, text) if text else None

    def _sender(self, data: dict[str, Any]) -> str:
        profile = mapping(data.get("user_profile"))
        names = (
            self.people.names.get(string(data.get("user"))),
            *(string(profile.get("display_name")), string(profile.get("real_name"))),
            *(string(data.get("username")), string(mapping(data.get("bot_profile")).get("name"))),
            *(string(data.get("user")), string(data.get("bot_id"))),
        )
        return next(filter(None, names), "unknown")

    def _thread(self, data: dict[str, Any], ts: str) -> Iterator[str]:
        thread = string(data.get("thread_ts"))
        if not thread or thread == ts:
            return
        sender, text = self.threads.get(thread, ("", ""))
        if text:
            yield f"(in reply to {sender}: “{text}”)"
        else:
            yield f"(in reply to {sender})" if sender else "(in reply to an earlier message)"

    def _lines(self, data: dict[str, Any]) -> Iterator[str]:
        kind = string(data.get("subtype"))
        if kind in ("tombstone", "message_deleted"):
            yield "(deleted message)"
            return
        text = self._readable(string(data.get("text"))) or self._readable(_said(data.get("blocks")))
        yield f"{text} (edited)" if text and data.get("edited") else text
        for file in mappings(data.get("files")) or mappings([data.get("file")]):
            yield from self._file(file)
        for attachment in mappings(data.get("attachments")):
            yield from self._attachment(attachment, text)
        reactions = mappings(data.get("reactions"))
        if said := ", ".join(
            f":{string(one.get('name'))}: {one.get('count', 1)}" for one in reactions
        ):
            yield f"(reactions: {said})"

    def _file(self, file: dict[str, Any]) -> Iterator[str]:
        name, title = string(file.get("name")), string(file.get("title"))
        if file.get("mode") == "tombstone":
            yield "(deleted file)"
            return
        yield f"attached: {name or title or 'a file'}"
        if title and name and title != name:
            yield title
        if file.get("mode") in ("snippet", "post", "space"):
            yield string(file.get("preview"))

    def _attachment(self, attachment: dict[str, Any], text: str) -> Iterator[str]:
        """Yield the title and text of a link or of what a program said."""
        keys = ("pretext", "author_name", "title", "text")
        said = [self._readable(string(attachment.get(key))) for key in keys]
        said += [
            f"{string(field.get('title'))}: {self._readable(string(field.get('value')))}"
            for field in mappings(attachment.get("fields"))
        ]
        if not any(said):
            said = [self._readable(string(attachment.get("fallback")))]
        yield from (line for line in said if line and line not in text)

    def _readable(self, text: str) -> str:
        """Return a text with `<@U1>` and `<http://x|label>` as a person reads them."""
        return html.unescape(_REFERENCE.sub(self._named, text)).strip() if text else ""

    def _named(self, found: re.Match[str]) -> str:
        target, _, label = found[1].partition("|")
        match target[:1]:
            case "@":
                return f"@{self.people.names.get(target[1:]) or label or target[1:]}"
            case "#":
                return f"#{label or target[1:]}"
            case "!":
                word = target[1:].partition("^")[0]
                return label or f"@{word}"
        address = target.removeprefix("mailto:")
        if not label or label in (target, address) or target.endswith(f"//{label}"):
            return address
        return f"{label} ({address})" if address else label


def _said(block: object, depth: int = 0) -> str:
    """Return the text within blocks, of which some programs make messages without `text`."""
    if depth > _MOST_DEPTH:
        return ""
    if isinstance(block, list):
        # Pieces of one line have a kind of their own, and no pieces in them.
        is_line = all("elements" not in mapping(one) for one in block) and depth > 1
        said = [_said(one, depth + 1) for one in block]
        return "".join(said) if is_line else "\n".join(filter(None, said))
    data = mapping(block)
    pieces = {
        "user": f"<@{string(data.get('user_id'))}>",
        "link": f"<{string(data.get('url'))}|{string(data.get('text'))}>",
        "emoji": f":{string(data.get('name'))}:",
    }
    if piece := pieces.get(string(data.get("type"))):
        return piece
    if isinstance(data.get("text"), str):
        return string(data["text"])
    inner = (data.get(key) for key in ("text", "title", "elements", "fields"))
    return "\n".join(filter(None, (_said(one, depth + 1) for one in inner if one)))
