"""The beginning that all prompts share, evaluated once and kept in a file across restarts.

A file holds llama.cpp's numbers for the instructions to the model and its template's marks, and
nothing of what a person told or asked.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

MAGIC = b"tera prefix 1\n"
DIGEST_BYTES = 32
KEPT_FILES = 4
"""Instructions differ between questions and a talk; older files are of older versions."""
READ_BYTES_PER_S = 200e6
"""A slow disk. Faster ones read Phi-2's 0.33 MB a token far sooner than it evaluates one."""


class PrefixFiles:
    """The states of one model, in a folder."""

    def __init__(self, folder: Path, identity: str) -> None:
        """Use a folder; nothing is read yet.

        Args:
            folder: Made when something is kept.
            identity: All that a state depends on but its tokens; another one finds none.
        """
        self._folder = folder
        self._identity = identity

    def load(self, tokens: Sequence[int]) -> bytes | None:
        """Return the state after these tokens; None if there is none, or not a whole one."""
        key = self._key(tokens)
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        head = len(MAGIC) + 2 * DIGEST_BYTES
        state = content[head:]
        if content[:head] != MAGIC + key + hashlib.sha256(state).digest():
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            # Which files were used last decides which are kept.
            os.utime(path)
        return state

    @staticmethod
    def is_worth(size_bytes: int, seconds: float) -> bool:
        """Return whether reading a state back is faster than the evaluation it saves."""
        return size_bytes / READ_BYTES_PER_S < seconds

    def save(self, tokens: Sequence[int], state: bytes) -> None:
        """Keep a state, readable by this user alone; without room on the disk it is not kept."""
        key = self._key(tokens)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # mkstemp gives mode 0600.
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(MAGIC + key + hashlib.sha256(state).digest())
                    file.write(state)
                # Without fsync: what a crash leaves incomplete is found out by its digest.
                Path(name).replace(self._path(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._remove_old()

    def _remove_old(self) -> None:
        files = sorted(self._folder.glob("*.state"), key=lambda file: file.stat().st_mtime_ns)
        for file in files[:-KEPT_FILES]:
            file.unlink(missing_ok=True)

    def _key(self, tokens: Sequence[int]) -> bytes:
        numbers = ",".join(map(str, tokens))
        return hashlib.sha256(f"{self._identity}\n{numbers}".encode()).digest()

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{key.hex()[:16]}.state"


def model_identity(file: Path, settings: str) -> str:
    """Return what tells a model as it is loaded from any other.

    Args:
        file: The model; its content is known by name, size and time of change.
        settings: llama.cpp's version and how it is set up.
    """
    status = file.stat()
    return f"{file.name} {status.st_size} {status.st_mtime_ns}\n{settings}"
