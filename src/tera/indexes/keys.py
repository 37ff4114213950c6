"""Memory ids as numbers, as the indexes keep them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint64]

ID_CHARACTERS = 10
"""Longest id; 63 to the power of 10 still fits 64 bits."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET, start=1)}


def number_of(memory_id: str) -> int:
    """Return the number of an id; numbers have the order of their ids.

    Raises:
        ValueError: It is too long, or has other characters than ASCII letters and digits.
    """
    if len(memory_id) > ID_CHARACTERS:
        raise ValueError(f"not a memory's id: {memory_id!r}")
    number = 0
    try:
        for character in memory_id:
            number = number * 63 + _VALUES[character]
    except KeyError as error:
        raise ValueError(f"not a memory's id: {memory_id!r}") from error
    return number * int(63 ** (ID_CHARACTERS - len(memory_id)))


def id_of(number: int) -> str:
    """Return the id of a number."""
    characters: list[str] = []
    while number:
        number, value = divmod(number, 63)
        if value:
            characters.append(_ALPHABET[value - 1])
    return "".join(reversed(characters))


def numbers_of(memory_ids: Iterable[str]) -> Numbers:
    """Return the numbers of ids, sorted: how chosen memories pass between the indexes."""
    import numpy as np

    return np.array(sorted({number_of(key) for key in memory_ids}), np.uint64)
