"""Vectors of a damaged database -> the one that takes its place; making them again takes long."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tera.datatypes import Chunk
from tera.store.connection import Transaction, record
from tera.store.rows import chunk_of
from tera.store.statements import insert_chunks
from tera.store.surreal import MEMORY_BATCH, SurrealStore


@dataclass(frozen=True, slots=True)
class _Embedded:
    """What is kept of a memory that has all its vectors, these as float32 bytes."""

    content_clock: str
    chunks: tuple[Chunk, ...]
    vectors: tuple[bytes, ...]


def carry_vectors(old: SurrealStore, new: SurrealStore, changed: Collection[str]) -> int:
    """Take over chunks and vectors of memories with the same content; return of how many memories.

    Args:
        old: A damaged embedded database that can be read.
        new: An embedded database with the same memories, without chunks and vectors.
        changed: Ids of memories that `old` may know in part: a transaction cut short.
    """
    name = old.embedder()
    if not name:
        return 0
    new.set_embedder(name, 0)
    if renewal := old.renewing.state():
        new.renewing.want(renewal.embedder)
    count = 0
    for batch in _every_embedded(old, changed):
        clocks = new.content_clocks(list(batch))
        same = [known for key, known in batch.items() if clocks.get(key) == known.content_clock]
        if same:
            _put(new, same)
            count += len(same)
    return count


def _every_embedded(old: SurrealStore, changed: Collection[str]) -> Iterator[dict[str, _Embedded]]:
    """Yield the memories that have all their vectors by id, some at a time."""
    pending = old.serving().slot.pending
    waiting = old.connection.query(f"SELECT VALUE record::id(id) FROM {pending}")
    left_out = {*waiting, *changed}
    ids = [key for key in old.ids() if key not in left_out]
    for start in range(0, len(ids), MEMORY_BATCH):
        yield _embedded(old, ids[start : start + MEMORY_BATCH])


def _embedded(old: SurrealStore, ids: Sequence[str]) -> dict[str, _Embedded]:
    assert old.feed is not None
    vector = old.serving().slot.vector
    rows: dict[str, list[dict[str, Any]]] = {key: [] for key in ids}
    for row in old.connection.query(f"SELECT * FROM chunk:⟨{ids[0]}_⟩..⟨{ids[-1]}_~⟩"):
        memory_id = row["id"].id.partition("_")[0]
        if memory_id in rows:
            rows[memory_id].append(row)
    numbers = [row.get(vector) for group in rows.values() for row in group]
    vectors = old.feed.read([number for number in numbers if number is not None])
    clocks = old.content_clocks(ids)
    return {
        key: _Embedded(
            clocks[key],
            tuple(chunk_of(row) for row in group),
            tuple(vectors[row[vector]] for row in group),
        )
        for key, group in rows.items()
        if group and all(row.get(vector) in vectors for row in group)
    }


def _put(new: SurrealStore, memories: Sequence[_Embedded]) -> None:
    """Write in two transactions, as a chunk may not be written twice in one.

    A crash between them leaves chunks that wait for nothing; the new database is then given up.
    """
    import numpy as np

    feed = new.feed
    assert feed is not None
    chunks = [chunk for known in memories for chunk in known.chunks]
    matrix = np.array(
        [np.frombuffer(vector, np.float32) for known in memories for vector in known.vectors]
    )
    inserting, writing = Transaction(), Transaction()
    insert_chunks(inserting, chunks)
    new.connection.commit(inserting)
    feed.add(writing, [(chunk.memory_id, chunk.ordinal) for chunk in chunks], matrix)
    finished = dict.fromkeys(chunk.memory_id for chunk in chunks)
    pending = new.serving().slot.pending
    writing.add("DELETE $finished RETURN NONE", finished=[record(pending, key) for key in finished])
    new.connection.commit(writing)
