"""`tera remember`."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json, WrongUsage, clean_tags, clean_text, is_file_name, moment, path_of
from tera.cli.output.records import remembered_record
from tera.cli.session import can_ask, has_pipe, open_engine, output
from tera.errors import ReaderError, TeraError

if TYPE_CHECKING:
    from datetime import datetime

    from tera.agent.client import RemoteEngine
    from tera.cli.documents import Documents
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
    as_type: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="TYPE", help="Read files as this type, whatever they look like."
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", metavar="GLOB", help="Of folders only these files: '*.md'."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="GLOB", help="Of folders not these: 'drafts/'."),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option("--password", metavar="PASSWORD", help="Opens documents that are encrypted."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read files again that have not changed since.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be read, and as what.")
    ] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Black out passwords, keys and tokens.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Keep passwords, keys and tokens, do not ask.")
    ] = False,
    json: Json = False,
) -> None:
    """Remember text, files, folders, or what is piped in.

    Prints the id of each memory. A file read before is brought up to date; one that has not changed
    since is not read again.
    """
    if (text and file) or (yes and redact):
        one, other = ("--text", "--file") if text and file else ("--yes", "--redact")
        raise WrongUsage(f"{one} and {other} exclude each other")
    if not what and not has_pipe():
        raise WrongUsage('nothing to remember; try: tera remember "some text"')
    tags, when = tuple(clean_tags(tag)), moment(at, "--at") if at else None
    title, source = clean_text(title, "--title"), clean_text(source, "--source")
    texts, paths = _sorted(_joined(what or ["-"], text, file), text, file)
    failures: list[TeraError] = []
    engine = open_engine()

    def make_documents() -> Documents:
        from tera.cli.documents import Documents, options_of

        # A tag is for what has not changed as well.
        is_again = again or bool(tags or title or when or source)
        options = options_of(as_type, include, exclude, password, is_again)
        return Documents(paths, options, engine, failures)

    is_reading = any((paths, as_type, include, exclude, password, again, dry_run))
    documents = make_documents() if is_reading else None
    if documents and dry_run:
        documents.print_plan(json=json)
        return _leave(failures)
    told = _told(
        texts, text, (lambda: documents) if documents else make_documents, as_type, failures
    )
    read = documents.drafts() if documents else ()
    drafts = (_described(draft, title, tags, when, source) for draft in chain(told, read))
    held: list[Held] = []
    policy: SecretPolicy = "keep" if yes else "redact" if redact else "hold"
    written = engine.remember(drafts, policy, held.append)
    outcome = chain(written, _asked_about(engine, held, failures))
    if documents:
        documents.print_outcome(outcome, json=json)
    else:
        _print_outcome(outcome, json=json)
    return _leave(failures)


def _print_outcome(outcome: Iterable[Remembered], *, json: bool) -> None:
    records = []
    for remembered in outcome:
        if json:
            records.append(remembered_record(remembered))
        else:
            output.data(remembered.memory.id)
            output.status(remembered)
    if json:
        output.json(records)


def _leave(failures: Sequence[TeraError]) -> None:
    """Say what failed; what several share is said once."""
    counts = Counter(failure.message for failure in failures)
    different = list({failure.message: failure for failure in failures}.values())
    for failure, following in zip_longest(different, different[1:]):
        times = counts[failure.message]
        message = failure.message + (f" ({times:,} files)" if times > 1 else "")
        is_last = following is None or following.hint != failure.hint
        output.error(type(failure)(message, hint=failure.hint if is_last else ""))
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _joined(what: Sequence[str], text: bool, file: bool) -> Sequence[str]:
    """Take words that were typed without quotes as one text."""
    are_words = len(what) > 1 and all(len(arg.split()) == 1 for arg in what)
    if file or not are_words:
        return what
    if not text and any(arg == "-" or is_file_name(arg) or _looks_like_path(arg) for arg in what):
        return what
    return [" ".join(what)]


def _sorted(what: Sequence[str], text: bool, file: bool) -> tuple[list[str], list[Path]]:
    """Return what is text (`-` is the pipe), and what is the name of a file or folder."""
    texts: list[str] = []
    paths: list[Path] = []
    for arg in what:
        if not text and (file or is_file_name(arg)) and not (arg == "-" and not file):
            paths.append(path_of(arg))
        else:
            texts.append(arg)
    return texts, paths


def _told(
    texts: Sequence[str],
    text: bool,
    make_documents: Callable[[], Documents],
    as_type: str | None,
    failures: list[TeraError],
) -> Iterator[Draft]:
    """Yield a draft for each text, and those of what is piped in."""
    from tera.datatypes import Draft
    from tera.readers.plain.text import checked

    for arg in texts:
        try:
            if arg == "-" and not text:
                yield from _piped(make_documents, as_type)
                continue
            if not text and _looks_like_path(arg):
                output.note(f"there is no file {arg}: remembered as text", "tera undo")
            yield Draft(checked(arg, "the text"))
        except ReaderError as error:
            failures.append(error)


def _piped(make_documents: Callable[[], Documents], as_type: str | None) -> Iterator[Draft]:
    """Yield what is piped in: text as it is, and documents as their readers give them."""
    from tera.datatypes import Draft
    from tera.readers import MAX_BYTES
    from tera.readers.plain.text import decode

    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if as_type or len(data) > MAX_BYTES or _DOCUMENT.match(data):
        yield from make_documents().piped(data, sys.stdin.buffer)
    else:
        yield Draft(decode(data, "the piped text"))


_DOCUMENT = re.compile(
    rb"%PDF|PK\x03\x04|\xff\xd8|\x89PNG|\{\\rtf|[^\n]{0,12}\0"
    rb"|\s*<(!doctype|html|!--)|BEGIN:V|WEBVTT|From |[A-Z][\w-]*: |\W{0,3}\d{1,4}[./-]\d",
    re.IGNORECASE,
)
"""How the bytes of a document may begin; only then is it looked at more closely."""


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
    engine: Keeper | RemoteEngine, held: Sequence[Held], failures: list[TeraError]
) -> Iterator[Remembered]:
    """Remember what the person wants remembered of what looks like it holds secrets."""
    for one in held:
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in one.secrets))
        place = f"{_name_of(one.draft)}, line {one.secrets[0].line}"
        says = f"{place}: this looks like a secret ({kinds})"
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


def _name_of(draft: Draft) -> str:
    file = Path(draft.source).name if draft.is_file and draft.source else ""
    if file and draft.title and draft.title != file:
        return f"{file}: {draft.title}"
    return draft.title or draft.source or "the text"


def _looks_like_path(arg: str) -> bool:
    is_path = len(arg.split()) == 1 and ("/" in arg or Path(arg).suffix[1:].isalpha())
    return is_path and "://" not in arg and len(arg) < 256
