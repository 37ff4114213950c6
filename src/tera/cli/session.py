"""What every command begins with: the settings, the engine, and where output goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tera.cli.options import WrongUsage
from tera.cli.output import Output

if TYPE_CHECKING:
    from tera.config import Config
    from tera.engine import Engine
    from tera.paths import Paths

output = Output()


def open_settings() -> tuple[Config, Paths]:
    """Return the settings and places of this home folder."""
    from tera.config import load_config
    from tera.paths import find_paths

    paths = find_paths()
    return load_config(paths)[0], paths


def open_engine() -> Engine:
    """Return the engine; imported here, because it is needed neither for help nor for errors."""
    from tera.engine import Engine

    config, paths = open_settings()
    return Engine(config, paths, output)


def has_pipe() -> bool:
    """Return whether text is piped in, rather than a keyboard or nothing at all."""
    return not sys.stdin.closed and not sys.stdin.isatty()


def read_pipe(name: str = "the piped text") -> str:
    """Return what is piped in.

    Raises:
        ReaderError: It is too large, empty, or not text.
    """
    from tera.readers.text import decode

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


def confirmed(question: str, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only `--yes` counts.

    Raises:
        WrongUsage: Nobody can be asked and there is no `--yes`.
    """
    if yes:
        return True
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        raise WrongUsage(f"{question} Nobody is there to ask: add --yes")
    return output.confirm(question)
