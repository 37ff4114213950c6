"""How vectors are kept: bytes and a feed in the embedded database, arrays and HNSW on a server.

Both layouts have two slots, for the vectors of two embedders; see `Slot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tera.datatypes import VectorChange
from tera.store.connection import Connection, Transaction, record

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatMatrix = npt.NDArray[np.float32]

FEED_BATCH = 1000
"""Rows of the feed read at once: 1.5 MB of vectors of 384 dimensions."""
HNSW_SEARCH_BREADTH = 150
"""Candidates kept while HNSW searches (`ef`); SurrealDB's documentation advises 40 and more."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The names of one slot for vectors.

    Attributes:
        number: 0 or 1.
        vector: The table of the vectors, and the field of a chunk that tells of its vector.
        pending: The table of the memories that wait for vectors.
    """

    number: int
    vector: str
    pending: str


SLOTS = (Slot(0, "vector", "pending"), Slot(1, "vector_b", "pending_b"))


def chunk_id(memory_id: str, ordinal: int) -> str:
    """Return the record id of a chunk: those of a memory sort together, in order."""
    return f"{memory_id}_{ordinal:06d}"


def chunk_range(memory_id: str, table: str = "chunk") -> str:
    """Return the range of the records of a memory's chunks, as SurrealQL.

    Raises:
        ValueError: The id is not one of Tera's; it would become part of a query.
    """
    if not memory_id.isalnum() or not memory_id.isascii():
        raise ValueError(f"not a memory's id: {memory_id!r}")
    return f"{table}:⟨{memory_id}_⟩..⟨{memory_id}_~⟩"


class EmbeddedVectors:
    """Float32 bytes, numbered in the order of their arrival; both slots share the numbers."""

    def __init__(self, connection: Connection, slot: Slot = SLOTS[0]) -> None:
        """Use a connection to the embedded database."""
        self._connection = connection
        self._slot = slot
        self._table = slot.vector
        # Deleted rows are skipped one by one until the database is opened again.
        self._cleared_to = 0

    def prepare(self, transaction: Transaction, dim: int) -> None:
        """Make ready for vectors of a dimension: nothing to do, the bytes have any length."""

    def add(
        self, transaction: Transaction, keys: Sequence[tuple[str, int]], matrix: FloatMatrix
    ) -> None:
        """Append to the feed and note each chunk's number on the chunk.

        Args:
            transaction: Where it is added.
            keys: The chunks as (memory id, ordinal).
            matrix: float32, a row for each of them in that order.
        """
        first = self._take_numbers(transaction, len(keys))
        rows = [
            {"id": first + row, "memory": key[0], "ordinal": key[1], "embedding": vector.tobytes()}
            for row, (key, vector) in enumerate(zip(keys, matrix, strict=True))
        ]
        transaction.add(f"INSERT INTO {self._table} $rows RETURN NONE", rows=rows)
        numbers = [
            {"chunk": record("chunk", chunk_id(*key)), "vector": first + row}
            for row, key in enumerate(keys)
        ]
        transaction.add(
            f"FOR $row IN $numbers {{ UPDATE $row.chunk SET {self._table} = $row.vector }}",
            numbers=numbers,
        )

    def remove(self, transaction: Transaction, memory_id: str, *, is_followed: bool) -> None:
        """Delete the rows and append one that voids them in the index.

        Args:
            transaction: Where it is added; the memory's chunks must still be there.
            memory_id: The memory.
            is_followed: An index follows this feed, or will.
        """
        transaction.add(
            f"DELETE (SELECT VALUE type::thing('{self._table}', {self._table}) FROM"
            f" {chunk_range(memory_id)} WHERE {self._table} != NONE) RETURN NONE"
        )
        if is_followed:
            transaction.add(
                f"INSERT INTO {self._table} $row RETURN NONE",
                row={
                    "id": self._take_numbers(transaction, 1),
                    "memory": memory_id,
                    "ordinal": -1,
                },
            )

    def clear(self, transaction: Transaction) -> None:
        """Delete the feed; its numbers go on."""
        transaction.add(f"DELETE {self._table} RETURN NONE")

    def clear_some(self, limit: int) -> int:
        """Delete rows of the feed, and what their chunks tell of them, in one transaction."""
        rows: list[dict[str, Any]] = self._connection.query(
            f"SELECT id, memory, ordinal FROM {self._table}:{self._cleared_to}.. LIMIT {int(limit)}"
        )
        transaction = Transaction()
        _forget_vectors(transaction, self._table, rows)
        self._connection.commit(transaction)
        if rows:
            self._cleared_to = rows[-1]["id"].id + 1
        return len(rows)

    def feed(self, after: int) -> list[VectorChange]:
        """Return up to FEED_BATCH rows of the feed with numbers above `after`, in order."""
        rows: list[dict[str, Any]] = self._connection.query(
            f"SELECT * FROM {self._table}:{int(after) + 1}.. LIMIT {FEED_BATCH}"
        )
        return [
            VectorChange(row["id"].id, row["memory"], row["ordinal"], row.get("embedding"))
            for row in rows
        ]

    def read(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Return vectors by number, as float32 bytes; those that are gone are left out."""
        from surrealdb import RecordID

        rows: list[dict[str, Any]] = self._connection.query(
            "SELECT * FROM $ids", ids=[RecordID(self._table, number) for number in numbers]
        )
        return {row["id"].id: row["embedding"] for row in rows if row and row.get("embedding")}

    def lost(self, after: str = "") -> tuple[int, str]:
        """Count the chunks without a vector whose memory does not wait for one, some at a time.

        Args:
            after: The last chunk that was looked at; empty for none.

        Returns:
            How many of the next chunks, and the last of them; empty behind the end.

        Raises:
            ValueError: The chunk's id is not one of Tera's; it would become part of a query.
        """
        if not after.replace("_", "0", 1).isalnum() and after:
            raise ValueError(f"not a chunk's id: {after!r}")
        chunks: list[dict[str, Any]] = self._connection.query(
            f"SELECT record::id(id) AS id, {self._table} AS vector FROM"
            f" {f'chunk:⟨{after}⟩>..' if after else 'chunk'} LIMIT {FEED_BATCH}"
        )
        owners = [row["id"].partition("_")[0] for row in self._without_vector(chunks)]
        rows = self._connection.query(
            "SELECT VALUE id FROM $ids",
            ids=[record(self._slot.pending, key) for key in set(owners)],
        )
        waiting = {row.id for row in rows if row}
        lost = sum(owner not in waiting for owner in owners)
        return lost, chunks[-1]["id"] if chunks else ""

    def _without_vector(self, chunks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        from surrealdb import RecordID

        numbers = [row["vector"] for row in chunks if row.get("vector") is not None]
        rows = self._connection.query(
            "SELECT VALUE id FROM $ids", ids=[RecordID(self._table, number) for number in numbers]
        )
        there = {row.id for row in rows if row}
        return [row for row in chunks if row.get("vector") not in there]

    def last_number(self) -> int:
        """Return the highest number given out."""
        return int(self._connection.query("SELECT VALUE last_vector FROM ONLY meta:state") or 0)

    def _take_numbers(self, transaction: Transaction, count: int) -> int:
        """Take `count` numbers; one process owns the embedded store, so no other takes them too."""
        taken: int = transaction.parameters.get("last_vector") or self.last_number()
        transaction.set_last(
            "UPDATE meta:state MERGE { last_vector: $last_vector } RETURN NONE",
            last_vector=taken + count,
        )
        return taken + 1


class ServerVectors:
    """Arrays of floats under an HNSW index of the server."""

    def __init__(self, connection: Connection, slot: Slot = SLOTS[0]) -> None:
        """Use a connection to a server."""
        self._connection = connection
        self._table = slot.vector
        self._index = f"{slot.vector}_embedding"

    def prepare(self, transaction: Transaction, dim: int) -> None:
        """Define the HNSW index for vectors of this dimension."""
        transaction.add(
            f"DEFINE INDEX OVERWRITE {self._index} ON {self._table} FIELDS embedding"
            f" HNSW DIMENSION {int(dim)} DIST COSINE TYPE F32"
        )

    def add(
        self, transaction: Transaction, keys: Sequence[tuple[str, int]], matrix: FloatMatrix
    ) -> None:
        """Insert or replace rows; the index follows by itself."""
        rows = [
            {
                "id": chunk_id(*key),
                "memory": key[0],
                "ordinal": key[1],
                "embedding": [float(value) for value in vector],
            }
            for key, vector in zip(keys, matrix, strict=True)
        ]
        transaction.add(
            f"INSERT INTO {self._table} $rows"
            " ON DUPLICATE KEY UPDATE embedding = $input.embedding RETURN NONE",
            rows=rows,
        )
        transaction.add(
            f"UPDATE $chunks SET {self._table} = 1 RETURN NONE",
            chunks=[record("chunk", chunk_id(*key)) for key in keys],
        )

    def remove(self, transaction: Transaction, memory_id: str, *, is_followed: bool) -> None:
        """Delete the rows of a memory; the index follows by itself."""
        transaction.add(f"DELETE {chunk_range(memory_id, self._table)} RETURN NONE")

    def clear(self, transaction: Transaction) -> None:
        """Delete all rows and the index."""
        transaction.add(f"REMOVE INDEX IF EXISTS {self._index} ON {self._table}")
        transaction.add(f"DELETE {self._table} RETURN NONE")

    def clear_some(self, limit: int) -> int:
        """Delete rows, and what their chunks tell of them, in one transaction."""
        rows: list[dict[str, Any]] = self._connection.query(
            f"SELECT id, memory, ordinal FROM {self._table} LIMIT {int(limit)}"
        )
        if rows:
            # Taking rows out of it one by one would take long.
            self._connection.query(f"REMOVE INDEX IF EXISTS {self._index} ON {self._table}")
        transaction = Transaction()
        _forget_vectors(transaction, self._table, rows)
        self._connection.commit(transaction)
        return len(rows)

    def nearest(
        self, vector: Sequence[float], count: int, memory_ids: Sequence[str] | None
    ) -> list[tuple[str, int, float]]:
        """Return the closest chunks as (memory id, ordinal, cosine), best first.

        Without a filter the HNSW index answers. With one, the filter goes first and the cosine is
        exact over what is left: HNSW loses recall under a filter.
        """
        if memory_ids is None:
            found = self._connection.query(
                "SELECT memory, ordinal, 1 - vector::distance::knn() AS score"
                f" FROM {self._table}"
                f" WHERE embedding <|{int(count)},{HNSW_SEARCH_BREADTH}|> $vector"
                " ORDER BY score DESC",
                vector=list(vector),
            )
        else:
            found = self._connection.query(
                "SELECT memory, ordinal, vector::similarity::cosine(embedding, $vector) AS score"
                f" FROM {self._table} WHERE memory IN $memories"
                f" ORDER BY score DESC LIMIT {int(count)}",
                vector=list(vector),
                memories=list(memory_ids),
            )
        return [(row["memory"], row["ordinal"], float(row["score"])) for row in found]


def _forget_vectors(
    transaction: Transaction, table: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Delete rows of a table of vectors, and what their chunks tell of them."""
    chunks = [chunk_id(row["memory"], row["ordinal"]) for row in rows if row["ordinal"] >= 0]
    if chunks:
        transaction.add(
            f"UPDATE $chunks SET {table} = NONE RETURN NONE",
            chunks=[record("chunk", key) for key in dict.fromkeys(chunks)],
        )
    if rows:
        transaction.add("DELETE $rows RETURN NONE", rows=[row["id"] for row in rows])
