"""Vector indexes behind one interface, for benchmarks/scale.py: each keeps rows 0, 1, 2, ..."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tera.datatypes import VectorChange
from tera.indexes.keys import number_of
from tera.indexes.vector import VectorIndex
from tera.store.connection import Connection, Transaction

FloatVector = npt.NDArray[np.float32]
FloatMatrix = npt.NDArray[np.float32]
_BATCH = 1000


class VectorStore(Protocol):
    """One contender, alone in its process."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Make the index of vectors of length 1 and write it to a folder."""

    def open(self, folder: Path) -> None:
        """Open what is in the folder."""

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Return the nearest rows, best first."""

    def add(self, vector: FloatVector, row: int) -> None:
        """Add one more row, as durably as the library does by itself."""


class Bytes:
    """No search: all bytes of the vectors are read once. What a scan of them cannot be below."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Write the array."""
        np.save(folder / "vectors.npy", matrix)

    def open(self, folder: Path) -> None:
        """Read the array."""
        self._matrix: FloatMatrix = np.load(folder / "vectors.npy")

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Read it again, as words of eight bytes."""
        self._matrix.reshape(-1).view(np.uint64).max()
        return []


class Numpy(Bytes):
    """Exact: one product, and a partition of the scores."""

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Compare with all."""
        scores = self._matrix @ vector
        best = np.argpartition(scores, -count)[-count:]
        found: list[int] = best[np.argsort(-scores[best])].tolist()
        return found


class Tera:
    """Tera's index, following a feed that is in memory."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Follow a feed of one chunk a memory."""
        self.open(folder, len(matrix[0]))

        def feed(after: int) -> list[VectorChange]:
            batch = range(after, min(after + _BATCH, len(matrix)))
            return [VectorChange(n + 1, memory_id(n), 0, matrix[n].tobytes()) for n in batch]

        self.index.follow(feed, len(matrix))

    def open(self, folder: Path, dim: int = 384) -> None:
        """Open it."""
        self.index = VectorIndex(folder / "tera", "benchmark", dim)

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search as the engine does."""
        return [row_of(memory_id) for memory_id, _, _ in self.index.nearest(vector, count)]

    def add(self, vector: FloatVector, row: int) -> None:
        """Follow a feed with one more row."""
        change = VectorChange(row + 1, memory_id(row), 0, vector.tobytes())
        self.index.follow(lambda after: [change] if after <= row else [], row + 1)

    def choose(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
        """Return the memories of rows as the index wants them."""
        return np.sort(np.array([number_of(memory_id(row)) for row in rows.tolist()], np.uint64))


_SCATTER, _GATHER = 6_364_136_223, pow(6_364_136_223, -1, 10**10)


def memory_id(row: int) -> str:
    """Return an id whose order says nothing about the row, as with real ones."""
    return f"{row * _SCATTER % 10**10:010d}"


def row_of(key: str) -> int:
    """Return the row of an id."""
    return int(key) * _GATHER % 10**10


class FaissFlat:
    """FAISS, float32, exact."""

    kind = "Flat"

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Add all."""
        import faiss

        self._index = faiss.index_factory(matrix.shape[1], self.kind, faiss.METRIC_INNER_PRODUCT)
        self._index.train(matrix[:50_000])
        self._index.add(matrix)
        faiss.write_index(self._index, str(folder / "index.faiss"))

    def open(self, folder: Path) -> None:
        """Read the file."""
        import faiss

        faiss.omp_set_num_threads(1)
        self._index = faiss.read_index(str(folder / "index.faiss"))

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search."""
        found: list[int] = self._index.search(vector[None, :], count)[1][0].tolist()
        return found

    def add(self, vector: FloatVector, row: int) -> None:
        """Add in memory; nothing is written."""
        self._index.add(vector[None, :])


class FaissBytes(FaissFlat):
    """FAISS, a byte a number, no rescoring."""

    kind = "SQ8"


class Usearch:
    """HNSW with the library's own settings; it is made with all cores and searched with one."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Add all."""
        from usearch.index import Index

        self._index: Any = Index(ndim=matrix.shape[1], metric="cos")
        self._index.add(np.arange(len(matrix)), matrix)
        self._index.save(str(folder / "index.usearch"))

    def open(self, folder: Path) -> None:
        """Load the file."""
        from usearch.index import Index

        self._index = Index.restore(str(folder / "index.usearch"))

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search."""
        found: list[int] = self._index.search(vector, count, threads=1).keys.tolist()
        return found

    def add(self, vector: FloatVector, row: int) -> None:
        """Add in memory; nothing is written."""
        self._index.add(row, vector)


class LanceFlat:
    """LanceDB as it is without an index: exact."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Create the table."""
        import lancedb
        import pyarrow

        kind = pyarrow.list_(pyarrow.float32(), matrix.shape[1])
        batches = (
            pyarrow.record_batch(
                [
                    pyarrow.array(range(begin, begin + len(some))),
                    pyarrow.FixedSizeListArray.from_arrays(some.reshape(-1), type=kind),
                ],
                ["id", "vector"],
            )
            for begin in range(0, len(matrix), 50_000)
            for some in [matrix[begin : begin + 50_000]]
        )
        schema = pyarrow.schema([("id", pyarrow.int64()), ("vector", kind)])
        reader = pyarrow.RecordBatchReader.from_batches(schema, batches)
        self._table: Any = lancedb.connect(str(folder)).create_table("vectors", reader)

    def open(self, folder: Path) -> None:
        """Open the table."""
        import lancedb

        self._table = lancedb.connect(str(folder)).open_table("vectors")

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search."""
        found = (
            self._table.search(vector)
            .distance_type("cosine")
            .select(["id", "_distance"])
            .limit(count)
        )
        rows: list[int] = found.to_arrow()["id"].to_pylist()
        return rows

    def add(self, vector: FloatVector, row: int) -> None:
        """Add one row: a new version of the table on disk."""
        self._table.add([{"id": row, "vector": vector}])


class LanceIndexed(LanceFlat):
    """LanceDB with the index that it makes by default."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Create the table and its index."""
        super().build(matrix, folder)
        self._table.create_index(metric="cosine", vector_column_name="vector")


class SqliteVec:
    """sqlite-vec, exact; through APSW, as Python's own sqlite3 often cannot load extensions."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Insert all."""
        self.open(folder)
        self._database.execute(
            "CREATE VIRTUAL TABLE vectors USING"
            f" vec0(embedding float[{matrix.shape[1]}] distance_metric=cosine)"
        )
        rows = ((row, vector.tobytes()) for row, vector in enumerate(matrix))
        with self._database:
            self._database.executemany("INSERT INTO vectors(rowid, embedding) VALUES (?, ?)", rows)

    def open(self, folder: Path) -> None:
        """Open the database."""
        import apsw
        import sqlite_vec

        self._database = apsw.Connection(str(folder / "vectors.db"))
        self._database.enable_load_extension(True)
        self._database.load_extension(sqlite_vec.loadable_path())

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search."""
        rows = self._database.execute(
            "SELECT rowid FROM vectors WHERE embedding MATCH ? AND k = ? ORDER BY distance",
            (vector.tobytes(), count),
        )
        return [row for (row,) in rows]

    def add(self, vector: FloatVector, row: int) -> None:
        """Insert and commit."""
        self._database.execute(
            "INSERT INTO vectors(rowid, embedding) VALUES (?, ?)", (row, vector.tobytes())
        )


class SurrealScan:
    """SurrealDB, embedded, cosine in SurrealQL over all rows."""

    def build(self, matrix: FloatMatrix, folder: Path) -> None:
        """Insert all, a hundred at once."""
        self.open(folder)
        self._define(matrix.shape[1])
        for begin in range(0, len(matrix), 100):
            self._insert(matrix[begin : begin + 100], begin)

    def open(self, folder: Path) -> None:
        """Connect."""
        url = f"surrealkv://{folder / 'surreal'}"
        self._connection = Connection(url, namespace="benchmark", database="benchmark")

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search."""
        return self._rows(
            "SELECT id, vector::similarity::cosine(embedding, $vector) AS score FROM vector"
            f" ORDER BY score DESC LIMIT {count}",
            vector,
        )

    def add(self, vector: FloatVector, row: int) -> None:
        """Insert one."""
        self._insert(vector[None, :], row)

    def _define(self, dim: int) -> None:
        pass

    def _rows(self, query: str, vector: FloatVector) -> Sequence[int]:
        rows = self._connection.query(query, vector=[float(value) for value in vector])
        return [row["id"].id for row in rows]

    def _insert(self, matrix: FloatMatrix, first: int) -> None:
        transaction = Transaction()
        rows = [
            {"id": first + row, "embedding": [float(value) for value in vector]}
            for row, vector in enumerate(matrix)
        ]
        transaction.add("INSERT INTO vector $rows RETURN NONE", rows=rows)
        self._connection.commit(transaction)


class SurrealHnsw(SurrealScan):
    """SurrealDB, embedded, its own HNSW index."""

    def search(self, vector: FloatVector, count: int) -> Sequence[int]:
        """Search as Tera does on a server."""
        return self._rows(
            "SELECT id, vector::distance::knn() AS far FROM vector"
            f" WHERE embedding <|{count},150|> $vector ORDER BY far",
            vector,
        )

    def _define(self, dim: int) -> None:
        self._connection.query(
            "DEFINE INDEX vector_embedding ON vector FIELDS embedding"
            f" HNSW DIMENSION {dim} DIST COSINE TYPE F32"
        )


ANY_SIZE = range(10**9)
STORES: dict[str, tuple[type[Any], Sequence[str], range]] = {
    "reading the bytes": (Bytes, ("numpy",), ANY_SIZE),
    "numpy float32": (Numpy, ("numpy",), ANY_SIZE),
    "Tera": (Tera, ("numpy",), ANY_SIZE),
    "FAISS flat": (FaissFlat, ("faiss",), ANY_SIZE),
    "FAISS SQ8": (FaissBytes, ("faiss",), ANY_SIZE),
    "usearch HNSW": (Usearch, ("usearch",), ANY_SIZE),
    "LanceDB flat": (LanceFlat, ("lancedb",), ANY_SIZE),
    "LanceDB IVF-PQ": (LanceIndexed, ("lancedb",), range(100_000, 10**9)),
    "sqlite-vec": (SqliteVec, ("sqlite_vec", "apsw"), ANY_SIZE),
    "SurrealDB scan": (SurrealScan, ("surrealdb",), range(10_001)),
    "SurrealDB HNSW": (SurrealHnsw, ("surrealdb",), range(10_001)),
}
"""By name: the class, the modules that it needs, and the sizes at which it takes part."""


def is_there(name: str) -> bool:
    """Return whether what a contender needs is installed."""
    return all(importlib.util.find_spec(module) for module in STORES[name][1])
