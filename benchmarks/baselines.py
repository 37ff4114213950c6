"""What any search would find: exact cosine, BM25, and both by reciprocal rank fusion; untuned.

Items are searched one by one, in the form in which these do best: turns of a chat with speaker and
date before them, entries with their date.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from question_sets import Item, Question, QuestionSet

from tera.embedders import Embedder
from tera.places import MONTHS

if TYPE_CHECKING:
    from tera.embedders import FloatMatrix

DEPTH = 100
RRF_K = 60  # Cormack, Clarke & Buettcher, SIGIR 2009
SYSTEMS = ("dense", "bm25", "hybrid")

Ranking = Callable[[Sequence[Question]], Mapping[str, Mapping[str, Sequence[str]]]]
"""Questions -> by system and question id, the items found, best first."""


def shown(set_name: str, item: Item) -> str:
    """Return an item as the baselines search it."""
    if set_name in ("locomo", "tmd"):
        assert item.time
        day = f"{item.time.day} {MONTHS[item.time.month - 1]} {item.time.year}"
        return f"{item.speaker} ({day}): {item.text}"
    if set_name == "timelineqa":
        return f"[{item.time:%Y/%m/%d}] {item.text}"
    return item.text


def prepare(questions: QuestionSet, embedder: Embedder, folder: Path) -> Ranking:
    """Embed and index a set.

    Args:
        questions: The set.
        embedder: The model that Tera uses too.
        folder: Keeps the vectors for the next run.
    """
    scopes = questions.items.items()
    texts = {scope: [shown(questions.name, item) for item in items] for scope, items in scopes}
    every = [text for scope in texts for text in texts[scope]]
    vectors = _embed(every, embedder, folder / questions.name / "baseline")
    dense: dict[str, FloatMatrix] = {}
    words: dict[str, Any] = {}
    begin = 0
    for scope, of_scope in texts.items():
        dense[scope] = vectors[begin : begin + len(of_scope)]
        words[scope] = _bm25(of_scope)
        begin += len(of_scope)

    def rank(asked: Sequence[Question]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        runs: dict[str, dict[str, Sequence[str]]] = {system: {} for system in SYSTEMS}
        for question in asked:
            items = questions.items[question.scope]
            vector = embedder.embed_query(question.text)
            near = np.argsort(-(dense[question.scope] @ vector), kind="stable")[:DEPTH].tolist()
            worded = words[question.scope](question.text)
            fused = _fused([near, worded])
            for system, rows in zip(SYSTEMS, (near, worded, fused), strict=True):
                runs[system][question.id] = [items[row].id for row in rows]
        return runs

    return rank


def _fused(rankings: Sequence[Sequence[int]]) -> list[int]:
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, row in enumerate(ranking, 1):
            scores[row] += 1 / (RRF_K + rank)
    return sorted(scores, key=lambda row: -scores[row])[:DEPTH]


def _bm25(texts: Sequence[str]) -> Callable[[str], list[int]]:
    """Index texts with English stop words and stems; Lucene's variant, k1 = 1.5, b = 0.75."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def tokens(of: Sequence[str], *, as_words: bool) -> Any:
        return bm25s.tokenize(
            list(of), stopwords="en", stemmer=stemmer, return_ids=not as_words, show_progress=False
        )

    index = bm25s.BM25()
    index.index(tokens(texts, as_words=False), show_progress=False)

    def find(question: str) -> list[int]:
        rows, scores = index.retrieve(
            tokens([question], as_words=True), k=min(DEPTH, len(texts)), show_progress=False
        )
        return [int(row) for row, score in zip(rows[0], scores[0], strict=True) if score > 0]

    return find


def _embed(texts: Sequence[str], embedder: Embedder, kept: Path) -> FloatMatrix:
    digest = hashlib.sha256(repr((embedder.spec.name, texts)).encode()).hexdigest()[:16]
    file = kept / f"{digest}.npy"
    if not file.exists():
        kept.mkdir(parents=True, exist_ok=True)
        np.save(file, embedder.embed_passages(texts))
    matrix: FloatMatrix = np.load(file)
    return matrix
