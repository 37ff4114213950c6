"""What a language's words for times are kept as."""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, Mapping[object, str]]
"""Kind of word -> its meaning -> the words, without accents and case; a comma parts them."""


def numbered(first: int, words: str) -> dict[object, str]:
    """Return the meanings of words that mean one number after the other; a semicolon parts them."""
    return dict(enumerate(words.split("; "), first))
