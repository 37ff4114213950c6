"""Which sentences should be quoted? Weights of the passage's score and of shared words.

A quote is right when it has an answer's words (SQuAD 2), or stands in a turn that is evidence
(LoCoMo). Printed is the share of questions whose first quote, and any of whose quotes, is right.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from question_sets import Question, QuestionSet, load_set, spread
from stores import Spans, open_store

from tera import quotes
from tera.config import Config
from tera.datatypes import SearchResult
from tera.embedders import Embedder
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import find_paths

WEIGHTS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.6), (0.5, 0.6), (1.0, 0.6), (2.0, 0.6))


def is_right(quote: str, question: Question, texts: Mapping[str, str]) -> bool:
    """Return whether a quote answers a question."""
    if question.answers:
        return any(answer.lower() in quote.lower() for answer in question.answers)
    return any(quote[:60] in texts[item] for item in question.grades)


def found_passages(
    questions: QuestionSet, limit: int, folder: Path, embedder: str
) -> list[tuple[Question, list[SearchResult], dict[str, str]]]:
    """Return the passages that `ask` works with, for some questions, and the texts of items."""
    asked = spread(
        [q for q in questions.questions if q.answers or questions.name == "locomo"], limit
    )
    found = []
    for scope, items in questions.items.items():
        with open_store(folder, questions.name, items, embedder) as (engine, spans):
            texts = texts_of(spans, {memory.id: memory.text for memory in engine.find([*spans])})
            for question in (one for one in asked if one.scope == scope):
                results = engine.search(question.text, engine.config.ask_k)
                found.append((question, results, texts))
    return found


def texts_of(spans: Spans, memories: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each item, on one line."""
    return {
        item: " ".join(memories[key][start:end].split())
        for key, places in spans.items()
        for start, end, item in places
    }


def shares_right(
    rows: Sequence[tuple[Question, list[SearchResult], dict[str, str]]], embedder: Embedder
) -> tuple[float, float]:
    """Return for how many questions the first quote is right, and any."""
    first, any_right = [], []
    for question, results, texts in rows:
        answer = quotes.quote_answer(question.text, results, embedder, lambda _: None)
        lines = [line.rpartition("” [")[0][1:] for line in answer.text.splitlines()]
        right = [is_right(line, question, texts) for line in lines]
        first.append(right[0])
        any_right.append(any(right))
    return float(np.mean(first)), float(np.mean(any_right))


def main() -> None:
    """Print a table: a row for each pair of weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--questions", type=int, default=200, help="for each data set")
    parser.add_argument("--keep", type=Path, help="folder of retrieval.py's stores")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loader = ModelLoader(Config(), find_paths(), SilentListener())
        embedder = loader.embedder(options.embedder)
        print("| set | passage | words | first quote right | any right |\n|---|---|---|---|---|")
        for name in ("locomo", "squad2"):
            questions = load_set(options.data / name)
            rows = found_passages(questions, options.questions, folder, options.embedder)
            for weights in WEIGHTS:
                quotes.PASSAGE_WEIGHT, quotes.WORDS_WEIGHT = weights
                first, any_right = shares_right(rows, embedder)
                cells = f"{weights[0]} | {weights[1]} | {first:.3f} | {any_right:.3f}"
                print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
