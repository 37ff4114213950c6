"""How fast does the language model answer, beside bare llama-cpp-python on the same file?

Without `--model` it writes a file of Phi-2's shape whose network copies from its prompt.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from phi2_random_gguf import PHI_2, write_phi2

from tera.llms.llama_cpp import LlamaCppLLM
from tera.llms.threads import Threads
from tera.models import ModelSpec
from tera.prompts import SYSTEM, Prompt

CONTEXT_TOKENS = 1024
BATCHES = (1, 2, 4, 8, 16, 32)
NOTE = (
    "The staging database listens on port 5433 since the second week of March, because Anna moved"
    " it to another building. Its backup runs every night at twenty past two; a log of that is kept"
    " for ninety days, and nobody has looked into it so far. Who wants to change this should first"
    " ask Peter, whose number stands at the door."
)
"""No two tokens stand in it twice, so that there is one way to go on."""
Result = TypeVar("Result")
MARK = "assistant\n"
"""The end of a prompt in ChatML: behind it the copying network goes on as the note does."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a GGUF file; it must speak ChatML")
    parser.add_argument("--layers", type=int, default=PHI_2.layers, help="fewer are faster")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=16, help="tokens of each answer")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.model
        if file is None:
            began = time.perf_counter()
            file = Path(folder) / "phi2.gguf"
            write_phi2(file, replace(PHI_2, layers=options.layers), copies=True)
            size = file.stat().st_size / 1e9
            print(f"{size:.2f} GB written in {time.perf_counter() - began:.1f} s")
        bench = Bench(file, Threads(options.threads).count, Path(folder) / "cache")
        print(f"{bench.threads} thread(s); medians of {options.rounds} rounds, taken in turn")
        bench.beside_bare(options.tokens, options.rounds)
        bench.first_token(min(options.rounds, 3))
        bench.batches(options.rounds)
        bench.quoting(min(options.rounds, 3))


class Bench:
    """One file, measured in several ways."""

    def __init__(self, file: Path, threads: int, cache: Path) -> None:
        """Load nothing yet."""
        self._file = file
        self.threads = threads
        self._cache = cache
        self._spec = ModelSpec(
            "model", "llm", "llama-cpp", files={file.name: ""}, context_tokens=CONTEXT_TOKENS
        )

    def _load(self, **options: Any) -> LlamaCppLLM:
        return LlamaCppLLM(self._spec, self._file.parent, self.threads, **options)

    def beside_bare(self, tokens: int, rounds: int) -> None:
        """Load, prompt speed and generation speed, ours and theirs."""
        import llama_cpp

        def load_bare() -> Any:
            return llama_cpp.Llama(
                str(self._file),
                n_ctx=CONTEXT_TOKENS,
                n_threads=self.threads,
                n_threads_batch=self.threads,
                verbose=False,
            )

        load_bare().close()  # So that the file is in memory.
        spent: dict[str, float] = {}
        models: dict[str, Any] = {}
        loaders: dict[str, Callable[[], Any]] = {
            "Tera": partial(self._load, looks_up=False),
            "as mapped": partial(self._load, looks_up=False, repacks=False),
            "bare": load_bare,
        }
        for name, loader in loaders.items():
            spent[name], models[name] = timed(loader)
        row("", *models)
        row("load, file in memory [s]", *(f"{seconds:.2f}" for seconds in spent.values()))
        reading: dict[str, list[float]] = {name: [] for name in models}
        writing: dict[str, list[float]] = {name: [] for name in models}
        for number in range(rounds):
            # Another beginning each time, so that nothing of the prompt is in the cache.
            prompt = Prompt(f"{number} {SYSTEM}", quoting_prompt().user)
            told, fixed = models["Tera"]._prompt(prompt)
            streams = {
                name: bare_pieces(model, told, tokens)
                if name == "bare"
                else our_pieces(model, told, fixed, tokens)
                for name, model in models.items()
            }
            for name, stream in streams.items():
                reading[name].append(timed(partial(next, stream))[0] / len(told))
            # A token of each in turn, so that all meet the same slow spells of the machine.
            for _ in range(tokens - 1):
                for name, stream in streams.items():
                    writing[name].append(timed(partial(next, stream))[0])
            for stream in streams.values():
                stream.close()
        for title, times in (("prompt", reading), ("generation", writing)):
            middle = {name: median(values) for name, values in times.items()}
            row(f"{title} [tokens/s]", *(f"{1 / value:.2f}" for value in middle.values()))
            row("    beside bare", *(f"{middle['bare'] / value:.3f}" for value in middle.values()))
        answer = (400 * median(reading[name]) + 80 * median(writing[name]) for name in models)
        row("400 tokens read, 80 written [s]", *(f"{seconds:.1f}" for seconds in answer))
        for model in models.values():
            model.close()

    def first_token(self, rounds: int) -> None:
        """Time to the first token by where the prompt's fixed part comes from."""
        times: dict[str, list[float]] = {"evaluated": [], "from disk": [], "kept": []}
        fixed = megabytes = 0.0
        for number in range(rounds):
            for file in self._cache.glob("*"):
                file.unlink()
            for name in ("evaluated", "from disk"):
                llm = self._load(cache=self._cache)
                times[name].append(first_piece_s(llm, f"Which port, in {number}?"))
                if name == "from disk":
                    times["kept"].append(first_piece_s(llm, f"When was it, in {number}?"))
                fixed = llm._prompt(quoting_prompt())[1]
                llm.close()
            megabytes = sum(file.stat().st_size for file in self._cache.glob("*")) / 1e6
        print(f"\nfixed part of {fixed} tokens, {megabytes:.1f} MB on disk")
        for name, values in times.items():
            row(f"first token, it is {name} [s]", f"{median(values):.2f}")

    def batches(self, rounds: int) -> None:
        """Time of a batch of k tokens beside k single ones."""
        llm = self._load()
        next(llm.generate(quoting_prompt(), 1))
        decoder = llm._decoder
        begin = len(decoder.tokens)
        times: dict[int, list[float]] = {size: [] for size in BATCHES}
        for _ in range(rounds):
            for size, values in times.items():
                decoder.cut(begin)
                tokens = [1000 + number for number in range(size)]
                values.append(timed(partial(decoder.check, tokens))[0])
        llm.close()
        print("\ntokens in a batch     " + "".join(f"{size:8}" for size in BATCHES))
        single = median(times[1])
        shown = "".join(f"{median(values) / single:8.2f}" for values in times.values())
        print(f"times a single token's{shown}")

    def quoting(self, rounds: int) -> None:
        """An answer that quotes its prompt, with and without prompt lookup."""
        print()
        seconds: dict[bool, list[float]] = {False: [], True: []}
        answers: set[str] = set()
        llms = {looks_up: self._load(looks_up=looks_up) for looks_up in (False, True)}
        prompt = quoting_prompt()
        count = llms[True].count_tokens(NOTE)
        for _ in range(rounds):
            for looks_up, llm in llms.items():
                pieces = llm.generate(prompt, count)
                text = [next(pieces)]
                spent, rest = timed(lambda pieces=pieces: list(pieces))  # type: ignore[misc]
                seconds[looks_up].append(spent)
                answers.add("".join(text + rest))
        without, with_it = (median(seconds[looks_up]) for looks_up in (False, True))
        for llm in llms.values():
            llm.close()
        row(f"{count} tokens, no lookup [s]", f"{without:.2f}")
        row(f"{count} tokens, lookup [s]", f"{with_it:.2f}")
        row("    beside no lookup", f"{without / with_it:.2f}")
        print("both wrote", "the same" if len(answers) == 1 else "different answers")
        print(f"first words: {answers.pop()[:60]!r}")


def our_pieces(llm: LlamaCppLLM, told: list[int], fixed: int, tokens: int) -> Any:
    """Yield what `LLM.generate` does in a thread of its own, here in turn with others."""
    llm._read(told, fixed)
    yield from llm._write(told, tokens)


def bare_pieces(llm: Any, told: list[int], tokens: int) -> Any:
    """Return what llama-cpp-python streams."""
    return llm.create_completion(
        told, max_tokens=tokens + 1, temperature=0.0, repeat_penalty=1.0, stream=True
    )


def quoting_prompt(question: str = "Which port?") -> Prompt:
    """Return a prompt whose note the copying network writes out."""
    return Prompt(SYSTEM, f"Notes:\n\n[1] (3 May 2026)\n{MARK}{NOTE}\n\nQuestion: {question}")


def first_piece_s(llm: LlamaCppLLM, question: str) -> float:
    """Return the time to the first piece of an answer."""
    return timed(lambda: next(llm.generate(Prompt(SYSTEM, question), 1)))[0]


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return how long something took, and what it returned."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def row(name: str, *cells: str) -> None:
    """Print a line of a table."""
    print(f"{name:36}" + "".join(f"{cell:>10}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
