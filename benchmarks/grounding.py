"""How many sentences of an answer are wrongly doubted, and how many wrong ones are found out?

A sentence is made of a question's words and an answer. `right`: the answer of the set, with the
passages that hold it; each that is doubted is a false alarm. `other value`: with an answer of
another question that has the same kind of value. `other passage`: with passages of another question
alone. `trap`: with the published wrong answer to an unanswerable question, and the passages that
mislead to it. `denied`: the right sentence with "not". Printed is the share that is doubted.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from question_sets import Item, load_set

from tera.answers import grounding
from tera.answers.context import Shown
from tera.answers.grounding import Grounding
from tera.answers.quotes import Quotes
from tera.answers.values import values_of
from tera.answers.wording import is_negated
from tera.datatypes import Citation, Memory, SearchResult
from tera.places import message_line
from tera.prompts import Note

WINDOW = 1
"""Turns before and behind one that is evidence, as chunks of a chat have."""
_ASKING = re.compile(
    r"^(?:in|on|at|for|from|to|by|with)?\s*(?:what|which|who|whom|whose|when|where|why|how)"
    r"(?:\s+(?:many|much|long|often|old|kind of|type of))?"
    r"(?:\s+(?:did|does|do|is|are|was|were|has|have|had|would|will|can|could))?\s+",
    re.IGNORECASE,
)
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Case:
    """A sentence, what was asked, and the passages that it cites."""

    kind: str
    question: str
    answer: str
    passages: Sequence[SearchResult]
    asked_at: datetime
    is_denied: bool = False

    @property
    def sentence(self) -> str:
        """The sentence as a model might write it."""
        rest = _ASKING.sub("", self.question).rstrip("?. ")
        middle = " is not" if self.is_denied else ":"
        return f"{rest[:1].upper()}{rest[1:]}{middle} {self.answer}."


def passages_of(items: Sequence[Item], wanted: set[str]) -> list[SearchResult]:
    """Return a passage for each wanted item, with the turns around it in a chat."""
    found = []
    for place, item in enumerate(items):
        if item.id not in wanted:
            continue
        moment = item.time or datetime(2026, 1, 1)
        at = moment.astimezone(UTC)
        if item.speaker:
            near = [
                other
                for other in items[max(0, place - WINDOW) : place + WINDOW + 1]
                if other.time == item.time
            ]
            text = "\n".join(message_line(one.speaker, moment, one.text) for one in near)
            memory = Memory(item.id, text, at, at, type="whatsapp")
        else:
            memory = Memory(item.id, item.text, at, at, title=item.title)
        found.append(SearchResult(memory, 0, len(memory.text), 0.9))
    return found


def cases(folder: Path) -> Iterator[Case]:
    """Yield the sentences of a set."""
    questions = load_set(folder)
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    last = {
        scope: max((item.time for item in items if item.time), default=datetime(2026, 1, 1))
        for scope, items in questions.items.items()
    }
    graded = {question.id: set(question.grades) for question in questions.questions}
    known: dict[str, list[tuple[dict[str, Any], list[SearchResult]]]] = defaultdict(list)
    for row in rows:
        items = questions.items[row["scope"]]
        at = last[row["scope"]]
        if row["answerable"] and row["answer"] and row["id"] in graded:
            if row["category"] == "open-domain":
                continue  # what can only be guessed
            passages = passages_of(items, graded[row["id"]])
            known[row["scope"]].append((row, passages))
            answer = str(row["answer"])
            yield Case("right", row["text"], answer, passages, at)
            yield Case("denied", row["text"], answer, passages, at, is_denied=True)
        elif row.get("trap_answer"):
            passages = passages_of(items, set(row["trap_evidence"]))
            yield Case("trap", row["text"], str(row["trap_answer"]), passages, at)
    for scope, pairs in known.items():
        yield from _swapped(pairs, last[scope])


def _swapped(
    pairs: Sequence[tuple[dict[str, Any], list[SearchResult]]], at: datetime
) -> Iterator[Case]:
    kinds = [
        tuple(sorted({value.kind for value in values_of(str(row["answer"]), at)}))
        for row, _ in pairs
    ]
    for place, (row, passages) in enumerate(pairs):
        far = (place + len(pairs) // 2) % len(pairs)
        yield Case("other passage", row["text"], str(row["answer"]), pairs[far][1], at)
        for step in range(1, len(pairs)):
            other = (place + step) % len(pairs)
            if kinds[place] and kinds[other] == kinds[place]:
                answer = str(pairs[other][0]["answer"])
                if answer.lower() not in " ".join(one.text for one in passages).lower():
                    yield Case("other value", row["text"], answer, passages, at)
                    break


def is_doubted(case: Case) -> bool:
    """Return whether a sentence does not pass."""
    shown = [
        Shown(Citation(number, result), Note(number, result.text, None, ""), "")
        for number, result in enumerate(case.passages, start=1)
    ]
    marks = "".join(f"[{one.citation.number}]" for one in shown)
    checked = Grounding(case.question, shown, Quotes(()), case.asked_at)
    claim = checked.check(f"{case.sentence} {marks}")
    return claim is None or claim.support != "supported"


def main() -> None:
    """Print the shares, for several thresholds of shared words when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--shares", action="store_true", help="try several thresholds")
    parser.add_argument("--show", type=int, default=0, help="print so many false alarms")
    options = parser.parse_args()
    print("| set | words | values | kind | n | doubted |\n|---|---|---|---|---|---|")
    for name in ("locomo", "squad2"):
        made = list(cases(options.data / name))
        for share in SHARES if options.shares else (None,):
            if share is not None:
                grounding.WORDS_SHARE = share
                grounding.VALUES_SHARE = min(share, grounding.VALUES_SHARE)
            _print(name, made, options.show)


def _print(name: str, made: Sequence[Case], show: int) -> None:
    doubted: dict[str, list[bool]] = defaultdict(list)
    for case in made:
        is_wrong = is_doubted(case)
        has_value = bool(values_of(case.answer, case.asked_at))
        doubted[f"{case.kind}, {'value' if has_value else 'words'}"].append(is_wrong)
        if case.kind == "right" and is_negated(case.sentence):
            doubted["right, with a negation"].append(is_wrong)
        if case.kind == "right" and is_wrong and len(doubted) and show > 0:
            show -= 1
            texts = " / ".join(one.text[:300] for one in case.passages)
            print(f"  {case.sentence!r}\n    {texts!r}")
    for kind, found in sorted(doubted.items()):
        limits = f"{grounding.WORDS_SHARE} | {grounding.VALUES_SHARE}"
        print(f"| {name} | {limits} | {kind} | {len(found)} | {sum(found) / len(found):.3f} |")


if __name__ == "__main__":
    main()
