"""Public question sets as memories: a chat's session or an encyclopedia's article is one memory."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tera.datatypes import Memory


@dataclass(frozen=True)
class Question:
    """A question, the ids of the passages that answer it, and the answers' words where given."""

    text: str
    evidence: frozenset[str]
    answers: tuple[str, ...]


@dataclass
class Scope:
    """One person's store, and what is asked of it.

    Attributes:
        memories: What the person told.
        spans: By passage id of the data set, its memory and its characters there.
        questions: What is asked; only questions that the store answers.
    """

    memories: list[Memory] = field(default_factory=list)
    spans: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)


def load(folder: Path) -> dict[str, Scope]:
    """Return the stores of a data set by name; questions without an answer are left out."""
    scopes: dict[str, Scope] = defaultdict(Scope)
    documents: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for passage in _lines(folder / "corpus.jsonl"):
        meta = passage["meta"]
        document = str(meta.get("title") or f"session {meta.get('session')}")
        documents[passage["scope"], document].append(passage)
    for (name, document), passages in documents.items():
        scope = scopes[name]
        memory_id = f"m{len(scope.memories):09d}"
        text = ""
        for passage in passages:
            speaker = passage["meta"].get("speaker")
            line = f"{speaker}: {passage['text']}" if speaker else passage["text"]
            scope.spans[passage["id"]] = (memory_id, len(text), len(text) + len(line))
            text += line + ("\n" if speaker else "\n\n")
        when = passages[0]["meta"].get("time")
        at = (
            datetime.fromisoformat(when).replace(tzinfo=UTC)
            if when
            else datetime(2026, 1, 1, tzinfo=UTC)
        )
        title = None if document.startswith("session") else document
        scope.memories.append(Memory(memory_id, text, at, at, title=title))
    answers: dict[str, set[str]] = defaultdict(set)
    for row in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        question_id, passage_id, grade = row.split("\t")
        if int(grade) > 0:
            answers[question_id].add(passage_id)
    for question in _lines(folder / "queries.jsonl"):
        if answers.get(question["id"]):
            words = tuple(question.get("answers") or ())
            evidence = frozenset(answers[question["id"]])
            scopes[question["scope"]].questions.append(Question(question["text"], evidence, words))
    return dict(scopes)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
