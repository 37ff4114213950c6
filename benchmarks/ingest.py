"""How fast are texts embedded in bulk? Beside sentence-transformers alone, in the same run."""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from dataset import load

from tera import hub
from tera.chunker import chunk_memory
from tera.config import Config
from tera.embedders import Embedder
from tera.engine import Engine
from tera.model_loader import ModelLoader, SilentListener
from tera.passages import embedded_text
from tera.paths import Paths, find_paths

RUNS = 3
QUERY = "Which port does the staging database listen on?"
FIRST_QUERY = """
import resource, sys, time
from tera.config import Config
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import find_paths
embedder = ModelLoader(Config(), find_paths(), SilentListener()).embedder(sys.argv[1])
embedder.embed_query(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def passages(folder: Path, loader: ModelLoader, name: str, count: int) -> list[str]:
    """Return passages of a data set, as they are embedded."""
    count_tokens = loader.token_counter(name)
    assert count_tokens is not None
    memories = [memory for scope in load(folder).values() for memory in scope.memories]
    chunks = ((m, chunk) for m in memories for chunk in chunk_memory(m, count_tokens))
    return [embedded_text(memory, chunk) for memory, chunk in islice(chunks, count)]


def ingested(folder: Path, loader: ModelLoader, name: str, count: int) -> tuple[float, list[str]]:
    """Return how long memories take from their text to the index, and their passages.

    Read, cut, written to the journal and the store, embedded, and put into the index.
    """
    memories = [memory for scope in load(folder).values() for memory in scope.memories]
    texts: list[str] = []
    taken = []
    count_tokens = loader.token_counter(name)
    assert count_tokens is not None
    for memory in memories:
        if len(texts) >= count:
            break
        taken.append(memory)
        texts += [embedded_text(memory, chunk) for chunk in chunk_memory(memory, count_tokens)]
    with tempfile.TemporaryDirectory() as home:
        shutil.copytree(find_paths().models, Path(home, "models"))
        engine = Engine(Config(embedder=name), Paths(Path(home)))
        engine.search("a warm beginning", 1)
        numbered = [replace(memory, id=f"n{n:09d}") for n, memory in enumerate(taken)]

        def ingest() -> None:
            for _ in engine.restore(numbered):
                pass
            engine.search("the end", 1)

        return seconds(ingest), texts


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def query_ms(embedder: Embedder, count: int = 20) -> float:
    """Return the median time of a query, in milliseconds."""
    return 1000 * statistics.median(
        seconds(lambda: embedder.embed_query(QUERY)) for _ in range(count)
    )


def first_query(name: str) -> None:
    """Print how long a new process takes to the vector of a question, and its memory."""
    command = [sys.executable, "-c", FIRST_QUERY, name, QUERY]
    # The very first one may have to make the network.
    subprocess.run(command, capture_output=True, check=True)
    runs, peaks = [], []
    for _ in range(2 * RUNS):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(time.perf_counter() - began)
        peaks.append(int(done.stdout))
    print("| from start to a query's vector | peak MB |\n|---|---|")
    print(f"| {1000 * statistics.median(runs):.0f} ms | {max(peaks)} |\n", flush=True)


def main() -> None:
    """Print texts a second and their ratio, peak memory, and how long a query takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--texts", type=int, default=300, help="for each data set")
    options = parser.parse_args()
    name = options.embedder
    # First, because a process counts the memory of the one that started it.
    first_query(name)
    paths = find_paths()
    loader = ModelLoader(Config(), paths, SilentListener())
    embedder = loader.embedder(name)
    sets = {
        kind: passages(options.data / kind, loader, name, options.texts)
        for kind in ("locomo", "squad2")
    }
    print("| texts embedded | peak MB |\n|---|---|")
    for times in (1, 4, 16):
        embedder.embed_passages([text for texts in sets.values() for text in texts[:50]] * times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"| {times * 100} | {peak} |", flush=True)

    from sentence_transformers import SentenceTransformer

    spec = loader.spec(name)
    bare = SentenceTransformer(str(hub.locate(spec, paths)), device="cpu", local_files_only=True)
    bare.max_seq_length = spec.max_tokens
    print("\n| set | texts | sentence-transformers a second | tera a second | ratio |")
    print("|---|---|---|---|---|")
    for kind, texts in sets.items():
        # In turn, so that a slow spell of the machine meets both.
        both = [
            (
                seconds(partial(bare.encode, texts, show_progress_bar=False)),
                seconds(partial(embedder.embed_passages, texts)),
            )
            for _ in range(RUNS)
        ]
        slow, fast = (statistics.median(times) for times in zip(*both, strict=True))
        row = f"| {kind} | {len(texts)} | {len(texts) / slow:.1f} | {len(texts) / fast:.1f} |"
        print(f"{row} {slow / fast:.2f} |", flush=True)

    print("\n| set | passages | sentence-transformers s | tera s, from text to index | ratio |")
    print("|---|---|---|---|---|")
    for kind in sets:
        rounds = []
        for _ in range(RUNS):
            took, texts = ingested(options.data / kind, loader, name, options.texts)
            rounds.append((seconds(partial(bare.encode, texts, show_progress_bar=False)), took))
        alone, took = (statistics.median(times) for times in zip(*rounds, strict=True))
        print(
            f"| {kind} | {len(texts)} | {alone:.1f} | {took:.1f} | {alone / took:.2f} |", flush=True
        )

    print("\n| a query | |\n|---|---|")
    print(f"| alone | {query_ms(embedder):.0f} ms |")
    bulk = threading.Thread(target=embedder.embed_passages, args=(sets["squad2"],))
    bulk.start()
    print(f"| while texts are embedded | {query_ms(embedder):.0f} ms |")
    bulk.join()


if __name__ == "__main__":
    main()
