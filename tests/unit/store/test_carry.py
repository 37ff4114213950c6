from __future__ import annotations

from pathlib import Path

import numpy as np

from tera.datatypes import Chunk
from tera.store.carry import carry_vectors
from tera.store.connection import Connection
from tera.store.journal import Position
from tera.store.opened import OpenStore, follow
from tera.store.renewal import Renewal
from tera.store.surreal import SurrealStore
from tests.entries import opened, remember


def renew(store: OpenStore, name: str) -> None:
    """Let vectors of another embedder serve: ones, of 8 dimensions."""
    renewing = store.database.renewing
    renewing.want(name)
    while renewing.clear_some():
        pass
    renewing.begin(8)
    while (passage := renewing.next(10)).memories:
        batch = [(known, chunk) for known in passage.memories for chunk in known.chunks]
        renewing.put_vectors(name, batch, np.ones((len(batch), 8), np.float32))
        renewing.passed(name, passage)
    assert renewing.switch(name)


def test_vectors_are_carried_from_the_slot_that_serves(home: Path, tmp_path: Path) -> None:
    with opened(home) as store:
        store.database.set_embedder("old", 4)
        store.commit([remember("a"), remember("b")], {k: [Chunk(k, 0, 0, 4)] for k in "ab"})
        batch = [(known, known.chunks[0]) for known in store.database.pending(10)]
        store.database.put_vectors(batch, np.zeros((2, 4), np.float32))
        renew(store, "new")
        # Begun, but another is to come: what it has is made again, that it is wanted is kept.
        store.database.renewing.want("third")
        other = Connection(f"surrealkv://{tmp_path / 'new'}", namespace="tera", database="tera")
        new = SurrealStore(other)
        follow(store.journal, new, Position())
        assert carry_vectors(store.database, new, ()) == 2
        assert new.embedder() == "new"
        assert new.counts() == {"memory": 2, "chunk": 2, "pending": 0}
        assert new.renewing.state() == Renewal("third")
        assert new.feed
        rows = [np.frombuffer(row.embedding or b"", np.float32) for row in new.feed.feed(0)]
        assert [row.tolist() for row in rows] == [[1.0] * 8] * 2
        other.close()
