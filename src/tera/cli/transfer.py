"""`tera export` and `tera import`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from tera.cli.options import Json, Since, Source, Tags, Until, Where, WrongUsage, make_filter
from tera.cli.session import has_pipe, open_engine, output
from tera.errors import StoreError, UnreadableFileError


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("export")(export_memories)
    app.command("import")(import_memories)


def export_memories(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="File to write. Default: stdout.")
    ] = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    where: Where = None,
) -> None:
    """Write memories as JSON lines.

    They come in the order they were remembered.
    """
    from tera.transfer import to_line

    if to is not None and to.is_dir():
        raise StoreError(f"cannot write {to}: it is a folder", hint="tera export --to FILE")
    memories, damage = open_engine().export(make_filter(tag, since, until, source, where))
    if damage:
        output.note(f"{damage}: this is what the database holds", "tera doctor")
    memories.sort(key=lambda memory: (memory.remembered_at, memory.id))
    if to is None:
        for memory in memories:
            output.data(to_line(memory))
        return
    aside = to.with_name(f"{to.name}.part")
    try:
        with aside.open("w", encoding="utf-8") as file:
            aside.chmod(0o600)
            for memory in memories:
                file.write(to_line(memory) + "\n")
        aside.replace(to)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {to}: {error.strerror or error}", hint="tera export > FILE"
        ) from error
    output.talk(f"{len(memories)} memories written to {to}")


def import_memories(
    file: Annotated[
        Path | None, typer.Argument(help="What `tera export` wrote. Default: the pipe.")
    ] = None,
    json: Json = False,
) -> None:
    """Take over exported memories.

    Doing it twice changes nothing more.
    """
    from tera.transfer import from_lines

    if file is None and not has_pipe():
        raise WrongUsage("nothing to import; try: tera import FILE")
    try:
        stream = sys.stdin.buffer if file is None or str(file) == "-" else file.open("rb")
    except OSError as error:
        raise UnreadableFileError(
            f"cannot read {file}: {error.strerror or error}", hint="tera import FILE"
        ) from error
    counts = {"new": 0, "updated": 0, "known": 0}
    try:
        with io.TextIOWrapper(stream, encoding="utf-8", newline="\n") as lines:
            for restored in open_engine().restore(from_lines(lines)):
                counts[restored.status] += 1
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"{file or 'the pipe'} is not valid UTF-8",
            hint="import reads what `tera export` writes",
        ) from error
    if json:
        output.json(counts)
    else:
        output.data(", ".join(f"{count} {kind}" for kind, count in counts.items()))
