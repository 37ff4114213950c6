"""Questions asked of `Engine.ask` without a language model, and all that became of each."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from answer_metrics import locomo_exact, locomo_f1, squad_exact, squad_f1
from question_sets import QuestionSet
from stores import Spans, open_store

from tera import asking
from tera.answers import quotes as quoting
from tera.answers.quotes import Quotes, find_quotes
from tera.datatypes import Answer, Inquiry, Quote, SearchResult
from tera.engine import Engine

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatVector


@dataclass(frozen=True)
class Asked:
    """A question of a set, with or without an answer in its store."""

    id: str
    scope: str
    text: str
    category: str
    accepted: tuple[str, ...]
    is_answerable: bool
    evidence: frozenset[str]

    def f1(self, answer: str) -> float:
        """Return the overlap with an accepted answer, by the rule of the set."""
        if self.category == "answerable":
            return squad_f1(answer, self.accepted)
        return locomo_f1(answer, self.accepted[0], self.category)

    def exact(self, answer: str) -> float:
        """Return 1 for an accepted answer."""
        if self.category == "answerable":
            return squad_exact(answer, self.accepted)
        return locomo_exact(answer, self.accepted[0])


@dataclass
class Reply:
    """What became of a question.

    Attributes:
        asked: The question.
        place: Its number in the set.
        answer: As a person gets it.
        results: The passages behind the gate.
        quotes: What was found in them.
        again: Looks for quotes in the same passages once more.
        items: The items of the memories, by place.
        ms: What looking for quotes took.
    """

    asked: Asked
    place: int
    answer: Answer
    results: Sequence[SearchResult]
    quotes: Quotes
    again: Callable[[], Quotes]
    items: Spans
    ms: float

    @property
    def is_refused(self) -> bool:
        """Whether the answer is that there is none."""
        return self.answer.kind == "unknown"

    def shown(self, quotes: Quotes | None = None) -> list[Quote]:
        """Return the sentences that are quoted when nothing is refused."""
        ranked = (quotes or self.quotes).ranked
        least = ranked[0][1] * quoting.QUOTE_SHARE if ranked else 0.0
        return [quote for quote, score in ranked[: quoting.MAX_QUOTES] if score >= least]

    def is_right(self, quote: Quote) -> bool:
        """Return whether a sentence answers."""
        if self.asked.category == "answerable":
            return any(one.lower() in quote.text.lower() for one in self.asked.accepted)
        middle = (quote.start + quote.end) // 2
        spans = self.items.get(quote.result.memory.id, ())
        return any(
            start <= middle < end and item in self.asked.evidence for start, end, item in spans
        )


class Remembering:
    """An embedder that makes the vector of a text once, for the same questions once more."""

    def __init__(self, embedder: Embedder, known: dict[str, FloatVector]) -> None:
        self.embedder = embedder
        self.known = known

    def embed_passages(self, texts: Sequence[str]) -> FloatVector:
        """Return the vectors of texts."""
        new = [text for text in texts if text not in self.known]
        if new:
            self.known.update(zip(new, self.embedder.embed_passages(new), strict=True))
        return np.stack([self.known[text] for text in texts])


@dataclass
class Ear:
    """Stands between asking and looking for quotes, and keeps what passes."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    ms: float = 0.0

    def __call__(self, *arguments: Any) -> Quotes:
        """Look for quotes, and remember of what."""
        began = time.perf_counter()
        quotes = find_quotes(*arguments)
        self.ms = 1000 * (time.perf_counter() - began)
        self.calls.append((arguments, quotes))
        return quotes


def read_questions(folder: Path, limit: int | None) -> list[Asked]:
    """Return the questions of a set, those too that nothing answers."""
    evidence: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        question, item, grade = line.split("\t")
        if int(grade) > 0:
            evidence[question].add(item)
    found = []
    for line in (folder / "queries.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        accepted = tuple(row.get("answers") or [str(row.get("answer"))])
        asked = Asked(
            row["id"],
            row["scope"],
            row["text"],
            row["category"],
            accepted if row["answerable"] else (),
            row["answerable"],
            frozenset(evidence[row["id"]]),
        )
        found.append(asked)
    step = max(1, len(found) // limit) if limit else 1
    return found[::step]


def ask_all(
    name: str, questions: Sequence[Asked], scopes: QuestionSet, folder: Path, embedder: str
) -> tuple[list[Reply], list[Reply]]:
    """Return the replies of everyone's own store and of the next person's."""
    own: list[Reply] = []
    foreign: list[Reply] = []
    names = list(scopes.items)
    for number, scope in enumerate(names):
        with open_store(folder, name, scopes.items[scope], embedder) as (engine, spans):
            engine.ask(Inquiry("a warm beginning", use_llm=False))
            for place, asked in enumerate(questions):
                if asked.scope == scope:
                    own.append(reply(engine, asked, place, spans))
                elif asked.scope == names[number - 1]:
                    foreign.append(reply(engine, asked, place, spans))
    return own, foreign


KNOWN: dict[str, FloatVector] = {}
"""Vectors by text."""


def reply(engine: Engine, asked: Asked, place: int, spans: Spans) -> Reply:
    """Ask one question."""
    ear = Ear()
    with changed(asking, "find_quotes", ear):
        answer = engine.ask(Inquiry(asked.text, use_llm=False))
    (((question, results, embedder, *rest), quotes),) = ear.calls
    remembering: Any = Remembering(embedder, KNOWN)
    return Reply(
        asked,
        place,
        answer,
        results,
        quotes,
        lambda: find_quotes(question, results, remembering, *rest),
        spans,
        ear.ms,
    )


@contextmanager
def changed(module: Any, name: str, value: object) -> Iterator[None]:
    """Have another value of a name in a module for the block."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
