"""Statements that several changes of the store share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tera.datatypes import Chunk
from tera.store.connection import Transaction, record
from tera.store.journal import Position
from tera.store.outcomes import Outcome
from tera.store.vectors import Slot, chunk_id


def set_position(transaction: Transaction, device: str, end: Position) -> None:
    """Note that a device's journal is done up to a position."""
    transaction.add(
        "UPSERT $device CONTENT $end RETURN NONE",
        device=record("position", device),
        end={"number": end.number, "segment": end.segment, "offset": end.offset},
    )


def position_of(row: Mapping[str, Any]) -> Position:
    """Return the position that a row notes."""
    return Position(row["number"], row["segment"], row["offset"])


def insert_chunks(transaction: Transaction, chunks: Sequence[Chunk]) -> None:
    """Add chunks to a transaction; they must not be there yet."""
    rows = [
        {
            "id": chunk_id(chunk.memory_id, chunk.ordinal),
            "span": [chunk.start, chunk.end],
            "heading": chunk.heading,
        }
        for chunk in chunks
    ]
    if rows:
        transaction.add("INSERT INTO chunk $rows RETURN NONE", rows=rows)


def mark_pending(transaction: Transaction, ids: Sequence[str], table: str) -> None:
    """Note in the table of a slot that memories wait for vectors."""
    if ids:
        rows = [{"id": key} for key in ids]
        transaction.add(f"INSERT IGNORE INTO {table} $rows RETURN NONE", rows=rows)


def write_outcomes(
    transaction: Transaction,
    outcomes: Mapping[str, Outcome],
    chunks: Mapping[str, Sequence[Chunk]],
    slots: Sequence[Slot],
) -> None:
    """Write what becomes of memories, and the chunks of those that were already cut.

    Those with new content wait for vectors in each of the slots.
    """
    added = {key: outcome for key, outcome in outcomes.items() if outcome.is_new}
    if added:
        rows = [{"id": key, **outcome.columns} for key, outcome in added.items()]
        transaction.add("INSERT INTO memory $rows RETURN NONE", rows=rows)
    for key, outcome in outcomes.items():
        if outcome.columns and not outcome.is_new:
            transaction.add(
                "UPDATE $id MERGE $columns RETURN NONE",
                id=record("memory", key),
                columns=outcome.columns,
            )
    renewed = [key for key, outcome in outcomes.items() if "content_clock" in outcome.columns]
    for slot in slots:
        mark_pending(transaction, renewed, slot.pending)
    insert_chunks(transaction, [chunk for key in renewed for chunk in chunks.get(key, ())])
