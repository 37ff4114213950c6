"""Passages -> answers: the best sentences at once, then what a language model writes of them."""

from __future__ import annotations

from typing import Protocol

from tera.datatypes import Quote


class Audience(Protocol):
    """Whoever reads an answer while it is made."""

    def quote(self, quote: Quote) -> None:
        """Hear the sentence that fits best, long before the answer."""

    def draft(self, text: str) -> None:
        """See the sentence that is being written, as far as it is; it is not checked yet."""

    def text(self, piece: str) -> None:
        """Hear a further piece of the answer, which stands."""


class Nobody:
    """An audience that waits for the whole answer."""

    def quote(self, quote: Quote) -> None:
        """Do nothing."""

    def draft(self, text: str) -> None:
        """Do nothing."""

    def text(self, piece: str) -> None:
        """Do nothing."""
