"""Does Tera find what answers? Its own default path, Engine and all, beside plain baselines.

Each scope of a set is one person's store: chats are remembered as exports of them, entries as
memories with their dates. A passage found is unrolled into its items (turns, entries, paragraphs)
in the order of the text, each taking a rank, so that returning more text is no free win.
"""

from __future__ import annotations

import argparse
import inspect
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from baselines import prepare
from metrics import mean_and_interval, ndcg, recall, reciprocal_rank
from question_sets import (
    SETS,
    SPELLINGS,
    TARGETS,
    UNITS,
    Question,
    QuestionSet,
    load_set,
    respelt,
    spread,
)
from stores import open_store, unrolled

from tera.config import Config
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import Paths

RESULTS = 20
"""Passages asked for; some have no items but those of better ones."""
DEPTH = 25
"""Items that are kept of them."""
ALL = "all"
MEASURES: Mapping[str, Callable[[Sequence[str], Mapping[str, int]], float]] = {
    "R@1": partial(recall, depth=1),
    "R@4": partial(recall, depth=4),
    "R@10": partial(recall, depth=10),
    "nDCG@10": ndcg,
    "MRR@10": reciprocal_rank,
}

Run = Mapping[str, Sequence[str]]
"""By question id, the items found, best first."""


@dataclass
class Report:
    """The rows of the table, printed as they come and kept for `--json`."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """Print the head of the table."""
        print(f"| set | questions | system | {' | '.join(MEASURES)} | ms | to reach |")
        print("|" + "---|" * (len(MEASURES) + 5))

    def add(
        self,
        questions: QuestionSet,
        kind: str,
        system: str,
        run: Run,
        grades: Mapping[str, Mapping[str, int]],
        ms: float | None = None,
    ) -> None:
        """Score a run over the questions that have grades, and print the means."""
        scores = {
            key: [measure(run[key], grades[key]) for measure in MEASURES.values()]
            for key in run
            if grades.get(key)
        }
        if not scores:
            return
        means = {
            name: mean_and_interval([values[place] for values in scores.values()])
            for place, name in enumerate(MEASURES)
        }
        cells = [f"{mean:.3f} ±{half:.3f}" for mean, half in means.values()]
        is_whole = system == "tera" and kind in (ALL, *SPELLINGS)
        wanted = TARGETS[questions.name].items() if is_whole else ()
        target = ", ".join(f"{name} {least:.2f}" for name, least in wanted)
        name = f"{questions.name}, {UNITS[questions.name]}"
        shown_ms = "" if ms is None else f"{ms:.0f}"
        label = f"{kind} ({len(scores)})"
        print(f"| {name} | {label} | {system} | {' | '.join(cells)} | {shown_ms} | {target} |")
        row = {"set": questions.name, "questions": kind, "system": system, "count": len(scores)}
        figures = {measure: {"mean": m, "interval": half} for measure, (m, half) in means.items()}
        self.rows.append({**row, **figures, "median_ms": ms, "by_question": scores})


def accepted(method: Any, asked_at: datetime | None) -> dict[str, Any]:
    """Return the moment of a question as the argument of a method that takes it."""
    takes_it = asked_at is not None and "now" in inspect.signature(method).parameters
    return {"now": asked_at.astimezone()} if asked_at and takes_it else {}


def search_all(
    questions: QuestionSet,
    variants: Mapping[str, Sequence[Question]],
    folder: Path,
    options: argparse.Namespace,
) -> dict[str, tuple[Run, float]]:
    """Ask Tera everything, store by store.

    Returns:
        By variant, the items found and the median time of a search in milliseconds.
    """
    runs: dict[str, dict[str, Sequence[str]]] = {kind: {} for kind in variants}
    times: dict[str, list[float]] = defaultdict(list)
    for scope, items in questions.items.items():
        with open_store(folder, questions.name, items, options.embedder) as (engine, spans):
            engine.search("a warm beginning", options.count)
            for kind, asked in variants.items():
                for question in of_scope(asked, scope):
                    moment = accepted(engine.search, question.asked_at)
                    began = time.perf_counter()
                    found = engine.search(question.text, options.count, **moment)
                    times[kind].append(1000 * (time.perf_counter() - began))
                    runs[kind][question.id] = unrolled(found, spans)[:DEPTH]
    return {kind: (runs[kind], statistics.median(times[kind])) for kind in variants}


def of_scope(questions: Iterable[Question], scope: str) -> list[Question]:
    """Return the questions of one person."""
    return [question for question in questions if question.scope == scope]


def measure_set(
    questions: QuestionSet, folder: Path, report: Report, options: argparse.Namespace
) -> None:
    """Add a set's rows: Tera and the baselines, for each way that the questions are put."""
    asked = questions.questions
    if options.half:
        asked = asked[options.half == "odd" :: 2]
    asked = spread(asked, options.limit)
    variants: dict[str, Sequence[Question]] = {ALL: asked}
    if questions.name == "timelineqa":
        variants = {kind: [respelt(one, kind) for one in asked] for kind in SPELLINGS}
    began = time.perf_counter()
    ranked: dict[str, dict[str, tuple[Run, float | None]]] = {
        kind: {"tera": found}
        for kind, found in search_all(questions, variants, folder, options).items()
    }
    between = time.perf_counter()
    if not options.bare:
        loader = ModelLoader(Config(), Paths(folder.absolute()), SilentListener())
        rank = prepare(questions, loader.embedder(options.embedder), folder)
        for kind, of_kind in variants.items():
            ranked[kind] |= {system: (run, None) for system, run in rank(of_kind).items()}
    for kind, of_kind in variants.items():
        grades = {one.id: one.grades for one in of_kind}
        for system, (run, ms) in ranked[kind].items():
            report.add(questions, kind, system, run, grades, ms)
        if any(one.audited for one in of_kind):
            audited = {one.id: one.audited for one in of_kind}
            for system, (run, ms) in ranked[kind].items():
                report.add(questions, "audited", system, run, audited, ms)
        categories = sorted({one.category for one in of_kind})
        for category in categories if options.categories and len(categories) > 1 else ():
            chosen = {one.id: one.grades for one in of_kind if one.category == category}
            for system, (run, ms) in ranked[kind].items():
                name = category if kind == ALL else f"{kind}, {category}"
                report.add(questions, name, system, run, chosen, ms)
    print(
        f"<!-- {questions.name}: tera {between - began:.0f} s,"
        f" baselines {time.perf_counter() - between:.0f} s -->",
        flush=True,
    )


def main() -> None:
    """Print a table: a row for each set, way to put the questions, and system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--set", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--keep", type=Path, help="folder that keeps the stores for the next run")
    parser.add_argument("--limit", type=int, help="so many questions of each set, taken evenly")
    parser.add_argument("--half", choices=("even", "odd"), help="every other question only")
    parser.add_argument("--count", type=int, default=RESULTS, help="passages asked for")
    parser.add_argument("--categories", action="store_true", help="rows for each kind of question")
    parser.add_argument("--bare", action="store_true", help="without the baselines")
    parser.add_argument(
        "--constant",
        action="append",
        default=[],
        metavar="MODULE.NAME=VALUE",
        help="try another value: retriever.TIME_WEIGHT=0 leaves the time out",
    )
    parser.add_argument("--json", type=Path, help="file for all figures, by question too")
    options = parser.parse_args()
    for given in options.constant:
        name, _, value = given.partition("=")
        module, _, constant = name.rpartition(".")
        setattr(import_module(f"tera.{module}"), constant, float(value))
        print(f"<!-- {given} -->")
    report = Report()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sets = [load_set(options.data / name) for name in options.set]
        report.begin()
        for questions in sets:
            measure_set(questions, folder, report, options)
    if options.json:
        options.json.write_text(json.dumps({"rows": report.rows}), "utf-8")


if __name__ == "__main__":
    main()
