"""Where should the gate be? Questions asked of the right store and of another person's.

For each share of the way from unrelated to answering passages (see `tera.gate`): how many questions
pass in the store that answers them, and how many are refused in a store that does not.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from dataset import Scope, load

from tera.chunker import CHUNK_TOKENS, chunk_memory
from tera.config import Config
from tera.embedders import Embedder
from tera.embedders.tokens import TokenCounter
from tera.gate import measure
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import find_paths
from tera.pending import embedded_text

if TYPE_CHECKING:
    from tera.embedders import FloatMatrix


def vectors_of(scope: Scope, embedder: Embedder, count_tokens: TokenCounter) -> FloatMatrix:
    """Return the vectors of all chunks of a store."""
    return embedder.embed_passages(
        [embedded_text(m, c) for m in scope.memories for c in chunk_memory(m, count_tokens)]
    )


def main() -> None:
    """Print a table: a row for each share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    options = parser.parse_args()
    loader = ModelLoader(Config(), find_paths(), SilentListener())
    embedder = loader.embedder(options.embedder)
    count_tokens = loader.token_counter(options.embedder)
    assert count_tokens is not None
    stores: list[FloatMatrix] = []
    questions: list[FloatMatrix] = []
    sets: list[str] = []
    for name in ("locomo", "squad2"):
        for scope in load(options.data / name).values():
            stores.append(vectors_of(scope, embedder, count_tokens))
            asked = [embedder.embed_query(question.text) for question in scope.questions]
            questions.append(np.stack(asked))
            sets.append(name)
    own = [(q @ store.T).max(axis=1) for q, store in zip(questions, stores, strict=True)]
    # The next store is another person's; the encyclopedia's questions go to a chat.
    foreign = [
        (q @ stores[(place + 1) % len(stores)].T).max(axis=1) for place, q in enumerate(questions)
    ]
    unrelated, answering = measure(embedder)
    print(f"{options.embedder}: unrelated {unrelated:.3f}, answering {answering:.3f}")
    print(f"chunks of {CHUNK_TOKENS} tokens")
    print("| share | gate | locomo passes | locomo refused elsewhere | squad2 passes | refused |")
    print("|---|---|---|---|---|---|")
    for share in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6):
        gate = unrelated + share * (answering - unrelated)
        cells = []
        for name in ("locomo", "squad2"):
            right = np.concatenate([s for s, n in zip(own, sets, strict=True) if n == name])
            wrong = np.concatenate([s for s, n in zip(foreign, sets, strict=True) if n == name])
            cells += [np.mean(right >= gate), np.mean(wrong < gate)]
        row = " | ".join(f"{cell:.3f}" for cell in cells)
        print(f"| {share} | {gate:.3f} | {row} |")


if __name__ == "__main__":
    main()
