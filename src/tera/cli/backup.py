"""`tera backup` and `tera restore`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tera.cli.options import Json, WrongUsage, Yes
from tera.cli.output.terminal import minute
from tera.cli.session import confirmed, open_engine, output
from tera.cli.status import megabytes

if TYPE_CHECKING:
    from tera.backup import Backup


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    json: Json = False,
) -> None:
    """Write every change and the settings to one file, and read it again to check it.

    Others may go on remembering meanwhile. The file is not encrypted.
    """
    if str(to) == "-":
        raise WrongUsage("a backup is read again to check it, so it needs a file: tera backup FILE")
    made = open_engine().backup(to.absolute())
    output.end_progress()
    if json:
        output.json(_record(made))
    else:
        output.data(f"{to}: {_summary(made)}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Only check the file; change nothing.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Put a backup in the place of what is there, which is set aside.

    All of the file is checked first. Vectors are made anew.
    """
    from tera.backup import read_backup

    held = read_backup(file.absolute(), output.progress)
    output.end_progress()
    if check:
        if json:
            output.json(_record(held))
        else:
            output.data(f"{file} is whole: {_summary(held)}")
        return
    engine = open_engine()
    there = engine.facts()["memories"]
    question = f"Set {there} memories aside and restore those of {minute(held.written_at)}?"
    if there and not confirmed(question, yes):
        output.talk("nothing was restored")
        raise typer.Exit(1)
    restored = engine.restore_backup(file.absolute())
    output.end_progress()
    aside = [str(place) for place in restored.set_aside]
    if json:
        output.json({**_record(restored.backup), "set_aside": aside})
    else:
        output.data(f"restored: {_summary(restored.backup)}")
    for place in aside:
        output.talk(f"set aside: {place}")


def _summary(backup: Backup) -> str:
    size, when = megabytes(backup.size_bytes), minute(backup.written_at)
    return f"{backup.memories} memories, {backup.entries} changes, {size}, written {when}"


def _record(backup: Backup) -> dict[str, Any]:
    return {**asdict(backup), "written_at": backup.written_at.isoformat(timespec="seconds")}
