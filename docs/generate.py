"""Writes the pages of docs/ that are made from the code; `--check` only compares.

docs/cli.md comes from the commands, docs/exit-codes.md from tera.errors, docs/configuration.md from
tera.config.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from typer.main import get_command

from tera import errors
from tera.cli import EXIT_INTERRUPTED, EXIT_PIPE_CLOSED, make_app
from tera.config import Config, variable_of

FOLDER = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py from the code; `make docs` writes it anew. -->"
OTHER_CODES = {
    0: "Answered, found, done.",
    1: "Nothing known, nothing found, or the person said no.",
    2: "Wrong usage: an unknown option, a date that is none, nothing to do.",
    EXIT_INTERRUPTED: "Ctrl-C.",
    EXIT_PIPE_CLOSED: "Nobody reads the output any more, as in `tera list | head -1`.",
}

RESERVED_CODES = (8,)


def cli_page() -> str:
    """Return the help of every command."""
    parts = [NOTE, "# Commands"]
    for path, command in _commands("tera", get_command(make_app())):
        # At run time these names come from the parent, which is not here.
        context = command.make_context(
            path,
            [],
            resilient_parsing=True,
            terminal_width=80,
            help_option_names=["-h", "--help"],
        )
        level = "##" if path.count(" ") < 2 else "###"
        parts.append(f"{level} {path}\n\n```\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


def exit_codes_page() -> str:
    """Return the table of exit codes."""
    rows = [(code, "", text) for code, text in OTHER_CODES.items()]
    for kind in _family(errors.TeraError):
        meaning = (kind.__doc__ or "").splitlines()[0]
        if kind.exit_code in RESERVED_CODES:
            meaning += " (Reserved: no command leaves with it yet.)"
        rows.append((kind.exit_code, kind.__name__, meaning))
    table = "\n".join(f"| {code} | {name} | {text} |" for code, name, text in sorted(rows))
    about = "An error prints one line, a `hint:` with what to do next, and leaves with its code."
    return (
        f"{NOTE}\n\n# Exit codes\n\n{about}\n\n| code | error | meaning |\n|---|---|---|\n{table}\n"
    )


def configuration_page() -> str:
    """Return the table of settings."""
    rows = []
    for setting in fields(Config):
        key = setting.metadata["key"]
        shown = f"`{json.dumps(setting.default)}`"
        rows.append(f"| `{key}` | `{variable_of(key)}` | {shown} | {setting.metadata['help']} |")
    about = (
        "Settings are in `config.toml` (`tera config path` says where). A command's option wins"
        " over the variable, the variable over the file. A key with a dot is in a table:"
        " `ask.k` is `k` under `[ask]`. `TERA_HOME` moves everything, settings included."
    )
    head = "| key | variable | default | meaning |\n|---|---|---|---|"
    return f"{NOTE}\n\n# Settings\n\n{about}\n\n{head}\n" + "\n".join(rows) + "\n"


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(f"{path} {name}", child)


def _family(kind: type[errors.TeraError]) -> Iterator[type[errors.TeraError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def main() -> int:
    """Write the pages, or with `--check` return 1 when one of them is out of date."""
    pages = {
        "cli.md": cli_page(),
        "exit-codes.md": exit_codes_page(),
        "configuration.md": configuration_page(),
    }
    stale = [
        name
        for name, text in pages.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/{name} is out of date: make docs", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(pages[name], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
