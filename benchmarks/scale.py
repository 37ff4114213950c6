"""Does a search among vectors stay near the time to read them? Tera's index beside others, in turn.

The vectors are clustered, not random: topics, narrower ones in them, a common mean and a spectrum
that falls off. Each contender has a process of its own, with one thread for searching.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from vector_stores import STORES, FloatMatrix, Tera, is_there

DIM = 384
COUNT = 10
SHARES = (0.001, 0.01, 0.1, 0.5, 0.9)
REFERENCE, EXACT = "reading the bytes", "numpy float32"
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS")
SLOW_S = 0.5
"""A contender that is slower than this takes part in fewer rounds."""


@dataclass
class Figures:
    """What was measured of a contender at a size; times in seconds, sizes in bytes a chunk."""

    search: float
    recall: float
    build: float
    add: float
    open: float
    memory: float
    mapped: float
    disk: float


def main() -> None:
    """Print two tables for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", choices=[*STORES])
    parser.add_argument("--plot", type=Path, help="draw the time of a search by size: a PNG")
    parser.add_argument("--json", type=Path, help="write the figures; --plot takes them from here")
    options = parser.parse_args()
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    missing = [name for name in STORES if not is_there(name)]
    if missing:
        print(f"not installed, left out: {', '.join(missing)} (pip install --group bench)")
    names = [name for name in STORES if name not in (*missing, *options.without)]
    by_size: dict[int, dict[str, Figures]] = {}
    if options.json and options.json.exists():
        by_size = read(options.json)
    for chunks in options.chunks:
        by_size[chunks] = at_size(chunks, names, options.rounds)
        if options.json:
            kept = {size: {n: asdict(f) for n, f in fs.items()} for size, fs in by_size.items()}
            options.json.write_text(json.dumps(kept, indent=1))
    if options.plot:
        draw(by_size, options.plot)


def read(file: Path) -> dict[int, dict[str, Figures]]:
    """Return the figures of earlier runs."""
    return {
        int(size): {name: Figures(**figures) for name, figures in of_size.items()}
        for size, of_size in json.loads(file.read_bytes()).items()
    }


def clustered(count: int, rng: np.random.Generator, chunks: int) -> Iterator[FloatMatrix]:
    """Yield vectors of length 1 around as many narrow topics as 50 chunks each would need."""
    fixed = np.random.default_rng(0)
    spectrum = (np.arange(1, DIM + 1) ** -0.3).astype(np.float32)
    spectrum /= np.sqrt((spectrum**2).mean())
    turned = np.linalg.qr(fixed.standard_normal((DIM, DIM)))[0].astype(np.float32)
    mean = 0.25 * fixed.standard_normal(DIM).astype(np.float32)
    broad = fixed.standard_normal((200, DIM), np.float32)
    narrow = 0.7 * fixed.standard_normal((max(chunks // 50, 1), DIM), np.float32)
    narrow += 0.7 * broad[fixed.integers(0, len(broad), len(narrow))]
    for begin in range(0, count, 50_000):
        some = min(count - begin, 50_000)
        near = narrow[rng.integers(0, len(narrow), some)]
        matrix = mean + 0.75 * near + 0.65 * rng.standard_normal((some, DIM), np.float32)
        matrix = (matrix * spectrum) @ turned
        yield matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def at_size(chunks: int, names: Sequence[str], rounds: int) -> dict[str, Figures]:
    """Measure and print all at one size."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.f32"
        rng = np.random.default_rng(1)
        with file.open("wb") as vectors_file:
            for block in clustered(chunks, rng, chunks):
                vectors_file.write(block.tobytes())
        matrix = np.memmap(file, np.float32, mode="r", shape=(chunks, DIM))
        questions = next(clustered(rounds, rng, chunks))
        contenders = [
            Contender(name, Path(folder) / str(number), file, chunks)
            for number, name in enumerate(names)
            if chunks in STORES[name][2]
        ]
        try:
            figures = measured(contenders, matrix, questions)
            show(chunks, figures)
            for contender in contenders:
                if contender.name == "Tera":
                    filtered(contender, matrix, questions)
        finally:
            for contender in contenders:
                contender.stop()
    return figures


class Contender:
    """A process with one index in it."""

    def __init__(self, name: str, folder: Path, vectors: Path, chunks: int) -> None:
        """Start it."""
        self.name = name
        self._folder, self._vectors, self._chunks = folder, vectors, chunks
        folder.mkdir()
        self._start()

    def _start(self) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        arguments = (theirs, self.name, self._folder, self._vectors, self._chunks)
        self._process = spawning.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def begin_anew(self) -> None:
        """Go on in a new process, which has nothing in memory."""
        self.do("close")
        self._process.terminate()
        self._process.join()
        self._start()

    def do(self, what: str, *arguments: object) -> tuple[float, Any]:
        """Return the seconds that something took there, and its result."""
        self._pipe.send((what, arguments))
        answer: tuple[float, Any] = self._pipe.recv()
        return answer

    def disk(self) -> int:
        """Return the bytes of its files."""
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        return sum(path.stat().st_blocks * 512 for path in files)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.join()
        shutil.rmtree(self._folder, ignore_errors=True)


def serve(pipe: Pipe, name: str, folder: Path, vectors: Path, chunks: int) -> None:
    """Do what the other end says, until it is gone."""
    # What a library takes by itself is not what its index takes.
    for module in STORES[name][1]:
        importlib.import_module(module)
    store = STORES[name][0]()
    matrix = np.memmap(vectors, np.float32, mode="r", shape=(chunks, DIM))
    chosen: npt.NDArray[np.uint64] | None = None
    while True:
        try:
            what, arguments = pipe.recv()
        except EOFError:
            return
        result: Any = None
        if what == "choose":
            chosen = store.choose(*arguments)
        began = time.perf_counter()
        if what == "build":
            store.build(np.ascontiguousarray(matrix), folder)
        elif what == "close":
            del store
        elif what == "open":
            store.open(folder)
            store.search(*arguments)
        elif what == "search":
            result = store.search(*arguments)
        elif what == "add":
            store.add(*arguments)
        elif what == "memory":
            result = resident()
        elif what == "nearest":
            assert isinstance(store, Tera)
            question, count = arguments
            result = store.index.nearest(question, count, chosen)
        pipe.send((time.perf_counter() - began, result))


def resident() -> tuple[int, int]:
    """Return the bytes of memory that are the process's own, and those of mapped files (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines if line.startswith("Rss"))
    own, mapped = (int(sizes[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))
    return own, mapped


def measured(
    contenders: Sequence[Contender], matrix: FloatMatrix, questions: FloatMatrix
) -> dict[str, Figures]:
    """Build all one after the other, then search in turn, then add."""
    figures: dict[str, Figures] = {}
    before: dict[str, tuple[int, int]] = {}
    for contender in contenders:
        build, _ = contender.do("build")
        contender.begin_anew()
        before[contender.name] = contender.do("memory")[1]
        open_s, _ = contender.do("open", questions[0], COUNT)
        disk = contender.disk() / len(matrix)
        figures[contender.name] = Figures(0, 0, build, 0, open_s, 0, 0, disk)
        print(f"{contender.name}: built in {build:.1f} s", flush=True)
    exact = [best_of(matrix, question) for question in questions]
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    hits: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number, question in enumerate(questions):
        for contender in contenders:
            times = seconds[contender.name]
            if len(times) < 3 or statistics.median(times) < SLOW_S:
                took, found = contender.do("search", question, COUNT)
                times.append(took)
                hits[contender.name].append(len(exact[number] & set(found)) / COUNT)
    for contender in contenders:
        of_one, name = figures[contender.name], contender.name
        of_one.search = statistics.median(seconds[name])
        of_one.recall = statistics.mean(hits[name])
        own, mapped = contender.do("memory")[1]
        of_one.memory = max(own - before[name][0], 0) / len(matrix)
        of_one.mapped = max(mapped - before[name][1], 0) / len(matrix)
        if name not in (REFERENCE, EXACT):
            added = [
                contender.do("add", question, len(matrix) + n)[0]
                for n, question in enumerate(questions[:7])
            ]
            of_one.add = statistics.median(added)
    return figures


def best_of(matrix: FloatMatrix, question: FloatMatrix) -> set[int]:
    """Return the exact nearest."""
    return set(np.argpartition(matrix @ question, -COUNT)[-COUNT:].tolist())


def show(chunks: int, figures: Mapping[str, Figures]) -> None:
    """Print the table of a size."""
    print(
        f"\n{chunks:,} chunks of {DIM} dimensions: {chunks * DIM * 4 / 1e6:,.0f} MB of float32\n\n"
        f"| | top {COUNT}, ms | x reading | x numpy | recall@{COUNT} | build s | add one ms"
        " | open and first answer s | own memory B/chunk | mapped B/chunk | disk B/chunk |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for name, of_one in figures.items():
        ratios = [
            f"{of_one.search / figures[other].search:.2f}" if other in figures else ""
            for other in (REFERENCE, EXACT)
        ]
        print(
            f"| {name} | {of_one.search * 1e3:.2f} | {' | '.join(ratios)} |"
            f" {'' if name == REFERENCE else f'{of_one.recall:.3f}'} | {of_one.build:.1f} |"
            f" {f'{of_one.add * 1e3:.1f}' if of_one.add else ''} | {of_one.open:.3f} |"
            f" {of_one.memory:.0f} | {of_one.mapped:.0f} | {of_one.disk:.0f} |"
        )


def filtered(contender: Contender, matrix: FloatMatrix, questions: FloatMatrix) -> None:
    """Print how searches among some of the memories go; adding rows does not change these."""
    print(f"\n| Tera, share of {len(matrix):,} | top {COUNT}, ms | recall@{COUNT} |\n|---|---|---|")
    rng = np.random.default_rng(2)
    for share in SHARES:
        rows = np.sort(rng.permutation(len(matrix))[: max(int(share * len(matrix)), 1)])
        contender.do("choose", rows)
        times: list[float] = []
        hits: list[float] = []
        for question in questions:
            took, found = contender.do("nearest", question, COUNT)
            times.append(took)
            scores = (matrix @ question)[rows]
            least = np.sort(scores)[-min(COUNT, len(rows))]
            hits.append(sum(score >= least - 1e-6 for _, _, score in found) / min(COUNT, len(rows)))
        median, recall = statistics.median(times) * 1e3, statistics.mean(hits)
        print(f"| {share:.1%} | {median:.2f} | {recall:.3f} |", flush=True)


def draw(by_size: Mapping[int, Mapping[str, Figures]], file: Path) -> None:
    """Draw the time of a search by the number of chunks."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 4.8), dpi=110)
    for name in STORES:
        points = [(n, of[name].search * 1e3) for n, of in sorted(by_size.items()) if name in of]
        if not points:
            continue
        sizes, times = zip(*points, strict=True)
        is_tera = name == "Tera"
        style = "--" if name == REFERENCE else "-"
        axes.plot(
            sizes,
            times,
            style,
            marker="o",
            markersize=3.5,
            linewidth=2.6 if is_tera else 1.1,
            color="black" if is_tera else None,
            label=name,
            zorder=3 if is_tera else 2,
        )
    axes.set(xscale="log", yscale="log", xlabel="chunks", ylabel=f"warm top {COUNT}, median ms")
    axes.set_title(f"Search by size: {DIM} dimensions, one thread, clustered vectors")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=7.5, ncols=2)
    figure.tight_layout()
    figure.savefig(file)


if __name__ == "__main__":
    main()
