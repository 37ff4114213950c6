"""Reads the files of an embedded database again that is in use: does the disk still have them?"""

from __future__ import annotations

import shutil

from tera.config import Config
from tera.errors import StoreDamagedError
from tera.paths import Paths
from tera.store.opened import connected


def can_be_read_again(config: Config, paths: Paths) -> bool:
    """Return whether a copy of the database's files opens whole.

    SurrealKV checks every record when it opens, and keeps what it has read in memory. The caller
    holds the store, and nothing is written meanwhile.

    Raises:
        OSError: There is no space for the copy.
    """
    # A home of its own, so that nothing here is taken for the store's.
    home = paths.home / "store.partial"
    copy = Paths(home)
    shutil.rmtree(home, ignore_errors=True)
    try:
        shutil.copytree(paths.store, copy.store)
        with connected(config, copy):
            return True
    except StoreDamagedError:
        return False
    finally:
        shutil.rmtree(home, ignore_errors=True)
