"""One slot for vectors: which memories wait for theirs, and what their chunks get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tera.datatypes import Chunk, Memory
from tera.store.connection import Connection, Transaction, record
from tera.store.rows import chunk_of, memory_of
from tera.store.vectors import EmbeddedVectors, ServerVectors, Slot, chunk_range

if TYPE_CHECKING:
    from tera.store.vectors import FloatMatrix

TEXT_BATCH = 128
"""Texts read at once: a bound for memory, as one may have 16 MB."""


@dataclass(frozen=True, slots=True)
class PendingMemory:
    """A memory with chunks that have no vector yet; `chunks` is empty before it has been cut."""

    memory: Memory
    content_clock: str
    chunks: tuple[Chunk, ...]


class Embeddings:
    """The vectors of one embedder, and the memories that wait for some."""

    def __init__(self, connection: Connection, slot: Slot) -> None:
        """Use a connection."""
        self._connection = connection
        self.slot = slot
        self.vectors: EmbeddedVectors | ServerVectors = (
            ServerVectors(connection, slot)
            if connection.is_server
            else EmbeddedVectors(connection, slot)
        )

    def pending(self, limit: int) -> list[PendingMemory]:
        """Return up to `limit` memories that wait for vectors."""
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM {self.slot.pending} LIMIT $limit", limit=limit
        )
        return self.pending_of(ids)

    def pending_of(self, ids: Sequence[str]) -> list[PendingMemory]:
        """Return some memories with those of their chunks that have no vector."""
        return [
            PendingMemory(memory_of(row), row["content_clock"], self.waiting_chunks(row["id"].id))
            for row in memory_rows(self._connection, ids)
        ]

    def waiting_among(self, ids: Sequence[str]) -> set[str]:
        """Return which of some memories wait for vectors."""
        rows = self._connection.query(
            "SELECT VALUE id FROM $ids", ids=[record(self.slot.pending, key) for key in ids]
        )
        return {row.id for row in rows if row}

    def pending_texts(self) -> Iterator[tuple[str, str]]:
        """Yield the id and the text of every memory that waits for vectors."""
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM {self.slot.pending}"
        )
        for start in range(0, len(ids), TEXT_BATCH):
            rows = self._connection.query(
                "SELECT id, text FROM $ids",
                ids=[record("memory", key) for key in ids[start : start + TEXT_BATCH]],
            )
            yield from ((row["id"].id, row["text"]) for row in rows if row)

    def waiting_chunks(self, memory_id: str) -> tuple[Chunk, ...]:
        """Return the chunks of a memory that have no vector."""
        rows = self._connection.query(
            f"SELECT * FROM {chunk_range(memory_id)} WHERE {self.slot.vector} = NONE"
        )
        return tuple(chunk_of(row) for row in rows)

    def put_vectors(
        self, batch: Sequence[tuple[PendingMemory, Chunk]], matrix: FloatMatrix
    ) -> list[str]:
        """Keep the vectors of chunks that wait; those of memories changed meanwhile are dropped.

        A memory is done when none of its chunks waits.

        Args:
            batch: The chunks, each with the memory it was cut from.
            matrix: float32 array of shape (len(batch), dim), rows of length 1.

        Returns:
            The ids of those memories of the batch that wait for nothing now.
        """
        memories = {pending.memory.id: pending for pending, _ in batch}
        waiting = {
            key: set(self.waiting_chunks(key)) if self._is_current(pending) else set()
            for key, pending in memories.items()
        }
        rows = [row for row, (_, chunk) in enumerate(batch) if chunk in waiting[chunk.memory_id]]
        if rows:
            self._put_rows(batch, rows, matrix, waiting)
        return sorted(memories.keys() - self.waiting_among(list(memories)))

    def has_some(self) -> bool:
        """Return whether there is any vector here, or a memory that waits for one."""
        tables = (self.slot.vector, self.slot.pending)
        return any(
            self._connection.query(f"SELECT VALUE id FROM {name} LIMIT 1") for name in tables
        )

    def clear_some(self, limit: int) -> int:
        """Remove up to `limit` vectors and as many marks of memories that wait; return how many."""
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM {self.slot.pending} LIMIT $limit", limit=limit
        )
        transaction = Transaction()
        if ids:
            marks = [record(self.slot.pending, key) for key in ids]
            transaction.add("DELETE $marks RETURN NONE", marks=marks)
        self._connection.commit(transaction)
        return len(ids) + self.vectors.clear_some(limit)

    def _put_rows(
        self,
        batch: Sequence[tuple[PendingMemory, Chunk]],
        rows: Sequence[int],
        matrix: FloatMatrix,
        waiting: Mapping[str, set[Chunk]],
    ) -> None:
        transaction = Transaction()
        keys = [(batch[row][1].memory_id, batch[row][1].ordinal) for row in rows]
        self.vectors.add(transaction, keys, matrix[rows])
        for row in rows:
            waiting[batch[row][1].memory_id].discard(batch[row][1])
        finished = {batch[row][1].memory_id for row in rows if not waiting[batch[row][1].memory_id]}
        transaction.add(
            "DELETE $finished RETURN NONE",
            finished=[record(self.slot.pending, key) for key in sorted(finished)],
        )
        self._connection.commit(transaction)

    def _is_current(self, pending: PendingMemory) -> bool:
        """Return whether a memory still has the content that it had."""
        clock = self._connection.query(
            "SELECT VALUE content_clock FROM ONLY $memory",
            memory=record("memory", pending.memory.id),
        )
        return bool(clock == pending.content_clock)


def memory_rows(connection: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the records of memories; unknown ids are left out."""
    rows = connection.query("SELECT * FROM $ids", ids=[record("memory", key) for key in ids])
    # SurrealDB 2 leaves out records that are not there, 3 gives null for them.
    return [row for row in rows if row]
