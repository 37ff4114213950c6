"""What client and agent agree on, besides the operations themselves.

A call is `POST /call/OPERATION` with the arguments as a JSON object. The reply is lines of JSON,
each an object with one key: `note`, `progress` and `text` while the work goes on, `items` for a
part of a list, and at the end `result` or `error`. `GET /status` and `POST /stop` are the same in
every version.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from contextlib import suppress

from tera import errors
from tera.config import Config
from tera.errors import AgentError, TeraError
from tera.paths import Paths

PROTOCOL_VERSION = 1
VERSION_HEADER = "Tera-Version"
SETTINGS_HEADER = "Tera-Settings"
STOPPING = 503
"""HTTP status of an agent that takes no more work."""
MISMATCH = 409
"""HTTP status of an agent of another version or with other settings."""


def identity(version: str) -> str:
    """Return what a client and its agent must agree on besides the settings."""
    return f"{version} protocol {PROTOCOL_VERSION}"


def settings_digest(config: Config, paths: Paths) -> str:
    """Return a digest of all that a process reads once: settings, model catalogue, time zone."""
    digest = zlib.crc32(repr((config, os.environ.get("TZ"))).encode())
    with suppress(OSError):
        # Whoever needs the file says what is wrong with it.
        digest = zlib.crc32(paths.models_file.read_bytes(), digest)
    return f"{digest:08x}"


def encode_error(error: TeraError) -> dict[str, str]:
    """Return an error as JSON can hold it."""
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def decode_error(value: Mapping[str, str]) -> TeraError:
    """Return the error that the agent met, of its own class."""
    kind = getattr(errors, value["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, TeraError)):
        kind = AgentError
    return kind(value["message"], hint=value["hint"])
