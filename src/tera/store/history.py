"""What the journal tells: the list of changes, and what would take one back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tera.datatypes import JournalEntry
from tera.errors import StoreError
from tera.store.clock import time_of


@dataclass(frozen=True, slots=True)
class Change:
    """What one command did: the entries that share a change number."""

    number: int
    at: datetime
    entries: tuple[JournalEntry, ...]
    undoes: int | None
    undone_by: int | None

    @property
    def lost(self) -> int:
        """How many of its entries, and of the changes after it, could not be read again.

        What the database still knew of them then follows as entries of the same change; it cannot
        be undone.
        """
        return sum(int(str(e.fields["count"])) for e in self.entries if e.operation == "lost")


def changes(entries: Iterable[JournalEntry]) -> list[Change]:
    """Return the changes of a journal, oldest first."""
    groups: dict[int, list[JournalEntry]] = {}
    undone_by: dict[int, int] = {}
    for entry in entries:
        groups.setdefault(entry.change, []).append(entry)
        if entry.undoes is not None:
            undone_by[entry.undoes] = entry.change
    return [
        Change(
            number,
            time_of(group[0].clock),
            tuple(group),
            group[0].undoes,
            _still(number, undone_by),
        )
        for number, group in groups.items()
    ]


def begun_change(entries: Iterable[JournalEntry], ids: Collection[str], since: datetime) -> int:
    """Return the change that wrote some of these memories at a time or later; 0 for none."""
    # The clock in the journal goes by milliseconds.
    since = since.replace(microsecond=since.microsecond // 1000 * 1000)
    return next(
        (
            entry.change
            for entry in entries
            if entry.memory_id in ids
            and entry.operation in ("remember", "edit")
            and entry.undoes is None
            and time_of(entry.clock) >= since
        ),
        0,
    )


def _still(number: int, undone_by: Mapping[int, int]) -> int | None:
    """Return the change that undid this one, if that has not been undone in turn."""
    by = undone_by.get(number)
    return by if by is not None and _still(by, undone_by) is None else None


def undoing(entries: Sequence[JournalEntry], number: int | None) -> list[JournalEntry]:
    """Return the entries that take a change back.

    Args:
        entries: The whole journal.
        number: The change; None for the last one that is neither undone nor itself an undo.

    Raises:
        StoreError: There is no such change, it is undone already, or a later change builds on it.
    """
    known = {change.number: change for change in changes(entries)}
    if number is None:
        open_changes = (
            c for c in known.values() if c.undone_by is None and c.undoes is None and not c.lost
        )
        last = next((c for c in reversed([*open_changes]) if _inverses(c, entries)), None)
        if last is None:
            raise StoreError("there is nothing to undo", hint="tera log")
        change = last
    elif number not in known:
        raise StoreError(f"there is no change {number}", hint="tera log")
    else:
        change = known[number]
    if change.lost:
        raise StoreError(f"change {change.number} is lost and cannot be undone", hint="tera log")
    if change.undone_by is not None:
        raise StoreError(
            f"change {change.number} is undone already, by change {change.undone_by}",
            hint=f"tera undo {change.undone_by} does it again",
        )
    _refuse_if_built_on(change, known.values())
    undone = _inverses(change, entries)
    if not undone:
        raise StoreError(f"change {change.number} changed nothing", hint="tera log")
    return undone


def states(
    entries: Iterable[JournalEntry], start: Mapping[str, Mapping[str, object]] | None = None
) -> dict[str, Mapping[str, object]]:
    """Return the fields of every memory that is there after these entries; `start` was before."""
    there: dict[str, Mapping[str, object]] = dict(start or {})
    for entry in entries:
        if entry.operation == "forget":
            there.pop(entry.memory_id, None)
        elif entry.operation == "remember":
            there[entry.memory_id] = entry.fields
        elif entry.operation == "edit" and entry.memory_id in there:
            there[entry.memory_id] = {**there[entry.memory_id], **entry.fields}
    return there


def _inverses(change: Change, entries: Iterable[JournalEntry]) -> list[JournalEntry]:
    touched = {entry.memory_id for entry in change.entries}
    before = states(
        entry for entry in entries if entry.number < change.number and entry.memory_id in touched
    )
    return [
        inverse
        for entry in reversed(change.entries)
        for inverse in _inverse(entry, before.get(entry.memory_id), change.number)
    ]


def _inverse(
    entry: JournalEntry, before: Mapping[str, object] | None, change: int
) -> Iterable[JournalEntry]:
    def inverse(operation: str, fields: Mapping[str, object]) -> JournalEntry:
        return JournalEntry(0, "", "", 0, operation, entry.memory_id, fields, undoes=change)  # type: ignore[arg-type]

    if entry.operation == "remember":
        yield inverse("forget", {})
    elif before is None:
        return
    elif entry.operation == "forget":
        yield inverse("remember", before)
    else:
        yield inverse("edit", {name: before.get(name) for name in entry.fields})


def _refuse_if_built_on(change: Change, known: Iterable[Change]) -> None:
    touched = {entry.memory_id for entry in change.entries}
    for later in known:
        is_later = later.number > change.number and later.undone_by is None
        # An undo and what it undid cancel out; neither stands in the way.
        is_open = is_later and not (later.undoes is not None and later.undoes > change.number)
        both = touched & {entry.memory_id for entry in later.entries}
        if is_open and both:
            raise StoreError(
                f"change {later.number} came after change {change.number} on {sorted(both)[0]}",
                hint="tera log" if later.lost else f"tera undo {later.number}",
            )


def is_same_value(name: str, one: object, other: object) -> bool:
    """Return whether a field has the same value in two entries.

    Times may be named in any time zone; entries of an older Tera do not name every field.
    """
    if name in ("at", "remembered_at") and isinstance(one, str) and isinstance(other, str):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return (one or None) == (other or None)
