"""A bit for each number of a vector: their scan says cheaply which vectors may be the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatVector = npt.NDArray[np.float32]
    FloatMatrix = npt.NDArray[np.float32]
    Codes = npt.NDArray[np.uint8]
    Distances = npt.NDArray[np.uint16]

FAR = np.uint16(0xFFFF)
"""A distance above all others; all bits are set."""
_BLOCK_ROWS = 1 << 15
"""Rows that are scanned at once, so that what is between two steps stays in the cache: a million
took 6 ms with 16,384 to 65,536, and 14 ms with 4,096."""
_WORD_BITS = 64


def code_bytes(dim: int) -> int:
    """Return the length of a code: whole words of 64 bits."""
    return -(-dim // _WORD_BITS) * (_WORD_BITS // 8)


class SignCodes:
    """The sides of a centre on which vectors lie, by dimension, as bits.

    The more bits two codes share, the smaller is the angle between their vectors, seen from the
    centre (Charikar, STOC 2002). The centre is that of the vectors: embedders put all texts into
    one corner of the space, where the signs themselves would be the same for all.
    """

    def __init__(self, centre: FloatVector) -> None:
        """Begin with no codes; `centre` has shape (dim,)."""
        self.centre = centre
        self._words = code_bytes(len(centre)) // 8
        # By word, then by row: numpy runs along rows faster than across eight words.
        self._blocks: list[npt.NDArray[np.uint64]] = []
        self._rows = 0

    @property
    def bits(self) -> int:
        """The largest distance."""
        return self._words * _WORD_BITS

    def encode(self, matrix: FloatMatrix) -> Codes:
        """Return the codes of vectors, one a row."""
        codes = np.zeros((len(matrix), self._words * 8), np.uint8)
        bits = np.packbits(matrix > self.centre, axis=1)
        codes[:, : bits.shape[1]] = bits
        return codes

    def append(self, codes: Codes) -> None:
        """Add rows, as `encode` returns them."""
        words = np.ascontiguousarray(codes).view(np.uint64).T
        taken = 0
        while taken < words.shape[1]:
            place = self._rows % _BLOCK_ROWS
            if not place:
                self._blocks.append(np.zeros((self._words, _BLOCK_ROWS), np.uint64))
            some = min(_BLOCK_ROWS - place, words.shape[1] - taken)
            self._blocks[-1][:, place : place + some] = words[:, taken : taken + some]
            self._rows += some
            taken += some

    def distances(self, vector: FloatVector) -> Distances:
        """Return how many bits of each row's code are not those of a vector's code."""
        wanted = self.encode(vector[None, :]).view(np.uint64)[0]
        found = np.zeros(len(self._blocks) * _BLOCK_ROWS, np.uint16)
        differing = np.empty(_BLOCK_ROWS, np.uint64)
        counts = np.empty(_BLOCK_ROWS, np.uint8)
        for number, block in enumerate(self._blocks):
            of_block = found[number * _BLOCK_ROWS : (number + 1) * _BLOCK_ROWS]
            for word, bits in zip(block, wanted, strict=True):
                np.bitwise_xor(word, bits, out=differing)
                np.bitwise_count(differing, out=counts)
                np.add(of_block, counts, out=of_block)
        return found[: self._rows]


def closest(distances: Distances, count: int, largest: int) -> npt.NDArray[np.intp]:
    """Return the rows with the smallest distances, `count` of them if there are so many.

    Args:
        distances: Of each row; FAR for one that is not wanted.
        count: Most rows to return; among equals the first.
        largest: The largest distance of a row that is wanted.
    """
    low, high = 0, largest
    while low < high:
        middle = (low + high) // 2
        if np.count_nonzero(distances <= middle) >= count:
            high = middle
        else:
            low = middle + 1
    rows = np.flatnonzero(distances < low)
    equals = np.flatnonzero(distances == low)[: count - len(rows)]
    return np.concatenate([rows, equals])
