"""What a person sees: data on stdout, talk on stderr. The only module that imports rich."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from tera.datatypes import Answer, Memory, Remembered, SearchResult
from tera.errors import TeraError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

INDENT = "    "
_LINE_BREAKS = re.compile(r"[\t-\r\x85\u2028\u2029]+")
_BIDI_CONTROLS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""They make a terminal show text in another order than it has."""
NEAREST = 3
"""Memories shown when none is an answer."""
PASSAGE_LINES = 8
"""Lines of a passage on a terminal; `tera show` has the whole memory."""


class PipeClosed(Exception):
    """Nobody reads what is printed any more, as in `tera list | head -1`."""


class Output:
    """Prints for a terminal or for a program, and hears what the engine is doing."""

    def __init__(self) -> None:
        """Prepare; nothing is printed."""
        self._task = ""
        self._display: Any = None
        self._unfinished_word = ""
        self._column: int | None = None

    # Data.

    def data(self, text: str, end: str = "\n") -> None:
        """Print data, as it is; on a terminal without control characters."""
        _write(_printable(text, sys.stdout) + end)

    def json(self, value: object) -> None:
        """Print a value as JSON."""
        self.data(json.dumps(value, ensure_ascii=False, indent=2))

    def row(self, *cells: str) -> None:
        """Print a line of a list; on a terminal it is cut at the terminal's width."""
        text = _printable("  ".join(_LINE_BREAKS.sub(" ", cell) for cell in cells), sys.stdout)
        self.data(_cut(text.rstrip(), _width()) if sys.stdout.isatty() else text.rstrip())

    def memory_row(self, memory: Memory) -> None:
        """Print a memory as a line of a list."""
        tags = " ".join(f"#{tag}" for tag in memory.tags)
        self.row(memory.id, day(memory.at), memory.headline + (f"  {tags}" if tags else ""))

    def memory(self, memory: Memory) -> None:
        """Print a whole memory, its facts before its text."""
        from tera.places import with_page_numbers

        facts = {
            "id": memory.id,
            "title": memory.title or "",
            "date": minute(memory.at),
            "remembered": minute(memory.remembered_at),
            "tags": " ".join(f"#{tag}" for tag in memory.tags),
            "source": memory.source or "",
            "type": memory.type,
            "part": memory.part,
        }
        for name, value in facts.items():
            if value:
                self.data(f"{name + ':':<12}{value}")
        # On a terminal a form feed would be shown as an escape sequence.
        text = with_page_numbers(memory) if sys.stdout.isatty() else memory.text
        self.data("\n" + text.rstrip("\n"))

    def status(self, remembered: Remembered) -> None:
        """Say what became of something told; that it is new, its id says."""
        memory = remembered.memory
        if remembered.status == "known":
            self.talk(f"already remembered as {memory.id}")
        elif remembered.status == "updated":
            self.talk(f"{memory.id} brought up to date: {memory.headline}")

    def result(self, result: SearchResult, *, explains: bool = False) -> None:
        """Print a passage found, and what its score is made of."""
        from tera.places import cited

        memory = result.memory
        name = cited(result) if memory.title or memory.type else memory.source or ""
        self.row(memory.id, day(memory.at), f"{result.score:.2f}", name)
        if explains:
            parts = f"meaning {result.meaning:.2f} · words {result.words:.2f}"
            self.row(f"  {parts} · time {result.time:.2f}")
        self.data(_block(result.text) + "\n")

    def sources(self, answer: Answer) -> None:
        """Print what an answer rests on."""
        from tera.places import cited

        self.data("")
        for citation in answer.citations:
            memory = citation.result.memory
            if memory.id:
                name = cited(citation.result)
                self.row(f"[{citation.number}]", memory.id, day(memory.at), name)
            else:
                self.row(f"[{citation.number}]", "piped text")

    def answer(self, piece: str) -> None:
        """Print a piece of an answer as it is written; on a terminal lines end between words."""
        self.end_progress()
        self._column = self._column or 0
        if not sys.stdout.isatty():
            self.data(piece, end="")
            return
        *words, self._unfinished_word = re.split(
            r"(?=\s)", _printable(self._unfinished_word + piece.replace("\t", " "), sys.stdout)
        )
        for word in words:
            self._place(word)

    def end_answer(self) -> None:
        """End the line of an answer, if any of it was written."""
        if self._column is not None:
            self._place(self._unfinished_word)
            self.data("")
        self._unfinished_word, self._column = "", None

    def _place(self, word: str) -> None:
        """Print a word and the white space before it where they fit on the terminal."""
        from rich.cells import cell_len

        column = (self._column or 0) + cell_len(word)
        if column > _width() and self._column:
            word = "\n" + word.lstrip()
        if word.startswith("\n"):
            column = cell_len(word)
        self._column = column
        self.data(word, end="")

    # Talk.

    def talk(self, text: str, *, is_error: bool = False) -> None:
        """Print a line for the person."""
        self.end_progress()
        text = _printable(text, sys.stderr)
        try:
            sys.stderr.write((_red(text) if is_error else text) + "\n")
            sys.stderr.flush()
        except OSError:
            # Nobody hears it; what is done and its exit code stay the same.
            drop_output(sys.stderr)

    def confirm(self, question: str) -> bool:
        """Ask on the terminal; anything but yes is no."""
        return self.ask(f"{question} [y/N]") in ("y", "yes")

    def ask(self, question: str) -> str:
        """Ask on the terminal; return the reply in lower case."""
        self.end_progress()
        sys.stderr.write("\n".join(_wrap(question, sys.stderr)) + " ")
        sys.stderr.flush()
        reply = sys.stdin.readline()
        if not reply.endswith("\n"):
            sys.stderr.write("\n")
        return reply.strip().lower()

    def ask_secret(self, question: str) -> str:
        """Ask on the terminal for what is not shown there; empty when the person has none."""
        from getpass import getpass

        self.end_progress()
        try:
            return getpass("\n".join(_wrap(question, sys.stderr)) + " ", stream=sys.stderr)
        except EOFError:
            self.talk("")
            return ""

    def error(self, error: TeraError) -> None:
        """Print what went wrong and what to do next."""
        self.talk("\n".join(_wrap(f"error: {error.message}", sys.stderr)), is_error=True)
        if error.hint:
            self.talk(f"hint: {error.hint}")

    def nearest(self, results: Sequence[SearchResult]) -> None:
        """Say that nothing in memory is an answer, and what came closest."""
        from tera.places import cited

        self.talk("nothing in memory answers that")
        best = {result.memory.id: result for result in reversed(results)}
        if best:
            self.talk("the nearest memories:")
        for result in sorted(best.values(), key=lambda result: -result.score)[:NEAREST]:
            memory = result.memory
            text = f"  {memory.id}  {day(memory.at)}  {result.score:.2f}  {cited(result)}"
            self.talk(_cut(_printable(text, sys.stderr), _width()))

    def note(self, text: str, hint: str = "") -> None:
        """Say something that the person should know; on one line where there is room for it."""
        line = f"{text} (hint: {hint})" if hint else text
        if sys.stderr.isatty() and len(line) > _width():
            line = "\n".join(_wrap(text, sys.stderr)) + (f"\nhint: {hint}" if hint else "")
        self.talk(line)

    def progress(self, task: str, done: int, total: int, state: str = "") -> None:
        """Show how far a long task is; only on a terminal that can go back in its line."""
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            return
        if task != self._task:
            self.end_progress()
            self._task = task
            self._display = _bar(task, total) if total else _stderr().status(_plain(task))
            self._display.start()
        if total:
            bar = self._display.task_ids[0]
            self._display.update(bar, completed=done, total=total, state=_plain(state))

    def end_progress(self) -> None:
        """Take the progress display away."""
        if self._display is not None:
            self._display.stop()
            self._display, self._task = None, ""


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


def remembered_record(remembered: Remembered) -> dict[str, Any]:
    """Return what became of something told for --json."""
    return {**memory_record(remembered.memory), "status": remembered.status}


def result_record(result: SearchResult) -> dict[str, Any]:
    """Return a passage for --json; `start` and `end` are characters of the memory's text."""
    from tera.places import place_of

    memory = memory_record(result.memory)
    memory["text"] = result.text
    memory["place"] = place_of(result.memory, result.start, result.end)
    parts = {
        name: round(getattr(result, name), 4) for name in ("score", "meaning", "words", "time")
    }
    return {**memory, "start": result.start, "end": result.end, **parts}


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


def _bar(task: str, total: int) -> Progress:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
        Remaining(),
    )
    progress = Progress(*columns, console=_stderr(), transient=True)
    progress.add_task(_plain(task), total=total, state="")
    return progress


def _plain(text: str) -> str:
    """Return text in which rich sees no markup."""
    from rich.markup import escape

    return escape(text)


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
    """Return text that cannot drive a terminal: a memory may hold escape sequences.

    They are written as in JSON, so that JSON stays what it is.
    """
    if not stream.isatty():
        return text
    return "".join(
        f"\\u{ord(character):04x}"
        if (unicodedata.category(character) == "Cc" and character not in "\n\t")
        or unicodedata.bidirectional(character) in _BIDI_CONTROLS
        else character
        for character in text
    )


def _block(text: str) -> str:
    lines = [
        INDENT + piece
        for line in text.strip("\n").split("\n")
        for piece in _wrap(line, sys.stdout, len(INDENT))
    ]
    if sys.stdout.isatty() and len(lines) > PASSAGE_LINES:
        lines[PASSAGE_LINES - 1 :] = [INDENT + "…"]
    return "\n".join(lines)


def _wrap(line: str, stream: TextIO, indent: int = 0) -> list[str]:
    """Return a line as lines that fit a terminal; elsewhere as it is."""
    if not stream.isatty():
        return [line]
    from rich.text import Text

    text = Text(_printable(line, stream))
    return [piece.plain for piece in text.wrap(_stderr(), max(20, _width() - indent), tab_size=4)]


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise PipeClosed from error


def drop_output(stream: TextIO) -> None:
    """Send what is still to be written to a stream nowhere; Python flushes it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
