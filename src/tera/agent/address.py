"""Where the agent of a home folder listens, and who is at the other end of a socket."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tera.errors import AgentUnreachableError
from tera.paths import Paths

SOCKET_PATH_BYTES = 103
"""Longest path of a Unix socket on macOS, without its final zero; Linux allows 107."""
_LOCAL_PEERCRED = 0x001
"""macOS's counterpart of SO_PEERCRED; Python has no name for it. See sys/un.h."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an agent listens, as it wrote it down in the home folder; see `identity_of`."""

    socket: str
    pid: int
    home: str


def read_address(paths: Paths) -> Address | None:
    """Return where the last agent of this home listened; None when none did or it left.

    Written down, because the runtime folder of a login session is another one than that of cron.
    """
    try:
        record = json.loads(paths.agent_address.read_bytes())
        address = Address(str(record["socket"]), int(record["pid"]), str(record["home"]))
        # What was copied or moved along with its folder is the address of another one's agent.
        return address if address.home == identity_of(paths) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def identity_of(paths: Paths) -> str:
    """Return what no two home folders have in common: path, device and inode.

    Raises:
        OSError: The folder is not there.
    """
    home = paths.home.resolve()
    found = home.stat()
    return f"{found.st_dev}:{found.st_ino}:{home}"


def write_address(paths: Paths, address: Address) -> None:
    """Write down where this agent listens, in one step."""
    aside = paths.agent_address.with_suffix(".new")
    aside.write_text(json.dumps(asdict(address)))
    aside.chmod(0o600)
    aside.replace(paths.agent_address)


def listen(paths: Paths) -> socket.socket:
    """Listen on a socket of this home folder, in place of any that was left behind.

    The caller holds the agent's lock, so that a socket that is there is of a dead agent.

    Raises:
        AgentUnreachableError: There is no private folder for the socket.
    """
    import hashlib

    name = hashlib.sha256(os.fsencode(paths.home.resolve())).hexdigest()[:12] + ".sock"
    file = runtime_folder() / name
    file.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The folder keeps others out already.
    before = os.umask(0o177)
    try:
        listening.bind(str(file))
    except OSError as error:
        listening.close()
        raise _no_folder(file, error.strerror or str(error)) from error
    finally:
        os.umask(before)
    listening.listen(512)
    return listening


def runtime_folder() -> Path:
    """Return a folder for sockets that is this user's alone, with a short path.

    Raises:
        AgentUnreachableError: There is none.
    """
    import tempfile

    own = f"tera-{os.getuid()}"
    candidates = [Path(tempfile.gettempdir(), own), Path("/tmp", own)]  # noqa: S108
    # A relative one is to be ignored, says the specification.
    if (given := os.environ.get("XDG_RUNTIME_DIR", "")).startswith("/"):
        candidates.insert(0, Path(given, "tera"))
    fitting = [c for c in candidates if len(os.fsencode(c)) + 18 <= SOCKET_PATH_BYTES]
    failure = AgentUnreachableError("there is no folder for the agent's socket")
    for folder in fitting:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        except OSError as error:
            failure = _no_folder(folder, error.strerror or str(error))
            continue
        # In a folder that everyone may write to, another could have made it first.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            failure = _no_folder(folder, "it belongs to another user")
            continue
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
        return folder
    raise failure


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel has it."""
    if sys.platform == "linux":
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", data)[1])
    # struct xucred { u_int cr_version; uid_t cr_uid; ... }, at level SOL_LOCAL, which is 0.
    return int(struct.unpack("2I", connection.getsockopt(0, _LOCAL_PEERCRED, 8))[1])


def _no_folder(folder: Path, reason: str) -> AgentUnreachableError:
    return AgentUnreachableError(
        f"the agent cannot listen in {folder}: {reason}",
        hint="export XDG_RUNTIME_DIR=FOLDER, one of yours, or TERA_AGENT=off",
    )
