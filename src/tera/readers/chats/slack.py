"""Exports of Slack workspaces: a zip file, or the folder that was unpacked from one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tera.readers.chats.conversations import Message, conversations
from tera.readers.chats.exports import mappings, parsed, string, without_messages
from tera.readers.chats.slack_files import Folder, Zip, members_of, open_export
from tera.readers.chats.slack_messages import Messages, People
from tera.readers.document import Document, Failure, Item, Progress

_LISTS = ("channels", "groups", "mpims", "dms")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")


def is_slack(path: Path) -> bool:
    """Return whether a folder or a zip file is an export of a Slack workspace."""
    names = members_of(path)
    return "users.json" in names and any(f"{name}.json" in names for name in _LISTS)


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel or a conversation of few; `folder` has its days."""

    key: str
    folder: str
    title: str


def read_slack(document: Document) -> Iterator[Item]:
    """Read an export of a Slack workspace, day by day.

    Args:
        document: A zip file, or a folder.

    Yields:
        A draft for each conversation; their title is "#general", "chat with Ann" or the names of
        who is in it. Failures for the days that cannot be read.

    Raises:
        UnreadableFileError: It is no such export.
        NoTextError: There is no message in it.
        PasswordNeededError: The zip file is encrypted.
    """
    with open_export(document) as files:
        lists, failures = _lists(document, files)
        people = People(lists["users"])
        channels = _channels(files, lists, people)
        total = sum(len(files.days(channel.folder)) for channel in channels)
        done = 0
        is_empty = True
        for channel in channels:
            reading = _Reading(document, files, channel, Messages(people))
            for draft in conversations(reading.messages(), channel.title):
                is_empty = False
                yield replace(draft, part=f"{channel.key} {draft.part}")
                yield Progress(done + reading.done, total)
            done += reading.done
            failures += reading.failures
        if is_empty:
            raise without_messages(document, "Slack")
        yield from failures


@dataclass(slots=True)
class _Reading:
    """The days of a channel as they are read; a broken one does not stop the others."""

    document: Document
    files: Folder | Zip
    channel: _Channel
    converter: Messages
    done: int = 0
    failures: list[Failure] = field(default_factory=list)

    def messages(self) -> Iterator[Message]:
        """Yield the messages of all days."""
        for day in self.files.days(self.channel.folder):
            name = f"{self.channel.folder}/{day}"
            self.done += 1
            try:
                messages = mappings(parsed(self.files.read(name)))
            except ValueError as error:
                self.failures.append(_failure(self.document, name, error))
                continue
            yield from self.converter.of_day(messages)


def _lists(
    document: Document, files: Folder | Zip
) -> tuple[dict[str, list[dict[str, Any]]], list[Failure]]:
    """Return the users and channels that the export lists, and which lists are broken."""
    lists: dict[str, list[dict[str, Any]]] = {}
    failures = []
    names = set(files.top())
    for kind in ("users", *_LISTS):
        lists[kind] = []
        if (name := f"{kind}.json") in names:
            try:
                lists[kind] = mappings(parsed(files.read(name)))
            except ValueError as error:
                failures.append(_failure(document, name, error))
    return lists, failures


def _failure(document: Document, name: str, error: ValueError) -> Failure:
    return Failure(f"{document.name}: {name} cannot be read: {error}")


def _channels(
    files: Folder | Zip, lists: dict[str, list[dict[str, Any]]], people: People
) -> list[_Channel]:
    """Return the channels that have days, in the order of the export's lists."""
    folders = set(files.folders())
    owner = _owner([_members(one) for one in lists["dms"]])
    found: dict[str, _Channel] = {}
    for kind in _LISTS:
        for data in lists[kind]:
            name, key = string(data.get("name")), string(data.get("id"))
            folder = next((one for one in (name, key) if one and one in folders), "")
            if not folder or folder in found:
                continue
            title = _title(kind, name or key, _members(data), people, owner)
            found[folder] = _Channel(key or folder, folder, title)
    # A folder that no list names is a channel all the same.
    for folder in sorted(folders - found.keys()):
        if any(map(_DAY.fullmatch, files.days(folder))):
            found[folder] = _Channel(folder, folder, f"#{folder}")
    return list(found.values())


def _members(channel: dict[str, Any]) -> list[str]:
    members = channel.get("members")
    return [string(member) for member in members] if isinstance(members, list) else []


def _owner(pairs: list[list[str]]) -> str:
    """Return who is in all conversations of two: whose export it is, if it is one person's."""
    common = set.intersection(*map(set, pairs)) if len(pairs) > 1 else set()
    return common.pop() if len(common) == 1 else ""


def _title(kind: str, name: str, members: list[str], people: People, owner: str) -> str:
    if kind in ("channels", "groups"):
        return f"#{name}"
    others = [people.name(member) for member in members if member != owner]
    if kind == "dms" and len(others) == 1:
        return f"chat with {others[0]}"
    return f"chat of {' and '.join(others)}" if others else name
