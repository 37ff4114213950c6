"""What client and agent agree on, besides the operations themselves.

A call is `POST /call/OPERATION` with the arguments as a JSON object. The reply is lines of JSON,
each an object with one key: `note`, `progress`, `quote`, `draft` and `text` while the work goes on,
`items` for a part of a list, and at the end `result` or `error`. `GET /status` and `POST /stop` are
the same in every version.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from tera import errors
from tera.config import KEY_VARIABLE, Config
from tera.errors import AgentError, TeraError
from tera.paths import Paths

PROTOCOL_VERSION = 3
VERSION_HEADER = "Tera-Version"
SETTINGS_HEADER = "Tera-Settings"
OK = 200
STOPPING = 503
"""HTTP status of an agent that takes no more work."""
MISMATCH = 409
"""HTTP status of an agent of another version or with other settings."""


def identity(version: str) -> str:
    """Return what a client and its agent must agree on besides the settings."""
    return f"{version} protocol {PROTOCOL_VERSION}"


def settings_digest(config: Config, paths: Paths) -> str:
    """Return a digest of all that an agent reads once: settings, models, parts of the environment.

    What a command passes along with its call is not among it.
    """
    read = replace(config, ask_k=0, search_k=0)
    environ = [(name, os.environ[name]) for name in sorted(os.environ) if _matters(name)]
    # An agent has the key of the command that started it. Where none is used, it does not matter.
    key = _digest_of(os.environ.get(KEY_VARIABLE, "")) if config.llm_backend else ""
    digest = zlib.crc32(repr((read, environ, key)).encode(errors="surrogateescape"))
    with suppress(OSError):
        # Whoever needs the file says what is wrong with it.
        digest = zlib.crc32(paths.models_file.read_bytes(), digest)
    return f"{digest:08x}"


def _digest_of(key: str) -> str:
    """Return what tells keys apart and says nothing of them."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def _matters(variable: str) -> bool:
    """Return whether a variable changes what dates mean or how the hub is reached."""
    return variable == "TZ" or variable.startswith("HF_") or variable.lower().endswith("_proxy")


def encode_error(error: TeraError) -> dict[str, str]:
    """Return an error as JSON can hold it."""
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def decode_error(value: Mapping[str, str]) -> TeraError:
    """Return the error that the agent met, of its own class."""
    kind = getattr(errors, value["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, TeraError)):
        kind = AgentError
    return kind(value["message"], hint=value["hint"])
