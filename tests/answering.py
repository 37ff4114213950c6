"""Passages, ranked sentences, an audience and models that say what a test wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from tera.answers.quotes import Quotes
from tera.answers.written import write_answer
from tera.datatypes import Answer, Memory, Quote, SearchResult
from tera.llms import LLM, load_llm
from tera.models import ModelSpec
from tera.prompts import Prompt
from tera.sentences import sentences
from tests.models.tiny_phi2 import build_tiny_phi2

MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When memories are from if a test does not say."""
TODAY = date(2026, 11, 5)


def result(
    text: str,
    memory_id: str = "m1",
    title: str | None = None,
    at: datetime = MONDAY,
    type: str = "",
) -> SearchResult:
    """Return a passage that is the whole of a memory."""
    return SearchResult(Memory(memory_id, text, at, at, title=title, type=type), 0, len(text), 0.9)


def ranked(*results: SearchResult, short: str = "", first: str = "") -> Quotes:
    """Return the sentences of passages in their order, or with those far ahead that hold a text."""
    pieces = [
        Quote(one, start, end)
        for one in results
        for start, end in sentences(one.memory.text, one.start, one.end)
    ]
    found = sorted(pieces, key=lambda quote: first not in quote.text)
    scores = (
        (1.0 if first in quote.text else 0.5) - 0.001 * row for row, quote in enumerate(found)
    )
    return Quotes(tuple(zip(found, scores, strict=True)), short)


@dataclass
class Hearer:
    """An audience that keeps what it hears."""

    texts: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    def quote(self, quote: Quote) -> None:
        """Keep nothing: it is said before an answer is written."""

    def draft(self, text: str) -> None:
        """Keep it."""
        self.drafts.append(text)
        self.events.append(("draft", text))

    def text(self, piece: str) -> None:
        """Keep it."""
        self.texts.append(piece)
        self.events.append(("text", piece))


class Saying:
    """A language model that says a text that no script of tokens can hold."""

    spec = ModelSpec("saying", "llm", "none")

    def __init__(self, text: str, context_tokens: int = 2048) -> None:
        self.text = text
        self.context_tokens = context_tokens
        self.prompts: list[Prompt] = []
        self.was_ended = False
        self.read = 0

    def count_tokens(self, text: str) -> int:
        """Return about as many as a vocabulary gives."""
        return len(re.findall(r"\w{1,6}|[^\w\s]", text))

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of all its parts."""
        turns = "".join(turn.question + turn.answer for turn in prompt.turns)
        return self.count_tokens(prompt.system + turns + prompt.user)

    def tokens_within(self, seconds: float) -> int:
        """Return ten a second."""
        return int(seconds * 10)

    def generate(
        self, prompt: Prompt, max_tokens: int, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[str]:
        """Say the text in pieces of three characters."""
        self.prompts.append(prompt)
        try:
            for start in range(0, len(self.text), 3):
                if should_stop():
                    return
                self.read += 1
                yield self.text[start : start + 3]
        finally:
            self.was_ended = True

    def close(self) -> None:
        """Do nothing."""


def load_tiny(folder: Path, *script: str | bytes, context_tokens: int = 512) -> LLM:
    """Load a real, tiny model that writes the given pieces, which must be different."""
    folder.mkdir(parents=True, exist_ok=True)
    build_tiny_phi2(folder / "model.gguf", script, context_length=context_tokens)
    files = {"model.gguf": ""}
    spec = ModelSpec("tiny", "llm", "llama-cpp", files=files, context_tokens=context_tokens)
    return load_llm(spec, folder, 1)


def write(
    llm: LLM,
    *results: SearchResult,
    question: str = "Which port does the staging database use?",
    quotes: Quotes | None = None,
    max_tokens: int = 100,
) -> tuple[Answer, Hearer]:
    """Return what a model answers and what its audience hears."""
    hearer = Hearer()
    answer = write_answer(
        question,
        results,
        llm,
        quotes=quotes or ranked(*results),
        today=TODAY,
        context_tokens=400,
        wait_s=60,
        max_tokens=max_tokens,
        audience=hearer,
    )
    return answer, hearer
