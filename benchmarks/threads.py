"""What the number of threads does to a language model, beside other programs and alone.

    python benchmarks/threads.py MODEL.gguf [--busy 1] [--rounds 5] [--tokens 24]

Any GGUF will do; phi2_random_gguf.py writes one of Phi-2's shape (`--layers 8` is enough). Each
fixed number and Tera's own choice take turns in one process, round by round, so that what else
happens on the machine meets all of them; the middle round is shown. Threads of OpenMP wait at full
speed or asleep, which a process decides once, so each is a process of its own.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from tera.llms.cores import usable_cores
from tera.llms.threads import Threads

BATCH = 32
SPIN = [sys.executable, "-c", "while True: pass"]


class Model:
    """A GGUF file, one decode at a time."""

    def __init__(self, file: str) -> None:
        """Load it."""
        import llama_cpp

        self.api: Any = llama_cpp
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        self.api.llama_log_set(self._quiet, None)
        self.api.llama_backend_init()
        model = self.api.llama_model_load_from_file(
            file.encode(), self.api.llama_model_default_params()
        )
        wanted = self.api.llama_context_default_params()
        wanted.n_ctx, wanted.n_batch, wanted.n_ubatch = 512, BATCH, BATCH
        self.context = self.api.llama_init_from_model(model, wanted)
        if not self.context:
            raise SystemExit(f"{file} does not load")

    def forget(self) -> None:
        """Begin a new text."""
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)

    def decode(self, tokens: int, threads: int) -> float:
        """Read so many tokens; return the seconds for each."""
        self.api.llama_set_n_threads(self.context, threads, threads)
        numbers = (ctypes.c_int * tokens)(*(37 * at % 5000 for at in range(tokens)))
        start = time.perf_counter()
        if self.api.llama_decode(self.context, self.api.llama_batch_get_one(numbers, tokens)):
            raise SystemExit("decoding failed")
        return (time.perf_counter() - start) / tokens


def measure(file: str, rounds: int, tokens: int) -> dict[str, list[float]]:
    """Return the milliseconds per token, read and written, of each way to choose."""
    model = Model(file)
    model.decode(1, 1)
    cores = usable_cores()
    ways = {f"{number} fixed": Threads(number) for number in sorted({1, max(1, cores // 2), cores})}
    ways["adapted"] = Threads()
    found: dict[str, list[list[float]]] = {name: [[], []] for name in ways}
    for _ in range(rounds):
        for name, threads in ways.items():
            model.forget()
            times: list[list[float]] = [[], []]
            for is_written in [False] * 4 + [True] * tokens:
                number = threads.count if is_written else threads.batch_count
                seconds = model.decode(1 if is_written else BATCH, number)
                threads.note(seconds, not is_written)
                times[is_written].append(seconds * 1000)
            for kind, part in zip(found[name], times, strict=True):
                kind.append(sum(part) / len(part))
    return {name: [median(kind) for kind in kinds] for name, kinds in found.items()}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--busy", type=int, default=1, help="other programs, of one core each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=24, help="written in each round")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(measure(str(given.model), given.rounds, given.tokens)))
        return
    print("| beside it | threads wait | threads | read, ms a token | written, ms a token |")
    print("|---|---|---|---|---|")
    for busy in (0, given.busy):
        for policy in ("active", "passive"):
            others = [subprocess.Popen(SPIN) for _ in range(busy)]
            try:
                options = ["--rounds", str(given.rounds), "--tokens", str(given.tokens), "--worker"]
                output = subprocess.run(
                    [sys.executable, __file__, str(given.model), *options],
                    # Without a setting libgomp waits at full speed, too, as long as cores suffice.
                    env=os.environ | ({"OMP_WAIT_POLICY": policy} if policy == "passive" else {}),
                    stdout=subprocess.PIPE,
                    check=True,
                ).stdout
            finally:
                for other in others:
                    other.kill()
                    other.wait()
            waiting = "asleep" if policy == "passive" else "at full speed"
            for name, (read, written) in json.loads(output).items():
                print(f"| {busy or 'nothing'} | {waiting} | {name} | {read:.1f} | {written:.1f} |")


if __name__ == "__main__":
    main()
