"""How hard should the questions of `tera selftest` be? Beside those that people asked of the same.

For each set: how often the memory that answers is found first, among the first 4 and 10, and how
often the question is refused, for the set's own questions and for those made by rules, with each
choice of how many words they keep.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
from question_sets import Question, load_set, spread
from stores import Spans, open_store

from tera.engine import Engine
from tera.finder import Question as Asked
from tera.finder import find_passages
from tera.gate import behind_gate
from tera.selftest import cloze
from tera.selftest.planning import frequencies_of, told

CHOICES = (3, 4, 5, 7)
"""Words that a question keeps."""
DEPTHS = (1, 4, 10)
Row = tuple[float, float, float, float]


def row_of(engine: Engine, text: str, moment: datetime, right: set[str]) -> Row:
    """Return whether one of the right memories is found at each depth, and a refusal."""
    embedder = engine.workspace.ready_embedder()
    asked = Asked.of(text, moment, embedder)
    result = find_passages(engine.workspace, asked, embedder, DEPTHS[-1], None)
    ranked = [passage.memory.id for passage in result.results]
    hits = [float(bool(right & set(ranked[:depth]))) for depth in DEPTHS]
    return hits[0], hits[1], hits[2], float(not behind_gate(result.results, result.evidence))


def own_rows(engine: Engine, spans: Spans, questions: Sequence[Question]) -> Iterator[Row]:
    """Yield what comes of a set's own questions."""
    memory_of = {item: key for key, places in spans.items() for _, _, item in places}
    for question in questions:
        right = {memory_of[item] for item in question.grades if item in memory_of}
        moment = question.asked_at or datetime.now(UTC)
        yield row_of(engine, question.text, moment.astimezone(), right)


def made_rows(engine: Engine, count: int, kept: int, show: int) -> Iterator[Row]:
    """Yield what comes of questions made by rules."""
    cloze.USUALLY_KEPT = kept
    chance = Random(1)
    with engine.store() as opened:
        ids = opened.database.ids()
    chance.shuffle(ids)
    for memory_id, made in told(engine, ids, count, frequencies_of(engine, ids), chance):
        if show > 0:
            show -= 1
            print(f"    {made.question}  <- {made.value}  <- {made.sentence}")
        yield row_of(engine, made.question, datetime.now(UTC).astimezone(), {memory_id})


def main() -> None:
    """Print a table: a row for each set and choice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--set", nargs="*", default=["locomo", "longmemeval-pool", "squad2"])
    parser.add_argument("--questions", type=int, default=60, help="for each store")
    parser.add_argument("--keep", type=Path, help="folder of retrieval.py's stores")
    parser.add_argument("--show", type=int, default=0, help="so many of each")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print("| set | questions | first | in 4 | in 10 | refused |\n|---|---|---|---|---|---|")
        for name in options.set:
            questions = load_set(options.data / name)
            rows: dict[str, list[Row]] = {}
            for scope, items in questions.items.items():
                with open_store(folder, name, items, options.embedder) as (engine, spans):
                    own = [q for q in questions.questions if q.scope == scope]
                    asked = spread(own, options.questions)
                    rows.setdefault("its own", []).extend(own_rows(engine, spans, asked))
                    for kept in CHOICES:
                        made = made_rows(engine, options.questions, kept, options.show)
                        rows.setdefault(f"of {kept} words", []).extend(made)
            for label, of_label in rows.items():
                cells = " | ".join(f"{cell:.3f}" for cell in np.mean(of_label, axis=0))
                print(f"| {name} | {label} ({len(of_label)}) | {cells} |", flush=True)


if __name__ == "__main__":
    main()
