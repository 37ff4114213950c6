"""Text for a terminal: no control characters, no wider than it is."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

INDENT = "    "
_LINE_BREAKS = re.compile(r"[\t-\r\x85\u2028\u2029]+")
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode: control, format (they hide words, or show them in another order), line separators."""
_HARMLESS = frozenset("\n\t\u00ad\u200c\u200d")
"""Of those: soft hyphens, and what joins letters and emoji."""
PASSAGE_LINES = 8
"""Lines of a passage on a terminal; `tera show` has the whole memory."""


class PipeClosed(Exception):
    """Nobody reads what is printed any more, as in `tera list | head -1`."""


def bar(task: str, total: int) -> Progress:
    """Return a bar for a task of known length."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
        Remaining(),
    )
    progress = Progress(*columns, console=stderr(), transient=True)
    progress.add_task(without_markup(task), total=total, state="")
    return progress


def without_markup(text: str) -> str:
    """Return text in which rich sees no markup."""
    from rich.markup import escape

    return escape(text)


def stderr() -> Console:
    """Return stderr as rich writes to it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def red(text: str) -> str:
    """Return text in red, where there is colour."""
    if not sys.stderr.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return text
    from rich.text import Text

    console = stderr()
    with console.capture() as capture:
        console.print(Text(text, style="red"), end="", soft_wrap=True)
    return capture.get()


def printable(text: str, stream: TextIO) -> str:
    """Return text that cannot drive a terminal: a memory may hold escape sequences.

    They are written as in JSON, so that JSON stays what it is.
    """
    if not stream.isatty() or (text.isascii() and text.isprintable()):
        return text
    return "".join(
        json.dumps(character)[1:-1]
        if unicodedata.category(character) in _UNSEEN and character not in _HARMLESS
        else character
        for character in text
    )


def day(time: datetime) -> str:
    """Return a date in the person's time zone."""
    return f"{time.astimezone():%Y-%m-%d}"


def minute(time: datetime) -> str:
    """Return a date and time in the person's time zone."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def one_line(text: str) -> str:
    """Return a text as a part of one line, whatever breaks lines in it."""
    return _LINE_BREAKS.sub(" ", text)


def block(text: str) -> str:
    """Return a passage indented, and cut on a terminal."""
    lines = [
        INDENT + piece
        for line in text.strip("\n").split("\n")
        for piece in wrap(line, sys.stdout, len(INDENT))
    ]
    if sys.stdout.isatty() and len(lines) > PASSAGE_LINES:
        lines[PASSAGE_LINES - 1 :] = [INDENT + "…"]
    return "\n".join(lines)


def wrap(line: str, stream: TextIO, indent: int = 0) -> list[str]:
    """Return a line as lines that fit a terminal; elsewhere as it is."""
    if not stream.isatty():
        return [line]
    from rich.text import Text

    text = Text(printable(line, stream))
    return [piece.plain for piece in text.wrap(stderr(), max(20, width() - indent), tab_size=4)]


def write(text: str) -> None:
    """Write to stdout at once.

    Raises:
        PipeClosed: Nobody reads it.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise PipeClosed from error


def drop_output(stream: TextIO) -> None:
    """Send what is still to be written to a stream nowhere; Python flushes it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def width() -> int:
    """Return the columns of the terminal."""
    import shutil

    return shutil.get_terminal_size().columns


def cut(text: str, columns: int) -> str:
    """Return a line no wider than that."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= columns else set_cell_size(text, columns - 1).rstrip() + "…"
