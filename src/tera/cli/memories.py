"""`tera list`, `show`, `edit` and `forget`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import (
    Json,
    Since,
    Source,
    Tags,
    Until,
    Yes,
    clean_tags,
    make_filter,
    moment,
)
from tera.cli.output import memory_record
from tera.cli.session import confirmed, has_pipe, open_engine, output, read_pipe

if TYPE_CHECKING:
    from tera.datatypes import Memory

Id = Annotated[str, typer.Argument(help="An id, or its beginning.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("list")(list_memories)
    app.command()(show)
    app.command()(edit)
    app.command()(forget)


def list_memories(
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Most lines.")] = None,
    json: Json = False,
) -> None:
    """List memories, newest first.

    The exit code is 1 when there are none.
    """
    chosen = make_filter(tag, since, until, source)
    memories = open_engine().select(chosen, limit)
    if json:
        output.json([memory_record(memory) for memory in memories])
    for memory in memories:
        if not json:
            output.memory_row(memory)
    if not memories:
        if not json:
            output.talk("no memories yet" if chosen.is_empty else "no memory fits the filter")
        raise typer.Exit(1)


def show(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", show_default=False)],
    json: Json = False,
) -> None:
    """Show whole memories."""
    memories = open_engine().find(ids)
    if json:
        output.json([memory_record(memory) for memory in memories])
        return
    for number, memory in enumerate(memories):
        if number:
            output.data("\n" + "-" * 40)
        output.memory(memory)


def edit(
    id: Id,
    text: Annotated[str | None, typer.Option(help="The new text.")] = None,
    title: Annotated[str | None, typer.Option(help="The new title; empty for none.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="The new tags, instead of the old.")
    ] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")] = False,
    at: Annotated[str | None, typer.Option(help="When it happened.")] = None,
    source: Annotated[str | None, typer.Option(help="The new source; empty for none.")] = None,
) -> None:
    """Change a memory.

    By options, by a new text from a pipe, or else in $EDITOR.
    """
    engine = open_engine()
    (memory,) = engine.find([id])
    changes: dict[str, object] = {}
    if title is not None:
        changes["title"] = title or None
    if source is not None:
        changes["source"] = source or None
    if tag or no_tags:
        changes["tags"] = tuple(clean_tags(tag))
    if at:
        changes["at"] = moment(at, "--at")
    if text is not None:
        changes["text"] = text
    elif not changes:
        changes["text"] = read_pipe("the new text") if has_pipe() else _in_editor(memory)
    if engine.edit(memory, replace(memory, **changes)):  # type: ignore[arg-type]
        output.data(memory.id)
    else:
        output.talk(f"{memory.id} is unchanged")


def forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", show_default=False)] = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    yes: Yes = False,
) -> None:
    """Forget memories, by id or by a filter.

    `tera undo` brings them back.
    """
    chosen = make_filter(tag, since, until, source)
    if bool(ids) != chosen.is_empty:
        raise typer.BadParameter("name ids, or give a filter like --tag work")
    engine = open_engine()
    memories = engine.find(ids) if ids else engine.select(chosen)
    if not memories:
        output.talk("no memory fits the filter")
        raise typer.Exit(1)
    if len(memories) == 1:
        question = f"Forget {memories[0].id} “{memories[0].headline[:50]}”?"
    else:
        question = f"Forget {len(memories)} memories?"
    if not confirmed(question, yes):
        output.talk("nothing was forgotten")
        raise typer.Exit(1)
    engine.forget(memories)
    for memory in memories:
        output.data(memory.id)
    output.talk(f"forgotten: {len(memories)}  (hint: tera undo brings back)")


def _in_editor(memory: Memory) -> str:
    """Return the text as the person's editor leaves it.

    Raises:
        typer.BadParameter: There is no editor, or it failed.
    """
    import shlex

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{memory.id}.md")
        file.write_text(memory.text, encoding="utf-8", newline="")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            raise typer.BadParameter(f"the editor {editor!r} failed; set EDITOR") from error
        from tera.readers.text import decode

        return decode(file.read_bytes(), "the new text")
