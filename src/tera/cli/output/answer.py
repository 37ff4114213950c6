"""An answer on stdout while it is made: Markdown on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

from tera.cli.output.markdown import shown
from tera.cli.output.terminal import INDENT, cut, day, one_line, printable, width, wrap, write
from tera.datatypes import Quote


class AnswerView:
    """Shows one answer; it is an `Audience`."""

    def __init__(self) -> None:
        """Begin; nothing is shown yet."""
        self._quoted: Quote | None = None
        self._text = ""
        self._live: Any = None
        self._column = 0
        self._unfinished_word = ""

    def quote(self, quote: Quote) -> None:
        """Show the best sentence with its memory, as soon as it is there."""
        if quote == self._quoted:
            # Another agent began again.
            return
        self._quoted = quote
        from tera.answers.pieces import said
        from tera.places import cited

        memory = quote.result.memory
        origin = f"{memory.id}  {day(memory.at)}  {cited(quote.result)}"
        lines = wrap(f"“{said(quote)}”", sys.stdout)
        place = printable(INDENT + (one_line(origin) if memory.id else "piped text"), sys.stdout)
        lines.append(cut(place, width()) if sys.stdout.isatty() else place)
        write("\n".join(lines) + "\n\n")

    def draft(self, text: str) -> None:
        """Show the sentence that is being written, where it can be taken back."""
        if can_redraw():
            self._draw(text)

    def text(self, piece: str) -> None:
        """Show a further piece of the answer."""
        self._text += piece
        if can_redraw():
            self._draw("")
        elif sys.stdout.isatty():
            self._type(piece)
        else:
            write(piece)

    def end(self) -> None:
        """End the last line."""
        if self._live is not None:
            self._draw("")
            self._live.stop()
            self._live = None
        elif self._text:
            self._place(self._unfinished_word)
            write("" if self._text.endswith("\n") else "\n")
        self._text, self._unfinished_word, self._column = "", "", 0

    def _draw(self, draft: str) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.markdown import Markdown
        from rich.text import Text

        if self._live is None:
            console = Console(highlight=False)
            self._live = Live(
                console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        stands = Markdown(shown(printable(self._text, sys.stdout)), hyperlinks=False)
        drafted = Text(printable(" ".join(draft.split()), sys.stdout), style="dim")
        parts = [part for part, given in ((stands, self._text), (drafted, drafted.plain)) if given]
        self._live.update(Group(*parts), refresh=True)

    def _type(self, piece: str) -> None:
        """Print on a terminal that only goes forward; lines end between words."""
        *words, self._unfinished_word = re.split(
            r"(?=\s)", printable(self._unfinished_word + piece.replace("\t", " "), sys.stdout)
        )
        for word in words:
            self._place(word)

    def _place(self, word: str) -> None:
        """Print a word and the white space before it where they fit on the terminal."""
        from rich.cells import cell_len

        column = self._column + cell_len(word)
        if column > width() and self._column:
            word = "\n" + word.lstrip()
        if word.startswith("\n"):
            column = cell_len(word)
        self._column = column
        write(word)


def can_redraw() -> bool:
    """Return whether stdout is a terminal whose lines can be written anew."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
