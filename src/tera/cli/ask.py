"""`tera ask` and `tera search`."""

from __future__ import annotations

import os
import re
import select
import stat
from typing import Annotated, TextIO

import typer

from tera.answers import Nobody
from tera.cli.options import AsOf, Json, Since, Source, Tags, Until, Where, as_of, make_filter
from tera.cli.output.records import answer_record, result_record
from tera.cli.session import has_pipe, open_engine, open_settings, output, read_pipe_bytes
from tera.datatypes import Answer, Inquiry

CITATION = re.compile(r" *\[\d+\]")
Count = Annotated[
    int | None, typer.Option("--k", "-k", min=1, max=200, metavar="COUNT", help="Most passages.")
]
NoLLM = Annotated[bool, typer.Option("--no-llm", help="Quote the best sentences, write nothing.")]
Local = Annotated[
    bool, typer.Option("--local", help="Let nothing leave this machine, whatever is set.")
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
    no_llm: NoLLM = False,
    local: Local = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the answer alone, without sources.")
    ] = False,
) -> None:
    """Answer a question from memory, with citations.

    The sentence that fits best comes first, with its memory; what the language model writes comes
    below it, sentence by sentence, each checked against what it cites.

    The exit code is 1 when nothing is known.

    Text that is piped in counts too, for this one question:
    git diff | tera ask "what changed?"
    """
    now = as_of(at)
    inquiry = Inquiry(
        " ".join(question),
        count=k or open_settings()[0].ask_k,
        chosen=make_filter(tag, since, until, source, where, now),
        now=now,
        piped=read_pipe_if_any(),
        use_llm=not no_llm,
        is_local=local,
    )
    try:
        answer = open_engine().ask(inquiry, Nobody() if json or quiet else output)
    finally:
        output.end_answer()
    if json:
        output.json(answer_record(answer))
    elif answer.kind == "unknown":
        output.nearest(answer.nearest)
        if waiting := open_engine().facts()["waiting_for_vectors"]:
            output.talk(f"{waiting:,} memories are still being read; ask again in a while")
    elif quiet:
        output.data(answer_alone(answer))
    else:
        output.sources(answer)
    if answer.kind == "unknown":
        raise typer.Exit(1)


def answer_alone(answer: Answer) -> str:
    """Return what a script wants: the shortest answer, or the text without citations."""
    if answer.kind == "extractive" and answer.quote:
        return answer.short or answer.quote.text
    return CITATION.sub("", answer.text)


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
