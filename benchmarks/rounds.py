"""Commands timed in turn, so that a slow spell of the machine meets all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TERA = [sys.executable, "-m", "tera"]
REFERENCE = "python -c 'import typer'"
IMPORT_TYPER = [sys.executable, "-c", "import typer"]

Command = Callable[[int], Sequence[str]]
"""Returns the words of a command in a round; they may differ, so that nothing is kept twice."""


def run(words: Sequence[str], home: Path, **more: str) -> str:
    """Run a command and return what it prints."""
    environ = {**os.environ, "TERA_HOME": str(home), **more}
    done = subprocess.run(
        words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def time_in_turn(
    commands: Mapping[str, Command],
    home: Path,
    rounds: int,
    before: Callable[[str], object] = lambda _: None,
) -> dict[str, float]:
    """Return the median seconds of each command; `before` is called with its name, not timed."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            before(name)
            began = time.perf_counter()
            run(command(number), home)
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}


def show(medians: Mapping[str, float], reference: str = REFERENCE) -> None:
    """Print a table: each command's median and its ratio to the reference."""
    print(f"\n| command | median s | x {reference} |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.3f} | {median / medians[reference]:.2f} |")


def wait_for_vectors(home: Path) -> None:
    """Wait until the agent has embedded everything."""
    while '"waiting_for_vectors": 0' not in run([*TERA, "status", "--json"], home):
        time.sleep(1)


@contextmanager
def stopped_at_the_end(home: Path) -> Iterator[None]:
    """Let no agent of the home outlive the block."""
    try:
        yield
    finally:
        with suppress(Exception):
            run([*TERA, "agent", "stop", "--force"], home)
