"""`tera log` and `tera undo`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tera.cli.options import Json
from tera.cli.output.terminal import minute
from tera.cli.session import open_engine, output
from tera.errors import StoreError

if TYPE_CHECKING:
    from tera.datatypes import JournalEntry
    from tera.store.history import Change


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(log)
    app.command()(undo)


def log(
    id: Annotated[
        str | None, typer.Argument(help="Only changes of this memory.", show_default=False)
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="COUNT", help="Most changes.")
    ] = 20,
    json: Json = False,
) -> None:
    """Show what was changed, the last change first.

    The exit code is 1 when nothing ever was.
    """
    changes = open_engine().log()
    if id is not None:
        memory_id = _resolve(id, changes)
        changes = [c for c in changes if memory_id in {entry.memory_id for entry in c.entries}]
    changes = changes[::-1][:limit]
    if json:
        output.json([_record(change) for change in changes])
    for change in changes:
        if not json:
            output.row(f"{change.number:>5}", minute(change.at), _summary(change))
    if not changes:
        if not json:
            output.talk("no changes yet")
        raise typer.Exit(1)


def undo(
    change: Annotated[
        int | None,
        typer.Argument(
            help="A number of `tera log`. Default: the last change.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Take a change back.

    Undoing an undo does the change again.
    """
    undone = open_engine().undo(change)
    if json:
        output.json(_record(undone))
    else:
        output.row(f"undone: {_summary(undone)}")


def _resolve(prefix: str, changes: Sequence[Change]) -> str:
    """Return the id of a memory that is there or was once."""
    bare = prefix.strip().lower()
    ids = {entry.memory_id for change in changes for entry in change.entries}
    found = sorted(known for known in ids if bare and known.startswith(bare))
    if not found:
        raise StoreError(f"no memory had an id that begins with {prefix!r}", hint="tera log")
    if len(found) > 1:
        raise StoreError(
            f"{prefix!r} fits several memories: {', '.join(found[:3])}", hint="type more of the id"
        )
    return found[0]


def _summary(change: Change) -> str:
    if change.lost:
        return f"{'lost':<8}  {change.lost} changes could not be read"
    first = change.entries[0]
    verb = f"undo of {change.undoes}" if change.undoes is not None else first.operation
    ids = list(dict.fromkeys(entry.memory_id for entry in change.entries))
    what = ids[0] + _about(first) if len(ids) == 1 else f"{len(ids)} memories"
    undone = f"  (undone by {change.undone_by})" if change.undone_by is not None else ""
    return f"{verb:<8}  {what}{undone}"


def _about(entry: JournalEntry) -> str:
    if entry.operation == "edit":
        return "  " + ", ".join(sorted(entry.fields))
    text = str(entry.fields.get("title") or entry.fields.get("text") or "").strip()
    return f"  {text.splitlines()[0]}" if text else ""


def _record(change: Change) -> dict[str, Any]:
    return {
        "change": change.number,
        "at": change.at.isoformat(timespec="milliseconds"),
        "undoes": change.undoes,
        "undone_by": change.undone_by,
        "entries": [
            {
                "operation": entry.operation,
                "id": entry.memory_id,
                "fields": dict(entry.fields),
                "device": entry.device,
            }
            for entry in change.entries
        ],
    }
