"""The vector index beside the feed that it follows: do they say the same?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tera.datatypes import VectorChange
from tera.indexes.keys import number_of
from tera.indexes.vector import VectorIndex


class Comparison:
    """An index beside its feed, some rows at a time; both may change between them.

    Attributes:
        sequence: Number of the last row of the feed that was compared.
        wrong: How many rows are not in the index, or not the same there.
    """

    def __init__(self) -> None:
        """Begin."""
        self.sequence = 0
        self.wrong = 0
        self._numbers = [np.empty(0, np.uint64)]
        self._ordinals = [np.empty(0, np.int32)]

    def take(self, index: VectorIndex, rows: Sequence[VectorChange]) -> None:
        """Compare the next rows of the feed with an index that has followed it."""
        self.sequence = rows[-1].sequence
        given = [row for row in rows if row.embedding is not None]
        numbers = np.array([number_of(row.memory_id) for row in given], np.uint64)
        ordinals = np.array([row.ordinal for row in given], np.int32)
        places = index.passages.find(numbers, ordinals).tolist()
        for row, place in zip(given, places, strict=True):
            self.wrong += place < 0 or index.matrix[place].tobytes() != row.embedding
        self._numbers.append(numbers)
        self._ordinals.append(ordinals)

    def unmatched(self, index: VectorIndex) -> int:
        """Return how many vectors of the index were in no row, after the last."""
        numbers, ordinals = np.concatenate(self._numbers), np.concatenate(self._ordinals)
        is_matched = ~index.passages.is_alive
        places = index.passages.find(numbers, ordinals)
        is_matched[places[places >= 0]] = True
        return int(np.count_nonzero(~is_matched))
