"""`tera ask` and `tera search`."""

from __future__ import annotations

import os
import select
import stat
from typing import Annotated, TextIO

import typer

from tera.cli.options import AsOf, Json, Since, Source, Tags, Until, Where, as_of, make_filter
from tera.cli.output import answer_record, result_record
from tera.cli.session import has_pipe, open_engine, open_settings, output, read_pipe_bytes

Count = Annotated[
    int | None, typer.Option("--k", "-k", min=1, max=200, metavar="COUNT", help="Most passages.")
]
Question = Annotated[list[str], typer.Argument(metavar="QUESTION...", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(ask)
    app.command()(search)


def ask(
    question: Question,
    k: Count = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    at: AsOf = None,
    source: Source = None,
    where: Where = None,
    json: Json = False,
    no_llm: Annotated[
        bool, typer.Option("--no-llm", help="Quote the best sentences, write nothing.")
    ] = False,
) -> None:
    """Answer a question from memory, with citations.

    The exit code is 1 when nothing is known.

    Text that is piped in counts too, for this one question:
    git diff | tera ask "what changed?"
    """
    now = as_of(at)
    chosen = make_filter(tag, since, until, source, where, now)
    piped = read_pipe_if_any()
    config, _ = open_settings()
    try:
        answer = open_engine().ask(
            " ".join(question),
            count=k or config.ask_k,
            chosen=chosen,
            now=now,
            piped=piped,
            use_llm=not no_llm,
            on_text=(lambda _: None) if json else output.answer,
        )
    finally:
        output.end_answer()
    if json:
        output.json(answer_record(answer))
    elif answer.kind == "unknown":
        output.nearest(answer.nearest)
    else:
        output.sources(answer)
    if answer.kind == "unknown":
        raise typer.Exit(1)


def search(
    question: Question,
    k: Count = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    at: AsOf = None,
    source: Source = None,
    where: Where = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each score is made of.")
    ] = False,
    json: Json = False,
) -> None:
    """Find the passages that fit best by meaning, words and time, best first.

    The exit code is 1 when there are none.
    """
    now = as_of(at)
    chosen = make_filter(tag, since, until, source, where, now)
    config, _ = open_settings()
    engine = open_engine()
    results = engine.search(" ".join(question), k or config.search_k, chosen, now=now)
    output.end_progress()
    if json:
        output.json([result_record(result) for result in results])
    for result in results:
        if not json:
            output.result(result, explains=explain)
    if not results:
        if not json:
            waiting = engine.facts()["waiting_for_vectors"]
            nothing = "no memories to search" if chosen.is_empty else "no memory fits the filter"
            output.talk(f"{nothing} yet: {waiting:,} are still being read" if waiting else nothing)
        raise typer.Exit(1)


def read_pipe_if_any() -> str:
    """Return the piped text; empty without a pipe, or when there is nothing in it."""
    import sys

    if not has_pipe():
        return ""
    is_pipe = _is_pipe(sys.stdin)
    # In a script stdin is often an open pipe that nobody writes to.
    is_silent = is_pipe and not select.select([sys.stdin], [], [], PIPE_WAIT_S)[0]
    data = b"" if is_silent else read_pipe_bytes("the piped text")
    if not data.strip():
        if is_pipe:
            output.note("nothing came through the pipe")
        return ""
    from tera.readers.plain.text import decode

    return decode(data, "the piped text")


def _is_pipe(stream: TextIO) -> bool:
    """Return whether a stream may still be waiting for whoever writes to it."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


PIPE_WAIT_S = 3.0
"""How long the first byte of a pipe may take; for a slow command, write its output to a file."""
