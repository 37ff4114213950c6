"""How good is a ranking? Recall, nDCG and reciprocal rank of items, and the interval of a mean."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence


def recall(ranked: Sequence[str], grades: Mapping[str, int], depth: int) -> float:
    """Return the share of the relevant items that are among the first `depth`.

    Args:
        ranked: Item ids, best first, each once.
        grades: The relevant items, each with a grade above 0.
        depth: How many of the ranking count.
    """
    return len(grades.keys() & set(ranked[:depth])) / len(grades)


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """Return the normalised discounted cumulative gain (Järvelin & Kekäläinen, 2002).

    The gain of an item is its grade; it counts less the further down it stands.
    """
    ideal = _discounted(sorted(grades.values(), reverse=True)[:depth])
    return _discounted([grades.get(item, 0) for item in ranked[:depth]]) / ideal


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """Return 1 / the rank of the first relevant item, 0 when none is among the first `depth`."""
    ranks = (rank for rank, item in enumerate(ranked[:depth], 1) if item in grades)
    return next((1 / rank for rank in ranks), 0.0)


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and half the width of its 95 % interval (normal; 0 for a single value)."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return statistics.fmean(values), 1.96 * spread / math.sqrt(len(values))


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
