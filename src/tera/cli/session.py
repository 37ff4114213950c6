"""What every command begins with: the settings, the engine, and where output goes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tera.cli.options import WrongUsage
from tera.cli.output import Output
from tera.errors import ConfigError

if TYPE_CHECKING:
    from tera.agent.client import RemoteEngine
    from tera.config import Config
    from tera.model_loader import Listener
    from tera.paths import Paths
    from tera.upkeep import Keeper

output = Output()


def open_settings() -> tuple[Config, Paths]:
    """Return the settings and places of this home folder."""
    from tera.config import load_config
    from tera.paths import find_paths

    paths = find_paths()
    return load_config(paths)[0], paths


def open_engine() -> Keeper | RemoteEngine:
    """Return the engine: in the background agent, or in this process where TERA_AGENT is "off"."""
    return open_remote_engine() if uses_agent() else open_local_engine()


def open_local_engine(listener: Listener = output) -> Keeper:
    """Return an engine in this process; imported here, because most commands need none."""
    from tera.upkeep import Keeper

    return Keeper(*open_settings(), listener)


def open_remote_engine(listener: Listener = output) -> RemoteEngine:
    """Return the engine of the background agent, which is started with the first call."""
    from tera.agent.client import RemoteEngine

    return RemoteEngine(*open_settings(), listener)


def uses_agent() -> bool:
    """Return whether commands leave the work to the background agent.

    Raises:
        ConfigError: TERA_AGENT is something else than "on" or "off".
    """
    wanted = os.environ.get("TERA_AGENT", "on")
    if wanted not in ("on", "off"):
        raise ConfigError(f"TERA_AGENT must be on or off, not {wanted!r}", hint="unset TERA_AGENT")
    return wanted == "on"


def has_pipe() -> bool:
    """Return whether text is piped in, rather than a keyboard or nothing at all."""
    return not sys.stdin.closed and not sys.stdin.isatty()


def read_pipe(name: str = "the piped text") -> str:
    """Return what is piped in.

    Raises:
        ReaderError: It is too large, empty, or not text.
    """
    from tera.readers.plain.text import decode

    return decode(read_pipe_bytes(name), name)


def read_pipe_bytes(name: str) -> bytes:
    """Return the bytes that are piped in.

    Raises:
        ReaderError: They are too many.
    """
    from tera.readers import MAX_BYTES, check_size

    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    check_size(len(data), name)
    return data


def can_ask() -> bool:
    """Return whether a person is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only `--yes` counts.

    Raises:
        WrongUsage: Nobody can be asked and there is no `--yes`.
    """
    if yes:
        return True
    if not can_ask():
        raise WrongUsage(f"{question} Nobody is there to ask: add --yes")
    return output.confirm(question)
