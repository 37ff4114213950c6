"""Frames of Signal's backup format as JSON: who and which chats there are, and messages as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tera.readers.chats.conversations import Message
from tera.readers.chats.exports import mapping, mappings, snippet, string, time_of

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDLESS = frozenset({"item", "update", "generic"})
# Of changes that concern encryption, or that nobody asks about.
_SILENT = ("simpleUpdate", "sessionSwitchover", "threadMerge", "learnedProfileChange")


class People:
    """The recipients and chats of an export, by the numbers that its messages name them by."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.by_account: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.chats: dict[str, str] = {}
        self.own_name = "Me"

    def add(self, frame: dict[str, Any]) -> None:
        """Take what a frame says of a person, a group or a chat."""
        if account := mapping(frame.get("account")):
            self.own_name = _joined(account, "givenName", "familyName") or self.own_name
        elif chat := mapping(frame.get("chat")):
            self.chats[number_of(chat.get("id"))] = number_of(chat.get("recipientId"))
        elif recipient := mapping(frame.get("recipient")):
            number = number_of(recipient.get("id"))
            if "self" in recipient:
                self.kinds[number] = "self"
            elif group := mapping(recipient.get("group")):
                self.kinds[number] = "group"
                title = mapping(mapping(group.get("snapshot")).get("title"))
                self.names[number] = string(title.get("title"))
            elif contact := mapping(recipient.get("contact")):
                self.kinds[number] = "contact"
                self.names[number] = _contact_name(contact)
                if account_id := string(contact.get("aci")):
                    self.by_account[account_id] = self.names[number]
            elif "releaseNotes" in recipient:
                self.names[number] = "Signal"

    def name(self, number: object) -> str:
        """Return who a message is from."""
        if self.kinds.get(number_of(number)) == "self":
            return self.own_name
        return self.names.get(number_of(number)) or "unknown"

    def title(self, chat: str) -> str:
        """Return "chat with Ann", or the group's name."""
        number = self.chats.get(chat, "")
        match self.kinds.get(number):
            case "self":
                return "Note to Self"
            case "contact":
                return f"chat with {self.name(number)}"
        return self.names.get(number) or "a chat"


def message_of(item: dict[str, Any], people: People) -> Message | None:
    """Return what a frame says as a message, if there is something to say."""
    time = _time(item.get("dateSent"))
    if time is None:
        return None
    lines = [line for line in _lines(item, people) if line]
    if lines and item.get("revisions"):
        lines[-1] += " (edited)"
    text = "\n".join(lines)
    return Message(people.name(item.get("authorId")), time, text) if text else None


def _lines(item: dict[str, Any], people: People) -> list[str]:
    for key, say in _KINDS.items():
        if key in item:
            return say(mapping(item[key]), people)
    return []


def _view_once(_message: dict[str, Any], _people: People) -> list[str]:
    return ["(view-once message)"]


def _deleted(_message: dict[str, Any], _people: People) -> list[str]:
    return ["(deleted message)"]


def _sticker(message: dict[str, Any], people: People) -> list[str]:
    emoji = string(mapping(message.get("sticker")).get("emoji"))
    return [f"(sticker {emoji})" if emoji else "(sticker)", _reactions(message, people)]


def _story_reply(message: dict[str, Any], _people: People) -> list[str]:
    reply = mapping(mapping(message.get("textReply")).get("text"))
    return ["(in reply to a story)", string(reply.get("body")) or string(message.get("emoji"))]


def _poll(poll: dict[str, Any], _people: People) -> list[str]:
    answers = (
        f"- {string(option.get('option'))} ({len(mappings(option.get('votes')))} votes)"
        for option in mappings(poll.get("options"))
    )
    return [f"poll: {string(poll.get('question'))}", *answers]


def _standard(message: dict[str, Any], people: People) -> list[str]:
    lines = []
    if quote := mapping(message.get("quote")):
        quoted = snippet(string(mapping(quote.get("text")).get("body")))
        author = people.name(quote.get("authorId"))
        lines.append(f"(in reply to {author}: “{quoted}”)" if quoted else f"(in reply to {author})")
    lines.append(string(mapping(message.get("text")).get("body")))
    for attachment in mappings(message.get("attachments")):
        pointer = mapping(attachment.get("pointer"))
        is_voice = attachment.get("flag") == "VOICE_MESSAGE"
        name = string(pointer.get("fileName")) or string(pointer.get("contentType")) or "a file"
        lines.append("(voice message)" if is_voice else f"attached: {name}")
        lines.append(string(pointer.get("caption")))
    for preview in mappings(message.get("linkPreview")):
        if title := string(preview.get("title")):
            lines.append(f"(link: {title})")
    return [*lines, _reactions(message, people)]


def _reactions(message: dict[str, Any], people: People) -> str:
    said = [
        f"{string(one.get('emoji'))} {people.name(one.get('authorId'))}"
        for one in mappings(message.get("reactions"))
    ]
    return f"(reactions: {', '.join(said)})" if said else ""


def _shared_contact(message: dict[str, Any], _people: People) -> list[str]:
    contact = mapping(message.get("contact"))
    name = _joined(mapping(contact.get("name")), "givenName", "middleName", "familyName")
    ways = [*mappings(contact.get("number")), *mappings(contact.get("email"))]
    said = [name, string(contact.get("organization")), *(string(way.get("value")) for way in ways)]
    return [f"contact: {', '.join(filter(None, said))}"]


def _event(update: dict[str, Any], people: People) -> list[str]:
    """Return a call or a change of the group in words: "(group member joined: Ann)"."""
    if call := mapping(update.get("individualCall")):
        words = (string(call.get(key)) for key in ("direction", "type", "state"))
        return [f"({' '.join(filter(None, words)).lower().replace('_', ' ')})"]
    if call := mapping(update.get("groupCall")):
        return [f"(group call, {string(call.get('state')).lower().replace('_', ' ')})"]
    if change := mapping(update.get("profileChange")):
        before, after = string(change.get("previousName")), string(change.get("newName"))
        return [f"(name changed: {before} to {after})"]
    if changes := mappings(mapping(update.get("groupChange")).get("updates")):
        return [_words(change, people) for change in changes]
    return [] if any(key in update for key in _SILENT) else [_words(update, people)]


def _words(change: dict[str, Any], people: People) -> str:
    for key, value in change.items():
        words = [word.lower() for word in _CAPITAL.split(key)]
        said = " ".join(word for word in words if word not in _WORDLESS)
        details = [
            people.by_account.get(text, text if "Aci" not in name else "")
            for name, text in mapping(value).items()
            if isinstance(text, str) and not name.endswith(("Id", "Ms", "Timestamp"))
        ]
        named = ", ".join(filter(None, details))
        return f"({said}: {named})" if named else f"({said})"
    return ""


def _contact_name(contact: dict[str, Any]) -> str:
    return (
        _joined(mapping(contact.get("nickname")), "given", "family")
        or _joined(contact, "systemGivenName", "systemFamilyName")
        or _joined(contact, "profileGivenName", "profileFamilyName")
        or string(contact.get("username"))
        or (f"+{number_of(contact['e164']).lstrip('+')}" if contact.get("e164") else "")
    )


def number_of(value: object) -> str:
    """Return an identifier as text: JSON has 64-bit numbers as strings."""
    return str(value) if isinstance(value, (str, int)) else ""


def _joined(data: dict[str, Any], *keys: str) -> str:
    return " ".join(filter(None, (string(data.get(key)).strip() for key in keys)))


def _time(milliseconds: object) -> datetime | None:
    """Return the time of a 64-bit number, which JSON has as a string."""
    number = str(milliseconds)
    return time_of(int(number) / 1000) if number.isdecimal() and len(number) < 20 else None


_KINDS: dict[str, Callable[[dict[str, Any], People], list[str]]] = {
    "standardMessage": _standard,
    "contactMessage": _shared_contact,
    "stickerMessage": _sticker,
    "remoteDeletedMessage": _deleted,
    "adminDeletedMessage": _deleted,
    "viewOnceMessage": _view_once,
    "directStoryReplyMessage": _story_reply,
    "poll": _poll,
    "updateMessage": _event,
}
