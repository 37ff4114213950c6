"""The commands inside a conversation: /remember, /forget, /sources, /why, /new, /save, /help."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tera.cli.options import WrongUsage
from tera.cli.output.terminal import day
from tera.cli.session import can_ask, output
from tera.cli.talk import Talk
from tera.cli.transcript import as_markdown, file_name
from tera.datatypes import Answer, Claim, Quote, SearchResult
from tera.errors import TeraError

_COMMAND = re.compile(r"/([a-zA-Z]+)(?:\s+(.*))?", re.S)
_NUMBER = re.compile(r"\[(\d+)\]|(\d{1,2})")


class LeaveError(Exception):
    """The person leaves the conversation."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what is typed behind it, what it does, and how that is done."""

    argument: str
    help: str
    run: Callable[[Talk, str], None]


def is_command(line: str) -> bool:
    """Return whether a line is a command: "/home/ann/notes" and "//new" are questions."""
    return bool(_COMMAND.fullmatch(line.strip()))


def question_of(line: str) -> str:
    """Return the question that a line asks: of two slashes the first only says that it is one."""
    line = line.strip()
    return line[1:] if line.startswith("//") else line


def run_command(talk: Talk, line: str) -> None:
    """Do what a command says.

    Raises:
        LeaveError: It says to leave.
        TeraError, WrongUsage: It cannot be done.
    """
    found = _COMMAND.fullmatch(line.strip())
    assert found
    name, argument = found[1].lower(), (found[2] or "").strip()
    command = COMMANDS.get(f"/{name}") or COMMANDS.get(_SHORT.get(f"/{name}", ""))
    if command is None:
        near = get_close_matches(f"/{name}", COMMANDS, 1)
        meant = f"did you mean {near[0]}?" if near else "/help shows the commands"
        raise WrongUsage(f"there is no /{name}; {meant} (//{name} asks it as a question)")
    command.run(talk, argument)


def _remember(_: Talk, text: str) -> None:
    from tera.cli.remember import remember

    if not text:
        raise WrongUsage("nothing to remember; try: /remember some text")
    remember([text], text=True)


def _forget(talk: Talk, argument: str) -> None:
    from tera.cli.memories import forget

    if not argument:
        raise WrongUsage("what is to be forgotten? /forget [1] or /forget ID")
    if not can_ask():
        raise WrongUsage("nobody is there to ask; try: tera forget ID --yes")
    ids = [_memory_id(talk, part) for part in argument.replace(",", " ").split()]
    forget(ids)


def _memory_id(talk: Talk, part: str) -> str:
    """Return the id that is meant: that of a source by its number, else what was typed."""
    found = _NUMBER.fullmatch(part)
    sources = talk.turns[-1].sources if talk.turns else ()
    if not found or not (sources or part.startswith("[")):
        return part
    wanted = int(found[1] or found[2])
    for source in sources:
        if source.number == wanted and source.memory_id:
            return source.memory_id
    raise WrongUsage(f"the last answer has no source [{wanted}]")


def _sources(talk: Talk, _: str) -> None:
    answer = _last(talk)
    if answer is None:
        for source in talk.turns[-1].sources:
            output.data(f"[{source.number}]  {source.memory_id}  {day(source.at)}  {source.name}")
        return
    for citation in answer.citations:
        output.data(f"[{citation.number}]")
        output.result(citation.result)
    for result in answer.nearest:
        output.result(result)


def _why(talk: Talk, _: str) -> None:
    answer = _last(talk)
    if answer is None:
        raise WrongUsage("why is known of answers of this session only; /sources shows the rest")
    if answer.looked_for:
        _say(f"looked for: {answer.looked_for}")
    if answer.quote:
        _say(f"best sentence: “{answer.quote.text}”")
    for citation in answer.citations:
        _say(_scores(f"[{citation.number}]", citation.result))
    for result in answer.nearest:
        _say(_scores("not close enough:", result))
    if answer.kind == "extractive":
        _say("the sentences are quoted, no language model wrote any of it")
    for claim in answer.claims:
        _say(_checked(claim))
    for pair in answer.disagreements:
        _say(f"these disagree: {_dated(pair.newer)} and {_dated(pair.older)}")


def _say(text: str) -> None:
    """Print a line of data; on a terminal it ends between words."""
    if sys.stdout.isatty():
        import shutil
        import textwrap

        width = max(20, shutil.get_terminal_size().columns)
        text = textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False)
    output.data(text)


def _scores(mark: str, result: SearchResult) -> str:
    parts = f"meaning {result.meaning:.2f}, words {result.words:.2f}, time {result.time:.2f}"
    memory = result.memory
    name = f"{memory.id or 'piped text'}  {day(memory.at)}" if memory.id else "piped text"
    return f"{mark} {name}  {result.score:.2f} ({parts})"


def _checked(claim: Claim) -> str:
    missing = f" (not in its sources: {', '.join(claim.missing)})" if claim.missing else ""
    if claim.support == "supported":
        return f"supported: {claim.text}"
    if claim.support == "replaced":
        return f"replaced: {claim.text}; written was: {claim.written}{missing}"
    return f"withheld: {claim.written}{missing}"


def _dated(quote: Quote) -> str:
    return f"“{quote.text}” ({day(quote.result.memory.at)})"


def _last(talk: Talk) -> Answer | None:
    """Return the last answer; None when only its kept form is there.

    Raises:
        WrongUsage: Nothing was asked yet.
    """
    if not talk.turns:
        raise WrongUsage("nothing was asked yet")
    return talk.last


def _new(talk: Talk, _: str) -> None:
    talk.begin_anew()
    output.talk("a new conversation begins")


def _save(talk: Talk, argument: str) -> None:
    if not talk.turns:
        raise WrongUsage("nothing was asked yet")
    file = Path(argument or file_name(talk.turns)).expanduser()
    text = as_markdown(talk.turns).encode("utf-8", "replace")
    try:
        # A name that is taken meanwhile is not written over either.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if not can_ask():
            raise WrongUsage(f"there is a {file} already; name another file") from None
        if not output.confirm(f"There is a {file} already. Write over it?"):
            output.talk("not saved")
            return
        descriptor = _opened(file, os.O_WRONLY | os.O_TRUNC)
    except OSError as error:
        raise _unwritable(file, error) from error
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(text)
    except OSError as error:
        raise _unwritable(file, error) from error
    output.talk(f"saved: {file}")


def _opened(file: Path, flags: int) -> int:
    try:
        return os.open(file, flags)
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> TeraError:
    return TeraError(f"cannot write {file}: {error.strerror}", hint="name another: /save FILE")


def _help(_: Talk, __: str) -> None:
    import shutil
    import textwrap

    width = max(30, shutil.get_terminal_size().columns)
    for name, command in COMMANDS.items():
        usage = f"{name} {command.argument}".strip()
        if width < 60:
            output.talk(usage)
            lines = textwrap.wrap(command.help, width - 4)
            output.talk("\n".join(f"    {line}" for line in lines))
        else:
            lines = textwrap.wrap(command.help, width - 20)
            output.talk(f"{usage:<18}" + f"\n{'':<18}".join(lines))
    output.note("Anything else is a question; //... one that begins with a slash.")
    output.note("Ctrl-C stops an answer, Ctrl-D leaves.")


def _quit(_: Talk, __: str) -> None:
    raise LeaveError


COMMANDS = {
    "/remember": Command("TEXT", "remember it, as `tera remember` does", _remember),
    "/forget": Command(
        "ID or [1]", "forget a memory, by its id or as a source of the last answer", _forget
    ),
    "/sources": Command("", "the passages that the last answer rests on", _sources),
    "/why": Command("", "what was looked for, scores, and how the answer was checked", _why),
    "/new": Command("", "begin another conversation; this one stays kept", _new),
    "/save": Command("[FILE]", "write the conversation as Markdown", _save),
    "/help": Command("", "these lines", _help),
    "/quit": Command("", "leave; so does Ctrl-D", _quit),
}
_SHORT = {"/exit": "/quit", "/q": "/quit", "/h": "/help"}
