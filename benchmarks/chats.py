"""Are windows of turns better passages of a chat than single messages?

The LoCoMo chats are made the memories that an export of them would be. For each question passages
are taken, best first: what counts is the share of the evidence (turns) among the first 10, and
among those that fit the prompt's token budget.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from dataset import Scope, load

from tera.chunker import CountTokens, chunk_memory
from tera.config import Config
from tera.datatypes import Chunk, Memory
from tera.embedders import Embedder
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import find_paths
from tera.pending import embedded_text
from tera.places import message_line

FOUND = 10

Cut = Callable[[Memory, CountTokens], Sequence[Chunk]]


def as_export(scope: Scope, is_marked: bool) -> Scope:
    """Return a scope whose memories are as a chat's reader makes them, or bare lines."""
    memories: list[Memory] = []
    spans: dict[str, tuple[str, int, int]] = {}
    by_memory: dict[str, list[tuple[int, int, str]]] = {}
    for passage, (memory_id, start, end) in scope.spans.items():
        by_memory.setdefault(memory_id, []).append((start, end, passage))
    for memory in scope.memories:
        text = ""
        for start, end, passage in sorted(by_memory[memory.id]):
            sender, _, said = memory.text[start:end].partition(": ")
            line = (
                message_line(sender, naive(memory.at), said) if is_marked else f"{sender}: {said}"
            )
            spans[passage] = (memory.id, len(text), len(text) + len(line))
            text += line + "\n"
        memories.append(replace(memory, text=text, type="whatsapp"))
    return replace(scope, memories=memories, spans=spans)


def naive(time: datetime) -> datetime:
    """Return a time as an export has it."""
    return time.replace(tzinfo=None)


def windows(memory: Memory, count_tokens: CountTokens) -> Sequence[Chunk]:
    """Cut a chat as Tera does."""
    return chunk_memory(memory, count_tokens)


def sentences(memory: Memory, count_tokens: CountTokens) -> Sequence[Chunk]:
    """Cut a chat as if it were prose."""
    return chunk_memory(replace(memory, type=""), count_tokens)


def single(memory: Memory, count_tokens: CountTokens) -> Sequence[Chunk]:
    """Make each message a chunk."""
    del count_tokens
    chunks: list[Chunk] = []
    start = 0
    for line in memory.text.splitlines(keepends=True):
        chunks.append(Chunk(memory.id, len(chunks), start, start + len(line)))
        start += len(line)
    return chunks


def measure(
    scope: Scope, cut: Cut, embedder: Embedder, count_tokens: CountTokens, budget: int
) -> tuple[list[float], list[float]]:
    """Return the share of evidence for each question: among the first, and in the prompt."""
    memories = {memory.id: memory for memory in scope.memories}
    chunks = [chunk for memory in scope.memories for chunk in cut(memory, count_tokens)]
    texts = [memories[chunk.memory_id].text[chunk.start : chunk.end] for chunk in chunks]
    tokens = count_tokens(texts)
    matrix = embedder.embed_passages([embedded_text(memories[c.memory_id], c) for c in chunks])
    first: list[float] = []
    prompt: list[float] = []
    for question in scope.questions:
        order = np.argsort(-(matrix @ embedder.embed_query(question.text)))
        left, shown = budget, []
        for row in order[:50]:
            if tokens[row] + 12 <= left:
                shown.append(chunks[row])
                left -= tokens[row] + 12
        first.append(_share(scope, question.evidence, [chunks[row] for row in order[:FOUND]]))
        prompt.append(_share(scope, question.evidence, shown))
    return first, prompt


def _share(scope: Scope, evidence: frozenset[str], chunks: Sequence[Chunk]) -> float:
    found = 0
    for passage in evidence:
        memory_id, start, end = scope.spans[passage]
        middle = (start + end) // 2
        found += any(c.memory_id == memory_id and c.start <= middle < c.end for c in chunks)
    return found / len(evidence)


def main() -> None:
    """Print a table: a row for each way to cut, with and without dates on the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    options = parser.parse_args()
    loader = ModelLoader(Config(), find_paths(), SilentListener())
    embedder = loader.embedder(options.embedder)
    count_tokens = loader.token_counter(options.embedder)
    assert count_tokens is not None
    budget = Config().ask_context_tokens
    print(f"{options.embedder}; evidence among the first {FOUND}, and in {budget} tokens of prompt")
    print("| passage | line | in first 10 | in prompt |")
    print("|---|---|---|---|")
    scopes = load(options.data / "locomo")
    for is_marked in (True, False):
        for cut in (windows, sentences, single):
            first: list[float] = []
            prompt: list[float] = []
            for scope in scopes.values():
                of_scope = measure(as_export(scope, is_marked), cut, embedder, count_tokens, budget)
                first += of_scope[0]
                prompt += of_scope[1]
            line = "sender (date): text" if is_marked else "sender: text"
            row = f"| {cut.__name__} | {line} |"
            print(f"{row} {np.mean(first):.3f} | {np.mean(prompt):.3f} |", flush=True)


if __name__ == "__main__":
    main()
