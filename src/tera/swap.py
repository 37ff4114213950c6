"""Two folders change places in one step, so that a crash leaves one of them under each name."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def swap_folders(one: Path, other: Path) -> None:
    """Give each of two folders the name of the other.

    Raises:
        OSError: They stay as they are.
    """
    system = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        failed = system.renamex_np(os.fsencode(one), os.fsencode(other), _EXCHANGE)
    else:
        failed = system.renameat2(
            _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE
        )
    if not failed:
        return
    code = ctypes.get_errno()
    if code not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise OSError(code, os.strerror(code), str(other))
    # Some network file systems cannot: three steps, as close together as can be.
    between = one.with_name(f"{one.name}.swap")
    other.rename(between)
    one.rename(other)
    between.rename(one)
