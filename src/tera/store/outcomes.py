"""Journal entries that are applied together -> what they make of each memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tera.datatypes import JournalEntry
from tera.store.rows import columns_of

CONTENT_FIELDS = frozenset({"text", "title", "at"})
"""What is embedded; a change of anything else leaves the vectors as they are."""


@dataclass(slots=True)
class Outcome:
    """What becomes of one memory.

    Attributes:
        columns: What is set; everything for a new memory.
        is_new: It is remembered.
        is_gone: It is forgotten.
        is_void: Chunks and vectors that it had before no longer fit.
        is_old: A record of it may be there, and has to go.
    """

    columns: dict[str, Any]
    is_new: bool = False
    is_gone: bool = False
    is_void: bool = False
    is_old: bool = False

    @property
    def is_edited(self) -> bool:
        """It must be there already."""
        return not (self.is_new or self.is_gone)


def outcomes_of(entries: Sequence[JournalEntry], *, again: bool) -> dict[str, Outcome]:
    """Return what entries make of each memory in the end, by id.

    Args:
        entries: In the order of their numbers.
        again: Some of it may be in the database already.
    """
    outcomes: dict[str, Outcome] = {}
    for entry in entries:
        if entry.operation == "lost":
            continue
        known = outcomes.get(entry.memory_id)
        columns = columns_of(entry.fields)
        has_content = bool(CONTENT_FIELDS & entry.fields.keys())
        if has_content:
            columns["content_clock"] = entry.clock
        if entry.operation == "forget":
            outcomes[entry.memory_id] = Outcome({}, is_gone=True, is_void=True, is_old=True)
        elif entry.operation == "remember":
            outcomes[entry.memory_id] = Outcome(
                columns,
                is_new=True,
                is_void=known is not None and known.is_void,
                is_old=again or known is not None,
            )
        elif known is None:
            outcomes[entry.memory_id] = Outcome(columns, is_void=has_content)
        elif not known.is_gone:
            known.columns |= columns
            known.is_void |= has_content and not known.is_new
    return outcomes
