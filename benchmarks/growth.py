"""Does a search take longer in a larger store? Warm, beside importing typer, in the same run.

The vectors are random: what is timed does not look at what they mean.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rounds import IMPORT_TYPER, REFERENCE, TERA, run, show, stopped_at_the_end, time_in_turn

from tera.config import Config
from tera.datatypes import Memory
from tera.engine import Engine
from tera.paths import Paths

BATCH = 1000


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for chunks in options.chunks:
        with tempfile.TemporaryDirectory() as folder, stopped_at_the_end(Path(folder)):
            home = Path(folder)
            began = time.perf_counter()
            fill(home, chunks)
            print(f"\n{chunks:,} chunks, written in {time.perf_counter() - began:.0f} s")
            run([*TERA, "search", "a warm beginning"], home)
            commands = {
                REFERENCE: lambda _: IMPORT_TYPER,
                "tera search QUESTION": lambda n: [*TERA, "search", f"question {n}"],
                "tera remember TEXT": lambda n: [*TERA, "remember", f"fact {n}"],
            }
            show(time_in_turn(commands, home, options.rounds))
            print(run([*TERA, "agent", "status"], home))


def fill(home: Path, chunks: int) -> None:
    """Write a store whose memories have one chunk each, with random vectors."""
    engine = Engine(Config(), Paths(home), stays_open=True)
    # Chooses the embedder of the store.
    engine.search("anything", 1)
    rng = np.random.default_rng(0)
    for _ in engine.restore(memories(chunks)):
        pass
    with engine.store() as opened:
        dim = engine.models.spec(opened.database.embedder()).dim
        while pending := opened.database.pending(BATCH):
            batch = [(waiting, chunk) for waiting in pending for chunk in waiting.chunks]
            matrix = rng.standard_normal((len(batch), dim), np.float32)
            matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
            opened.database.put_vectors(batch, matrix)
    engine.close()


def memories(count: int) -> Iterator[Memory]:
    """Yield memories of one short paragraph each."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        yield Memory(
            f"m{number:09d}", f"Thought {number} about case {number * 7919 % count}", at, at
        )


if __name__ == "__main__":
    main()
