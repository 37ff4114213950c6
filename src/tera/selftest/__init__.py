"""`tera selftest`: how well does Tera find and answer on a person's own store?

planning (store -> questions) -> trials (question -> what came of it) -> figures (trials -> shares
with their intervals, times). The planning is done where the store is; the trials go through the
same calls as `tera search` and `tera ask`, from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ProbeKind = Literal["told", "everyday", "swapped"]
"""Whether a question asks for something that was told, for an everyday thing that never was, or
for something told with a name or thing put in that the store does not have."""

FEWEST_QUESTIONS = 10
"""With fewer the intervals are so wide that the shares say nothing."""
DEPTH = 10
"""Passages that a trial looks at."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to try.

    Attributes:
        kind: What it asks for.
        question: As it is asked.
        memory_id: The memory that it was made of; empty for an everyday question.
        value: The words that were taken out of it, which are the answer.
        sentence: The sentence of the memory, on one line.
    """

    kind: ProbeKind
    question: str
    memory_id: str = ""
    value: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions for a store, in the order in which they are tried.

    Attributes:
        probes: The questions; none when too few can be made.
        askable: How many memories had a sentence to ask for.
        memories: How many there are.
        waiting: How many of them have no vectors yet.
        embedder: The store's.
        language: The language of much of the store that the embedder does not know; empty for none.
    """

    probes: tuple[Probe, ...]
    askable: int
    memories: int
    waiting: int
    embedder: str
    language: str = ""
