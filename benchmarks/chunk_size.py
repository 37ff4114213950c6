"""Which chunk size and overlap bring the evidence into a prompt?

For each question passages are taken, best first, until the prompt's token budget is used up; what
counts is the share of the evidence (turns of a chat, paragraphs of an article) that is among them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from dataset import Scope, load

from tera import chunker
from tera.chunker import chunk_memory
from tera.config import Config
from tera.datatypes import Chunk
from tera.embedders import Embedder
from tera.embedders.tokens import TokenCounter
from tera.model_loader import ModelLoader, SilentListener
from tera.passages import embedded_text
from tera.paths import find_paths
from tera.retriever import Hit, retrieve

CANDIDATES = 80


def evidence_in_prompt(
    scope: Scope, embedder: Embedder, count_tokens: TokenCounter, size: int, budget: int
) -> tuple[list[float], int]:
    """Return the share of evidence in the prompt for each question, and the number of chunks."""
    memories = {memory.id: memory for memory in scope.memories}
    chunks = [c for m in scope.memories for c in chunk_memory(m, count_tokens, max_tokens=size)]
    matrix = embedder.embed_passages([embedded_text(memories[c.memory_id], c) for c in chunks])
    by_key = {(c.memory_id, c.ordinal): c for c in chunks}
    shares: list[float] = []
    for question in scope.questions:
        scores = matrix @ embedder.embed_query(question.text)
        hits = [
            Hit(chunks[row].memory_id, chunks[row].ordinal, float(scores[row]), 0.0)
            for row in np.argsort(-scores)[:CANDIDATES]
        ]

        def load_chunks(keys: object) -> Sequence[Chunk]:
            return [by_key[key] for key in keys]  # type: ignore[attr-defined]

        results = retrieve(20, hits, load_chunks, lambda ids: {i: memories[i] for i in ids})
        left, shown = budget, []
        for result in results:
            tokens = count_tokens([result.text])[0] + 12
            if tokens <= left:
                shown.append(result)
                left -= tokens
        found = 0
        for passage in question.evidence:
            memory_id, start, end = scope.spans[passage]
            middle = (start + end) // 2
            found += any(r.memory.id == memory_id and r.start <= middle < r.end for r in shown)
        shares.append(found / len(question.evidence))
    return shares, len(chunks)


def main() -> None:
    """Print a table: a row for each size and overlap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 96, 128, 160, 224])
    parser.add_argument("--overlaps", type=int, nargs="+", default=[32])
    parser.add_argument("--budget", type=int, default=Config().ask_context_tokens)
    parser.add_argument("--sets", nargs="+", default=["locomo", "squad2"])
    options = parser.parse_args()
    loader = ModelLoader(Config(), find_paths(), SilentListener())
    embedder = loader.embedder(options.embedder)
    count_tokens = loader.token_counter(options.embedder)
    assert count_tokens is not None
    print(f"{options.embedder}, {options.budget} tokens of passages in the prompt")
    print("| set | chunk tokens | overlap | chunks | evidence in prompt | +- 95 % |")
    print("|---|---|---|---|---|---|")
    for name in options.sets:
        scopes = load(options.data / name)
        for size in options.sizes:
            for overlap in options.overlaps:
                chunker.OVERLAP_TOKENS = overlap
                shares: list[float] = []
                total = 0
                for scope in scopes.values():
                    found, count = evidence_in_prompt(
                        scope, embedder, count_tokens, size, options.budget
                    )
                    shares += found
                    total += count
                error = 1.96 * np.std(shares) / len(shares) ** 0.5
                row = f"| {name} | {size} | {overlap} | {total} |"
                print(f"{row} {np.mean(shares):.3f} | {error:.3f} |", flush=True)


if __name__ == "__main__":
    main()
