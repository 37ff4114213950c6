"""Two folders change places in one step, so that a crash leaves one of them under each name."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS

_UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def swap_folders(one: Path, other: Path) -> None:
    """Give each of two folders the name of the other.

    Raises:
        OSError: They stay as they are.
    """
    code = _exchange(os.fsencode(one), os.fsencode(other))
    if not code:
        return
    if code not in _UNKNOWN:
        raise OSError(code, os.strerror(code), str(other))
    # Some network file systems cannot: three steps, as close together as can be.
    between = one.with_name(f"{one.name}.swap")
    other.rename(between)
    one.rename(other)
    between.rename(one)


def _exchange(one: bytes, other: bytes) -> int:
    """Ask the system for it; return 0 or the error's number."""
    system = ctypes.CDLL(None, use_errno=True)
    try:
        if sys.platform == "darwin":
            failed = system.renamex_np(one, other, _EXCHANGE)
        else:
            failed = system.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _EXCHANGE)
    except AttributeError:
        # An older C library.
        return errno.ENOSYS
    return ctypes.get_errno() if failed else 0
