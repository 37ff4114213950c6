"""Does the keyword index rank at least as well as plain BM25, and what does it cost?

Each set is searched as `benchmarks/README.md` says, one index for each scope. Beside Tera's index
stands bm25s (k1=1.5, b=.75, English stop words, Snowball's English stemmer) over the same texts;
`--sizes` times an index of made-up passages, with filters.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import Stemmer

from tera.datatypes import VectorChange
from tera.indexes.keys import numbers_of
from tera.indexes.keyword import KeywordIndex
from tera.indexes.passage_documents import Passage

COUNT = 10
Search = Callable[[str], Sequence[int]]
"""Returns the numbers of the best passages for a question."""


@dataclass(frozen=True)
class View:
    """How the passages of a set are written; `{day}` as the person's own notes might have it."""

    folder: str
    form: str
    day: str = "%d %B %Y"


VIEWS = {
    "locomo": View("locomo", "{speaker} ({day}): {text}"),
    "tmd": View("tmd", "{speaker} ({day}): {text}"),
    "longmemeval": View("longmemeval-pool", "{text}"),
    "timelineqa, 2000/01/21": View("timelineqa", "[{day}] {text}", "%Y/%m/%d"),
    "timelineqa, 21 January 2000": View("timelineqa", "[{day}] {text}"),
    "timelineqa, Jan 21, 2000": View("timelineqa", "[{day}] {text}", "%b %d, %Y"),
    "squad2": View("squad2", "{text}"),
    "scifact": View("scifact", "{text}"),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[])
    options = parser.parse_args()
    if options.data:
        print("| set | index | nDCG@10 | recall@10 | ms a question | passages a second |")
        print("|---|---|---|---|---|---|")
        for name, view in VIEWS.items():
            if (options.data / view.folder).exists():
                compare(name, view, options.data / view.folder)
    for size in options.sizes:
        measure_size(size)


def compare(name: str, view: View, folder: Path) -> None:
    """Print a row for each of the two indexes."""
    corpus = lines(folder / "corpus.jsonl")
    answers: dict[str, dict[str, int]] = defaultdict(dict)
    for row in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        question_id, passage_id, grade = row.split("\t")
        answers[question_id][passage_id] = int(grade)
    questions = [
        question
        for question in lines(folder / "queries.jsonl")
        if question.get("answerable", True) and answers.get(question["id"])
    ]
    for label, build in (("bm25s", bm25s_index), ("tera", tera_index)):
        gains: list[tuple[float, float]] = []
        indexing = searching = 0.0
        for scope in dict.fromkeys(passage["scope"] for passage in corpus):
            passages = [passage for passage in corpus if passage["scope"] == scope]
            texts = [written(passage, view) for passage in passages]
            began = time.perf_counter()
            search = build(texts)
            indexing += time.perf_counter() - began
            for question in questions:
                if question["scope"] == scope:
                    began = time.perf_counter()
                    found = search(question["text"])
                    searching += time.perf_counter() - began
                    ids = [passages[number]["id"] for number in found]
                    gains.append(gain(ids, answers[question["id"]]))
        ndcg, recall = np.mean(gains, axis=0)
        print(
            f"| {name} | {label} | {ndcg:.3f} | {recall:.3f}"
            f" | {1000 * searching / len(questions):.2f} | {len(corpus) / indexing:,.0f} |",
            flush=True,
        )


def written(passage: dict[str, Any], view: View) -> str:
    """Return the text that is indexed."""
    meta = passage["meta"]
    day = datetime.fromisoformat(meta["time"]).strftime(view.day) if meta.get("time") else ""
    return view.form.format(speaker=meta.get("speaker", ""), day=day, text=passage["text"])


def gain(found: Sequence[str], wanted: dict[str, int]) -> tuple[float, float]:
    """Return nDCG and recall at ten."""
    ideal = sorted(wanted.values(), reverse=True)[:COUNT]
    best = sum(grade / math.log2(rank + 2) for rank, grade in enumerate(ideal))
    got = sum(wanted.get(key, 0) / math.log2(rank + 2) for rank, key in enumerate(found))
    return got / best, len(set(found) & set(wanted)) / len(wanted)


def bm25s_index(texts: Sequence[str]) -> Search:
    """Index texts with bm25s."""
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False),
        show_progress=False,
    )

    def search(question: str) -> Sequence[int]:
        words = bm25s.tokenize(
            [question], stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        numbers, scores = index.retrieve(words, k=min(COUNT, len(texts)), show_progress=False)
        return [
            int(number) for number, score in zip(numbers[0], scores[0], strict=True) if score > 0
        ]

    return search


def tera_index(texts: Sequence[str]) -> Search:
    """Index texts with Tera's index, each as a memory of its own."""
    folder = tempfile.TemporaryDirectory()
    index = followed(Path(folder.name), len(texts), lambda number: (texts[number], None))

    def search(question: str, _: Any = folder) -> Sequence[int]:
        return [int(key[1:]) for key, _, _ in index.search(question, COUNT)]

    return search


def followed(
    folder: Path, size: int, passage: Callable[[int], tuple[str, datetime | None]]
) -> KeywordIndex:
    """Return an index of passages given by number."""

    def load(keys: Iterable[tuple[str, int]]) -> Iterator[Passage]:
        for memory_id, ordinal in keys:
            text, moment = passage(int(memory_id[1:]))
            yield Passage(memory_id, ordinal, text, moment=moment)

    def read(after: int) -> list[VectorChange]:
        numbers = range(after, min(after + 1000, size))
        return [VectorChange(number + 1, f"m{number:09d}", 0, b"-") for number in numbers]

    index = KeywordIndex(folder)
    index.follow(read, size, load)
    return index


def measure_size(size: int, words: int = 60, vocabulary: int = 300_000) -> None:
    """Print what an index of made-up passages costs; words have Zipf's frequencies."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, vocabulary + 1) ** 1.07
    shares /= shares.sum()

    pool = [f"w{number}" for number in rng.choice(vocabulary, 3_000_000, p=shares)]

    def text(count: int) -> str:
        begin = int(rng.integers(len(pool) - count))
        return " ".join(pool[begin : begin + count])

    def passage(number: int) -> tuple[str, datetime | None]:
        return text(words), datetime(2020, 1, 1) + timedelta(number % 2000)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        followed(folder, size, passage)
        took = time.perf_counter() - began
        disk = sum(file.stat().st_size for file in folder.iterdir())
        print(f"\n{size:,} passages of {words} words: {size / took:,.0f} a second,", end=" ")
        print(f"{disk / size:.0f} bytes each")
        index = report("open", lambda: KeywordIndex(folder), 1)
        questions = iter([text(8) for _ in range(1000)])
        report("search, best 100", lambda: index.search(next(questions), 100), 200)
        hits = [(memory_id, ordinal) for memory_id, ordinal, _ in index.search(text(8), 100)]
        report("shares of 100", lambda: index.shares(next(questions), hits), 50)
        month = (datetime(2022, 5, 1), datetime(2022, 5, 31))
        report("newest 100 of a month", lambda: index.within(*month, 100), 50)
        for share in (0.001, 0.01, 0.1, 0.5, 0.9):
            numbers = rng.choice(size, max(1, int(size * share)), replace=False)
            chosen = numbers_of(f"m{number:09d}" for number in numbers)
            report(f"search of {share:.1%}", partial(search_of, index, text, chosen), 20)
        last = [size]

        def add() -> None:
            last[0] += 1
            row = VectorChange(last[0], f"x{last[0]:09d}", 0, b"-")
            index.follow(
                lambda after: [row] if after < last[0] else [],
                last[0],
                lambda keys: [Passage(key[0], key[1], "one more") for key in keys],
            )

        report("add one and commit", add, 5)


def search_of(index: KeywordIndex, text: Callable[[int], str], chosen: Any) -> Any:
    """Search among chosen memories."""
    return index.search(text(8), 100, chosen)


def report(label: str, measured: Callable[[], Any], rounds: int) -> Any:
    """Print the median and the 95th percentile of some rounds; return the last result."""
    took: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        result = measured()
        took.append(1000 * (time.perf_counter() - began))
    print(f"  {label:24} {np.median(took):8.2f} ms, p95 {np.quantile(took, 0.95):8.2f}", flush=True)
    return result


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the records of a file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


if __name__ == "__main__":
    main()
