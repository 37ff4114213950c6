"""The lines that a person types: with arrow keys and earlier lines where the terminal can."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence

from tera.cli.session import has_pipe

PROMPT = "> "


class Lines:
    """Reads lines from the terminal, or from a pipe."""

    def __init__(self, earlier: Callable[[], Sequence[str]], words: Sequence[str]) -> None:
        """Prepare the line editor.

        Args:
            earlier: Gives the lines that the arrow keys bring back, oldest first.
            words: What Tab completes at the beginning of a line.
        """
        self.is_piped = has_pipe()
        if isinstance(sys.stdin, io.TextIOWrapper):
            # What is not valid text is refused as a question is, and ends nothing.
            sys.stdin.reconfigure(errors="surrogateescape")
        self._has_editor = _can_edit() and _prepare(earlier, words)

    def read(self) -> str:
        """Return the next line, without its end.

        Raises:
            EOFError: There is none.
            KeyboardInterrupt: The person pressed Ctrl-C.
        """
        if self._has_editor:
            return input(PROMPT)
        if self.is_piped:
            data = sys.stdin.buffer.readline()
            line = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        else:
            # On stderr, as stdout is data; the line editor has no choice.
            sys.stderr.write(PROMPT)
            sys.stderr.flush()
            line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


def _can_edit() -> bool:
    """Return whether Python edits lines: only where it reads and writes the terminal itself."""
    try:
        places = (sys.stdin.fileno(), sys.stdout.fileno())
    except (OSError, ValueError):
        return False
    return places == (0, 1) and sys.stdin.isatty() and sys.stdout.isatty()


def _prepare(earlier: Callable[[], Sequence[str]], words: Sequence[str]) -> bool:
    try:
        import readline
    except ImportError:
        # Python is built without it: the terminal's own editing is left.
        return False

    def complete(typed: str, number: int) -> str | None:
        is_first = readline.get_begidx() == 0
        fitting = [word for word in words if is_first and typed and word.startswith(typed)]
        return f"{fitting[number]} " if number < len(fitting) else None

    readline.clear_history()
    for line in earlier():
        readline.add_history(" ".join(line.split()))
    readline.set_completer_delims(" \t\n")
    readline.set_completer(complete)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    if not is_libedit and os.environ.get("TERM", "dumb") != "dumb":
        # Several lines that are pasted are one question; libedit cannot tell them from typed ones.
        readline.parse_and_bind("set enable-bracketed-paste on")
    return True
