"""Files and folders that are on the disk itself when a call returns."""

from __future__ import annotations

import os
import time
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names of the files in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(file: Path, data: bytes) -> None:
    """Write a small private file as a whole or not at all."""
    aside = file.with_name(f"{file.name}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    aside.replace(file)
    sync_folder(file.parent)


def aside_of(path: Path) -> Path:
    """Return the name under which something damaged is set aside now, a new one."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = [
        f"{path.name}.damaged-{stamp}",
        *(f"{path.name}.damaged-{stamp}-{n}" for n in range(2, 99)),
    ]
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())
