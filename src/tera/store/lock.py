"""One owner at a time: an exclusive lock on Tera's home, held before the store is opened."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tera.errors import StoreError, StoreLockedError

AGENT = "tera agent"


@contextmanager
def exclusive_lock(file: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock while the block runs.

    Raises:
        StoreLockedError: Another process still holds it after `timeout_s` seconds.
        StoreError: The lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(file, timeout=timeout_s, mode=0o600)
    # The lock file itself says nothing of who holds it, so the holder leaves a note beside it.
    note = file.with_name(f"{file.name}.holder")
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreLockedError(
            f"the store is in use by {_holder(note)}",
            hint=_hint(note),
        ) from error
    except OSError as error:
        raise StoreError(
            f"cannot lock the store: {error.strerror or error}: {file}",
            hint="set TERA_HOME to a folder that you can write to",
        ) from error
    try:
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
        command = AGENT if Path(sys.argv[0]).parent.name == "agent" else command
        try:
            note.write_text(json.dumps({"pid": os.getpid(), "command": command, "at": time.time()}))
        except OSError:
            # A note is a courtesy: a full disk must not keep anyone from reading their memories.
            note.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _holder(note: Path) -> str:
    who = _read(note)
    if not who:
        return "another process"
    if who["command"] == AGENT:
        return f"the background agent (process {who['pid']})"
    return f"process {who['pid']} ({who['command']}, {time.time() - who['at']:.0f} s)"


def _hint(note: Path) -> str:
    who = _read(note)
    if who and who["command"] == AGENT:
        return "tera agent stop, or unset TERA_AGENT to work with it"
    return "try again when it has finished, or raise store.lock_timeout_s"


def _read(note: Path) -> dict[str, Any] | None:
    try:
        who = json.loads(note.read_text())
        return {name: who[name] for name in ("pid", "command", "at")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
