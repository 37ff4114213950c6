"""How long do the commands take that need no model? Beside importing typer, in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import typer'": ["-c", "import typer"],
    "tera --help": ["-m", "tera", "--help"],
    "tera config show": ["-m", "tera", "config", "show"],
    "tera remember TEXT": ["-m", "tera", "remember"],
    "tera list": ["-m", "tera", "list"],
}


def main() -> None:
    """Print a table: a row for each command, its median and its ratio to importing typer."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "TERA_HOME": home}
        # In turn, so that a slow spell of the machine meets all of them.
        for number in range(RUNS):
            for name, arguments in COMMANDS.items():
                text = [f"fact number {number}"] if name.endswith("TEXT") else []
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, *arguments, *text],
                    env=environ,
                    stdout=subprocess.DEVNULL,
                    check=True,
                )
                seconds[name].append(time.perf_counter() - began)
    reference = statistics.median(seconds["python -c 'import typer'"])
    print("| command | median s | x import typer |\n|---|---|---|")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"| {name} | {median:.2f} | {median / reference:.1f} |")


if __name__ == "__main__":
    main()
