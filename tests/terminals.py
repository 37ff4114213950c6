"""A terminal that a test types on and reads."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from types import TracebackType

PATIENCE_S = 120.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]")


class Terminal:
    """A program on a terminal of its own, in its foreground."""

    def __init__(self, *arguments: str, columns: int = 80, **environ: str) -> None:
        """Start `tera` with arguments; NO_COLOR and COLUMNS are not set."""
        ours, theirs = pty.openpty()
        ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        hidden = ("NO_COLOR", "COLUMNS", "LINES")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}

        def own_it() -> None:
            os.setsid()
            ioctl(0, termios.TIOCSCTTY, 0)

        self._process = subprocess.Popen(
            [sys.executable, "-m", "tera", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=kept | {"TERM": "xterm-256color", "INPUTRC": "/dev/null"} | environ,
            preexec_fn=own_it,
        )
        os.close(theirs)
        self._ours = ours
        self._received = b""
        self._seen = 0

    def __enter__(self) -> Terminal:
        """Have the terminal for the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End the program if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)

    @property
    def raw(self) -> str:
        """All that the terminal was sent."""
        return self._received.decode(errors="replace")

    @property
    def text(self) -> str:
        """The same, as a person sees it."""
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        """Type keys; "\\n" is Enter."""
        os.write(self._ours, keys.replace("\n", "\r").encode())

    def wait_for(self, text: str, patience_s: float = PATIENCE_S) -> str:
        """Wait until the terminal shows a text, after what was waited for before.

        Returns:
            What it was sent in between, the text included.
        """
        deadline = time.monotonic() + patience_s
        while True:
            found = self.text.find(text, self._seen)
            if found >= 0:
                start, self._seen = self._seen, found + len(text)
                return self.text[start : self._seen]
            if time.monotonic() > deadline or not self._read(patience_s):
                raise AssertionError(f"the terminal never showed {text!r}:\n{self.text}")

    def ask(self, line: str) -> str:
        """Type a line at the prompt and wait for the next prompt; return what it showed."""
        self.type(f"{line}\n")
        self.wait_for("\n")
        return self.wait_for("\n> ")

    def exit_code(self) -> int:
        """Wait for the end of the program."""
        while self._read():
            pass
        return self._process.wait(timeout=PATIENCE_S)

    def _read(self, patience_s: float = PATIENCE_S) -> bool:
        ready, _, _ = select.select([self._ours], [], [], patience_s)
        if not ready:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # Linux: nobody has the terminal open any more.
            return False
        self._received += piece
        return bool(piece)
