"""`tera chat`: questions that follow each other."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tera.cli.ask import Count, Local, NoLLM
from tera.cli.line_editor import Lines
from tera.cli.options import (
    Json,
    Since,
    Source,
    Tags,
    Until,
    Where,
    WrongUsage,
    Yes,
    make_filter,
)
from tera.cli.output.terminal import day, minute
from tera.cli.session import confirmed, open_settings, output
from tera.cli.slash import COMMANDS, LeaveError, is_command, question_of, run_command
from tera.cli.talk import EXIT_INTERRUPTED, Talk
from tera.conversations import Conversation, Conversations
from tera.datatypes import Inquiry
from tera.errors import TeraError

RECALLED_QUESTIONS = 500
"""Earlier questions that the arrow keys bring back."""
SHOWN_TURNS = 3
"""Turns of a conversation that is gone on with."""
SHOWN_CHARACTERS = 70
"""Characters of each question and answer of them."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(chat)


def chat(
    conversation: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="With --resume: which conversation; the last one without.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a conversation that was kept.")
    ] = False,
    list_them: Annotated[
        bool, typer.Option("--list", help="List the conversations that are kept.")
    ] = False,
    delete: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Delete a conversation for good; `all` deletes every one."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep the conversation, for --resume.")
    ] = True,
    k: Count = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    where: Where = None,
    no_llm: NoLLM = False,
    local: Local = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Ask questions that follow each other: "and when was that?".

    /help shows the commands inside: /remember, /forget, /sources, /why, /new, /save, /quit.
    Ctrl-C stops an answer, Ctrl-D leaves.

    Questions from a pipe are answered line by line. The exit code is that of the last one: 1 when
    nothing is known.
    """
    config, paths = open_settings()
    kept = Conversations(paths.chats)
    if list_them + resume + (delete is not None) > 1:
        raise WrongUsage("--list, --resume and --delete exclude each other")
    if conversation and not resume:
        raise WrongUsage(f"to go on with {conversation}: tera chat --resume {conversation}")
    if json and not list_them:
        raise WrongUsage("--json goes with --list")
    if list_them:
        return _list(kept, json=json)
    if delete is not None:
        return _delete(kept, delete, yes=yes)
    chosen = make_filter(tag, since, until, source, where)
    count = k or config.ask_k
    options = Inquiry("", count, chosen, use_llm=not no_llm, is_local=local)
    resumed = _resumed(kept, conversation) if resume else None
    paths.create()
    code = _converse(kept, options, resumed, is_kept=keep)
    if code:
        raise typer.Exit(code)
    return None


def _converse(
    kept: Conversations, options: Inquiry, resumed: Conversation | None, *, is_kept: bool
) -> int:
    """Answer questions until there are no more; return the exit code."""
    lines = Lines(lambda: kept.questions(RECALLED_QUESTIONS), list(COMMANDS))
    talk = Talk(options, kept, is_kept=is_kept)
    if resumed:
        talk.resume(resumed)
        _show_last(resumed)
    if lines.is_piped:
        return _answer_pipe(talk, lines)
    if not resumed:
        output.note("Ask what you have told Tera. /help shows the commands, Ctrl-D leaves.")
    while True:
        try:
            line = lines.read()
        except KeyboardInterrupt:
            output.talk("\nCtrl-D or /quit leaves")
            continue
        except EOFError:
            # The shell's prompt begins in a line of its own.
            output.talk("")
            return 0
        try:
            if not _take(talk, line):
                return 0
        except KeyboardInterrupt:
            output.talk("\nstopped")
        if line.strip():
            output.talk("")


def _answer_pipe(talk: Talk, lines: Lines) -> int:
    """Answer the lines of a pipe; return the exit code of the last one."""
    is_first = True
    while True:
        try:
            line = lines.read()
        except EOFError:
            break
        if not line.strip():
            continue
        is_first = False
        if not _take(talk, line):
            break
        if talk.exit_code == EXIT_INTERRUPTED:
            break
    if is_first:
        output.note("nothing came through the pipe")
        return 1
    return talk.exit_code


def _take(talk: Talk, line: str) -> bool:
    """Do what a line says; false when it says to leave."""
    if not line.strip():
        return True
    try:
        if is_command(line):
            talk.exit_code = 0
            run_command(talk, line)
        else:
            talk.ask(question_of(line))
    except LeaveError:
        return False
    except TeraError as error:
        output.end_progress()
        output.error(error)
        talk.exit_code = error.exit_code
    except WrongUsage as error:
        output.note(error.format_message())
        talk.exit_code = 2
    except typer.Exit as leaving:
        talk.exit_code = leaving.exit_code
    return True


def _resumed(kept: Conversations, wanted: str | None) -> Conversation:
    if wanted:
        return kept.find(wanted)
    conversations = kept.all()
    if not conversations:
        output.talk("no conversation was kept yet")
        raise typer.Exit(1)
    return conversations[0]


def _show_last(conversation: Conversation) -> None:
    left_out = len(conversation.turns) - SHOWN_TURNS
    output.talk(f"{conversation.id}, of {minute(conversation.last)}")
    if left_out > 0:
        output.talk(f"… {left_out} more")
    for turn in conversation.turns[-SHOWN_TURNS:]:
        output.talk(f"> {_short(turn.question)}")
        output.talk(f"  {_short(turn.answer) or 'nothing in memory answered that'}")
    output.talk("")


def _short(text: str) -> str:
    import shutil
    import textwrap

    width = min(SHOWN_CHARACTERS, shutil.get_terminal_size().columns - 4)
    return textwrap.shorten(text, max(20, width), placeholder="…")


def _list(kept: Conversations, *, json: bool) -> None:
    conversations = kept.all()
    if json:
        output.json([_record(conversation) for conversation in conversations])
    for conversation in conversations:
        if not json:
            turns = conversation.turns
            count = f"{len(turns)} question" + ("s" if len(turns) > 1 else "")
            output.row(conversation.id, day(conversation.last), count, turns[0].question)
    if not conversations:
        if not json:
            output.talk("no conversation was kept yet")
        raise typer.Exit(1)


def _record(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "begun": conversation.begun.isoformat(timespec="seconds"),
        "last": conversation.last.isoformat(timespec="seconds"),
        "questions": [turn.question for turn in conversation.turns],
    }


def _delete(kept: Conversations, wanted: str, *, yes: bool) -> None:
    if wanted == "all":
        ids = kept.ids()
        if not ids:
            output.talk("no conversation was kept yet")
            raise typer.Exit(1)
        question = f"Delete {len(ids)} conversations for good?"
    else:
        conversation = kept.find(wanted)
        ids = [conversation.id]
        first = f" “{_short(conversation.turns[0].question)}”" if conversation.turns else ""
        question = f"Delete {conversation.id}{first} for good?"
    if not confirmed(question, yes):
        output.talk("nothing was deleted")
        raise typer.Exit(1)
    kept.delete(ids)
    for conversation_id in ids:
        output.data(conversation_id)
    output.talk(f"deleted: {len(ids)}")
