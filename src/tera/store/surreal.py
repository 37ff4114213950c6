"""The store in SurrealDB: memories, their chunks, and how far the journal has been applied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tera.datatypes import Chunk, Filter, JournalEntry, Memory
from tera.store.connection import Connection, Transaction, record
from tera.store.journal import Position
from tera.store.migrate import migrate
from tera.store.vectors import EmbeddedVectors, ServerVectors, chunk_id, chunk_range

if TYPE_CHECKING:
    from tera.store.vectors import FloatMatrix

CONTENT_FIELDS = frozenset({"text", "title", "at"})
"""What is embedded; a change of anything else leaves the vectors as they are."""


@dataclass(frozen=True, slots=True)
class PendingMemory:
    """A memory with chunks that have no vector yet; `chunks` is empty before it has been cut."""

    memory: Memory
    content_clock: str
    chunks: tuple[Chunk, ...]


class SurrealStore:
    """The queryable state of the journal. The caller holds the store's lock."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection and bring its schema up to date.

        Raises:
            StoreError: The store was written by a newer Tera.
        """
        self._connection = connection
        migrate(connection)
        self.server: ServerVectors | None = None
        self.feed: EmbeddedVectors | None = None
        if connection.is_server:
            self.server = ServerVectors(connection)
        else:
            self.feed = EmbeddedVectors(connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # Changes: each is one transaction.

    def apply(
        self,
        entries: Sequence[JournalEntry],
        end: Position,
        chunks: Mapping[str, Sequence[Chunk]] | None = None,
    ) -> None:
        """Do what journal entries say, and note that they are done, in one transaction.

        Args:
            entries: In the order of their numbers, from one device.
            end: The journal's position behind the last of them.
            chunks: By memory id, the chunks of memories that were already cut; the others are cut
                when they are embedded.
        """
        cut = chunks or {}
        transaction = Transaction()
        added: list[JournalEntry] = []
        for entry in entries:
            if entry.operation == "remember":
                added.append(entry)
                continue
            self._insert(transaction, added, cut)
            added = []
            if entry.operation == "forget":
                self._drop_chunks(transaction, entry.memory_id)
                transaction.add("DELETE $id RETURN NONE", id=record("memory", entry.memory_id))
            else:
                self._edit(transaction, entry, cut)
        self._insert(transaction, added, cut)
        if entries:
            transaction.add(
                "UPSERT $device CONTENT $end RETURN NONE",
                device=record("position", entries[-1].device),
                end={"number": end.number, "segment": end.segment, "offset": end.offset},
            )
        self._connection.commit(transaction)

    def put_chunks(self, pending: PendingMemory, chunks: Sequence[Chunk]) -> None:
        """Keep the chunks of a memory that was remembered before the embedder was known."""
        transaction = Transaction()
        if self._is_current(pending):
            self._insert_chunks(transaction, chunks)
            _mark_pending(transaction, [pending.memory.id] if chunks else [])
        self._connection.commit(transaction)

    def put_vectors(
        self, batch: Sequence[tuple[PendingMemory, Chunk]], matrix: FloatMatrix
    ) -> None:
        """Keep the vectors of chunks; those of memories changed meanwhile are dropped.

        A memory is done when the last of its waiting chunks has its vector.

        Args:
            batch: The chunks, each with the memory it was cut from.
            matrix: float32 array of shape (len(batch), dim), rows of length 1.
        """
        memories = {pending.memory.id: pending for pending, _ in batch}
        current = {key for key, pending in memories.items() if self._is_current(pending)}
        rows = [row for row, (_, chunk) in enumerate(batch) if chunk.memory_id in current]
        if not rows:
            return
        transaction = Transaction()
        keys = [(batch[row][1].memory_id, batch[row][1].ordinal) for row in rows]
        (self.feed or self._server).add(transaction, keys, matrix[rows])
        finished = [
            record("pending", chunk.memory_id)
            for pending, chunk in batch
            if chunk.memory_id in current and chunk == pending.chunks[-1]
        ]
        transaction.add("DELETE $finished RETURN NONE", finished=finished)
        self._connection.commit(transaction)

    def set_embedder(self, name: str, dim: int) -> None:
        """Begin with another embedder: all chunks and vectors go, all memories become pending."""
        transaction = Transaction()
        vectors = self.feed or self._server
        vectors.clear(transaction)
        vectors.prepare(transaction, dim)
        transaction.add("DELETE chunk RETURN NONE")
        ids = self._connection.query("SELECT VALUE record::id(id) FROM memory")
        _mark_pending(transaction, ids)
        transaction.add(
            "UPSERT meta:state MERGE { embedder: $name, dim: $dim } RETURN NONE", name=name, dim=dim
        )
        self._connection.commit(transaction)

    # Questions.

    def embedder(self) -> str:
        """Return the name of the embedder that made the vectors; empty when there is none yet."""
        return self._connection.query("SELECT VALUE embedder FROM ONLY meta:state") or ""

    def position(self, device: str) -> Position:
        """Return how far a device's journal has been applied."""
        row = self._connection.query(
            "SELECT * FROM ONLY $device", device=record("position", device)
        )
        return Position(row["number"], row["segment"], row["offset"]) if row else Position()

    def memories(self, ids: Sequence[str]) -> dict[str, Memory]:
        """Return memories by id; unknown ids are left out."""
        return {row["id"].id: _memory(row) for row in self._memory_rows(ids)}

    def ids_with_prefix(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` ids that begin with a prefix of letters and digits, in order."""
        # `~` sorts behind every letter. Ranges of record ids cannot be parameters.
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM memory:⟨{prefix}⟩..=⟨{prefix}~⟩ LIMIT $limit",
            limit=limit,
        )
        return ids

    def find(self, *, text: str = "", source: str = "") -> Memory | None:
        """Return the memory with exactly this text, or else of this source."""
        where, value = ("sha256", text_sha256(text)) if text else ("source", source)
        rows = self._connection.query(
            f"SELECT * FROM memory WHERE {where} = $value LIMIT 1", value=value
        )
        return _memory(rows[0]) if rows else None

    def select(self, chosen: Filter, limit: int | None = None) -> list[Memory]:
        """Return the memories that pass a filter, newest first."""
        where, parameters = _where(chosen)
        rows = self._connection.query(
            f"SELECT * FROM memory {where} ORDER BY at_ms DESC, remembered_ms DESC, id"
            + (f" LIMIT {int(limit)}" if limit is not None else ""),
            **parameters,
        )
        return [_memory(row) for row in rows]

    def select_ids(self, chosen: Filter) -> list[str]:
        """Return the ids of the memories that pass a filter."""
        where, parameters = _where(chosen)
        ids: list[str] = self._connection.query(
            f"SELECT VALUE record::id(id) FROM memory {where}", **parameters
        )
        return ids

    def chunks(self, keys: Iterable[tuple[str, int]]) -> list[Chunk]:
        """Return chunks by (memory id, ordinal); those that are gone are left out."""
        rows = self._connection.query(
            "SELECT * FROM $keys", keys=[record("chunk", chunk_id(*key)) for key in keys]
        )
        return [_chunk(row) for row in rows if row]

    def pending(self, limit: int) -> list[PendingMemory]:
        """Return up to `limit` memories that wait for vectors."""
        ids: list[str] = self._connection.query(
            "SELECT VALUE record::id(id) FROM pending LIMIT $limit", limit=limit
        )
        return [
            PendingMemory(_memory(row), row["content_clock"], self._waiting(row["id"].id))
            for row in self._memory_rows(ids)
        ]

    def counts(self) -> dict[str, int]:
        """Return how many memories, chunks and pending memories there are."""
        counts: dict[str, int] = {}
        for table in ("memory", "chunk", "pending"):
            rows = self._connection.query(f"SELECT count() FROM {table} GROUP ALL")
            counts[table] = int(rows[0]["count"]) if rows else 0
        return counts

    # Inside.

    @property
    def _server(self) -> ServerVectors:
        assert self.server is not None
        return self.server

    def _memory_rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        rows = self._connection.query(
            "SELECT * FROM $ids", ids=[record("memory", key) for key in ids]
        )
        # SurrealDB 2 leaves out records that are not there, 3 gives null for them.
        return [row for row in rows if row]

    def _waiting(self, memory_id: str) -> tuple[Chunk, ...]:
        rows = self._connection.query(f"SELECT * FROM {chunk_range(memory_id)} WHERE vector = NONE")
        return tuple(_chunk(row) for row in rows)

    def _is_current(self, pending: PendingMemory) -> bool:
        clock = self._connection.query(
            "SELECT VALUE content_clock FROM ONLY $id", id=record("memory", pending.memory.id)
        )
        return bool(clock == pending.content_clock)

    def _insert(
        self,
        transaction: Transaction,
        entries: Sequence[JournalEntry],
        chunks: Mapping[str, Sequence[Chunk]],
    ) -> None:
        if not entries:
            return
        rows = [
            {"id": entry.memory_id, "content_clock": entry.clock, **_columns(entry.fields)}
            for entry in entries
        ]
        transaction.add("INSERT INTO memory $rows RETURN NONE", rows=rows)
        _mark_pending(transaction, [entry.memory_id for entry in entries])
        self._insert_chunks(
            transaction, [chunk for entry in entries for chunk in chunks.get(entry.memory_id, ())]
        )

    def _edit(
        self,
        transaction: Transaction,
        entry: JournalEntry,
        chunks: Mapping[str, Sequence[Chunk]],
    ) -> None:
        columns = _columns(entry.fields)
        if CONTENT_FIELDS & entry.fields.keys():
            columns["content_clock"] = entry.clock
            self._drop_chunks(transaction, entry.memory_id)
            _mark_pending(transaction, [entry.memory_id])
            self._insert_chunks(transaction, chunks.get(entry.memory_id, ()))
        transaction.add(
            "UPDATE $id MERGE $columns RETURN NONE",
            id=record("memory", entry.memory_id),
            columns=columns,
        )

    def _insert_chunks(self, transaction: Transaction, chunks: Sequence[Chunk]) -> None:
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

    def _drop_chunks(self, transaction: Transaction, memory_id: str) -> None:
        (self.feed or self._server).remove(transaction, memory_id)
        transaction.add(f"DELETE {chunk_range(memory_id)} RETURN NONE")
        transaction.add("DELETE $id RETURN NONE", id=record("pending", memory_id))


def text_sha256(text: str) -> str:
    """Return the hash by which the same content is known."""
    return hashlib.sha256(text.encode()).hexdigest()


def to_ms(time: datetime) -> int:
    """Return a time in milliseconds since 1970, UTC."""
    return round(time.timestamp() * 1000)


def _mark_pending(transaction: Transaction, ids: Sequence[str]) -> None:
    if ids:
        rows = [{"id": key} for key in ids]
        transaction.add("INSERT IGNORE INTO pending $rows RETURN NONE", rows=rows)


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the fields of a journal entry into columns of the table."""
    columns: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("at", "remembered_at"):
            columns[name.removesuffix("_at") + "_ms"] = to_ms(datetime.fromisoformat(value))
        elif name == "text":
            columns |= {"text": value, "sha256": text_sha256(value)}
        else:
            columns[name] = value
    return columns


def _memory(row: Mapping[str, Any]) -> Memory:
    return Memory(
        id=row["id"].id,
        text=row["text"],
        title=row.get("title"),
        tags=tuple(row["tags"]),
        source=row.get("source"),
        at=datetime.fromtimestamp(row["at_ms"] / 1000, UTC),
        remembered_at=datetime.fromtimestamp(row["remembered_ms"] / 1000, UTC),
    )


def _chunk(row: Mapping[str, Any]) -> Chunk:
    memory_id, _, ordinal = row["id"].id.partition("_")
    return Chunk(memory_id, int(ordinal), row["span"][0], row["span"][1], row["heading"])


def _where(chosen: Filter) -> tuple[str, dict[str, Any]]:
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if chosen.since:
        conditions.append("at_ms >= $since")
        parameters["since"] = to_ms(chosen.since)
    if chosen.until:
        conditions.append("at_ms <= $until")
        parameters["until"] = to_ms(chosen.until)
    for number, tag in enumerate(chosen.tags):
        conditions.append(f"tags CONTAINS $tag{number}")
        parameters[f"tag{number}"] = tag
    if chosen.source:
        conditions.append("(source = $source OR string::starts_with(source ?? '', $source_folder))")
        parameters["source"] = chosen.source
        parameters["source_folder"] = chosen.source.rstrip("/") + "/"
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), parameters
