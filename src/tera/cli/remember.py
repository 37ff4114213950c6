"""`tera remember`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json, clean_tags, moment
from tera.cli.output import memory_record
from tera.cli.session import has_pipe, open_engine, output, read_pipe
from tera.errors import ReaderError

if TYPE_CHECKING:
    from datetime import datetime

    from tera.datatypes import Draft
    from tera.writing import Remembered


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(remember)


def remember(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT|FILE|FOLDER|-]...",
            help="A name of a file or folder is read, `-` is the pipe, anything else is the text.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="A title, shown and searched.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="A tag; may be given several times.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help='When it happened: 2026-11-01, "yesterday". Default: now.')
    ] = None,
    source: Annotated[str | None, typer.Option(help="Where it comes from: a name, a link.")] = None,
    text: Annotated[bool, typer.Option("--text", help="All arguments are text.")] = False,
    file: Annotated[bool, typer.Option("--file", help="All arguments are files.")] = False,
    json: Json = False,
) -> None:
    """Remember text, files, folders, or what is piped in.

    Prints the id of each memory.
    """
    if text and file:
        raise typer.BadParameter("--text and --file exclude each other")
    if not what and not has_pipe():
        raise typer.BadParameter('nothing to remember; try: tera remember "some text"')
    tags, when = tuple(clean_tags(tag)), moment(at, "--at") if at else None
    failures: list[ReaderError] = []
    drafts = (
        _described(draft, title, tags, when, source)
        for draft in _drafts(_joined(what or ["-"], text or file), text, file, failures)
    )
    done = []
    for remembered in open_engine().remember(drafts):
        done.append({**memory_record(remembered.memory), "status": remembered.status})
        if not json:
            _report(remembered)
    if json:
        output.json(done)
    for failure in failures:
        output.error(failure)
    if failures:
        if done:
            output.talk(f"{len(done)} remembered, {len(failures)} not")
        raise typer.Exit(failures[0].exit_code)


def _joined(what: Sequence[str], is_forced: bool) -> Sequence[str]:
    """Take words that were typed without quotes as one text."""
    are_words = len(what) > 1 and all(
        arg != "-" and len(arg.split()) == 1 and not Path(arg).exists() for arg in what
    )
    return [" ".join(what)] if are_words and not is_forced else what


def _drafts(
    what: Sequence[str], text: bool, file: bool, failures: list[ReaderError]
) -> Iterator[Draft]:
    """Yield a draft for each argument; what cannot be read is told apart from what can."""
    from tera.datatypes import Draft
    from tera.readers import read_file
    from tera.readers.folder import list_files
    from tera.readers.text import checked

    for arg in what:
        path = Path(arg)
        try:
            if arg == "-" and not text:
                yield Draft(read_pipe())
            elif text or not (file or _exists(path)):
                if not text:
                    _warn_if_path(arg)
                yield Draft(checked(arg, "the text"))
            elif path.is_dir():
                files = list_files(path)
                if not files:
                    output.talk(f"no text or Markdown files in {arg}")
                for found in files:
                    try:
                        yield read_file(found)
                    except ReaderError as error:
                        failures.append(error)
            else:
                yield read_file(path)
        except ReaderError as error:
            failures.append(error)


def _described(
    draft: Draft,
    title: str | None,
    tags: tuple[str, ...],
    at: datetime | None,
    source: str | None,
) -> Draft:
    return replace(
        draft,
        title=title or draft.title,
        tags=tags,
        at=at or draft.at,
        source=source or draft.source,
        is_file=draft.is_file and not source,
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # Too long for a file name, or with a NUL: it is text.
        return False


def _warn_if_path(arg: str) -> None:
    looks_like_path = len(arg.split()) == 1 and ("/" in arg or Path(arg).suffix[1:].isalpha())
    if looks_like_path and "://" not in arg and len(arg) < 256:
        output.note(f"there is no file {arg}: remembered as text", "tera undo takes it back")


def _report(remembered: Remembered) -> None:
    memory = remembered.memory
    output.data(memory.id)
    if remembered.status == "known":
        output.talk(f"already remembered as {memory.id}")
    elif remembered.status == "updated":
        output.talk(f"{memory.id} brought up to date: {memory.headline}")
