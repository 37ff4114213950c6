"""Which sentences should be quoted? Weights of the passage's cosine and of shared words.

A quote is right when it has an answer's words (SQuAD 2), or stands in a turn that is evidence
(LoCoMo). Printed is the share of questions whose first quote, and any of whose quotes, is right.
"""

from __future__ import annotations

import argparse
import random
from functools import partial
from pathlib import Path

import numpy as np
from dataset import Question, Scope, load

from tera import quotes
from tera.chunker import chunk_memory
from tera.config import Config
from tera.datatypes import SearchResult
from tera.embedders import Embedder
from tera.embedders.tokens import TokenCounter
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import find_paths
from tera.pending import embedded_text
from tera.retriever import retrieve


def found_passages(
    scope: Scope, asked: list[Question], embedder: Embedder, count_tokens: TokenCounter
) -> list[list[SearchResult]]:
    """Return the passages that `ask` would work with, for each question."""
    memories = {memory.id: memory for memory in scope.memories}
    chunks = [chunk for m in scope.memories for chunk in chunk_memory(m, count_tokens)]
    by_key = {(chunk.memory_id, chunk.ordinal): chunk for chunk in chunks}
    matrix = embedder.embed_passages([embedded_text(memories[c.memory_id], c) for c in chunks])
    found = []
    for question in asked:
        scores = matrix @ embedder.embed_query(question.text)
        order = np.argsort(-scores)
        hits = [(chunks[row].memory_id, chunks[row].ordinal, float(scores[row])) for row in order]
        found.append(
            retrieve(
                Config().ask_k,
                partial(_first, hits),
                lambda keys: [by_key[key] for key in keys],
                lambda ids: {key: memories[key] for key in ids},
            )
        )
    return found


def _first(hits: list[tuple[str, int, float]], count: int) -> list[tuple[str, int, float]]:
    return hits[:count]


def is_right(quote: str, question: Question, scope: Scope) -> bool:
    """Return whether a quote answers a question."""
    if question.answers:
        return any(answer.lower() in quote.lower() for answer in question.answers)
    texts = {memory.id: memory.text for memory in scope.memories}
    spans = [scope.spans[passage] for passage in question.evidence]
    return any(quote[:60] in " ".join(texts[key][start:end].split()) for key, start, end in spans)


def main() -> None:
    """Print a table: a row for each pair of weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--questions", type=int, default=200, help="for each data set")
    options = parser.parse_args()
    loader = ModelLoader(Config(), find_paths(), SilentListener())
    embedder = loader.embedder(options.embedder)
    count_tokens = loader.token_counter(options.embedder)
    assert count_tokens is not None
    cases: dict[str, list[tuple[Scope, Question, list[SearchResult]]]] = {}
    for name in ("locomo", "squad2"):
        scopes = load(options.data / name)
        for scope in scopes.values():
            pool = [q for q in scope.questions if q.answers or name == "locomo"]
            asked = random.Random(1).sample(pool, options.questions // len(scopes))
            found = found_passages(scope, asked, embedder, count_tokens)
            cases.setdefault(name, []).extend(
                (scope, question, results) for question, results in zip(asked, found, strict=True)
            )
    print("| set | passage | words | first quote right | any right |\n|---|---|---|---|---|")
    for name, rows in cases.items():
        for weights in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.6), (0.5, 0.6), (1.0, 0.6)):
            quotes.PASSAGE_WEIGHT, quotes.WORDS_WEIGHT = weights
            first, any_right = [], []
            for scope, question, results in rows:
                answer = quotes.quote_answer(question.text, results, embedder, lambda _: None)
                lines = [line.rpartition("” [")[0][1:] for line in answer.text.splitlines()]
                right = [is_right(line, question, scope) for line in lines]
                first.append(right[0])
                any_right.append(any(right))
            print(
                f"| {name} | {weights[0]} | {weights[1]} | {np.mean(first):.3f} |"
                f" {np.mean(any_right):.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
