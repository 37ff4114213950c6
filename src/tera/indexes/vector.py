"""Cosine search over the vectors of a store, which follows the store's vector feed.

Few vectors are all compared with the question. Of many, a scan of their sign codes says which may
be the nearest; these are compared, until more of them bring nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tera.datatypes import VectorChange
from tera.errors import StoreError
from tera.indexes.codes import FAR, SignCodes, closest
from tera.indexes.keys import id_of, number_of
from tera.indexes.passages import VOID, Passages
from tera.indexes.vector_files import VectorFiles

if TYPE_CHECKING:
    import numpy.typing as npt

    from tera.indexes.keys import Numbers
    from tera.indexes.passages import Flags, Rows

    FloatVector = npt.NDArray[np.float32]
    FloatMatrix = npt.NDArray[np.float32]

COMPACT_SHARE = 0.5
"""Rewritten without what is void when it is more than this share of the records."""
EXACT_ROWS = 20_000
"""As many vectors are all compared, 2 to 6 ms; of more the codes are scanned first."""
SELECTIVE_SHARE = 0.25
"""Below this share of wanted rows they are gathered first: copying 0.25 n rows costs one scan."""
FIRST_CANDIDATES = 2000
"""Closest codes whose vectors are compared first, then twice as many, and so on. On a million
clustered vectors and on 4,516 real texts 1,000 found all; where the tenth nearest is one of
200,000 unrelated vectors, recall@10 was .986 with 1,000 and .990 with 2,000."""
CANDIDATES_PER_RESULT = 50
"""At least so many for each result that is wanted."""
MOST_SHARE = 1 / 8
"""When this share of the rows was compared, no more are: to gather more takes longer than to
compare all, and what is still missing is hardly nearer than what was found."""
_GATHERED_ROWS = 256
"""Vectors that are copied together, always to the same place, which stays in the cache: 6,000 of
100,000 took 0.8 ms, and 2.9 ms when all were copied at once."""
_BLOCK_ROWS = 1 << 13
_VERIFIED_BYTES = 1 << 23
"""Vectors whose checksums are looked at in one `follow`: 4 ms."""

ReadFeed = Callable[[int], Sequence[VectorChange]]
"""Returns the rows with numbers above the given one, in order; empty at the end."""


class VectorIndex:
    """The vectors of one store. The caller holds the store's lock.

    Header and records are checked when it is opened, the vectors some at a time when it follows
    and each that becomes a result; one that is damaged is set aside and all is read anew.

    Attributes:
        notes: What the person should hear, one line each.
    """

    def __init__(self, folder: Path, embedder: str, dim: int) -> None:
        """Open the index; one that is damaged is set aside, one of another embedder is emptied.

        Args:
            folder: Where its files are.
            embedder: Name of the model that makes the vectors.
            dim: Length of a vector.

        Raises:
            StoreError: The folder cannot be written.
        """
        self.notes: tuple[str, ...] = ()
        self._codes: SignCodes | None = None
        self._is_damaged = False
        try:
            self._files = VectorFiles(folder, embedder, dim)
            if (content := self._files.read()) is None:
                if self._files.is_damaged():
                    self._set_aside()
                self._clear()
            else:
                centre, records = content
                self._passages = Passages(records)
                if self._files.header.has_codes:
                    self._codes = SignCodes(centre.copy())
                    self._codes.append(records["code"][records["ordinal"] != VOID])
        except OSError as error:
            raise _refused(error) from error
        # What this process writes is not read back.
        self._unverified = range(len(self._passages))

    @property
    def size(self) -> int:
        """How many chunks can be found."""
        return self._passages.alive

    @property
    def passages(self) -> Passages:
        """Which passage each row of `matrix` is of."""
        return self._passages

    @property
    def matrix(self) -> FloatMatrix:
        """The vectors, void ones too."""
        return self._files.matrix()

    def follow(self, read_feed: ReadFeed, last_number: int) -> None:
        """Take over what is new in the store's feed.

        Args:
            read_feed: Reads the feed.
            last_number: The highest number the feed has given out; an index that is ahead of it
                belongs to another store and is rebuilt.
        """
        try:
            self._verify_some()
            if self._is_damaged:
                self._set_aside()
                self._clear()
            elif self._files.header.sequence > last_number:
                self._clear()
            while rows := read_feed(self._files.header.sequence):
                self._take(rows)
                if self._codes is None and self.size > EXACT_ROWS:
                    self._rewrite()
            records = self._files.header.records
            if self.size < (1 - COMPACT_SHARE) * records:
                self._rewrite()
        except OSError as error:
            raise _refused(error) from error

    def count(self, chosen: Numbers | None = None) -> int:
        """Return how many chunks can be found among those of chosen memories; None for all."""
        return self.size if chosen is None else int(self._passages.are_of(chosen).sum())

    def nearest(
        self, vector: FloatVector, count: int, chosen: Numbers | None = None
    ) -> list[tuple[str, int, float]]:
        """Return the closest chunks as (memory id, ordinal, cosine), best first.

        Cosines are exact. Which chunks are the closest is exact among up to EXACT_ROWS, and
        nearly always right among more.

        Args:
            vector: float32 of shape (dim,), length 1.
            count: Most chunks to return.
            chosen: Only chunks of these memories: their numbers, sorted; None for all.
        """
        is_wanted = self._passages.is_alive if chosen is None else self._passages.are_of(chosen)
        size = int(np.count_nonzero(is_wanted))
        if not size or count < 1:
            return []
        if self._codes is None or size <= EXACT_ROWS:
            rows = np.flatnonzero(is_wanted)
            if len(rows) < SELECTIVE_SHARE * len(self.matrix):
                scores = self._scores(rows, vector)
            else:
                scores = (self.matrix @ vector)[rows]
            rows, scores = _best(rows, scores, count)
        else:
            rows, scores = self._search(self._codes, vector, count, is_wanted)
        is_whole = self._are_whole(rows)
        return [
            (id_of(number), ordinal, score)
            for number, ordinal, score in zip(
                self._passages.numbers[rows[is_whole]].tolist(),
                self._passages.ordinals[rows[is_whole]].tolist(),
                scores[is_whole].tolist(),
                strict=True,
            )
        ]

    def cosines(
        self, vector: FloatVector, passages: Sequence[tuple[str, int]]
    ) -> npt.NDArray[np.float32]:
        """Return the exact cosine of each passage; NaN for one that is not there.

        Args:
            vector: float32 of shape (dim,), length 1.
            passages: Memory id and ordinal of each.
        """
        numbers = np.array([number_of(memory_id) for memory_id, _ in passages], np.uint64)
        ordinals = np.array([ordinal for _, ordinal in passages], np.int32)
        rows = self._passages.find(numbers, ordinals)
        cosines = np.full(len(passages), np.nan, np.float32)
        there = np.flatnonzero(rows >= 0)
        there = there[self._are_whole(rows[there])]
        cosines[there] = self._scores(rows[there], vector)
        return cosines

    def _scores(self, rows: Rows, vector: FloatVector) -> FloatVector:
        scores, matrix = np.empty(len(rows), np.float32), self.matrix
        gathered = np.empty((_GATHERED_ROWS, len(vector)), np.float32)
        for begin in range(0, len(rows), _GATHERED_ROWS):
            some = rows[begin : begin + _GATHERED_ROWS]
            block = gathered[: len(some)]
            # With another mode, numpy would copy twice.
            np.take(matrix, some, axis=0, out=block, mode="clip")
            np.dot(block, vector, out=scores[begin : begin + len(some)])
        return scores

    def _search(
        self, codes: SignCodes, vector: FloatVector, count: int, is_wanted: Flags
    ) -> tuple[Rows, FloatVector]:
        """Compare the vectors with the closest codes, until twice as many more bring nothing."""
        distances = codes.distances(vector)
        # Six times as fast as to choose the places.
        distances |= ~is_wanted * FAR
        rows, scores = np.empty(0, np.intp), np.empty(0, np.float32)
        candidates, compared = max(FIRST_CANDIDATES, CANDIDATES_PER_RESULT * count), 0
        while len(more := closest(distances, candidates, codes.bits)):
            distances[more] = FAR
            before = rows
            scores = np.concatenate([scores, self._scores(more, vector)])
            rows, scores = _best(np.concatenate([rows, more]), scores, count)
            compared += len(more)
            if np.array_equal(rows, before) or compared > MOST_SHARE * len(distances):
                break
            candidates *= 2
        return rows, scores

    def _take(self, changes: Sequence[VectorChange]) -> None:
        dim = self._files.header.dim
        records = self._files.records(len(changes))
        vectors: list[FloatVector] = []
        new: set[int] = set()
        end = 0
        for change in changes:
            number = _number_of(change.memory_id)
            if change.embedding is None:
                # What voids nothing needs no record.
                if number not in new and not self._passages.has(number):
                    continue
                records[end] = (number, VOID, 0, 0)
            else:
                vector = np.frombuffer(change.embedding, np.float32)
                if vector.shape != (dim,):
                    raise StoreError(
                        f"a vector in the store has {vector.size} numbers, not {dim}",
                        hint="tera doctor --repair",
                    )
                records[end] = (number, change.ordinal, zlib.crc32(change.embedding), 0)
                vectors.append(vector)
                new.add(number)
            end += 1
        records = records[:end]
        matrix = np.array(vectors, np.float32).reshape(-1, dim)
        is_row = records["ordinal"] != VOID
        if self._codes is not None:
            records["code"][is_row] = self._codes.encode(matrix)
        self._files.append(matrix, records, changes[-1].sequence)
        self._passages.append(records)
        if self._codes is not None:
            self._codes.append(records["code"][is_row])

    def _clear(self) -> None:
        self._files.rewrite(None, [], 0)
        self._begin_anew(None)

    def _rewrite(self) -> None:
        """Write all anew without what is void, with codes if there are many."""
        alive = np.flatnonzero(self._passages.is_alive)
        codes = None
        if len(alive) > EXACT_ROWS:
            # As many as were there the first time, from begin to end.
            some = alive[:: len(alive) // EXACT_ROWS]
            codes = SignCodes(self.matrix[some].mean(axis=0))
        records: list[npt.NDArray[np.void]] = []

        def blocks() -> Iterator[tuple[FloatMatrix, npt.NDArray[np.void]]]:
            for begin in range(0, len(alive), _BLOCK_ROWS):
                rows = alive[begin : begin + _BLOCK_ROWS]
                block = self._files.records(len(rows))
                block["memory"] = self._passages.numbers[rows]
                block["ordinal"] = self._passages.ordinals[rows]
                block["sum"] = self._passages.sums[rows]
                vectors = self.matrix[rows]
                if codes:
                    block["code"] = codes.encode(vectors)
                    codes.append(block["code"])
                records.append(block)
                yield vectors, block

        centre = codes.centre if codes else None
        self._files.rewrite(centre, blocks(), self._files.header.sequence)
        self._begin_anew(codes, *records)

    def _begin_anew(self, codes: SignCodes | None, *records: npt.NDArray[np.void]) -> None:
        self._passages = Passages(np.concatenate([self._files.records(0), *records]))
        self._codes = codes
        self._is_damaged = False
        # Copied vectors have their old checksums.
        self._unverified = range(len(self._passages))

    def _verify_some(self) -> None:
        """Look at the checksums of the next vectors, read as they are on the disk."""
        some = self._unverified[: _VERIFIED_BYTES // (self._files.header.dim * 4)]
        if not some:
            return
        vectors = self._files.read_rows(some.start, len(some))
        sums = self._passages.sums[some.start : some.start + len(vectors)]
        self._is_damaged |= len(vectors) < len(some) or not _match(vectors, sums).all()
        self._unverified = self._unverified[len(some) :]

    def _are_whole(self, rows: Rows) -> Flags:
        """Return which vectors have their checksums; if not all, `follow` will set all aside."""
        is_whole = _match(self.matrix[rows], self._passages.sums[rows])
        self._is_damaged |= not is_whole.all()
        return is_whole

    def _set_aside(self) -> None:
        self.notes = (*self.notes, self._files.set_aside())


def _match(vectors: FloatMatrix, sums: npt.NDArray[np.uint32]) -> Flags:
    """Return which vectors have their checksums."""
    return np.array(
        [zlib.crc32(vector) == wanted for vector, wanted in zip(vectors, sums, strict=True)],
        np.bool_,
    )


def _best(rows: Rows, scores: FloatVector, count: int) -> tuple[Rows, FloatVector]:
    """Return the best of rows with their scores; among equals the first."""
    if count < len(rows):
        best = np.argpartition(scores, -count)[-count:]
        rows, scores = rows[best], scores[best]
    order = np.lexsort((rows, -scores))
    return rows[order], scores[order]


def _number_of(memory_id: str) -> int:
    try:
        return number_of(memory_id)
    except ValueError as error:
        raise StoreError(
            f"the store has a vector of {memory_id!r}, which is no memory",
            hint="tera doctor --repair",
        ) from error


def _refused(error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the vector index: {error.strerror or error}",
        hint="free some space, or set TERA_HOME to a folder that you can write to",
    )
