"""The gate: from which similarity on a passage may be an answer, measured for each embedder.

Cosines of one embedder cannot be compared with another's: unrelated texts score about 0.04 with
all-MiniLM and 0.4 and more with some bge models. So the embedder is shown questions with passages
that answer them and with passages that do not, and the gate is set between the two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tera.embedders import Embedder

GATE_SHARE = 0.45  # of the way from unrelated to answering; benchmarks/gate.py, docs/decisions.md
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


def gate_score(embedder: Embedder, cache: Path) -> float:
    """Return the least cosine at which a passage counts as close to a question.

    Args:
        embedder: The model to measure.
        cache: File that keeps the measurement; it is measured again when it cannot be read.
    """
    try:
        kept = json.loads(cache.read_text())
        if (kept["format"], kept["embedder"]) == (FORMAT, embedder.spec.name):
            return _between(float(kept["unrelated"]), float(kept["answering"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    unrelated, answering = measure(embedder)
    kept = {
        "format": FORMAT,
        "embedder": embedder.spec.name,
        "unrelated": unrelated,
        "answering": answering,
    }
    cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    cache.write_text(json.dumps(kept, indent=1))
    return _between(unrelated, answering)


def measure(embedder: Embedder) -> tuple[float, float]:
    """Return the mean cosine of questions with unrelated passages and with their answers."""
    import numpy as np

    questions = np.stack([embedder.embed_query(question) for question in QUESTIONS])
    unrelated = questions @ embedder.embed_passages(UNRELATED).T
    answering = np.sum(questions * embedder.embed_passages(ANSWERS), axis=1)
    return float(unrelated.mean()), float(answering.mean())


def _between(unrelated: float, answering: float) -> float:
    return unrelated + GATE_SHARE * (answering - unrelated)
