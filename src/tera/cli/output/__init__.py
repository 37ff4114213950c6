"""What a person sees: data on stdout, talk on stderr. Only this package imports rich."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from tera.cli.output.answer import AnswerView
from tera.cli.output.terminal import (
    bar,
    block,
    cut,
    day,
    drop_output,
    minute,
    one_line,
    printable,
    red,
    stderr,
    width,
    without_markup,
    wrap,
    write,
)
from tera.datatypes import Answer, Disagreement, Memory, Quote, Remembered, SearchResult
from tera.errors import TeraError

NEAREST = 3
"""Memories shown when none is an answer."""


class Output:
    """Prints for a terminal or for a program, and hears what the engine is doing."""

    def __init__(self) -> None:
        """Prepare; nothing is printed."""
        self._task = ""
        self._display: Any = None
        self._answer = AnswerView()
        self._is_answering = False

    # Data.

    def data(self, text: str, end: str = "\n") -> None:
        """Print data, as it is; on a terminal without control characters."""
        write(printable(text, sys.stdout) + end)

    def json(self, value: object) -> None:
        """Print a value as JSON."""
        self.data(json.dumps(value, ensure_ascii=False, indent=2))

    def row(self, *cells: str) -> None:
        """Print a line of a list; on a terminal it is cut at the terminal's width."""
        text = printable("  ".join(one_line(cell) for cell in cells), sys.stdout)
        self.data(cut(text.rstrip(), width()) if sys.stdout.isatty() else text.rstrip())

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
                self.data(f"{name + ':':<12}{one_line(value)}")
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
        self.data(block(result.text) + "\n")

    def sources(self, answer: Answer) -> None:
        """Print what an answer rests on, and which memories do not agree."""
        from tera.places import cited

        self.data("")
        for citation in answer.citations:
            memory = citation.result.memory
            if memory.id:
                name = cited(citation.result)
                self.row(f"[{citation.number}]", memory.id, day(memory.at), name)
            else:
                self.row(f"[{citation.number}]", "piped text")
        for both in answer.disagreements:
            self._disagreement(both, answer)
        replaced = sum(claim.support == "replaced" for claim in answer.claims)
        withheld = sum(claim.support == "withheld" for claim in answer.claims)
        if replaced or withheld:
            self.talk(_not_borne_out(replaced, withheld))

    def _disagreement(self, both: Disagreement, answer: Answer) -> None:
        numbers = {citation.result.memory.id: citation.number for citation in answer.citations}
        newer, older = (numbers.get(quote.result.memory.id) for quote in (both.newer, both.older))
        if newer and older:
            self.data(f"\n[{newer}] and [{older}] do not agree; [{newer}] is the newer one.")
            return
        self.data("\nThese do not agree:")
        for quote in (both.newer, both.older):
            self.row(f"  {quote.result.memory.id}  {day(quote.result.memory.at)}")
            self.data(block(f"“{quote.text}”"))

    def quote(self, quote: Quote) -> None:
        """Show the sentence that fits best; see `Audience`."""
        self.end_progress()
        self._answer.quote(quote)

    def draft(self, text: str) -> None:
        """Show the sentence that is being written."""
        self.end_progress()
        self._is_answering = True
        self._answer.draft(text)

    def text(self, piece: str) -> None:
        """Show a further piece of the answer."""
        self.end_progress()
        self._is_answering = True
        self._answer.text(piece)

    def end_answer(self) -> None:
        """End what is shown of an answer."""
        self._pause_answer()
        self._answer = AnswerView()

    def _pause_answer(self) -> None:
        self._is_answering = False
        self._answer.end()

    # Talk.

    def talk(self, text: str, *, is_error: bool = False) -> None:
        """Print a line for the person."""
        self.end_progress()
        self._pause_answer()
        text = printable(text, sys.stderr)
        try:
            sys.stderr.write((red(text) if is_error else text) + "\n")
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
        sys.stderr.write("\n".join(wrap(question, sys.stderr)) + " ")
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
            return getpass("\n".join(wrap(question, sys.stderr)) + " ", stream=sys.stderr)
        except EOFError:
            self.talk("")
            return ""

    def error(self, error: TeraError) -> None:
        """Print what went wrong and what to do next."""
        self.talk("\n".join(wrap(f"error: {one_line(error.message)}", sys.stderr)), is_error=True)
        if error.hint:
            self.talk(f"hint: {one_line(error.hint)}")

    def nearest(self, results: Sequence[SearchResult]) -> None:
        """Say that nothing in memory is an answer, and what came closest."""
        from tera.places import cited

        best = {result.memory.id: result for result in reversed(results)}
        self.talk("I have nothing on that" + ("; the nearest memories:" if best else ""))
        for result in sorted(best.values(), key=lambda result: -result.score)[:NEAREST]:
            memory = result.memory
            text = f"  {memory.id}  {day(memory.at)}  {result.score:.2f}  {cited(result)}"
            self.talk(cut(printable(text, sys.stderr), width()))

    def note(self, text: str, hint: str = "") -> None:
        """Say something that the person should know; on one line where there is room for it."""
        line = f"{text} (hint: {hint})" if hint else text
        if sys.stderr.isatty() and len(line) > width():
            line = "\n".join(wrap(text, sys.stderr)) + (f"\nhint: {hint}" if hint else "")
        self.talk(line)

    def progress(self, task: str, done: int, total: int, state: str = "") -> None:
        """Show how far a long task is; only on a terminal that can go back in its line."""
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or self._is_answering:
            return
        if task != self._task:
            self.end_progress()
            self._task = task
            self._display = bar(task, total) if total else stderr().status(without_markup(task))
            self._display.start()
        if total:
            shown = self._display.task_ids[0]
            self._display.update(shown, completed=done, total=total, state=without_markup(state))

    def end_progress(self) -> None:
        """Take the progress display away."""
        if self._display is not None:
            self._display.stop()
            self._display, self._task = None, ""


def _not_borne_out(replaced: int, withheld: int) -> str:
    count = replaced + withheld
    what = f"{count} sentences of the model were" if count > 1 else "one sentence of the model was"
    said = f"{what} not borne out by the memories"
    ends = [
        f"{replaced} replaced by a quote" if replaced else "",
        f"{withheld} left out" if withheld else "",
    ]
    return f"{said}: {', '.join(end for end in ends if end)} (--json has them)"
