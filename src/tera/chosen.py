"""What a person names -> memories: by a filter and its index, or by the beginning of an id."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tera.attributes import TIMES, attributes_of
from tera.datatypes import Filter, JournalEntry, Memory
from tera.errors import StoreError
from tera.indexes.keys import ID_CHARACTERS, id_of, number_of, numbers_of
from tera.matching import holds
from tera.store.journal import Position
from tera.store.opened import OpenStore
from tera.store.surreal import MEMORY_BATCH, SurrealStore
from tera.where import Condition, names_in, parse

if TYPE_CHECKING:
    from tera.indexes.attributes import Changes
    from tera.indexes.blocks import Place
    from tera.indexes.keys import Numbers
    from tera.model_loader import Listener
    from tera.workspace import Workspace

BATCH_ENTRIES = 4096
"""Entries of the journal that go to the index at once: as many as a block of it has rows."""
BATCH_CHARACTERS = 32_000_000
"""Or so much text."""
NEAR_NAMES = 3
MOST_NAMES = 12
"""Named where none is near to what was typed."""


class ChosenIds(Collection[str]):
    """The ids of chosen memories, made of their numbers only where they are looked at."""

    def __init__(self, numbers: Numbers) -> None:
        """Use sorted numbers."""
        self.numbers = numbers

    def __contains__(self, memory_id: object) -> bool:
        """Return whether a memory is chosen."""
        number = number_of(str(memory_id))
        place = int(self.numbers.searchsorted(number))
        return place < len(self.numbers) and int(self.numbers[place]) == number

    def __iter__(self) -> Iterator[str]:
        """Yield the ids, in order."""
        return (id_of(number) for number in self.numbers.tolist())

    def __len__(self) -> int:
        """Return how many are chosen."""
        return len(self.numbers)


class JournalFeed:
    """The journal of an open store as the index of attributes follows it."""

    def __init__(self, opened: OpenStore, listener: Listener) -> None:
        """Use a store for as long as it is open; the listener hears how far reading it is."""
        self._listener = listener
        self._journal = opened.journal
        self._database = opened.database

    def digest_at(self, place: Place) -> str:
        """Return what tells the journal up to a place from all others; empty if it has none."""
        return self._journal.digest_at(Position(*place))

    def end(self) -> Place:
        """Return the place behind the last entry."""
        return _place(self._journal.end)

    def changes(self, after: Place) -> Iterator[tuple[Changes, Place]]:
        """Yield what follows a place, some entries at a time, each with the place behind them."""
        changed: dict[str, Memory | None] = {}
        unsure: set[str] = set()
        count = characters = 0
        at = start = Position(*after)
        for entry, at in self._journal.entries(after=start if start.number else None):
            count += 1
            characters += len(str(entry.fields.get("text", "")))
            if entry.operation != "lost":
                changed[entry.memory_id] = None
                unsure.discard(entry.memory_id)
            if entry.operation == "remember":
                changed[entry.memory_id] = memory_of(entry)
            elif entry.operation == "edit":
                unsure.add(entry.memory_id)
            if count >= BATCH_ENTRIES or characters >= BATCH_CHARACTERS:
                self._listener.progress("reading the journal", at.number, self._journal.end.number)
                yield self._known(changed, unsure), _place(at)
                changed, unsure = {}, set()
                count = characters = 0
        if count:
            yield self._known(changed, unsure), _place(at)

    def _known(self, changed: Changes, unsure: Collection[str]) -> Changes:
        """Return changes with edited memories as the database has them, which is at the end."""
        found = self._database.memories(sorted(unsure)) if unsure else {}
        return {**changed, **{key: found.get(key) for key in unsure}}


def _place(at: Position) -> Place:
    return at.number, at.segment, at.offset


def memory_of(entry: JournalEntry) -> Memory:
    """Return the memory that an entry remembers."""
    fields: dict[str, Any] = dict(entry.fields)
    return Memory(
        id=entry.memory_id,
        text=fields["text"],
        at=datetime.fromisoformat(fields["at"]),
        remembered_at=datetime.fromisoformat(fields["remembered_at"]),
        title=fields.get("title"),
        tags=tuple(fields.get("tags") or ()),
        source=fields.get("source"),
        type=fields.get("type") or "",
        part=fields.get("part") or "",
        digest=fields.get("digest") or "",
    )


def choose(workspace: Workspace, opened: OpenStore, chosen: Filter) -> Numbers:
    """Return the numbers of the memories that pass a filter, sorted.

    The listener hears of names that no memory has, and of damage.
    """
    index, listener = workspace.indexes.attributes(opened), workspace.listener
    if index is None and not chosen.where:
        return numbers_of(opened.database.select_ids(chosen))
    if index is None:
        return numbers_of(memory.id for memory in passing(opened.database, chosen, listener))
    condition = parse(chosen.where) if chosen.where else None
    numbers = index.chosen(chosen, condition)
    if condition and (unknown := index.unknown(list(dict.fromkeys(names_in(condition))))):
        _hint(unknown, index.names(), listener)
    notes, index.notes = index.notes, ()
    for note in notes:
        listener.note(note)
    return numbers


def select(workspace: Workspace, chosen: Filter, limit: int | None) -> list[Memory]:
    """Return the memories that pass a filter, newest first; see `choose`."""
    if chosen.where:
        workspace.follow_attributes()
    with workspace.store() as opened:
        database = opened.database
        if not chosen.where:
            return database.select(chosen, limit)
        index = workspace.indexes.attributes(opened)
        if index is None:
            return passing(database, chosen, workspace.listener)[:limit]
        newest = index.newest(choose(workspace, opened, chosen), limit)
        ids = [id_of(number) for number in newest.tolist()]
        found: list[Memory] = []
        for start in range(0, len(ids), MEMORY_BATCH):
            some = ids[start : start + MEMORY_BATCH]
            memories = database.memories(some)
            found += [memories[key] for key in some]
        return found


def passing(database: SurrealStore, chosen: Filter, listener: Listener) -> list[Memory]:
    """Return the memories that pass a filter, newest first, looking at one after the other."""
    memories = database.select(replace(chosen, where=""))
    if not chosen.where:
        return memories
    condition: Condition = parse(chosen.where)
    names: set[str] = set()
    found: list[Memory] = []
    for memory in memories:
        attributes = attributes_of(memory)
        names |= attributes.keys()
        if holds(condition, attributes):
            found.append(memory)
    if unknown := [name for name in dict.fromkeys(names_in(condition)) if name not in names]:
        _hint(unknown, sorted(names), listener)
    return found


def _hint(unknown: list[str], names: list[str], listener: Listener) -> None:
    """Say which names no memory has, and which others there are, unless there is no memory."""
    import difflib

    if len(names) <= len(TIMES):
        return
    for name in unknown:
        near = difflib.get_close_matches(name, names, NEAR_NAMES)
        more = ", ..." if len(names) > MOST_NAMES else ""
        hint = (
            f"did you mean {' or '.join(near)}?"
            if near
            else f"there are {', '.join(names[:MOST_NAMES])}{more}"
        )
        listener.note(f"no memory has {name!r}", hint)


def whole_id(database: SurrealStore, prefix: str) -> str:
    """Return the id that begins so.

    Raises:
        StoreError: No id does, or several do.
    """
    bare = prefix.strip().lower()
    is_id = bool(bare) and bare.isascii() and bare.isalnum() and len(bare) <= ID_CHARACTERS
    ids = database.ids_with_prefix(bare, 3) if is_id else []
    if len(ids) > 1:
        shown = ", ".join(ids[:2]) + (", ..." if len(ids) > 2 else "")
        raise StoreError(f"{prefix!r} fits several memories: {shown}", hint="type more of the id")
    if not ids:
        raise StoreError(f"no memory has an id that begins with {prefix!r}", hint="tera list")
    return ids[0]
