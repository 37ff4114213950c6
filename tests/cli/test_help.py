from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tera.cli import MODULES, make_app
from tests.conftest import Run

PRINTS_NO_JSON = {
    "export",
    "config path",
    "models use",
    "models remove",
    "agent start",
    "agent stop",
    "agent logs",
}
"""They print JSON lines, a path, lines of a log, or no data."""


def commands(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    command = command or typer.main.get_command(make_app())
    for part, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{name} {part}".strip())
    if not hasattr(command, "commands"):
        yield name, command


COMMANDS = dict(commands())


def test_every_command_of_the_design_is_there() -> None:
    memories = "remember ask chat search list show edit forget log undo"
    whole = "export import backup restore status doctor selftest"
    models = [f"models {name}" for name in ("list", "pull", "use", "verify", "remove")]
    agent = [f"agent {name}" for name in ("start", "stop", "status", "logs")]
    assert set(COMMANDS) == {
        *memories.split(),
        *whole.split(),
        *models,
        *agent,
        "config show",
        "config path",
    }


def test_each_command_comes_with_its_module() -> None:
    assert list(MODULES) == list(dict.fromkeys(name.partition(" ")[0] for name in COMMANDS))
    for name in MODULES:
        assert name in dict(commands(typer.main.get_command(make_app(name)))).keys() | {
            "models",
            "agent",
            "config",
        }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        is_told_by_its_name = parameter.metavar in ("QUESTION...", "ID...", "FILE")
        assert parameter.help or is_told_by_its_name, f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - PRINTS_NO_JSON))
def test_every_command_that_prints_data_takes_json(name: str) -> None:
    assert "json" in {parameter.name for parameter in COMMANDS[name].params}


def test_help_needs_nothing_and_fits_eighty_columns(
    tera: Callable[..., Run], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ["", "models", "config", *COMMANDS]:
        shown = tera(*name.split(), "-h")
        assert (shown.code, shown.err) == (0, ""), name
        assert shown.out.startswith(f"Usage: tera {name}".strip())
        assert max(len(line) for line in shown.out.splitlines()) <= 80, name
        assert tera(*name.split(), "--help").out == shown.out
    assert not home.exists()


def test_the_help_of_ask_and_search_names_every_filter(tera: Callable[..., Run]) -> None:
    for name in ("ask", "search"):
        shown = tera(name, "-h").out
        for option in ("-k", "--tag", "--since", "--until", "--at", "--source", "--json"):
            assert option in shown


def test_a_command_that_does_not_exist_is_wrong_usage(tera: Callable[..., Run]) -> None:
    for arguments in (["rember"], ["models", "fetch"], ["list", "--colour"]):
        result = tera(*arguments)
        assert (result.code, result.out) == (2, "")
        assert "-h' for help" in result.err


def test_the_version_is_printed(tera: Callable[..., Run]) -> None:
    from tera import __version__

    assert tera("--version") == Run(0, f"tera {__version__}\n", "")


def test_the_shell_completes_commands(
    tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TERA_COMPLETE", "source_bash")
    assert "_TERA_COMPLETE=complete_bash" in tera().out
    monkeypatch.setenv("_TERA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "tera rem")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert tera().out == "remember\n"


def test_the_documentation_has_every_command_and_option() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    sections = dict(part.split("\n", 1) for part in re.split(r"^##+ ", text, flags=re.M)[1:])
    for name, command in COMMANDS.items():
        section = sections[f"tera {name}"]
        for option in (option for parameter in command.params for option in parameter.opts):
            assert not option.startswith("--") or option in section, f"{name}: {option}"
