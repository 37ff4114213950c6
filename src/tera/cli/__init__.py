"""The command line: parse, call the engine, print. Only `main` turns an error into an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from tera import __version__
from tera.cli import ask, config, history, memories, models, remember, status, transfer
from tera.cli.session import output
from tera.errors import TeraError

EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141

app = typer.Typer(
    name="tera",
    help="A private memory in the terminal: remember anything, ask about it later, offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
remember.add_to(app)
ask.add_to(app)
memories.add_to(app)
history.add_to(app)
transfer.add_to(app)
status.add_to(app)
models.add_to(app)
config.add_to(app)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        output.data(f"tera {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A private memory in the terminal: remember anything, ask about it later, offline."""


def main() -> int:
    """Run the command line and return its exit code; see `tera.errors` for the codes."""
    try:
        app(prog_name="tera")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except TeraError as error:
        output.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # `tera list | head`: nobody reads on, also not what Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE_CLOSED
    finally:
        output.end_progress()
    return 0
