"""A question -> passages of memory: by meaning, words and time, in one go over what a filter chose.

Each leg names its best chunks; all of them get the scores of the others too, so that nothing is
ranked by half of what is known of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from tera.chosen import ChosenIds
from tera.datatypes import Chunk, Filter, Memory, SearchResult
from tera.gate import Scale, evidence_of
from tera.indexes.keys import id_of
from tera.passage_loader import passage_of
from tera.passages import passage_text
from tera.retriever import Hit, newer_first, retrieve
from tera.spot import embed_waiting
from tera.store.surreal import SurrealStore
from tera.store.vectors import ServerVectors
from tera.times import TimeSpan, asks_when, find_times, is_only_time, whole_days
from tera.workspace import Workspace

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatVector
    from tera.indexes.keys import Numbers
    from tera.indexes.keyword import KeywordIndex
    from tera.indexes.vector import VectorIndex
    from tera.rerankers import Reranker

RERANKED = 20
"""Passages that a reranker reads: on two cores 20 of 120 tokens take about three seconds."""
DEPTH = 100
"""Chunks that each leg names."""
TIMED_DEPTH = 1000
"""Chunks of a named time that are looked at: those of a day or week; of a year the others count."""
BEFORE = timedelta(days=7)
AFTER = timedelta(days=14)
"""People tell of a day later, and of plans before: on LoCoMo .89 of the evidence is of the day that
a question names, all of it within these."""
NEAR = 0.5
"""How much the time counts there; benchmarks/retrieval.py."""

Key = tuple[str, int]
Days = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Found:
    """What a question brought.

    Attributes:
        results: Passages, best first.
        evidence: How sure it is that memory has an answer; see `gate`.
        vector: That of the question.
    """

    results: list[SearchResult]
    evidence: float
    vector: FloatVector


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        text: As typed.
        vector: float32 of shape (dim,), length 1.
        spans: Times that it names.
    """

    text: str
    vector: FloatVector
    spans: tuple[TimeSpan, ...]

    @classmethod
    def of(cls, text: str, now: datetime, embedder: Embedder) -> Question:
        """Return a question as it is looked for."""
        return cls(text, embedder.embed_query(text), find_times(text, now))

    @property
    def is_only_time(self) -> bool:
        """Everything of that time answers it."""
        return is_only_time(self.text, self.spans)

    @property
    def days(self) -> list[Days]:
        """First and last days of its times, where both are known."""
        return [
            (start.date(), end.date())
            for start, end in map(_bounds, self.spans)
            if start != datetime.min and end != datetime.max
        ]


def find_passages(
    workspace: Workspace,
    question: Question,
    embedder: Embedder,
    count: int,
    chosen: Numbers | None,
) -> Found:
    """Return the passages that fit a question best.

    Args:
        workspace: The store and its indexes.
        question: What is asked.
        embedder: The store's.
        count: Most passages.
        chosen: Only of these memories; None for all.
    """
    among = None if chosen is None else ChosenIds(chosen)
    waiting = embed_waiting(workspace, question.text, question.vector, embedder, among)
    scale = workspace.indexes.scale(embedder)
    reranker = None if question.is_only_time else workspace.models.reranker()
    with workspace.store() as opened:
        database, spec = opened.database, embedder.spec
        vectors = workspace.indexes.vectors(opened, spec)
        keywords = workspace.indexes.keywords(opened, spec, database.feed)
        if vectors is None:
            texts = _of_server(database, spec.name, question, chosen)
            hits = _of_texts(question, texts, keywords, scale)
        else:
            hits = _Search(question, vectors, keywords, scale, chosen).hits()
        # One may have got its vector meanwhile.
        known = {(hit.memory_id, hit.ordinal) for hit in hits}
        waiting = [text for text in waiting if (text[0].id, text[1].ordinal) not in known]
        hits += _of_texts(question, waiting, keywords, scale)
        searched = vectors.count(chosen) if vectors else database.counts()["chunk"]
        if question.is_only_time and any(hit.time == 1 for hit in hits):
            hits = [hit for hit in hits if hit.time == 1]
        wanted = max(count, RERANKED) if reranker else count
        is_when = asks_when(question.text)
        results = retrieve(wanted, hits, database.chunks, database.memories, asks_when=is_when)
    if reranker:
        results = reranked(question.text, results, reranker)[:count]
    return Found(results, _evidence(hits, question, searched), question.vector)


def reranked(
    question: str, results: Sequence[SearchResult], reranker: Reranker
) -> list[SearchResult]:
    """Return passages in the order of a model that reads them with the question.

    Their scores become the model's, between 0 and 1.
    """
    logits = reranker.scores(question, [passage_text(result) for result in results]).tolist()
    scored = [
        replace(result, score=1 / (1 + math.exp(-logit)))
        for result, logit in zip(results, logits, strict=True)
    ]
    return newer_first(sorted(scored, key=lambda result: -result.score))


@dataclass(frozen=True, slots=True)
class _Search:
    """One question to the indexes of an embedded store."""

    question: Question
    vectors: VectorIndex
    keywords: KeywordIndex
    scale: Scale
    chosen: Numbers | None

    def hits(self) -> list[Hit]:
        """Return all that one of the legs names, with all scores."""
        asked, days = self.question, self.question.days
        cosines = {
            (memory_id, ordinal): cosine
            for memory_id, ordinal, cosine in self.vectors.nearest(asked.vector, DEPTH, self.chosen)
        }
        shares = {
            (memory_id, ordinal): share
            for memory_id, ordinal, share in self.keywords.search(
                asked.text, DEPTH, self.chosen, days
            )
        }
        keys = dict.fromkeys((*cosines, *shares, *self._of_the_time()))
        far = [key for key in keys if key not in cosines]
        cosines |= zip(far, self.vectors.cosines(asked.vector, far).tolist(), strict=True)
        others = [key for key in keys if key not in shares]
        shares |= zip(others, self.keywords.shares(asked.text, others, days), strict=True)
        times = [0.0] * len(keys)
        if asked.spans:
            times = [_nearness(moment, asked.spans) for moment in self.keywords.moments(list(keys))]
        return [
            # A vector that is damaged says nothing.
            Hit(*key, self.scale.of(cosines[key]), shares[key], near)
            for key, near in zip(keys, times, strict=True)
        ]

    def _of_the_time(self) -> Iterator[Key]:
        for span in self.question.spans:
            yield from self.keywords.within(*_bounds(whole_days(span)), TIMED_DEPTH, self.chosen)


def _of_server(
    database: SurrealStore, embedder: str, question: Question, chosen: Numbers | None
) -> list[tuple[Memory, Chunk, float]]:
    """Return the closest chunks of a store on a server, which has no other index."""
    server = database.vectors_of(embedder)
    assert isinstance(server, ServerVectors)
    ids = None if chosen is None else [id_of(number) for number in chosen.tolist()]
    nearest = server.nearest(question.vector.tolist(), DEPTH, ids)
    # Of a time alone no vector tells.
    for span in map(whole_days, question.spans) if question.is_only_time else ():
        of_time = set(database.select_ids(Filter(since=span.start, until=span.end)))
        within = sorted(of_time if ids is None else of_time.intersection(ids))
        nearest += server.nearest(question.vector.tolist(), DEPTH, within)
    cosines = {(memory_id, ordinal): cosine for memory_id, ordinal, cosine in nearest}
    memories = database.memories(sorted({key[0] for key in cosines}))
    return [
        (memories[chunk.memory_id], chunk, cosines[chunk.memory_id, chunk.ordinal])
        for chunk in database.chunks(cosines)
        if chunk.memory_id in memories
    ]


def _of_texts(
    question: Question,
    texts: Sequence[tuple[Memory, Chunk, float]],
    keywords: KeywordIndex,
    scale: Scale,
) -> list[Hit]:
    """Return chunks that are in no index of words, with all scores."""
    passages = [passage_of(memory, chunk) for memory, chunk, _ in texts]
    shares = keywords.shares_of_texts(question.text, passages, question.days)
    return [
        Hit(
            memory.id,
            chunk.ordinal,
            scale.of(cosine),
            share,
            _nearness(passage.moment, question.spans),
        )
        for (memory, chunk, cosine), passage, share in zip(texts, passages, shares, strict=True)
    ]


def _evidence(hits: Sequence[Hit], question: Question, searched: int) -> float:
    if question.is_only_time and any(hit.time == 1 for hit in hits):
        return 1.0
    meaning = max((hit.meaning for hit in hits), default=0.0)
    return evidence_of(meaning, max((hit.words for hit in hits), default=0.0), searched)


def _bounds(span: TimeSpan) -> tuple[datetime, datetime]:
    """Return a span's first and last moment in the person's own calendar."""
    return (
        span.start.astimezone().replace(tzinfo=None) if span.start else datetime.min,
        span.end.astimezone().replace(tzinfo=None) if span.end else datetime.max,
    )


def _nearness(moment: datetime | None, spans: Sequence[TimeSpan]) -> float:
    """Return 1 within one of the times, less near it."""
    best = 0.0
    for span in spans if moment else ():
        assert moment
        # What is known to the day only is not "in the evening", but is of that day.
        is_day = moment.time() == time.min
        first, last = _bounds(whole_days(span) if is_day else span)
        if first <= moment <= last:
            return 1.0
        if timedelta() < first - moment <= BEFORE or timedelta() < moment - last <= AFTER:
            best = NEAR
    return best
