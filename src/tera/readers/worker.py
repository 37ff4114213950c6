"""The process that reads documents whose libraries could crash, hang or take all memory.

It is given a type and a document a line, and answers with what the reader yields as lines of JSON,
an empty one at the end. See `isolation`.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tera.errors import TeraError, UnreadableFileError
from tera.readers import wire
from tera.readers.document import Document, Item
from tera.readers.types import find_reader

SECONDS_BETWEEN_LOOKS = 0.5


def main(memory_mb: int) -> None:
    """Answer until the other side is gone; a bug ends the process with its traceback."""
    scratch: list[Path] = []
    watch = threading.Thread(target=_leave_with, args=(os.getppid(), scratch), daemon=True)
    watch.start()
    with suppress(BrokenPipeError):
        _answer(memory_mb, scratch)
    # Whoever asks no more has most likely ended.
    watch.join(2 * SECONDS_BETWEEN_LOOKS)


def _leave_with(parent: int, scratch: Sequence[Path]) -> None:
    """End when the process that asks has ended, and clear away what it no longer can."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    for folder in scratch[-1:]:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _answer(memory_mb: int, scratch: list[Path]) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print is for nobody.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit_memory(memory_mb)

    def say(record: Item | TeraError | None) -> None:
        answers.write(f"{wire.to_line(record) if record else ''}\n")
        answers.flush()

    for line in sys.stdin:
        type_name, _, rest = line.partition(" ")
        document: Document = wire.from_line(rest)
        scratch.append(document.scratch)
        try:
            for item in find_reader(type_name)(document):
                say(item)
        except TeraError as error:
            say(error)
        except OSError as error:
            message = f"cannot read {document.name}: {error.strerror or error}"
            say(UnreadableFileError(message, hint="is there room on the disk, and in TMPDIR?"))
        except MemoryError:
            message = f"reading {document.name} takes more than {memory_mb} MB of memory"
            say(UnreadableFileError(message, hint="divide it into smaller files"))
        say(None)


def _limit_memory(memory_mb: int) -> None:
    import resource

    # Where there is no such limit, documents are read without it.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 2**20, memory_mb * 2**20))


if __name__ == "__main__":
    main(int(sys.argv[1]))
