"""Reads the files of an embedded database again that is in use: does the disk still have them?"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from tera.config import Config
from tera.errors import StoreDamagedError
from tera.paths import Paths
from tera.store.opened import connected

_BLOCK = 1 << 20
_ONE_AT_A_TIME = threading.Lock()


def file_sizes(paths: Paths) -> dict[Path, int]:
    """Return the files of the database, by their names in its folder, with their sizes in bytes.

    The caller holds the store.
    """
    files = (file for file in paths.store.rglob("*") if file.is_file())
    return {file.relative_to(paths.store): file.stat().st_size for file in files}


def can_be_read_again(config: Config, paths: Paths, sizes: Mapping[Path, int]) -> bool:
    """Return whether a copy of the database's files, as they were then, opens whole.

    SurrealKV checks every record when it opens, and keeps what it has read in memory. Its files
    only grow, so others may write meanwhile; where it gives one up for another this is False or an
    error, and only the answer while nobody writes counts.

    Args:
        config: Names the database.
        paths: The home folder.
        sizes: See `file_sizes`.

    Raises:
        OSError: There is no space for the copy, or a file is gone.
    """
    # A home of its own, so that nothing here is taken for the store's.
    home = paths.home / "store.reread"
    copy = Paths(home)
    with _ONE_AT_A_TIME:
        shutil.rmtree(home, ignore_errors=True)
        try:
            for name, size in sizes.items():
                _copy(paths.store / name, copy.store / name, size)
            with connected(config, copy):
                return True
        except StoreDamagedError:
            return False
        finally:
            shutil.rmtree(home, ignore_errors=True)


def _copy(source: Path, target: Path, size: int) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("wb") as writing:
        while size and (block := reading.read(min(size, _BLOCK))):
            size -= writing.write(block)
