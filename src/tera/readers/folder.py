"""A folder -> the files in it that can be remembered, in a stable order."""

from __future__ import annotations

import os
from pathlib import Path

from tera.errors import UnreadableFileError

ENDINGS = frozenset({".md", ".markdown", ".txt", ".text", ".rst", ".org", ".log"})
"""Files of a folder that are read. A file named by itself is read whatever its ending."""


def list_files(folder: Path) -> tuple[list[Path], list[UnreadableFileError]]:
    """Return the text files below a folder, sorted; hidden files, links and pipes are left out.

    Returns:
        The files, and an error for each folder or file that cannot be looked at.
    """
    found: list[Path] = []
    failures: list[UnreadableFileError] = []

    def refuse(error: OSError) -> None:
        failures.append(
            UnreadableFileError(
                f"cannot read {error.filename}: {error.strerror}", hint=f"ls -ld {error.filename}"
            )
        )

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            is_wanted = path.suffix.lower() in ENDINGS and not name.startswith(".")
            try:
                if is_wanted and path.is_file() and not path.is_symlink():
                    found.append(path)
            except OSError as error:
                refuse(error)
    return found, failures
