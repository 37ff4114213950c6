"""The gate: from which similarity on a passage may be an answer, measured for each embedder.

Cosines of one embedder cannot be compared with another's: unrelated texts score about 0.05 with
all-MiniLM and 0.5 and more with some bge models. So the embedder is shown questions with passages
that do not answer them, and the gate is set a number of standard deviations above what those get.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tera.embedders import Embedder

DEVIATIONS = 4.0  # benchmarks/gate.py, docs/decisions.md
FORMAT = 1

QUESTIONS = (
    "When is the dentist appointment?",
    "Which port does the staging database use?",
    "What did Anna say about the wedding?",
    "How do I renew the TLS certificate?",
    "Where did we park the car at the airport?",
    "Who founded the company?",
    "What is the recipe for the lentil soup?",
    "Why did the build fail last week?",
    "How much rent do we pay?",
    "What causes tides in the ocean?",
    "Which books did Tom recommend?",
    "What is the wifi password of the office?",
)
PASSAGES = (
    "The violin was made in Cremona around 1715 and restored twice in the nineteenth century.",
    "Glaciers carve valleys with a broad floor and steep walls as they move downhill.",
    "Mia scored twice in the second half and the team went through to the final.",
    "The museum shows its collection of Roman glass on the upper floor.",
    "Photosynthesis turns carbon dioxide and water into sugar, with light as the source of energy.",
    "Our cat sleeps on the radiator every afternoon until supper.",
    "The treaty ended the war but left the question of the border open.",
    "He planted tomatoes along the south wall and covered them against frost.",
    "A sonnet has fourteen lines, often in iambic pentameter.",
    "The ferry to the island does not run when the wind is above force eight.",
    "Copper conducts heat better than iron and is used for the bottoms of pans.",
    "She practised the second movement slowly, one hand at a time.",
)
"""No passage says anything about any of the questions."""


def gate_score(embedder: Embedder, cache: Path) -> float:
    """Return the least cosine at which a passage counts as close to a question.

    Args:
        embedder: The model to measure.
        cache: File that keeps the measurement; it is measured again when it cannot be read.
    """
    try:
        kept = json.loads(cache.read_text())
        if (kept["format"], kept["embedder"]) == (FORMAT, embedder.spec.name):
            return float(kept["mean"]) + DEVIATIONS * float(kept["deviation"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    mean, deviation = unrelated_scores(embedder)
    kept = {"format": FORMAT, "embedder": embedder.spec.name, "mean": mean, "deviation": deviation}
    cache.write_text(json.dumps(kept, indent=1))
    return mean + DEVIATIONS * deviation


def unrelated_scores(embedder: Embedder) -> tuple[float, float]:
    """Return mean and standard deviation of the cosines of questions and unrelated passages."""
    import numpy as np

    questions = np.stack([embedder.embed_query(question) for question in QUESTIONS])
    scores = questions @ embedder.embed_passages(PASSAGES).T
    return float(scores.mean()), float(scores.std())
