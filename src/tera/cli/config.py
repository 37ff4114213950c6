"""`tera config show|path`."""

from __future__ import annotations

from dataclasses import fields

import typer

from tera.cli.options import Json
from tera.cli.session import output


def add_to(app: typer.Typer) -> None:
    """Register the group of commands."""
    group = typer.Typer(
        name="config", help="The settings.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command()(show)
    group.command()(path)
    app.add_typer(group)


def show(json: Json = False) -> None:
    """Show every setting and where its value comes from."""
    from tera.config import Config, key_of, load_config
    from tera.paths import find_paths

    config, origins = load_config(find_paths())
    records = {}
    for setting in fields(Config):
        value = getattr(config, setting.name)
        if setting.name == "store_password" and value:
            value = "********"
        records[key_of(setting.name)] = {"value": value, "from": origins[setting.name]}
    if json:
        output.json(records)
        return
    for key, record in records.items():
        value = record["value"]
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        output.row(f"{key:<22}", f"{shown:<22}", record["from"])


def path() -> None:
    """Show where the settings file is; it need not exist."""
    from tera.paths import find_paths

    output.data(str(find_paths().config_file))
