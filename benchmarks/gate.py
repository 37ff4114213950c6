"""Where should the gate be? Questions asked of the right store and of another person's.

For each gate: how many questions pass in the store that answers them, and how many are refused in
the next person's. Then the gate that lets 95 % pass, chosen on all stores but one and tried on that
one, in turn. Questions of other sets show what a gate chosen on chats does to them.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from question_sets import Question, QuestionSet, load_set, spread
from stores import open_store

from tera.engine import Engine
from tera.finder import Question as Asked
from tera.finder import find_passages
from tera.gate import GATE

Evidence = npt.NDArray[np.float64]
PASSING = 0.95
GATES = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def evidence(engine: Engine, questions: list[Question]) -> Evidence:
    """Return how sure Tera is of an answer to each question."""
    embedder = engine.workspace.ready_embedder()
    moments = [question.asked_at or datetime.now(UTC) for question in questions]
    return np.array(
        [
            find_passages(
                engine.workspace,
                Asked.of(question.text, moment.astimezone(), embedder),
                embedder,
                1,
                None,
            ).evidence
            for question, moment in zip(questions, moments, strict=True)
        ]
    )


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--keep", type=Path, help="folder of retrieval.py's stores")
    parser.add_argument("--others", nargs="*", default=["longmemeval-pool", "squad2"])
    parser.add_argument("--limit", type=int, default=200, help="questions of each other set")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measure(folder, options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Print the tables, with stores in a folder."""
    locomo = load_set(options.data / "locomo")
    others = [load_set(options.data / name) for name in options.others]
    asked = {name.name: spread(name.questions, options.limit) for name in others}
    own: list[Evidence] = []
    foreign: list[Evidence] = []
    refused: dict[str, list[Evidence]] = {name: [] for name in asked}
    scopes = list(locomo.items)
    for place, scope in enumerate(scopes):
        with open_store(folder, "locomo", locomo.items[scope], options.embedder) as (e, _):
            own.append(evidence(e, of_scope(locomo, scope)))
            foreign.append(evidence(e, of_scope(locomo, scopes[place - 1])))
            if not place:
                for name, chosen in asked.items():
                    refused[name].append(evidence(e, list(chosen)))
    passed: dict[str, Evidence] = {}
    for questions in others:
        (scope,) = questions.items
        items = questions.items[scope]
        with open_store(folder, questions.name, items, options.embedder) as (engine, _):
            passed[questions.name] = evidence(engine, list(asked[questions.name]))
    titles = " | ".join(f"{name} passes | refused by a chat" for name in passed)
    print(f"| gate | locomo passes | refused in another's | {titles} |")
    print("|---|" + "---|---|" * (1 + len(passed)))
    for gate in sorted({*GATES, GATE}):
        cells = [np.mean(np.concatenate(own) >= gate), np.mean(np.concatenate(foreign) < gate)]
        for name, scores in passed.items():
            cells += [np.mean(scores >= gate), np.mean(np.concatenate(refused[name]) < gate)]
        print(f"| {gate} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    kept, sent_away = [], []
    for place in range(len(scopes)):
        known = [other for number, other in enumerate(own) if number != place]
        least = np.quantile(np.concatenate(known), 1 - PASSING)
        kept.append(own[place] >= least)
        sent_away.append(foreign[place] < least)
    passes, refuses = (float(np.mean(np.concatenate(flags))) for flags in (kept, sent_away))
    print(f"\nchosen without the store it is tried on: {passes:.3f} pass, {refuses:.3f} refused")


def of_scope(questions: QuestionSet, scope: str) -> list[Question]:
    """Return the questions of one person."""
    return [question for question in questions.questions if question.scope == scope]


if __name__ == "__main__":
    main()
