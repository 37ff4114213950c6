"""What of the passages reaches the prompt, and what is told about them?

`held` is the share of questions whose answer, where it was found, stands in what the model is shown
(SQuAD 2), or all words of it (LoCoMo), for several budgets: whole passages as long as they fit, and
the sentences that fit best, as Tera chooses them. `flagged` is the share of questions for which two
of the passages found are said to disagree; nearly all are false. `clear` is how often a model
that says "I don't know" would not be believed: for questions with an answer in the best sentence,
with an answer in the passages, and for questions without an answer.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from question_sets import Question, load_set
from stores import Spans, open_store

from tera.answers import refusals
from tera.answers.context import Budget, fit_passages
from tera.answers.disagreements import find_disagreements
from tera.answers.quotes import Quotes, find_quotes
from tera.answers.wording import stems
from tera.datatypes import Disagreement, SearchResult
from tera.llms import LLM
from tera.models import ModelSpec
from tera.prompts import Note, Prompt, note_text

BUDGETS = (100, 200, 350, 700)
CLEAR = (0.5, 0.6, 0.75, 0.9, 1.0)
_PIECE = re.compile(r"\w{1,6}|[^\w\s]")


class Counting:
    """Counts about as many tokens as a model's vocabulary gives, and writes nothing."""

    spec = ModelSpec("counting", "llm", "none")
    context_tokens = 4096

    def count_tokens(self, text: str) -> int:
        """Return about how many tokens a text has."""
        return len(_PIECE.findall(text))

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return about how many tokens a prompt has."""
        return self.count_tokens(prompt.system) + self.count_tokens(prompt.user)

    def tokens_within(self, seconds: float) -> int:
        """Return a large number: only the setting bounds the notes here."""
        return 10**6

    def generate(
        self, prompt: Prompt, max_tokens: int, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[str]:
        """Write nothing."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""


def texts_of(spans: Spans, memories: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each item, on one line."""
    return {
        item: " ".join(memories[key][start:end].split())
        for key, places in spans.items()
        for start, end, item in places
    }


@dataclass(frozen=True)
class Asked:
    """A question, whether memory has an answer, and what was found."""

    row: dict[str, Any]
    evidence: Sequence[str]
    results: list[SearchResult]
    quotes: Quotes


def asked_of(data: Path, name: str, limit: int, folder: Path, embedder: str) -> Iterator[Asked]:
    """Yield questions of a set with what is found for them."""
    questions = load_set(data / name)
    lines = (data / name / "queries.jsonl").read_text("utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    graded: dict[str, Question] = {question.id: question for question in questions.questions}
    chosen = {rows[place * len(rows) // limit]["id"] for place in range(min(limit, len(rows)))}
    for scope, items in questions.items.items():
        with open_store(folder, name, items, embedder) as (engine, spans):
            model = engine.models.embedder(embedder)
            texts = texts_of(spans, {memory.id: memory.text for memory in engine.find([*spans])})
            for row in (row for row in rows if row["scope"] == scope and row["id"] in chosen):
                results = engine.search(row["text"], engine.config.ask_k)
                vector = model.embed_query(row["text"])
                quotes = find_quotes(row["text"], results, model, vector)
                question = graded.get(row["id"])
                evidence = [texts[item] for item in question.grades] if question else []
                yield Asked(row, evidence, results, quotes)


def is_held(asked: Asked, shown: str) -> bool:
    """Return whether a text holds the answer, or (LoCoMo) all words that only the answer has."""
    answers = asked.row.get("answers")
    if answers:
        plain = " ".join(shown.replace("\n> ", " ").split()).lower()
        return any(str(answer).lower() in plain for answer in answers)
    told = stems(str(asked.row["answer"])) - stems(asked.row["text"])
    return bool(told) and told <= stems(shown)


def whole_passages(results: Sequence[SearchResult], tokens: int, llm: Counting) -> str:
    """Return what fits of passages taken whole, best first."""
    kept = ""
    for number, result in enumerate(results, start=1):
        note = note_text(Note(number, result.text, date(2026, 1, 1), result.memory.title or ""))
        if llm.count_tokens(kept + note) <= tokens:
            kept += note + "\n\n"
    return kept


def best_sentences(asked: Asked, tokens: int, llm: Counting) -> str:
    """Return what Tera shows."""
    shown = fit_passages(
        asked.row["text"],
        asked.results,
        cast("LLM", llm),
        quotes=asked.quotes,
        today=date(2026, 1, 1),
        budget=Budget(tokens, 60),
    )
    return "\n\n".join(note_text(one.note) for one in shown)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--questions", type=int, default=200, help="for each data set")
    parser.add_argument("--keep", type=Path, help="folder of retrieval.py's stores")
    parser.add_argument("--show", type=int, default=0, help="print so many disagreements")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("locomo", "squad2"):
            made = list(asked_of(options.data, name, options.questions, folder, options.embedder))
            # What was not found cannot be shown.
            answerable = [one for one in made if _kind(one) in ("best", "found")]
            print_held(name, answerable)
            print_flagged(name, made, options.show)
            print_clear(name, made)


def print_held(name: str, made: Sequence[Asked]) -> None:
    """Print how often the answer reaches the prompt."""
    llm = Counting()
    print("| set | tokens | whole passages | best sentences |\n|---|---|---|---|")
    for tokens in BUDGETS:
        whole = [is_held(one, whole_passages(one.results, tokens, llm)) for one in made]
        best = [is_held(one, best_sentences(one, tokens, llm)) for one in made]
        print(f"| {name} | {tokens} | {share(whole)} | {share(best)} |", flush=True)


def print_flagged(name: str, made: Sequence[Asked], show: int) -> None:
    """Print how often passages are said to disagree."""
    found: list[tuple[Disagreement, ...]] = [find_disagreements(one.quotes) for one in made]
    pairs = [pair for some in found for pair in some]
    print(f"| {name} | {len(made)} questions | flagged {share([bool(one) for one in found])} |")
    for pair in pairs[:show]:
        print(f"  {pair.newer.text[:150]!r} / {pair.older.text[:150]!r}")


def print_clear(name: str, made: Sequence[Asked]) -> None:
    """Print how often "I don't know" is not believed."""
    print("| set | share | answer in the best sentence | found | not found | no answer |")
    for least in CLEAR:
        refusals.CLEAR_SHARE = least
        kinds: dict[str, list[bool]] = defaultdict(list)
        for one in made:
            if not one.quotes.ranked:
                continue
            kinds[_kind(one)].append(refusals.holds_answer(one.row["text"], one.quotes))
        cells = (f"{share(kinds[kind])} ({len(kinds[kind])})" for kind in _KINDS)
        print(f"| {name} | {least} | {' | '.join(cells)} |")


_KINDS = ("best", "found", "missed", "none")


def _kind(asked: Asked) -> str:
    if not (asked.row["answerable"] and asked.evidence and asked.quotes.ranked):
        return "none" if not asked.row["answerable"] else "missed"
    if is_held(asked, asked.quotes.best.text):
        return "best"
    return "found" if is_held(asked, "\n".join(one.text for one in asked.results)) else "missed"


def share(found: Sequence[bool]) -> str:
    """Return the share that is true."""
    return f"{sum(found) / len(found):.3f}" if found else "-"


if __name__ == "__main__":
    main()
