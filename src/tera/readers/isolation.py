"""Has documents read by another process, which may crash, hang or run out of memory."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from types import TracebackType
from typing import IO, Self

from tera.config import KEY_VARIABLE, variable_of
from tera.errors import TeraError, UnreadableFileError
from tera.readers import wire
from tera.readers.document import Document, Item
from tera.readers.types import TYPES

_SECRETS = (KEY_VARIABLE, variable_of("store.password"))
SILENCE_S = 60.0
"""A reader that yields nothing for so long hangs; models take a third of it to load."""
LONGEST_LINE = 256 * 1024 * 1024
"""Of an answer: a draft of 16 MB, all of it escaped."""


class Readers:
    """Processes that read, one for each limit of memory, started when they are needed."""

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        """Prepare; nothing is started.

        Args:
            silence_s: How long a reader may yield nothing.
        """
        self._silence_s = silence_s
        self._workers: dict[int, _Worker] = {}

    def read(self, type_name: str, document: Document) -> Generator[Item]:
        """Read a document in another process; see `Reader`.

        Raises:
            TeraError: The reader's, or an UnreadableFileError when its process died or hangs.
        """
        memory_mb = TYPES[type_name].memory_mb
        worker = self._workers.get(memory_mb) or _Worker(memory_mb)
        # Whoever leaves in the middle leaves a worker that still talks of this document.
        self._workers.pop(memory_mb, None)
        is_done = False
        refusal: TeraError | None = None
        try:
            worker.ask(f"{type_name} {wire.to_line(document)}\n")
            while (line := worker.answer(document.name, self._silence_s)) != "":
                item = wire.from_line(line)
                if isinstance(item, TeraError):
                    refusal = item
                else:
                    yield item
            is_done = True
        finally:
            if is_done and memory_mb not in self._workers:
                self._workers[memory_mb] = worker
            else:
                worker.kill()
        if refusal:
            raise refusal

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the processes."""
        while self._workers:
            self._workers.popitem()[1].kill()


def _environment() -> dict[str, str]:
    """Return a worker's environment: nothing that a document should find is in it."""
    kept = {name: os.environ[name] for name in os.environ if name not in _SECRETS}
    return {**kept, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}


class _Worker:
    def __init__(self, memory_mb: int) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._memory_mb = memory_mb
        # One that is not in the terminal's group: Ctrl-C is for the process that asks.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tera.readers.worker", str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            bufsize=0,
            env=_environment(),
        )
        self._received = bytearray()

    def ask(self, line: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line.encode())
        except BrokenPipeError:
            # It died since; the answer, which does not come, says so.
            return

    def answer(self, name: str, silence_s: float) -> str:
        """Return the next line, without its end."""
        stdout = self._process.stdout
        assert stdout
        searched = 0
        deadline = time.monotonic() + silence_s
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while (end := self._received.find(b"\n", searched)) < 0:
                searched = len(self._received)
                if not selector.select(deadline - time.monotonic()):
                    raise UnreadableFileError(
                        f"{name} was given up: its reader came to no end", hint=_REPORT
                    )
                piece = os.read(stdout.fileno(), 2**20)
                if not piece or len(self._received) > LONGEST_LINE:
                    raise self._death(name)
                self._received += piece
        line = self._received[:end].decode()
        del self._received[: end + 1]
        return line

    def _death(self, name: str) -> UnreadableFileError:
        code = self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        if code == -signal.SIGKILL or any("bad_alloc" in line for line in said[-3:]):
            reason = f"its reader took more than {self._memory_mb} MB of memory"
        elif code < 0:
            reason = f"its reader crashed ({signal.Signals(-code).name})"
        else:
            reason = f"its reader failed ({said[-1] if said else f'exit code {code}'})"
        return UnreadableFileError(f"cannot read {name}: {reason}", hint=_REPORT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream
            stream.close()


_REPORT = "the other files are read; please report this one if you can share it"
