"""What a person sees: data on stdout, talk on stderr. The only module that imports rich."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from tera.datatypes import Answer, Memory, SearchResult
from tera.errors import TeraError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

INDENT = "    "
PASSAGE_LINES = 8
"""Lines of a passage on a terminal; `tera show` has the whole memory."""


class Output:
    """Prints for a terminal or for a program, and hears what the engine is doing."""

    def __init__(self) -> None:
        """Prepare; nothing is printed."""
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    # Data.

    def data(self, text: str, end: str = "\n") -> None:
        """Print data, as it is; on a terminal without control characters."""
        sys.stdout.write(_printable(text, sys.stdout) + end)
        sys.stdout.flush()

    def json(self, value: object) -> None:
        """Print a value as JSON."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def row(self, *cells: str) -> None:
        """Print a line of a list; on a terminal it is cut at the terminal's width."""
        text = "  ".join(" ".join(cell.split()) if "\n" in cell else cell for cell in cells)
        self.data(_cut(text, _width()) if sys.stdout.isatty() else text.rstrip())

    def memory_row(self, memory: Memory) -> None:
        """Print a memory as a line of a list."""
        tags = " ".join(f"#{tag}" for tag in memory.tags)
        self.row(memory.id, day(memory.at), memory.headline + (f"  {tags}" if tags else ""))

    def memory(self, memory: Memory) -> None:
        """Print a whole memory, its facts before its text."""
        facts = {
            "id": memory.id,
            "title": memory.title or "",
            "date": minute(memory.at),
            "remembered": minute(memory.remembered_at),
            "tags": " ".join(f"#{tag}" for tag in memory.tags),
            "source": memory.source or "",
        }
        for name, value in facts.items():
            if value:
                self.data(f"{name + ':':<12}{value}")
        self.data("\n" + memory.text.rstrip("\n"))

    def result(self, result: SearchResult) -> None:
        """Print a passage found."""
        memory = result.memory
        name = memory.title or memory.source or ""
        self.row(memory.id, day(memory.at), f"{result.score:.2f}", name)
        self.data(_block(result.text) + "\n")

    def sources(self, answer: Answer) -> None:
        """Print what an answer rests on."""
        self.data("")
        for citation in answer.citations:
            memory = citation.result.memory
            if memory.id:
                when, name = day(memory.at), memory.headline
                self.row(f"[{citation.number}]", memory.id, when, name)
            else:
                self.row(f"[{citation.number}]", "piped text")

    # Talk.

    def talk(self, text: str, *, is_error: bool = False) -> None:
        """Print a line for the person."""
        self.end_progress()
        text = _printable(text, sys.stderr)
        sys.stderr.write((_red(text) if is_error else text) + "\n")

    def error(self, error: TeraError) -> None:
        """Print what went wrong and what to do next."""
        self.talk(f"error: {error.message}", is_error=True)
        if error.hint:
            self.talk(f"hint: {error.hint}")

    def nearest(self, results: Sequence[SearchResult]) -> None:
        """Say that nothing in memory is an answer, and what came closest."""
        self.talk("nothing in memory answers that")
        if results:
            self.talk("the nearest memories:")
        for result in results:
            memory = result.memory
            text = f"  {memory.id}  {day(memory.at)}  {result.score:.2f}  {memory.headline}"
            self.talk(_cut(text, _width()))

    def note(self, text: str, hint: str = "") -> None:
        """Say something that the person should know, on one line."""
        self.talk(f"{text} (hint: {hint})" if hint else text)

    def progress(self, task: str, done: int, total: int) -> None:
        """Show how far a long task is; only on a terminal."""
        if not sys.stderr.isatty():
            return
        if self._progress is None:
            self._progress = _new_progress()
            self._progress.start()
        if task not in self._tasks:
            self._tasks[task] = self._progress.add_task(task)
        self._progress.update(self._tasks[task], completed=done, total=total or None)

    def end_progress(self) -> None:
        """Take the progress display away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._tasks = None, {}


def day(time: datetime) -> str:
    """Return a date in the person's time zone."""
    return f"{time.astimezone():%Y-%m-%d}"


def minute(time: datetime) -> str:
    """Return a date and time in the person's time zone."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def memory_record(memory: Memory) -> dict[str, Any]:
    """Return a memory for --json."""
    from tera.transfer import fields_of

    return {"id": memory.id, **fields_of(memory)}


def result_record(result: SearchResult) -> dict[str, Any]:
    """Return a passage for --json; `start` and `end` are characters of the memory's text."""
    memory = memory_record(result.memory)
    memory["text"] = result.text
    return {**memory, "start": result.start, "end": result.end, "score": round(result.score, 4)}


def answer_record(answer: Answer) -> dict[str, Any]:
    """Return an answer for --json."""
    return {
        "question": answer.question,
        "kind": answer.kind,
        "answer": answer.text,
        "citations": [
            {"number": citation.number, **result_record(citation.result)}
            for citation in answer.citations
        ],
        "nearest": [result_record(result) for result in answer.nearest],
    }


def _new_progress() -> Progress:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Remaining())
    return Progress(*columns, console=_stderr(), transient=True)


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _red(text: str) -> str:
    if not sys.stderr.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return text
    from rich.text import Text

    console = _stderr()
    with console.capture() as capture:
        console.print(Text(text, style="red"), end="", soft_wrap=True)
    return capture.get()


def _printable(text: str, stream: TextIO) -> str:
    """Return text that cannot drive a terminal: a memory may hold escape sequences."""
    if not stream.isatty():
        return text
    return "".join(
        f"\\x{ord(character):02x}"
        if unicodedata.category(character) == "Cc" and character not in "\n\t"
        else character
        for character in text
    )


def _block(text: str) -> str:
    import textwrap

    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        if sys.stdout.isatty():
            wrapped = textwrap.wrap(line, max(20, _width() - len(INDENT))) or [""]
        else:
            wrapped = [line]
        lines += [INDENT + piece for piece in wrapped]
    if sys.stdout.isatty() and len(lines) > PASSAGE_LINES:
        lines[PASSAGE_LINES - 1 :] = [INDENT + "…"]
    return "\n".join(lines)


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
