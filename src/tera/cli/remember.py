"""`tera remember`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json, WrongUsage, clean_tags, clean_text, is_file_name, moment
from tera.cli.output import memory_record
from tera.cli.session import can_ask, has_pipe, open_engine, output, read_pipe
from tera.errors import ReaderError, UnreadableFileError

if TYPE_CHECKING:
    from datetime import datetime

    from tera.agent.client import RemoteEngine
    from tera.datatypes import Draft, Held, Remembered, SecretPolicy
    from tera.upkeep import Keeper


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
    title: Annotated[
        str | None, typer.Option("--title", metavar="TITLE", help="A title, shown and searched.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="TAG", help="A tag; may be given several times."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help='When it happened: 2026-11-01, "yesterday". Default: now.'
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="Where it comes from: a name, a link."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="All arguments are text.")] = False,
    file: Annotated[bool, typer.Option("--file", help="All arguments are files.")] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Black out passwords, keys and tokens.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Keep passwords, keys and tokens, do not ask.")
    ] = False,
    json: Json = False,
) -> None:
    """Remember text, files, folders, or what is piped in.

    Prints the id of each memory.
    """
    if text and file:
        raise WrongUsage("--text and --file exclude each other")
    if yes and redact:
        raise WrongUsage("--yes and --redact exclude each other")
    if not what and not has_pipe():
        raise WrongUsage('nothing to remember; try: tera remember "some text"')
    tags, when = tuple(clean_tags(tag)), moment(at, "--at") if at else None
    title, source = clean_text(title, "--title"), clean_text(source, "--source")
    failures: list[ReaderError] = []
    drafts = (
        _described(draft, title, tags, when, source)
        for draft in _drafts(_joined(what or ["-"], text, file), text, file, failures)
    )
    count = 0
    records = []
    held: list[Held] = []
    engine = open_engine()
    policy: SecretPolicy = "keep" if yes else "redact" if redact else "hold"
    written = engine.remember(drafts, policy, held.append)
    for remembered in chain(written, _asked_about(engine, held, failures)):
        count += 1
        if json:
            records.append({**memory_record(remembered.memory), "status": remembered.status})
        else:
            _report(remembered)
    if json:
        output.json(records)
    for failure in failures:
        output.error(failure)
    if failures:
        if count:
            output.talk(f"{count} remembered, {len(failures)} not")
        raise typer.Exit(failures[0].exit_code)


def _joined(what: Sequence[str], text: bool, file: bool) -> Sequence[str]:
    """Take words that were typed without quotes as one text."""
    are_words = len(what) > 1 and all(len(arg.split()) == 1 for arg in what)
    if file or not are_words:
        return what
    if not text and any(arg == "-" or is_file_name(arg) or _looks_like_path(arg) for arg in what):
        return what
    return [" ".join(what)]


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
        is_file = not text and (file or is_file_name(arg))
        try:
            if arg == "-" and not text:
                yield Draft(read_pipe())
            elif not is_file:
                if not text and _looks_like_path(arg):
                    output.note(f"there is no file {arg}: remembered as text", "tera undo")
                yield Draft(checked(arg, "the text"))
            elif path.is_dir():
                files, unreadable = list_files(path)
                failures += unreadable
                if not files and not unreadable:
                    raise UnreadableFileError(
                        f"no text or Markdown files in {arg}", hint="tera remember FILE"
                    )
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


def _asked_about(
    engine: Keeper | RemoteEngine, held: Sequence[Held], failures: list[ReaderError]
) -> Iterator[Remembered]:
    """Remember what the person wants remembered of what looks like it holds secrets."""
    for one in held:
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in one.secrets))
        name = one.draft.title or one.draft.source or "the text"
        says = f"{name}, line {one.secrets[0].line}: this looks like a secret ({kinds})"
        if not can_ask():
            failures.append(
                ReaderError(says, hint="--redact blacks it out, --yes keeps it: tera remember -h")
            )
            continue
        reply = output.ask(f"{says}. Keep it, redact it, or remember nothing? [k/r/N]")
        if reply in ("k", "keep"):
            yield from engine.remember([one.draft], "keep")
        elif reply in ("r", "redact"):
            yield from engine.remember([one.draft], "redact")
        else:
            output.talk("not remembered")


def _looks_like_path(arg: str) -> bool:
    is_path = len(arg.split()) == 1 and ("/" in arg or Path(arg).suffix[1:].isalpha())
    return is_path and "://" not in arg and len(arg) < 256


def _report(remembered: Remembered) -> None:
    memory = remembered.memory
    output.data(memory.id)
    if remembered.status == "known":
        output.talk(f"already remembered as {memory.id}")
    elif remembered.status == "updated":
        output.talk(f"{memory.id} brought up to date: {memory.headline}")
