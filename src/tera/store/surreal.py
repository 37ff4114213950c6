"""The store in SurrealDB: memories, their chunks, and how far the journal has been applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tera.datatypes import Chunk, Filter, JournalEntry, Memory
from tera.errors import EmbeddingMismatchError
from tera.store.connection import Connection, Transaction, record
from tera.store.embeddings import Embeddings, PendingMemory, memory_rows
from tera.store.files import StoredFiles
from tera.store.journal import Position
from tera.store.migrate import migrate
from tera.store.outcomes import Outcome, outcomes_of
from tera.store.renewal import Renewing, Serving, read_serving
from tera.store.rows import chunk_of, memory_of, text_sha256, where_of
from tera.store.statements import (
    insert_chunks,
    mark_pending,
    position_of,
    set_position,
    write_outcomes,
)
from tera.store.vectors import SLOTS, EmbeddedVectors, ServerVectors, Slot, chunk_id, chunk_range

if TYPE_CHECKING:
    from tera.store.vectors import FloatMatrix

MEMORY_BATCH = 500
"""Memories read at once when all are."""


class SurrealStore:
    """The queryable state of the journal. The caller holds the store's lock."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection and bring its schema up to date.

        Raises:
            StoreError: The store was written by a newer Tera.
        """
        self._connection = connection
        self.files = StoredFiles(connection)
        migrate(connection)
        self._slots = tuple(Embeddings(connection, slot) for slot in SLOTS)
        self.renewing = Renewing(connection, self._slots)

    @property
    def has_failed(self) -> bool:
        """A query or a write has failed on this connection."""
        return self._connection.has_failed

    @property
    def connection(self) -> Connection:
        """The connection, for what is asked of a database that is being replaced."""
        return self._connection

    @property
    def feed(self) -> EmbeddedVectors | None:
        """The vectors of the embedded database that serve; None on a server."""
        vectors = self._serving.vectors
        return vectors if isinstance(vectors, EmbeddedVectors) else None

    @property
    def server(self) -> ServerVectors | None:
        """The vectors of a server that serve; None in the embedded database."""
        vectors = self._serving.vectors
        return vectors if isinstance(vectors, ServerVectors) else None

    @property
    def _serving(self) -> Embeddings:
        return self._embeddings(self.serving().slot)

    def _embeddings(self, slot: Slot) -> Embeddings:
        return self._slots[slot.number]

    def vectors_of(self, embedder: str) -> EmbeddedVectors | ServerVectors:
        """Return the vectors that serve, which must be those of an embedder.

        Raises:
            EmbeddingMismatchError: Another has taken its place.
        """
        serving = self.serving()
        if serving.embedder != embedder:
            raise EmbeddingMismatchError(
                f"the store now uses {serving.embedder}, no longer {embedder}", hint="try again"
            )
        return self._embeddings(serving.slot).vectors

    # Changes: each is one transaction.

    def apply(
        self,
        entries: Sequence[JournalEntry],
        end: Position,
        chunks: Mapping[str, Sequence[Chunk]] | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Do what journal entries say, and note that they are done.

        There are up to two transactions: nothing is written again in the one that deleted it, which
        neither SurrealKV nor a server of version 3 gets right. A crash between them is mended when
        the journal is followed again.

        Args:
            entries: In the order of their numbers, from one device.
            end: The journal's position behind the last of them.
            chunks: By memory id, the chunks of memories that were already cut; the others are cut
                when they are embedded.
            again: Some of it may be there: of a write that was cut short, SurrealKV keeps a part.
        """
        if not entries:
            return
        slots = self.serving().written
        outcomes = outcomes_of(entries, again=again)
        edited = [key for key, outcome in outcomes.items() if outcome.is_edited]
        # Whoever edits may not know yet that another has forgotten it.
        for key in set(edited) - self._existing(edited):
            del outcomes[key]
        clearing, writing = Transaction(), Transaction()
        for key, outcome in outcomes.items():
            self._clear(clearing, key, outcome, slots)
        write_outcomes(writing, outcomes, chunks or {}, slots)
        self._count(clearing, writing, outcomes)
        last = writing if writing.statements else clearing
        set_position(last, entries[-1].device, end)
        self._connection.commit(clearing)
        self._connection.commit(writing)

    def set_position(self, device: str, end: Position) -> None:
        """Note that a device's journal is done up to a position."""
        transaction = Transaction()
        set_position(transaction, device, end)
        self._connection.commit(transaction)

    def put_chunks(self, pending: PendingMemory, chunks: Sequence[Chunk]) -> None:
        """Keep the chunks of a memory that was remembered before the embedder was known."""
        if not self._is_uncut(pending):
            return
        clearing, writing = Transaction(), Transaction()
        # A write that was cut short can have left chunks that wait for nothing.
        clearing.add(f"DELETE {chunk_range(pending.memory.id)} RETURN NONE")
        self._connection.commit(clearing)
        insert_chunks(writing, chunks)
        if not chunks:
            for slot in SLOTS:
                writing.add("DELETE $id RETURN NONE", id=record(slot.pending, pending.memory.id))
        self._connection.commit(writing)

    def put_vectors(
        self, batch: Sequence[tuple[PendingMemory, Chunk]], matrix: FloatMatrix
    ) -> list[str]:
        """Keep the vectors of chunks that wait; see `Embeddings.put_vectors`."""
        return self._serving.put_vectors(batch, matrix)

    def set_embedder(self, name: str, dim: int) -> None:
        """Begin with another embedder: all chunks and vectors go, all memories become pending."""
        slot = self.serving().slot
        vectors = self._embeddings(slot).vectors
        clearing, writing = Transaction(), Transaction()
        vectors.clear(clearing)
        clearing.add("DELETE chunk RETURN NONE")
        clearing.add("DELETE meta:renewal RETURN NONE")
        clearing.add("UPDATE meta:state MERGE { embedder: NONE } RETURN NONE")
        ids: list[str] = self._connection.query("SELECT VALUE record::id(id) FROM memory")
        mark_pending(clearing, ids, slot.pending)
        vectors.prepare(writing, dim)
        writing.add("UPDATE meta:state MERGE { embedder: $name } RETURN NONE", name=name)
        self._connection.commit(clearing)
        self._connection.commit(writing)

    # Questions.

    def serving(self) -> Serving:
        """Return whose vectors are searched, and what is to take their place."""
        return read_serving(self._connection)

    def embedder(self) -> str:
        """Return the name of the embedder whose vectors are searched; empty when there is none."""
        return self.serving().embedder

    def has_vectors(self) -> bool:
        """Return whether any chunk has a vector that is searched."""
        table = self.serving().slot.vector
        return bool(self._connection.query(f"SELECT VALUE id FROM {table} LIMIT 1"))

    def position(self, device: str) -> Position:
        """Return how far a device's journal has been applied."""
        row = self._connection.query(
            "SELECT * FROM ONLY $device", device=record("position", device)
        )
        return position_of(row) if row else Position()

    def positions(self) -> dict[str, Position]:
        """Return how far the journals of all devices have been applied, by device."""
        rows = self._connection.query("SELECT * FROM position")
        return {row["id"].id: position_of(row) for row in rows}

    def memories(self, ids: Sequence[str]) -> dict[str, Memory]:
        """Return memories by id; unknown ids are left out."""
        return {row["id"].id: memory_of(row) for row in memory_rows(self._connection, ids)}

    def ids_with_prefix(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` ids that begin with a prefix of letters and digits, in order."""
        # `~` sorts behind every letter. Ranges of record ids cannot be parameters.
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM memory:⟨{prefix}⟩..=⟨{prefix}~⟩ LIMIT $limit",
            limit=limit,
        )
        return ids

    def find(self, text: str) -> list[Memory]:
        """Return the memories with exactly this text: one, or several of different days."""
        rows = self._connection.query(
            "SELECT * FROM memory WHERE sha256 = $sha256", sha256=text_sha256(text)
        )
        return [memory_of(row) for row in rows]

    def select(self, chosen: Filter, limit: int | None = None) -> list[Memory]:
        """Return the memories that pass a filter, newest first."""
        where, parameters = where_of(chosen)
        # SurrealDB 2 takes the first `limit` rows that an index finds, and only then sorts them.
        index = "" if limit is None else "WITH NOINDEX"
        rows = self._connection.query(
            f"SELECT * FROM memory {index} {where} ORDER BY at_ms DESC, remembered_ms DESC, id"
            + (f" LIMIT {int(limit)}" if limit is not None else ""),
            **parameters,
        )
        return [memory_of(row) for row in rows]

    def select_ids(self, chosen: Filter) -> list[str]:
        """Return the ids of the memories that pass a filter."""
        where, parameters = where_of(chosen)
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM memory {where}", **parameters
        )
        return ids

    def chunks(self, keys: Iterable[tuple[str, int]]) -> list[Chunk]:
        """Return chunks by (memory id, ordinal); those that are gone are left out."""
        rows = self._connection.query(
            "SELECT * FROM $keys", keys=[record("chunk", chunk_id(*key)) for key in keys]
        )
        return [chunk_of(row) for row in rows if row]

    def pending(self, limit: int) -> list[PendingMemory]:
        """Return up to `limit` memories that wait for vectors."""
        return self._serving.pending(limit)

    def pending_among(self, ids: Sequence[str]) -> list[PendingMemory]:
        """Return those of some memories that wait for vectors."""
        serving = self._serving
        waiting = serving.waiting_among(ids)
        return serving.pending_of([key for key in ids if key in waiting])

    def waiting_among(self, ids: Sequence[str]) -> set[str]:
        """Return which of some memories wait for vectors."""
        return self._serving.waiting_among(ids)

    def pending_texts(self) -> Iterator[tuple[str, str]]:
        """Yield the id and the text of every memory that waits for vectors."""
        return self._serving.pending_texts()

    def counts(self) -> dict[str, int]:
        """Return how many memories, chunks and pending memories there are."""
        counts: dict[str, int] = {}
        tables = {"memory": "memory", "chunk": "chunk", "pending": self.serving().slot.pending}
        for name, table in tables.items():
            rows = self._connection.query(f"SELECT count() FROM {table} GROUP ALL")
            counts[name] = int(rows[0]["count"]) if rows else 0
        return counts

    def memory_count(self) -> int:
        """Return how many memories there are: at once where that is noted; see `apply`."""
        kept = self._kept_count()
        return self._number_of_memories() if kept is None else kept

    def has_every_memory(self) -> bool:
        """Return whether there are as many memories as the last change left; see `apply`.

        Only the embedded database keeps the number.
        """
        kept = self._kept_count()
        return kept is None or kept == self._number_of_memories()

    def ids(self) -> list[str]:
        """Return the ids of all memories, in order."""
        ids: list[str] = self._connection.query("SELECT VALUE record::id(id) FROM memory")
        return sorted(ids)

    def every_memory(self) -> Iterator[dict[str, Memory]]:
        """Yield all memories by id, some at a time, in the order of their ids."""
        ids = self.ids()
        for start in range(0, len(ids), MEMORY_BATCH):
            yield self.memories(ids[start : start + MEMORY_BATCH])

    def sample_texts(self, count: int, characters: int) -> list[str]:
        """Return the beginnings of up to `count` texts, spread over the store: ids are random."""
        texts: list[str] = self._connection.query(
            "SELECT VALUE string::slice(text, 0, $characters) FROM memory LIMIT $count",
            characters=characters,
            count=count,
        )
        return texts

    def content_clocks(self, ids: Sequence[str]) -> dict[str, str]:
        """Return by id the clock of the change that last altered what is embedded."""
        rows = self._connection.query(
            "SELECT id, content_clock FROM $ids", ids=[record("memory", key) for key in ids]
        )
        return {row["id"].id: row["content_clock"] for row in rows if row}

    # Inside.

    def _number_of_memories(self) -> int:
        rows = self._connection.query("SELECT count() FROM memory GROUP ALL")
        return int(rows[0]["count"]) if rows else 0

    def _kept_count(self) -> int | None:
        """Return how many memories the last change left; None where that was not noted yet."""
        if self._connection.is_server:
            return None
        count: int | None = self._connection.query("SELECT VALUE memories FROM ONLY meta:count")
        return count

    def _count(
        self, clearing: Transaction, writing: Transaction, outcomes: Mapping[str, Outcome]
    ) -> None:
        """Note how many memories there will be, in the transaction that changes it."""
        if self._connection.is_server:
            return
        known = self._kept_count()
        count = self._number_of_memories() if known is None else known
        old = [key for key, outcome in outcomes.items() if outcome.is_old]
        gone = len(self._existing(old)) if old else 0
        added = sum(outcome.is_new for outcome in outcomes.values())
        for transaction, difference in ((clearing, -gone), (writing, added)):
            if difference or (known is None and transaction.statements):
                count += difference
                transaction.add(
                    "UPSERT $count CONTENT { memories: $memories } RETURN NONE",
                    count=record("meta", "count"),
                    memories=count,
                )

    def _is_uncut(self, pending: PendingMemory) -> bool:
        """Return whether a memory waits with the content that it had, all of it in every slot.

        Chunks that have a vector must stay: another process has cut it meanwhile.
        """
        has_vector = " OR ".join(f"{slot.vector} != NONE" for slot in SLOTS)
        return bool(
            self._connection.query(
                "RETURN record::exists($waiting)"
                " AND (SELECT VALUE content_clock FROM ONLY $memory) = $clock"
                " AND array::is_empty((SELECT VALUE id FROM"
                f" {chunk_range(pending.memory.id)} WHERE {has_vector} LIMIT 1))",
                waiting=record(self.serving().slot.pending, pending.memory.id),
                memory=record("memory", pending.memory.id),
                clock=pending.content_clock,
            )
        )

    def _existing(self, ids: Sequence[str]) -> set[str]:
        rows = self._connection.query(
            "SELECT VALUE id FROM $ids", ids=[record("memory", key) for key in ids]
        )
        # SurrealDB 2 leaves out records that are not there, 3 gives null for them.
        return {row.id for row in rows if row}

    def _clear(
        self, transaction: Transaction, key: str, outcome: Outcome, written: Sequence[Slot]
    ) -> None:
        if outcome.is_void:
            for slot in SLOTS:
                vectors = self._embeddings(slot).vectors
                vectors.remove(transaction, key, is_followed=slot in written)
        if outcome.is_void or outcome.is_old:
            transaction.add(f"DELETE {chunk_range(key)} RETURN NONE")
        if outcome.is_old:
            transaction.add("DELETE $id RETURN NONE", id=record("memory", key))
        if outcome.is_gone:
            for slot in SLOTS:
                transaction.add("DELETE $id RETURN NONE", id=record(slot.pending, key))
