"""A conversation while it goes on: asks, shows and keeps, and knows the last answer."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from tera.cli.session import (
    has_pipe,
    open_local_engine,
    open_remote_engine,
    output,
    uses_agent,
)
from tera.conversations import Conversation, Conversations, KeptSource, KeptTurn
from tera.datatypes import Answer, Inquiry, Quote, Turn

EXIT_INTERRUPTED = 130
HISTORY_TURNS = 6
"""Turns that a question can lean on."""
_CITATION = re.compile(r" ?\[\d+\]")

NAME_CHARACTERS = 100
"""Most that is kept of the name of a source, which may be the first line of a text."""


class StoppedError(Exception):
    """The person does not want the rest of an answer."""


class Heard:
    """Passes an answer on to the person, and keeps what there is of it."""

    def __init__(self, check: Callable[[], None], begin: Callable[[], None]) -> None:
        """Begin.

        Args:
            check: Raises an error when the rest is not wanted.
            begin: Called before anything is shown.
        """
        self._check = check
        self._begin = begin
        self._pieces: list[str] = []

    def quote(self, quote: Quote) -> None:
        """See `Audience`."""
        self._check()
        self._begin()
        output.quote(quote)

    def draft(self, text: str) -> None:
        """See `Audience`."""
        self._check()
        self._begin()
        output.draft(text)

    def text(self, piece: str) -> None:
        """See `Audience`."""
        self._check()
        self._begin()
        self._pieces.append(piece)
        output.text(piece)

    @property
    def written(self) -> str:
        """What was written so far."""
        return "".join(self._pieces).strip()


class Talk:
    """One conversation, and the next after `begin_anew`.

    Attributes:
        turns: What was said.
        last: The last answer of this session; None when it was stopped before there was one.
        exit_code: What became of the last question, as `tera ask` would say it.
    """

    def __init__(self, options: Inquiry, conversations: Conversations, *, is_kept: bool) -> None:
        """Prepare; nothing is opened yet.

        Args:
            options: How questions are answered.
            conversations: Those that are kept.
            is_kept: Whether this one is.
        """
        self.conversations = conversations
        self.turns: list[KeptTurn] = []
        self.last: Answer | None = None
        self.exit_code = 0
        self._options = options
        self._is_kept = is_kept
        self._id = ""
        self._unkept: list[KeptTurn] = []
        self._has_said_so = False
        self._is_piped = has_pipe()
        self._is_to_part = False
        self._asker = _Remote() if uses_agent() else _Local()

    def resume(self, conversation: Conversation) -> None:
        """Go on with a conversation that was kept."""
        self._id, self.turns = conversation.id, list(conversation.turns)

    def begin_anew(self) -> None:
        """Begin another conversation; what was said in this one stays kept."""
        self._id, self.turns, self.last = "", [], None
        self._unkept = []

    def ask(self, question: str) -> None:
        """Answer a question, show the answer, and keep both.

        Raises:
            TeraError: It cannot be answered; the conversation stays as it was.
        """
        history = tuple(
            Turn(turn.question, _CITATION.sub("", turn.answer))
            for turn in self.turns[-HISTORY_TURNS:]
        )
        asked_at = datetime.now(UTC)
        looked_for = _looked_for(question, history)
        if looked_for:
            output.note(f"looking for: {looked_for}")
        heard = Heard(self._asker.check, self._part)
        answer: Answer | None = None
        is_stopped = False
        try:
            inquiry = replace(self._options, question=question, history=history)
            answer = self._asker.ask(inquiry, heard)
            is_stopped = self._asker.is_stopped
        except (KeyboardInterrupt, StoppedError):
            is_stopped = True
        finally:
            output.end_answer()
        self.last = answer
        self._show(answer, is_stopped=is_stopped)
        text = heard.written if is_stopped or answer is None else answer.text
        sources = _sources(answer) if answer and text else ()
        self._is_to_part = self._is_piped and bool(text)
        self._keep(KeptTurn(asked_at, question, text, looked_for, is_stopped, sources))

    def _part(self) -> None:
        """Part an answer from the one before, where no person parts them."""
        if self._is_to_part:
            output.data("")
        self._is_to_part = False

    def _show(self, answer: Answer | None, *, is_stopped: bool) -> None:
        """Print what follows the text of an answer."""
        if is_stopped:
            output.end_progress()
            output.talk("stopped")
            self.exit_code = EXIT_INTERRUPTED
        elif answer is None or answer.kind == "unknown":
            output.nearest(answer.nearest if answer else ())
            self.exit_code = 1
        else:
            output.sources(answer)
            self.exit_code = 0

    def _keep(self, turn: KeptTurn) -> None:
        self.turns.append(turn)
        if not self._is_kept:
            return
        self._unkept.append(turn)
        while self._unkept:
            try:
                kept = self.conversations.append(Conversation(self._id), self._unkept[0])
            except OSError as error:
                if not self._has_said_so:
                    reason = error.strerror or error
                    output.note(f"this conversation is not being kept: {reason}")
                self._has_said_so = True
                return
            self._id = kept.id
            del self._unkept[0]


class _Listener:
    """Hears what the engine is doing; says everything once in a conversation."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._said: set[str] = set()

    def note(self, text: str, hint: str = "") -> None:
        """See `Listener`."""
        if text not in self._said:
            output.note(text, hint)
        self._said.add(text)

    def progress(self, task: str, done: int, total: int) -> None:
        """See `Listener`; a long task that nobody wants any more ends here."""
        self._check()
        output.progress(task, done, total)


class _Local:
    """Answers in this process; Ctrl-C is a wish, which the engine grants when it can."""

    def __init__(self) -> None:
        # The store is open during a question only: other commands want it too.
        self._engine = open_local_engine(_Listener(self.check))
        self._engine.workspace.keeps_llm = True
        self.is_stopped = False

    def ask(self, inquiry: Inquiry, heard: Heard) -> Answer:
        """Answer a question."""
        self.is_stopped = False
        with self._interrupts():
            return self._engine.ask(inquiry, heard, lambda: self.is_stopped)

    def check(self) -> None:
        """Raise an error when the person does not want the rest of the answer."""
        if self.is_stopped:
            raise StoppedError

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Note the first Ctrl-C within the block; a second one does not wait."""
        before = signal.getsignal(signal.SIGINT)

        def note(*_: object) -> None:
            if self.is_stopped:
                raise KeyboardInterrupt
            self.is_stopped = True

        if before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


class _Remote:
    """Lets the background agent answer; leaving the call stops its work."""

    is_stopped = False

    def __init__(self) -> None:
        self._engine = open_remote_engine(_Listener(self.check))

    def ask(self, inquiry: Inquiry, heard: Heard) -> Answer:
        """Answer a question."""
        return self._engine.ask(inquiry, heard)

    def check(self) -> None:
        """Do nothing: Ctrl-C is raised at once."""


def _looked_for(question: str, history: tuple[Turn, ...]) -> str:
    """Return how a question is understood, where that is something else than what was typed."""
    if not history:
        return ""
    from tera.answers.followups import standalone

    looked_for = standalone(question, history)
    return "" if looked_for == question else looked_for


def _sources(answer: Answer) -> tuple[KeptSource, ...]:
    from tera.places import cited

    return tuple(
        KeptSource(
            citation.number,
            citation.result.memory.id,
            citation.result.memory.at,
            cited(citation.result)[:NAME_CHARACTERS],
        )
        for citation in answer.citations
    )
