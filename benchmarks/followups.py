"""Are follow-ups understood? Recall of the right memory with and without what was said before.

The first table asks the follow-ups of tests/conversations of a small memory: as typed, behind
the question before, and as `followups.standalone` rewrites them. With --data, questions of public
sets, which stand alone, are asked after a turn about something else: how many stay untouched, and
what the others find.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from metrics import recall
from question_sets import load_set, spread
from stores import open_store, unrolled

from tera.answers.followups import standalone, with_as_typed
from tera.config import Config
from tera.datatypes import Draft, Turn
from tera.engine import Engine
from tera.finder import Found, find_passages
from tera.finder import Question as Asked
from tera.gate import GATE
from tera.paths import Paths

FOLDER = Path(__file__).parents[1] / "tests" / "conversations"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEPTH = 10

Way = Callable[["Followup"], Sequence[str]]
"""The text to look for, and another one that counts less, if any."""


@dataclass(frozen=True, slots=True)
class Followup:
    """A question within a conversation, and the memories that answer it.

    `is_alone` says that it has nothing to do with what was said before, `is_check` that it was
    written when the rules were done, and none was changed for it.
    """

    language: str
    history: tuple[Turn, ...]
    question: str
    wanted: frozenset[str]
    is_alone: bool
    is_check: bool


def load_memories() -> dict[str, Draft]:
    """Return the memories by their keys."""
    rows = map(json.loads, (FOLDER / "memories.jsonl").read_text("utf-8").splitlines())
    return {
        row["key"]: Draft(row["text"], at=datetime.fromisoformat(row["at"]).astimezone())
        for row in rows
    }


def load_followups(memories: Mapping[str, Draft]) -> list[Followup]:
    """Return the follow-ups; what was answered is the memory, quoted."""
    rows = map(json.loads, (FOLDER / "followups.jsonl").read_text("utf-8").splitlines())
    return [
        Followup(
            row["language"],
            tuple(Turn(said, f"“{memories[key].text}” [1]") for said, key in row["turns"]),
            row["question"],
            frozenset(row["wanted"]),
            bool(row.get("is_alone")),
            bool(row.get("is_check")),
        )
        for row in rows
    ]


WAYS: dict[str, Way] = {
    "as typed": lambda one: [one.question],
    "behind the question before": lambda one: [f"{one.history[-1].question} {one.question}"],
    "rewritten": lambda one: [standalone(one.question, one.history)],
    "rewritten, and as typed": lambda one: [
        standalone(one.question, one.history),
        one.question,
    ],
}


def find(engine: Engine, texts: Sequence[str]) -> Found:
    """Return what texts bring together, as `asking` puts it together."""
    embedder = engine.workspace.ready_embedder()
    first, *others = [
        find_passages(engine.workspace, Asked.of(text, NOW, embedder), embedder, DEPTH, None)
        for text in dict.fromkeys(texts)
    ]
    for found in others:
        first = replace(first, results=with_as_typed(first.results, found.results))
    return first


def measure_conversations(folder: Path, embedder: str, is_telling: bool) -> None:
    """Print recall of follow-ups by language and way."""
    memories = load_memories()
    followups = load_followups(memories)
    engine = Engine(Config(embedder=embedder), Paths(folder), stays_open=True)
    done = list(engine.remember(memories.values()))
    keys = {remembered.memory.id: key for remembered, key in zip(done, memories, strict=True)}
    engine.workspace.embed(embedder, lambda task, done, total: None)
    leaning = [one for one in followups if not one.is_alone and not one.is_check]
    groups = {
        "lean on it, English": [one for one in leaning if one.language == "en"],
        "lean on it, others": [one for one in leaning if one.language != "en"],
        "lean on it, to check": [one for one in followups if one.is_check],
        "stand alone": [one for one in followups if one.is_alone],
    }
    print("| follow-ups | looked for | R@1 | R@4 | answered |\n|---|---|---|---|---|")
    for title, group in groups.items():
        for name, way in WAYS.items():
            firsts, fourths, passed = [], [], []
            for one in group:
                found = find(engine, way(one))
                ranked = list(dict.fromkeys(keys[r.memory.id] for r in found.results))
                firsts.append(bool(set(ranked[:1]) & one.wanted))
                fourths.append(recall(ranked, dict.fromkeys(one.wanted, 1), 4))
                passed.append(found.evidence >= GATE)
                if is_telling and name == "rewritten, and as typed":
                    mark = "ok" if firsts[-1] else "no"
                    print(f"{mark} {one.history[-1].question} | {one.question} -> {way(one)[0]}")
            means = (sum(some) / len(some) for some in (firsts, fourths, passed))
            cells = " | ".join(f"{mean:.3f}" for mean in means)
            print(f"| {title} ({len(group)}) | {name} | {cells} |")
    engine.close()


def measure_alone(data: Path, folder: Path, embedder: str, limit: int, is_telling: bool) -> None:
    """Print what becomes of questions that stand alone, after a turn about something else."""
    print("\n| set | questions | untouched | same first passage | R@1 as typed | R@1 rewritten |")
    print("|---|---|---|---|---|---|")
    for name in ("squad2", "locomo"):
        questions = load_set(data / name)
        asked = spread(questions.questions, limit)
        dice = random.Random(name)
        others = [(one, dice.choice(questions.questions)) for one in asked]
        untouched = 0
        same, plain, rewritten = [], [], []
        for scope, items in questions.items.items():
            pairs = [pair for pair in others if pair[0].scope == scope]
            with open_store(folder, name, items, embedder) as (engine, spans):
                for one, other in pairs:
                    answer = other.answers[0] if other.answers else ""
                    text = standalone(one.text, [Turn(other.text, answer)])
                    first = find(engine, [one.text])
                    untouched += text == one.text
                    again = first if text == one.text else find(engine, [text, one.text])
                    if is_telling and text != one.text:
                        print(f"  {other.text} | {one.text} -> {text}")
                    tops = [found.results[0] for found in (first, again)]
                    same.append(
                        (tops[0].memory.id, tops[0].start) == (tops[1].memory.id, tops[1].start)
                    )
                    plain.append(recall(unrolled(first.results, spans), one.grades, 1))
                    rewritten.append(recall(unrolled(again.results, spans), one.grades, 1))
        count = len(same)
        cells = (untouched / count, sum(same) / count, sum(plain) / count, sum(rewritten) / count)
        print(f"| {name} | {count} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public sets; see README.md")
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--keep", type=Path, help="folder of retrieval.py's stores")
    parser.add_argument("--limit", type=int, default=400, help="questions of each public set")
    parser.add_argument("--tell", action="store_true", help="print every rewritten question")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_conversations(Path(folder, "home"), options.embedder, options.tell)
        if options.data:
            keep = options.keep or Path(folder)
            measure_alone(options.data, keep, options.embedder, options.limit, options.tell)


if __name__ == "__main__":
    main()
