"""What is to be written: drafts and imported memories -> journal entries and chunks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from tera.batches import as_read
from tera.chunker import CountTokens, chunk_memory
from tera.datatypes import (
    Chunk,
    Draft,
    Held,
    JournalEntry,
    Memory,
    Operation,
    Remembered,
    SecretPolicy,
)
from tera.places import MARKS
from tera.store.outcomes import CONTENT_FIELDS
from tera.store.surreal import SurrealStore
from tera.transfer import fields_of

ID_LENGTH = 10
EAGER_CHARACTERS = 100_000
"""Longer texts are cut with the next search: others must not wait for it."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_DATED = re.compile(r"(.*?)(\d{4}-\d\d-\d\d \d\d:\d\d)")
_DISPLACED = "displaced"
"""Part of a memory whose part now has another text; it vanishes if its text is not met again."""

Status = Literal["new", "known", "updated", "forgotten"]


@dataclass(slots=True)
class Plan:
    """A batch of changes that is written at once.

    Attributes:
        change: Number of the change that the entries belong to; 0 for a new one.
        count_tokens: The embedder's measure; None leaves the cutting for later.
        entries: What goes to the journal.
        chunks: By memory id, the chunks of memories with new content.
        outcome: What became of each memory, in the order given.
    """

    change: int = 0
    count_tokens: CountTokens | None = None
    entries: list[JournalEntry] = field(default_factory=list)
    chunks: dict[str, Sequence[Chunk]] = field(default_factory=dict)
    outcome: list[Remembered] = field(default_factory=list)

    def remember(self, database: SurrealStore, drafts: Sequence[Draft]) -> None:
        """Plan to remember drafts. The same text is kept once; a file replaces what it was.

        What was told with different dates happened more than once.
        """
        planned: dict[str, dict[str, Memory]] = {}  # by text and id
        latest: dict[str, Memory] = {}  # by id: what the database does not know yet
        gone: set[str] = set()  # what it still has
        for draft in drafts:
            known = list(planned.get(draft.text, {}).values())
            same = _told_before(draft, known) or _told_before(draft, database.find(draft.text))
            if same:
                same = latest.get(same.id, same)
                if same.text != draft.text or same.id in gone:
                    # It had this text until now: one file took the name that another had.
                    same = None
            outdated = None
            is_moved = same and same.source == draft.source and same.part != draft.part
            if draft.is_file and draft.source and (not same or is_moved):
                outdated = database.files.find(draft.source, draft.part)
                outdated = latest.get(outdated.id, outdated) if outdated else None
            if same and outdated and outdated.part == draft.part:
                # It makes room; where its own text stands now is still to be read.
                latest[outdated.id] = self.edit(outdated, replace(outdated, part=_DISPLACED))
            if same:
                memory = self.edit(same, _with_additions(same, draft))
            elif outdated:
                memory = self.edit(outdated, _brought_up_to_date(outdated, draft))
            else:
                memory = self.add(new_memory(draft))
            status: Status = "known" if same else "updated" if outdated else "new"
            planned.setdefault(memory.text, {})[memory.id] = latest[memory.id] = memory
            self.outcome.append(Remembered(memory, status))
            if draft.is_file and draft.source and draft.parts is not None:
                there = database.files.parts(draft.source)
                there |= {key: known.part for key, known in latest.items() if key in there}
                has_history = MARKS.get(draft.type) == "messages"
                left = set(vanished(there, draft.parts, has_history=has_history)) - gone
                for memory_id, old in database.memories(sorted(left)).items():
                    self.forget(memory_id)
                    self.outcome.append(Remembered(old, "forgotten"))
                gone |= left

    def restore(self, database: SurrealStore, memories: Sequence[Memory]) -> None:
        """Plan to take over exported memories, under their own ids."""
        there = database.memories([memory.id for memory in memories])
        for memory in memories:
            old = there.get(memory.id)
            before = len(self.entries)
            there[memory.id] = self.edit(old, memory) if old else self.add(memory)
            is_changed = len(self.entries) > before
            status: Status = "updated" if old and is_changed else "known" if old else "new"
            self.outcome.append(Remembered(memory, status))

    def add(self, memory: Memory) -> Memory:
        """Plan to keep a new memory."""
        self.entries.append(self._entry("remember", memory.id, fields_of(memory)))
        self._cut(memory)
        return memory

    def edit(self, old: Memory, new: Memory) -> Memory:
        """Plan to change a memory; nothing is planned when nothing is different."""
        before = fields_of(old)
        fields = {name: value for name, value in fields_of(new).items() if value != before[name]}
        if fields:
            self.entries.append(self._entry("edit", old.id, fields))
        if CONTENT_FIELDS & fields.keys():
            self._cut(new)
        return new

    def forget(self, memory_id: str) -> None:
        """Plan to forget a memory."""
        self.entries.append(self._entry("forget", memory_id, {}))

    def _cut(self, memory: Memory) -> None:
        if self.count_tokens and len(memory.text) <= EAGER_CHARACTERS:
            self.chunks[memory.id] = chunk_memory(memory, self.count_tokens)

    def _entry(
        self, operation: Operation, memory_id: str, fields: Mapping[str, Any]
    ) -> JournalEntry:
        return JournalEntry(0, "", "", self.change, operation, memory_id, fields)


def vanished(there: Mapping[str, str], parts: Sequence[str], *, has_history: bool) -> list[str]:
    """Return the ids of memories whose part is no longer in their file.

    Args:
        there: The part of each memory of the file.
        parts: Those that the file has now.
        has_history: Parts are dates, behind the name of a chat where there are several. An export
            may begin later than the one before, as WhatsApp's hold the newest 40,000 messages:
            what is older stays.
    """
    gone = [key for key, part in there.items() if part not in parts]
    if not has_history:
        return gone
    first: dict[str, str] = {}
    for part in parts:
        if found := _DATED.match(part):
            first[found[1]] = min(found[2], first.get(found[1], found[2]))
    kept = (_DATED.match(there[key]) for key in gone)
    return [
        key
        for key, found in zip(gone, kept, strict=True)
        if not found or found[2] >= first.get(found[1], "9")
    ]


def without_secrets(
    drafts: Sequence[Draft], secrets: SecretPolicy, is_known: Callable[[str], bool]
) -> tuple[list[Draft], list[Held]]:
    """Return drafts that hold no secrets, or hold them no longer; and those that are held.

    Args:
        drafts: To be remembered.
        secrets: What becomes of those with secrets.
        is_known: Whether a text is in memory: what the person has decided once is not asked again.
    """
    from tera.sensitive import find_secrets, redact

    clean: list[Draft] = []
    held: list[Held] = []
    held_sources: set[str] = set()
    for given in drafts:
        draft = as_read(given, held_sources)
        found = find_secrets(draft.text)
        redacted = replace(draft, text=redact(draft.text, found))
        if not found or secrets == "redact":
            clean.append(redacted)
        elif is_known(draft.text):
            clean.append(draft)
        elif is_known(redacted.text):
            clean.append(redacted)
        else:
            held.append(Held(draft, tuple(found)))
            held_sources.add(draft.source or "")
    return clean, held


def new_memory(draft: Draft) -> Memory:
    """Return a draft as a memory with a new id, told now."""
    told = now()
    return Memory(
        id="".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH)),
        text=draft.text,
        at=to_milliseconds(draft.at) if draft.at else told,
        remembered_at=told,
        title=draft.title,
        tags=tuple(dict.fromkeys(draft.tags)),
        source=draft.source,
        type=draft.type,
        part=draft.part,
        digest=draft.digest,
    )


def now() -> datetime:
    """Return the time, in UTC, as the store keeps it."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(time: datetime) -> datetime:
    """Return a time in UTC, cut to the millisecond."""
    time = time.astimezone(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _told_before(draft: Draft, known: Sequence[Memory]) -> Memory | None:
    """Return the memory that a draft tells again, of those with its text."""
    if draft.at is None or draft.is_file:
        return known[0] if known else None
    day = draft.at.astimezone().date()
    of_day = [memory for memory in known if memory.at.astimezone().date() == day]
    # Without a date of its own, one was meant for any.
    undated = [memory for memory in known if memory.at == memory.remembered_at]
    return next(iter((*of_day, *undated)), None)


def _with_additions(memory: Memory, draft: Draft) -> Memory:
    """Return a memory with what a draft of the same text adds.

    What a person says of a text they tell again counts; a file's name and date do not change what
    is known of the same text.
    """
    memory = replace(memory, tags=tuple(dict.fromkeys((*memory.tags, *draft.tags))))
    if draft.is_file:
        memory = replace(memory, title=memory.title or draft.title)
        if memory.source != draft.source and not (draft.digest and draft.digest == memory.digest):
            return memory
        # Its own, or one that was read under the name that another file has now.
        memory = replace(memory, source=draft.source, type=draft.type)
        return replace(memory, part=draft.part, digest=draft.digest)
    return replace(
        memory,
        title=draft.title or memory.title,
        source=draft.source or memory.source,
        at=to_milliseconds(draft.at) if draft.at else memory.at,
    )


def _brought_up_to_date(memory: Memory, draft: Draft) -> Memory:
    at = to_milliseconds(draft.at) if draft.at else now()
    title = draft.title or memory.title
    return replace(_with_additions(memory, draft), text=draft.text, title=title, at=at)
