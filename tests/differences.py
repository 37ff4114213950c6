"""What an index and the store's feed do not have in common."""

from __future__ import annotations

from tera.indexes.comparison import Comparison
from tera.indexes.vector import ReadFeed, VectorIndex


def differences(index: VectorIndex, read_feed: ReadFeed) -> int:
    """Return how many vectors are only in the feed, only in the index, or not the same."""
    comparison = Comparison()
    while rows := read_feed(comparison.sequence):
        comparison.take(index, rows)
    return comparison.wrong + comparison.unmatched(index)
