"""The gate: how sure it must be that memory has an answer, and the scale that it is measured on.

Cosines of one embedder cannot be compared with another's: unrelated texts score about 0.04 with
all-MiniLM and 0.4 and more with some bge models. So the embedder is shown questions with passages
that answer them and with passages that do not; on the scale these are 1 and 0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tera.datatypes import SearchResult

if TYPE_CHECKING:
    from tera.embedders import Embedder

GATE = 0.4  # benchmarks/gate.py, docs/decisions.md
"""Least evidence; see `evidence_of`."""
USUAL_CHUNKS = 550
"""What GATE is for: so many chunks have the chats that it was measured on."""
LUCK = 0.026
"""How much more evidence e times as many chunks have by chance. On LoCoMo, what 98 % of the
questions about another person stay below is .273 with 10 chunks, .311 with 100, .373 with 600."""
FEWEST_CHUNKS, MOST_CHUNKS = 10, 2000
"""Where that was seen, and not far beyond."""
KEPT_SHARE = 0.5
"""Behind an open gate, passages with less than this share of the best score are left out."""
FORMAT = 2

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
ANSWERS = (
    "Dentist on Thursday at 9:40, second floor, bring the insurance card.",
    "The staging database listens on port 5433.",
    "Anna said that the wedding is moved to September and that we should bring the tent.",
    "Renew the TLS certificate with certbot renew, then reload nginx.",
    "We parked the car at the airport in P4, level 2, row F.",
    "The company was founded by Ruth Adler and her brother in 1987.",
    "Lentil soup: fry onion and carrot, add red lentils, cumin and stock, cook for 20 minutes.",
    "The build failed last Tuesday because the disk of the runner was full.",
    "Our rent is 980 euros a month, heating not included.",
    "Tides are caused by the gravity of the moon and the sun pulling on the ocean.",
    "Tom recommended reading The Left Hand of Darkness and Piranesi.",
    "The wifi in the office is called Atrium, the password is on the whiteboard.",
)
"""Each answers the question in the same place."""
UNRELATED = (
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
"""None of these says anything about any of the questions."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What an embedder's cosines mean.

    Attributes:
        unrelated: Mean cosine of questions with texts that say nothing about them.
        answering: Mean cosine of questions with their answers.
    """

    unrelated: float
    answering: float

    def of(self, cosine: float) -> float:
        """Return a cosine on the scale; 0 for NaN, which a vector has that cannot be read."""
        if math.isnan(cosine):
            return 0.0
        return (cosine - self.unrelated) / ((self.answering - self.unrelated) or 1.0)


def evidence_of(meaning: float, words: float, chunks: int) -> float:
    """Return how sure it is that memory has an answer, beside a store of USUAL_CHUNKS.

    Args:
        meaning: Of the chunk that means most, on the scale.
        words: Of the chunk that has most of the question's.
        chunks: Among how many these are the best.
    """
    many = min(max(chunks, FEWEST_CHUNKS), MOST_CHUNKS)
    return (meaning + words) / 2 - LUCK * math.log(many / USUAL_CHUNKS)


def behind_gate(results: Sequence[SearchResult], evidence: float) -> list[SearchResult]:
    """Return the passages that an answer may rest on: none where memory seems to have no answer.

    Args:
        results: What was found, best first.
        evidence: How sure it is that memory has an answer.
    """
    if not results or evidence < GATE:
        return []
    least = KEPT_SHARE * max(result.score for result in results)
    return [result for result in results if result.score >= least]


def scale_of(embedder: Embedder, cache: Path) -> Scale:
    """Return the scale of an embedder.

    Args:
        embedder: The model to measure.
        cache: File that keeps the measurement; it is measured again when it cannot be read.
    """
    try:
        kept = json.loads(cache.read_text())
        if (kept["format"], kept["embedder"]) == (FORMAT, embedder.spec.name):
            scale = Scale(float(kept["unrelated"]), float(kept["answering"]))
            if math.isfinite(scale.unrelated) and math.isfinite(scale.answering):
                return scale
    except (OSError, ValueError, KeyError, TypeError):
        pass
    scale = measure(embedder)
    kept = {"format": FORMAT, "embedder": embedder.spec.name, **asdict(scale)}
    # A full disk is no reason not to search.
    with suppress(OSError):
        cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        cache.write_text(json.dumps(kept, indent=1))
    return scale


def measure(embedder: Embedder) -> Scale:
    """Return the mean cosines of questions with unrelated passages and with their answers."""
    import numpy as np

    questions = np.stack([embedder.embed_query(question) for question in QUESTIONS])
    unrelated = questions @ embedder.embed_passages(UNRELATED).T
    answering = np.sum(questions * embedder.embed_passages(ANSWERS), axis=1)
    return Scale(float(unrelated.mean()), float(answering.mean()))
