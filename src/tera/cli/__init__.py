"""The command line: parse, call the engine, print. Only `main` turns an error into an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from tera import __version__
from tera.cli.output.terminal import PipeClosed, drop_output
from tera.cli.session import output
from tera.errors import TeraError

EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141

MODULES = {
    "remember": "remember",
    "ask": "ask",
    "search": "ask",
    "chat": "chat",
    "list": "memories",
    "show": "memories",
    "edit": "memories",
    "forget": "memories",
    "log": "history",
    "undo": "history",
    "export": "transfer",
    "import": "transfer",
    "backup": "backup",
    "restore": "backup",
    "status": "status",
    "doctor": "status",
    "selftest": "selftest",
    "models": "models",
    "agent": "agent",
    "config": "config",
}
"""Which module of this package has a command. Only that one is imported: all cost 30 ms."""


def make_app(command: str = "") -> typer.Typer:
    """Return the command line; of a known command, only the part that it needs."""
    app = typer.Typer(
        name="tera",
        help="A private memory in the terminal: remember anything, ask about it later, offline.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    needed = [MODULES[command]] if command in MODULES else dict.fromkeys(MODULES.values())
    for name in needed:
        import_module(f"tera.cli.{name}").add_to(app)
    return app


def _version(is_wanted: bool) -> None:
    if is_wanted:
        output.data(f"tera {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A private memory in the terminal: remember anything, ask about it later, offline."""


def main() -> int:
    """Run the command line and return its exit code; see `tera.errors` for the codes."""
    # Whatever is written is the person's own: settings, downloads, exports.
    os.umask(0o077)
    _prepare_streams()
    try:
        make_app(sys.argv[1] if len(sys.argv) > 1 else "")(prog_name="tera")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except TeraError as error:
        output.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except PipeClosed:
        drop_output(sys.stdout)
        return EXIT_PIPE_CLOSED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        drop_output(sys.stdout)
        full = TeraError(
            f"cannot write: {error.strerror}", hint="free some space; what was remembered is safe"
        )
        output.error(full)
        return full.exit_code
    finally:
        output.end_progress()
    return 0


def _prepare_streams() -> None:
    """Make standard streams that are closed or cannot show every character harmless."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # Opened in this order, they get the numbers that a file would get otherwise.
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
