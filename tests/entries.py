"""Journal entries as tests write them, and an open store without an engine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from tera.config import Config
from tera.datatypes import JournalEntry
from tera.paths import Paths
from tera.store.opened import OpenStore, open_store

DAY = "2024-05-01T12:00:00.000+00:00"


def remember(
    memory_id: str,
    text: str = "some text",
    *,
    title: str | None = None,
    tags: tuple[str, ...] = (),
    source: str | None = None,
    at: str = DAY,
    **document: str,
) -> JournalEntry:
    """Return an entry that remembers a memory; `document` is its type, part and digest."""
    fields = {
        "text": text,
        "title": title,
        "tags": list(tags),
        "source": source,
        "at": at,
        "remembered_at": DAY,
        **document,
    }
    return JournalEntry(0, "", "", 0, "remember", memory_id, fields)


def edit(memory_id: str, **fields: object) -> JournalEntry:
    """Return an entry that changes some fields."""
    return JournalEntry(0, "", "", 0, "edit", memory_id, fields)


def forget(memory_id: str) -> JournalEntry:
    """Return an entry that forgets."""
    return JournalEntry(0, "", "", 0, "forget", memory_id)


def numbered(entry: JournalEntry, number: int, change: int = 0) -> JournalEntry:
    """Return an entry as the journal would give it back, in a change of its own unless told."""
    return replace(entry, number=number, change=change or number, clock=f"{number:013d}-0000")


def opened(home: Path, config: Config | None = None) -> AbstractContextManager[OpenStore]:
    """Open the store of a home folder."""
    return open_store(config or Config(), Paths(home))
