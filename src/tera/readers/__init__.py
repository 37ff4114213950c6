"""Readers turn a document into drafts of memories; `types` names the reader of each type."""

from __future__ import annotations

from tera.errors import UnreadableFileError

MAX_BYTES = 16 * 1024 * 1024
"""Largest text of one memory. A book has about 1 MB; the store holds a value in memory at once."""


def check_size(size_bytes: int, name: str) -> None:
    """Refuse what is too large for one memory.

    Raises:
        UnreadableFileError: It is larger than MAX_BYTES.
    """
    if size_bytes > MAX_BYTES:
        raise UnreadableFileError(
            f"{name} is larger than {MAX_BYTES // 2**20} MB, the most that one memory holds",
            hint="split -C 8M FILE part. && tera remember part.*",
        )
