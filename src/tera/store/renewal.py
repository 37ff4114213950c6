"""Vectors made anew with another embedder, beside those that serve, until all are there.

The wish is noted first. Then the slot that serves nobody is emptied, some rows at a time, and
begun: from then on every memory that is written waits in both slots. All memories are gone through
in the order of their ids; what changes meanwhile waits by name. When nothing is left the other slot
serves, which is one transaction, and the first is emptied. Each step is a transaction and what is
left to do is read from the database, so that whoever comes next goes on after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tera.store.connection import Connection, Transaction, record
from tera.store.embeddings import Embeddings, PendingMemory, memory_rows
from tera.store.statements import mark_pending
from tera.store.vectors import SLOTS, EmbeddedVectors, Slot, chunk_range

if TYPE_CHECKING:
    from tera.datatypes import Chunk
    from tera.store.vectors import FloatMatrix

CLEAR_BATCH = 250
"""Rows removed in one transaction: 0.15 s, in which the store answers nobody."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """How far it is.

    Attributes:
        embedder: The one that is to make the vectors.
        is_begun: Its slot is empty of others' vectors, and takes its own.
        cursor: The id of the last memory that was gone through; empty before the first.
        passed: How many memories were gone through.
    """

    embedder: str
    is_begun: bool = False
    cursor: str = ""
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Serving:
    """Whose vectors are searched, and where they are.

    Attributes:
        embedder: The embedder that made them; empty when there is none yet.
        slot: Where they are.
        renewal: What is to take their place, if anything.
    """

    embedder: str
    slot: Slot
    renewal: Renewal | None = None

    @property
    def other(self) -> Slot:
        """The slot that serves nobody."""
        return SLOTS[1 - self.slot.number]

    @property
    def written(self) -> tuple[Slot, ...]:
        """The slots in which a memory that is written has to wait."""
        is_begun = self.renewal is not None and self.renewal.is_begun
        return (self.slot, self.other) if is_begun else (self.slot,)


@dataclass(frozen=True, slots=True)
class Passage:
    """Memories to be gone through next.

    Attributes:
        memories: With their chunks that wait.
        uncut: The ids of those that have no chunks yet.
        cursor: Where that leads; empty for memories that were changed meanwhile.
    """

    memories: tuple[PendingMemory, ...]
    uncut: frozenset[str]
    cursor: str = ""


def read_serving(connection: Connection) -> Serving:
    """Return whose vectors are searched now."""
    rows = connection.query(
        "SELECT * FROM $ids", ids=[record("meta", "state"), record("meta", "renewal")]
    )
    found: dict[str, dict[str, Any]] = {row["id"].id: row for row in rows if row}
    state, row = found.get("state", {}), found.get("renewal")
    renewal = row and Renewal(row["embedder"], row["is_begun"], row["cursor"], row["passed"])
    return Serving(state.get("embedder") or "", SLOTS[state.get("slot") or 0], renewal or None)


class Renewing:
    """Makes the vectors of another embedder; the caller holds the store's lock."""

    def __init__(self, connection: Connection, slots: Sequence[Embeddings]) -> None:
        """Use a connection to a database whose schema is up to date, and its two slots."""
        self._connection = connection
        self._slots = slots
        # An embedded database has one user. Where much was deleted, looking takes long.
        self._is_known_clean = False

    def state(self) -> Renewal | None:
        """Return how far it is; None when the embedder that serves is the wanted one."""
        return read_serving(self._connection).renewal

    def want(self, embedder: str) -> None:
        """Note which embedder is to make the vectors; what was begun with another is dropped."""
        serving = read_serving(self._connection)
        if serving.renewal and serving.renewal.embedder == embedder:
            return
        transaction = Transaction()
        if embedder == serving.embedder:
            transaction.add("DELETE meta:renewal RETURN NONE")
        else:
            self._set(transaction, Renewal(embedder))
        self._connection.commit(transaction)

    def has_leftovers(self) -> bool:
        """Return whether the slot that serves nobody, and takes nothing, is not empty."""
        serving = read_serving(self._connection)
        if len(serving.written) > 1 or self._is_known_clean:
            return False
        has_some = self._slots[serving.other.number].has_some()
        self._is_known_clean = not has_some and not self._connection.is_server
        return has_some

    def clear_some(self) -> int:
        """Remove some of what is left in the slot that serves nobody; return how much it was."""
        serving = read_serving(self._connection)
        if len(serving.written) > 1 or self._is_known_clean:
            return 0
        return self._slots[serving.other.number].clear_some(CLEAR_BATCH)

    def begin(self, dim: int) -> None:
        """Let the emptied slot take the vectors of the wanted embedder, from now on."""
        serving = read_serving(self._connection)
        assert serving.renewal
        assert not self.has_leftovers()
        self._is_known_clean = False
        transaction = Transaction()
        self._slots[serving.other.number].vectors.prepare(transaction, dim)
        self._set(transaction, Renewal(serving.renewal.embedder, is_begun=True))
        self._connection.commit(transaction)

    def feed(self) -> EmbeddedVectors | None:
        """Return the vectors made so far, in the embedded database; None on a server."""
        serving = read_serving(self._connection)
        assert len(serving.written) > 1
        vectors = self._slots[serving.other.number].vectors
        return vectors if isinstance(vectors, EmbeddedVectors) else None

    def next(self, limit: int) -> Passage:
        """Return up to `limit` memories to be gone through; none when all have been."""
        serving = read_serving(self._connection)
        assert serving.renewal
        embeddings = self._slots[serving.other.number]
        if changed := embeddings.pending(limit):
            return self._passage(serving, changed)
        cursor = serving.renewal.cursor
        # It is one of Tera's own ids; ranges of record ids cannot be parameters.
        assert not cursor or (cursor.isalnum() and cursor.isascii())
        ids: list[str] = self._connection.query(
            "SELECT VALUE record::id(id) FROM"
            f" {f'memory:⟨{cursor}⟩>..' if cursor else 'memory'} LIMIT $limit",
            limit=limit,
        )
        return self._passage(serving, embeddings.pending_of(ids), ids[-1] if ids else "")

    def _passage(
        self, serving: Serving, memories: Sequence[PendingMemory], cursor: str = ""
    ) -> Passage:
        bare = [known.memory.id for known in memories if not known.chunks]
        return Passage(tuple(memories), frozenset(self._uncut(serving, bare)), cursor)

    def _uncut(self, serving: Serving, ids: Sequence[str]) -> set[str]:
        """Return which of some memories have no chunks, and are to have some."""
        waiting = self._slots[serving.slot.number].waiting_among(ids) if ids else set()
        return {
            key
            for key in waiting
            if not self._connection.query(f"SELECT VALUE id FROM {chunk_range(key)} LIMIT 1")
        }

    def put_vectors(
        self, embedder: str, batch: Sequence[tuple[PendingMemory, Chunk]], matrix: FloatMatrix
    ) -> bool:
        """Keep vectors; see `Embeddings.put_vectors`. False when they are not wanted any more."""
        serving = read_serving(self._connection)
        if not _takes(serving, embedder):
            return False
        self._slots[serving.other.number].put_vectors(batch, matrix)
        return True

    def passed(self, embedder: str, passage: Passage) -> bool:
        """Note that memories were gone through; False when that is not wanted any more.

        Those that got not all of their vectors, because another process has cut or changed them
        meanwhile, are gone through again.
        """
        serving = read_serving(self._connection)
        if not _takes(serving, embedder):
            return False
        assert serving.renewal
        embeddings = self._slots[serving.other.number]
        ids = [known.memory.id for known in passage.memories]
        again = {key for key in ids if embeddings.waiting_chunks(key)} | self._uncut(serving, ids)
        there = {row["id"].id for row in memory_rows(self._connection, sorted(again))}
        done = [record(serving.other.pending, key) for key in ids if key not in again]
        transaction = Transaction()
        if done:
            transaction.add("DELETE $done RETURN NONE", done=done)
        mark_pending(transaction, sorted(there), serving.other.pending)
        if passage.cursor:
            passed = serving.renewal.passed + len(ids)
            self._set(transaction, Renewal(embedder, True, passage.cursor, passed))
        self._connection.commit(transaction)
        return True

    def switch(self, embedder: str) -> bool:
        """Let the other slot serve from now on; False when something waits there, or is unwanted.

        One transaction: a search has either the old vectors or the new ones, and all of them.
        """
        serving = read_serving(self._connection)
        if not _takes(serving, embedder) or self.next(1).memories:
            return False
        transaction = Transaction()
        transaction.add(
            "UPDATE meta:state MERGE { embedder: $name, slot: $slot } RETURN NONE",
            name=embedder,
            slot=serving.other.number,
        )
        transaction.add("DELETE meta:renewal RETURN NONE")
        self._connection.commit(transaction)
        return True

    def _set(self, transaction: Transaction, renewal: Renewal) -> None:
        transaction.add(
            "UPSERT meta:renewal CONTENT { embedder: $embedder, is_begun: $is_begun,"
            " cursor: $cursor, passed: $passed } RETURN NONE",
            embedder=renewal.embedder,
            is_begun=renewal.is_begun,
            cursor=renewal.cursor,
            passed=renewal.passed,
        )


def _takes(serving: Serving, embedder: str) -> bool:
    """Return whether vectors of an embedder are to be put into the other slot."""
    renewal = serving.renewal
    return renewal is not None and renewal.is_begun and renewal.embedder == embedder
