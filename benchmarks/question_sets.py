"""The public question sets: their items, their questions, and which items answer which."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tera.places import MONTHS

SETS = ("locomo", "longmemeval-pool", "timelineqa", "tmd", "squad2", "scifact")

UNITS = {
    "locomo": "turn",
    "longmemeval-pool": "turn",
    "timelineqa": "entry",
    "tmd": "turn",
    "squad2": "paragraph",
    "scifact": "abstract",
}
"""What an item is."""

TARGETS = {
    "locomo": {"nDCG@10": 0.56, "R@10": 0.73},
    "longmemeval-pool": {"nDCG@10": 0.75},
    "timelineqa": {"nDCG@10": 0.78},
    "tmd": {"nDCG@10": 0.40},
    "squad2": {"nDCG@10": 0.91},
    "scifact": {"nDCG@10": 0.74},
}
"""What Tera's default path is to reach."""

_DATE = re.compile(r"\b(\d{4})/(\d\d)/(\d\d)\b")


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that can be found: a message, an entry, a paragraph. `time` is naive, if known."""

    id: str
    scope: str
    text: str
    time: datetime | None
    speaker: str
    title: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question that items of its scope answer.

    `asked_at` is naive, if known. `audited` are the grades after a correction of the set, where
    there is one, `answers` the words of an answer.
    """

    id: str
    scope: str
    text: str
    category: str
    asked_at: datetime | None
    grades: Mapping[str, int]
    audited: Mapping[str, int]
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Items by scope, which is one person's store, and the questions that can be scored."""

    name: str
    items: Mapping[str, Sequence[Item]]
    questions: Sequence[Question]


def load_set(folder: Path) -> QuestionSet:
    """Read a set; questions that nothing answers are left out."""
    items: dict[str, list[Item]] = defaultdict(list)
    for row in _rows(folder / "corpus.jsonl"):
        meta = row["meta"]
        items[row["scope"]].append(
            Item(
                row["id"],
                row["scope"],
                row["text"],
                _time(meta.get("time")),
                meta.get("speaker", ""),
                meta.get("title", ""),
            )
        )
    grades, audited = _grades(folder / "qrels.tsv"), _grades(folder / "qrels_audited.tsv")
    questions = [
        Question(
            row["id"],
            row["scope"],
            row["text"],
            row["category"],
            _time(row.get("time")),
            grades[row["id"]],
            audited.get(row["id"], {}),
            tuple(row.get("answers") or ()),
        )
        for row in _rows(folder / "queries.jsonl")
        if row["answerable"] and row["id"] in grades
    ]
    return QuestionSet(folder.name, dict(items), questions)


def spread(questions: Sequence[Question], limit: int | None) -> Sequence[Question]:
    """Return so many questions, taken evenly from all."""
    if not limit or limit >= len(questions):
        return questions
    return [questions[place * len(questions) // limit] for place in range(limit)]


SPELLINGS: Mapping[str, Callable[[date], str]] = {
    "2006/12/22": lambda day: f"{day:%Y/%m/%d}",
    "22 December 2006": lambda day: f"{day.day} {MONTHS[day.month - 1]} {day.year}",
    "December 22, 2006": lambda day: f"{MONTHS[day.month - 1]} {day.day}, {day.year}",
    "22.12.2006": lambda day: f"{day:%d.%m.%Y}",
    "2006-12-22": lambda day: f"{day:%Y-%m-%d}",
}
"""How the dates of a question may be spelt; the first is how timelineqa has them."""


def respelt(question: Question, spelling: str) -> Question:
    """Return a question with its dates in another spelling."""
    spell = SPELLINGS[spelling]

    def other(found: re.Match[str]) -> str:
        return spell(date(*map(int, found.groups())))

    return replace(question, text=_DATE.sub(other, question.text))


def _grades(file: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    if file.exists():
        for row in file.read_text("utf-8").splitlines()[1:]:
            question_id, item_id, grade = row.split("\t")
            if int(grade) > 0:
                grades[question_id][item_id] = int(grade)
    return dict(grades)


def _rows(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
