"""The engine as commands see it when the background agent does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, TypeVar

from tera import __version__
from tera.agent.address import read_address
from tera.agent.codec import decode, encode
from tera.agent.exchange import BrokenOffError, MismatchError, NotStartedError, converse
from tera.agent.launcher import CannotStartError, dismiss, ensure
from tera.agent.protocol import (
    SETTINGS_HEADER,
    VERSION_HEADER,
    decode_error,
    identity,
    settings_digest,
)
from tera.answers import Audience, Nobody
from tera.batches import write_batches
from tera.config import Config
from tera.datatypes import (
    EVERYTHING,
    Answer,
    Draft,
    Filter,
    Finding,
    Held,
    Inquiry,
    Memory,
    Quote,
    ReadBefore,
    Remembered,
    SearchResult,
    SecretPolicy,
    Written,
)
from tera.errors import AgentError, AgentUnreachableError, ProtocolMismatchError
from tera.paths import Paths
from tera.readers.plain.text import checked

if TYPE_CHECKING:
    from tera.backup import Backup
    from tera.model_loader import Listener
    from tera.selftest import Plan
    from tera.store.history import Change
    from tera.upkeep import Keeper, Restored

T = TypeVar("T")

NOBODY = Nobody()
MANY_DEATHS = 5
"""An agent that dies so often in the middle of a call will not do it."""
MOST_DEATHS = {"ask": 2, "load_embedder": 2, "use_embedder": 2}
"""Fewer where a model may be too large for the machine: each time other programs suffer too."""
MOST_ROUNDS = 50
"""Agents that are there when they are looked for and not when they are called."""


class RemoteEngine:
    """The use cases of `Engine`, done by the background agent; it is started when it is needed."""

    def __init__(self, config: Config, paths: Paths, listener: Listener) -> None:
        """Prepare; nothing is connected yet."""
        self._config = config
        self._paths = paths
        self._listener = listener
        self._deaths = 0
        self._local: Keeper | None = None
        self._headers = {
            VERSION_HEADER: identity(__version__),
            SETTINGS_HEADER: settings_digest(config, paths),
        }

    # Memories; see `Engine`.

    def remember(
        self,
        drafts: Iterable[Draft],
        secrets: SecretPolicy = "keep",
        on_held: Callable[[Held], None] = lambda _: None,
    ) -> Iterator[Remembered]:
        """Remember drafts; each is on disk when it is yielded."""
        good = (replace(draft, text=checked(draft.text, "the text")) for draft in drafts)
        return write_batches(good, partial(self._remember_batch, secrets), on_held)

    def _remember_batch(
        self, secrets: SecretPolicy, drafts: Sequence[Draft], change: int
    ) -> Written:
        begun, deaths = datetime.now(UTC), self._deaths
        written = self._call(
            "remember_batch",
            Written,
            again={"since": begun},
            secrets=secrets,
            drafts=drafts,
            change=change,
        )
        if self._deaths == deaths:
            return written
        return replace(
            written, outcome=tuple(_as_new(remembered, begun) for remembered in written.outcome)
        )

    def read_before(self, files: Sequence[tuple[str, str]]) -> list[ReadBefore]:
        """Return what was read to their ends of files before."""
        return self._call("read_before", list[ReadBefore], files=files)

    def restore(self, memories: Iterable[Memory]) -> Iterator[Remembered]:
        """Take over exported memories under their own ids."""
        good = (replace(memory, text=checked(memory.text, memory.id)) for memory in memories)
        return write_batches(
            good,
            lambda batch, change: self._call(
                "restore_batch",
                Written,
                again={"since": datetime.now(UTC)},
                memories=batch,
                change=change,
            ),
        )

    def find(self, prefixes: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids or unique beginnings of ids, in that order."""
        return self._call("find", list[Memory], prefixes=prefixes)

    def select(self, chosen: Filter, limit: int | None = None) -> list[Memory]:
        """Return the memories that pass a filter, newest first."""
        return self._call("select", list[Memory], chosen=chosen, limit=limit)

    def edit(self, memory: Memory, edited: Memory) -> bool:
        """Change a memory; False when there was nothing to change."""
        checked(edited.text, "the new text")
        return self._call("edit", bool, memory=memory, edited=edited)

    def forget(self, memories: Sequence[Memory]) -> None:
        """Forget memories, as one change."""
        self._call("forget", NoneType, once=True, memories=memories)

    # History.

    def log(self) -> list[Change]:
        """Return every change, oldest first."""
        from tera.store.history import Change

        return self._call("log", list[Change])

    def undo(self, number: int | None = None) -> Change:
        """Take a change back: the given one, or the last that is not undone."""
        from tera.store.history import Change

        return self._call("undo", Change, once=True, number=number)

    # Search and answers.

    def search(
        self,
        question: str,
        count: int,
        chosen: Filter = EVERYTHING,
        *,
        now: datetime | None = None,
    ) -> list[SearchResult]:
        """Return the passages closest to a question, best first."""
        checked(question, "the question")
        return self._call(
            "search", list[SearchResult], question=question, count=count, chosen=chosen, now=now
        )

    def ask(self, inquiry: Inquiry, audience: Audience = NOBODY) -> Answer:
        """Answer a question from memory; leaving the call stops the answer."""
        checked(inquiry.question, "the question")
        return self._call("ask", Answer, audience, inquiry=inquiry)

    # Models and state.

    def embedder_name(self) -> str:
        """Return the store's embedder; empty when it has none yet."""
        return self._call("embedder_name", str)

    def load_embedder(self, name: str) -> None:
        """Load an embedder, to see that it can be had."""
        self._call("load_embedder", NoneType, name=name)

    def use_embedder(self, name: str) -> None:
        """Make all vectors anew with another embedder."""
        self._call("use_embedder", NoneType, name=name)

    def facts(self) -> dict[str, object]:
        """Return how much is remembered, with which models, and where."""
        return self._call("facts", dict[str, object])

    def examine(self) -> list[Finding]:
        """Look at every part; see `tera.doctor`."""
        return self._call("examine", list[Finding])

    def repair(self) -> list[Finding]:
        """Mend what is damaged; see `tera.doctor`."""
        return self._call("repair", list[Finding])

    def selftest_plan(self, count: int, seed: int) -> Plan:
        """Return questions that show how well this store is searched; see `tera.selftest`."""
        from tera.selftest import Plan

        return self._call("selftest_plan", Plan, count=count, seed=seed)

    def export(self, chosen: Filter) -> tuple[list[Memory], str]:
        """Return the memories that pass a filter, and what is wrong with the store, if anything."""
        return self._call("export", tuple[list[Memory], str], chosen=chosen)

    def backup(self, to: Path) -> Backup:
        """Write the journal and the settings to one verified file."""
        from tera.backup import Backup

        return self._call("backup", Backup, to=to)

    def restore_backup(self, file: Path) -> Restored:
        """Put a backup in the place of what is there, which is set aside."""
        from tera.upkeep import Restored

        return self._call("restore_backup", Restored, once=True, file=file)

    # Inside.

    def _call(
        self,
        operation: str,
        kind: type[T],
        audience: Audience | None = None,
        *,
        once: bool = False,
        again: Mapping[str, object] | None = None,
        **arguments: object,
    ) -> T:
        """Let the agent do an operation; start or replace it if need be.

        Args:
            operation: Its name.
            kind: The type of its result.
            audience: Reads an answer as it is made.
            once: Doing it again would not be the same.
            again: More arguments, for when it may have been done already.
            **arguments: Its arguments.
        """
        rounds = deaths = 0
        while self._local is None:
            heard: list[str] = []
            rounds += 1
            try:
                return self._converse(operation, kind, audience, heard, arguments)
            except (NotStartedError, MismatchError) as error:
                if rounds > MOST_ROUNDS:
                    raise _unstable(error) from error
                self._start(isinstance(error, MismatchError))
            except BrokenOffError as error:
                self._deaths += 1
                deaths += 1
                # What was printed of an answer cannot be taken back.
                most = MOST_DEATHS.get(operation, MANY_DEATHS)
                if once or heard or deaths == most:
                    raise _died(operation, once) from error
                arguments |= again or {}
        if audience:
            arguments["audience"] = audience
        done: T = getattr(self._local, operation)(**arguments)
        return done

    def _start(self, is_other: bool) -> None:
        """Start an agent, in the place of one that differs; without any, work in this process."""
        if is_other:
            dismiss(self._paths)
        try:
            ensure(self._paths, self._wait)
        except CannotStartError as problem:
            from tera.upkeep import Keeper

            self._listener.note(f"{problem.error.message}: working without it", "tera agent logs")
            self._local = Keeper(self._config, self._paths, self._listener)

    def _converse(
        self,
        operation: str,
        kind: type[T],
        audience: Audience | None,
        heard: list[str],
        arguments: dict[str, object],
    ) -> T:
        items: list[object] = []
        address = read_address(self._paths)
        path, sent = f"/call/{operation}", encode(arguments)
        for message in converse(address, path, self._headers, sent):
            match message:
                case {"note": [text, hint]}:
                    self._listener.note(text, hint)
                case {"progress": [task, done, total]}:
                    self._listener.progress(task, done, total)
                case {"quote": quote} if audience:
                    audience.quote(decode(Quote, quote))
                case {"draft": text} if audience:
                    audience.draft(text)
                case {"text": piece} if audience:
                    heard.append(piece)
                    audience.text(piece)
                case {"items": some}:
                    items += some
                case {"error": error}:
                    raise decode_error(error)
                case {"result": result}:
                    decoded: T = decode(kind, items if result == "items" else result)
                    return decoded
        raise BrokenOffError

    def _wait(self) -> None:
        self._listener.progress("the background agent finishes its work", 0, 0)


def _as_new(remembered: Remembered, begun: datetime) -> Remembered:
    """Return what became of a draft as seen before an agent died and another went on."""
    is_known = remembered.status == "known"
    if is_known and remembered.memory.remembered_at >= begun:
        return replace(remembered, status="new")
    return remembered


def _unstable(error: Exception) -> AgentError:
    if isinstance(error, MismatchError):
        return ProtocolMismatchError(
            "the background agent is of another version or has other settings, and does not leave",
            hint="tera agent stop",
        )
    return AgentUnreachableError(
        "the background agent ends as soon as it has started",
        hint="tera agent logs; TERA_AGENT=off works without it",
    )


def _died(operation: str, once: bool) -> AgentUnreachableError:
    if once:
        return AgentUnreachableError(
            f"the background agent died during {operation}",
            hint="see whether it was done: tera log",
        )
    if operation == "ask":
        return AgentUnreachableError(
            "the background agent died while it answered; there may be too little memory for the"
            " language model",
            hint="tera ask --no-llm gives quotes; tera agent logs",
        )
    return AgentUnreachableError(
        f"the background agent died during {operation}, again and again", hint="tera agent logs"
    )
