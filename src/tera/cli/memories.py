"""`tera list`, `show`, `edit` and `forget`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    Where,
    WrongUsage,
    Yes,
    clean_tags,
    clean_text,
    make_filter,
    moment,
)
from tera.cli.output.records import memory_record
from tera.cli.session import confirmed, has_pipe, open_engine, open_settings, output, read_pipe
from tera.errors import TeraError

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
    where: Where = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, metavar="COUNT", help="Most lines.")
    ] = None,
    json: Json = False,
) -> None:
    """List memories, newest first.

    The exit code is 1 when there are none.
    """
    chosen = make_filter(tag, since, until, source, where)
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
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="The new text.")
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TITLE", help="The new title; empty for none.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="TAG", help="The new tags, instead of the old."),
    ] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")] = False,
    at: Annotated[str | None, typer.Option(metavar="DATE", help="When it happened.")] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="The new source; empty for none."),
    ] = None,
    json: Json = False,
) -> None:
    """Change a memory.

    By options, by a new text from a pipe, or else in $EDITOR.
    """
    engine = open_engine()
    (memory,) = engine.find([id])
    changes: dict[str, object] = {}
    if title is not None:
        changes["title"] = clean_text(title, "--title")
    if source is not None:
        changes["source"] = clean_text(source, "--source")
    if tag or no_tags:
        changes["tags"] = tuple(clean_tags(tag))
    if at:
        changes["at"] = moment(at, "--at")
    if text is not None:
        changes["text"] = text
    with ExitStack() as stack:
        if not changes:
            if has_pipe():
                changes["text"] = read_pipe("the new text")
            else:
                changes["text"] = stack.enter_context(_in_editor(memory))
        edited = replace(memory, **changes)  # type: ignore[arg-type]
        is_changed = engine.edit(memory, edited)
    if json:
        output.json(memory_record(edited))
    elif is_changed:
        output.data(memory.id)
    if not is_changed:
        output.talk(f"{memory.id} is unchanged")


def forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", show_default=False)] = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    where: Where = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Forget memories, by id or by a filter.

    `tera undo` brings them back.
    """
    chosen = make_filter(tag, since, until, source, where)
    if bool(ids) != chosen.is_empty:
        raise WrongUsage("name ids, or give a filter like --tag work")
    engine = open_engine()
    # An id may be named twice, in full and by its beginning.
    memories = list(dict.fromkeys(engine.find(ids))) if ids else engine.select(chosen)
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
    if json:
        output.json([memory_record(memory) for memory in memories])
    for memory in memories:
        if not json:
            output.data(memory.id)
    output.talk(f"forgotten: {len(memories)}  (hint: tera undo brings back)")
    _tell_of_conversations([memory.id for memory in memories])


def _tell_of_conversations(forgotten: Sequence[str]) -> None:
    """Say which conversations may still quote what was forgotten."""
    from tera.conversations import Conversations

    _, paths = open_settings()
    ids = [conversation.id for conversation in Conversations(paths.chats).citing(forgotten)]
    if ids:
        names = " ".join(ids[:3]) + (" …" if len(ids) > 3 else "")
        output.note(f"still quoted by a conversation: {names}", "tera chat --delete ID")


@contextmanager
def _in_editor(memory: Memory) -> Iterator[str]:
    """Give the text as the person's editor leaves it; if it is refused, its file is kept.

    Raises:
        TeraError: There is no editor, or it failed.
    """
    import shlex
    import shutil
    import tempfile

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    file = Path(tempfile.mkdtemp(prefix="tera-"), f"{memory.id}.md")
    before = memory.text.encode()
    try:
        file.write_bytes(before)
        with _interrupts_left_to_the_editor():
            status = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        shutil.rmtree(file.parent)
        raise TeraError(f"the editor {editor!r} failed", hint="export EDITOR=nano") from error
    if status and data == before:
        shutil.rmtree(file.parent)
    if status:
        kept = "" if data == before else f"; your text is kept in {file}"
        raise TeraError(
            f"the editor {editor!r} failed with status {status}{kept}", hint="export EDITOR=nano"
        )
    from tera.readers.plain.text import decode

    try:
        yield decode(data, "the new text")
    except TeraError:
        output.talk(f"your text is kept in {file}")
        raise
    shutil.rmtree(file.parent)


@contextmanager
def _interrupts_left_to_the_editor() -> Iterator[None]:
    """Let Ctrl-C reach the editor alone: unlike one that ignores, a handler is not inherited."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
