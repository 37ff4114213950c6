"""Use cases: what Tera does, for the command line, the background agent and any Python program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tera import hub
from tera.answers import Audience, Nobody
from tera.batches import write_batches
from tera.chosen import choose, select, whole_id
from tera.config import Config
from tera.datatypes import (
    EVERYTHING,
    Answer,
    Draft,
    Filter,
    Held,
    Inquiry,
    Memory,
    ReadBefore,
    Remembered,
    SearchResult,
    SecretPolicy,
    Written,
)
from tera.errors import ModelLoadError
from tera.model_loader import Listener, SilentListener
from tera.paths import Paths
from tera.readers.plain.text import checked
from tera.store.history import Change, begun_change, changes, undoing
from tera.store.opened import OpenStore
from tera.workspace import Workspace
from tera.writing import Plan, without_secrets
from tera.writing import now as this_moment

if TYPE_CHECKING:
    from tera.embedders import Embedder
    from tera.finder import Found
    from tera.indexes.keys import Numbers

NOBODY = Nobody()


class Engine:
    """A person's memory."""

    def __init__(
        self,
        config: Config,
        paths: Paths,
        listener: Listener | None = None,
        *,
        stays_open: bool = False,
    ) -> None:
        """Prepare; nothing is opened or loaded before it is needed. See `Workspace`."""
        self.config = config
        self.paths = paths
        self.listener = listener or SilentListener()
        self.workspace = Workspace(config, paths, self.listener, stays_open=stays_open)
        self.models = self.workspace.models

    def store(self) -> AbstractContextManager[OpenStore]:
        """Have the store for the block, open it if need be; such blocks may be nested."""
        return self.workspace.store()

    # Memories.

    def remember(
        self,
        drafts: Iterable[Draft],
        secrets: SecretPolicy = "keep",
        on_held: Callable[[Held], None] = lambda _: None,
    ) -> Iterator[Remembered]:
        """Remember drafts; each is on disk when it is yielded. No model is needed.

        The same text is kept once: new tags go to the memory that is there. A file read before is
        brought up to date.

        Args:
            drafts: What to remember.
            secrets: What becomes of passwords, keys and tokens.
            on_held: Hears of each draft that is held for its secrets.

        Raises:
            ReaderError: A text is empty or cannot be stored; drafts before it are kept.
        """
        # Checked one by one, so that a bad one does not take the good ones before it along.
        good = (replace(draft, text=checked(draft.text, "the text")) for draft in drafts)
        return write_batches(good, partial(self.remember_batch, secrets), on_held)

    def remember_batch(
        self,
        secrets: SecretPolicy,
        drafts: Sequence[Draft],
        change: int,
        since: datetime | None = None,
    ) -> Written:
        """Remember drafts whose texts are checked, at once; see `remember` and `write_batches`.

        Args:
            secrets: What becomes of passwords, keys and tokens.
            drafts: What to remember.
            change: The change that they belong to, 0 for a new one.
            since: Given when it may have been done in part, then or later: what is left to do
                belongs to the change that was begun.
        """
        held: list[Held] = []

        def fill(plan: Plan, opened: OpenStore) -> None:
            wanted = drafts
            if secrets != "keep":
                find = opened.database.find
                wanted, held[:] = without_secrets(drafts, secrets, lambda text: bool(find(text)))
            plan.remember(opened.database, wanted)

        return replace(self._write(change, since, fill), held=tuple(held))

    def read_before(self, files: Sequence[tuple[str, str]]) -> list[ReadBefore]:
        """Return what was read to their ends of files before.

        Args:
            files: The source and digest of each; see `Memory`.

        Returns:
            For each file; nothing when it was not read, or had another content.
        """
        with self.store() as opened:
            return [opened.database.files.read_before(source, digest) for source, digest in files]

    def restore(self, memories: Iterable[Memory]) -> Iterator[Remembered]:
        """Take over exported memories under their own ids; see `remember`."""
        good = (replace(memory, text=checked(memory.text, memory.id)) for memory in memories)
        return write_batches(good, self.restore_batch)

    def restore_batch(
        self, memories: Sequence[Memory], change: int, since: datetime | None = None
    ) -> Written:
        """Take over memories whose texts are checked, at once; see `restore`, `remember_batch`."""
        return self._write(
            change, since, lambda plan, opened: plan.restore(opened.database, memories)
        )

    def _write(
        self, change: int, since: datetime | None, fill: Callable[[Plan, OpenStore], None]
    ) -> Written:
        with self.store() as opened:
            plan = self._plan(opened, change)
            fill(plan, opened)
            if since and not change:
                ids = {done.memory.id for done in plan.outcome}
                journal = (entry for entry, _ in opened.journal.entries())
                change = begun_change(journal, ids, since)
                plan.entries = [replace(entry, change=change) for entry in plan.entries]
            return Written(self._commit(opened, plan) or change, tuple(plan.outcome))

    def _plan(self, opened: OpenStore, change: int = 0) -> Plan:
        try:
            counter = self.models.token_counter(opened.database.embedder())
        except ModelLoadError:
            # What cannot be cut now is cut when it is embedded, which says what is wrong.
            counter = None
        return Plan(change, counter)

    def _commit(self, opened: OpenStore, plan: Plan) -> int:
        return self.workspace.commit(opened, plan.entries, plan.chunks)

    def find(self, prefixes: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids or unique beginnings of ids, in that order.

        Raises:
            StoreError: One is unknown, or fits several.
        """
        with self.store() as opened:
            ids = [whole_id(opened.database, prefix) for prefix in prefixes]
            memories = opened.database.memories(ids)
            return [memories[key] for key in ids]

    def select(self, chosen: Filter, limit: int | None = None) -> list[Memory]:
        """Return the memories that pass a filter, newest first."""
        return select(self.workspace, chosen, limit)

    def chosen(self, opened: OpenStore, chosen: Filter) -> Numbers | None:
        """Return the numbers of the memories that pass a filter, sorted; None for all."""
        return None if chosen.is_empty else choose(self.workspace, opened, chosen)

    def edit(self, memory: Memory, edited: Memory) -> bool:
        """Change a memory; False when there was nothing to change.

        What another has changed meanwhile stays, where this changes something else. Done again, it
        changes nothing.

        Raises:
            ReaderError: The new text is empty or cannot be stored.
            StoreError: The memory was forgotten meanwhile.
        """
        checked(edited.text, "the new text")
        names = [field.name for field in dataclasses.fields(Memory)]
        wanted: dict[str, Any] = {
            name: getattr(edited, name)
            for name in names
            if getattr(edited, name) != getattr(memory, name)
        }
        with self.store() as opened:
            memory_id = whole_id(opened.database, memory.id)
            there = opened.database.memories([memory_id])[memory_id]
            plan = self._plan(opened)
            plan.edit(there, replace(there, **wanted))
            self._commit(opened, plan)
            return bool(wanted)

    def forget(self, memories: Sequence[Memory]) -> None:
        """Forget memories, as one change.

        Raises:
            StoreError: One was forgotten meanwhile; all the others are still there.
        """
        with self.store() as opened:
            plan = Plan()
            for memory_id in dict.fromkeys(memory.id for memory in memories):
                plan.forget(whole_id(opened.database, memory_id))
            self._commit(opened, plan)

    # History.

    def log(self) -> list[Change]:
        """Return every change, oldest first."""
        with self.store() as opened:
            return changes(entry for entry, _ in opened.journal.entries())

    def undo(self, number: int | None = None) -> Change:
        """Take a change back: the given one, or the last that is not undone.

        Raises:
            StoreError: There is no such change, it is undone already, or a later one builds on it.
        """
        with self.store() as opened:
            journal = [entry for entry, _ in opened.journal.entries()]
            entries = undoing(journal, number)
            self.workspace.commit(opened, entries)
            undone = entries[0].undoes
            return next(change for change in changes(journal) if change.number == undone)

    # Models and state.

    def embedder_name(self) -> str:
        """Return the store's embedder; empty when it has none yet."""
        with self.store() as opened:
            return opened.database.embedder()

    def load_embedder(self, name: str) -> None:
        """Load an embedder, to see that it can be had.

        Raises:
            ModelError: It cannot.
        """
        self.models.embedder(name)

    def use_embedder(self, name: str) -> None:
        """Use another embedder as soon as it has made all vectors; see `Workspace.use_embedder`.

        Raises:
            ModelError: It cannot be had.
        """
        self.workspace.use_embedder(name)

    def facts(self) -> dict[str, object]:
        """Return how much is remembered, with which models, and where."""
        with self.store() as opened:
            counts = opened.database.counts()
            serving = opened.database.serving()
            changes = opened.journal.end.number
        endpoint = self.config.endpoint()
        is_here = endpoint.is_local if endpoint else self.models.has_llm(is_local=True)
        return {
            "memories": counts["memory"],
            "chunks": counts["chunk"],
            "waiting_for_vectors": counts["pending"],
            "changes": changes,
            "embedder": serving.embedder or None,
            "next_embedder": serving.renewal.embedder if serving.renewal else None,
            "read_by_next_embedder": serving.renewal.passed if serving.renewal else 0,
            "llm": self.config.llm_model,
            "llm_on_this_machine": is_here,
            "llm_endpoint": endpoint.name if endpoint else None,
        }

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self.models.close()
        self.workspace.close()

    # Search and answers.

    def search(
        self,
        question: str,
        count: int,
        chosen: Filter = EVERYTHING,
        *,
        now: datetime | None = None,
    ) -> list[SearchResult]:
        """Return the passages closest to a question, best first.

        Args:
            question: As the person typed it.
            count: Most passages.
            chosen: Which memories may be found.
            now: When it counts as asked: what "last week" in it is relative to.

        Raises:
            ModelError: No embedder can be had.
        """
        checked(question, "the question")
        return self.workspace.with_embedder(
            lambda embedder: self._find(question, now, embedder, count, chosen).results
        )

    def ask(
        self,
        inquiry: Inquiry,
        audience: Audience = NOBODY,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Answer a question from memory, and from piped text when there is some.

        Args:
            inquiry: What is asked.
            audience: Reads the answer as it is made.
            should_stop: Asked while the language model works, by any thread; true ends it.

        Returns:
            The answer; its kind is "unknown" when nothing in memory is close enough.

        Raises:
            ModelError: No embedder can be had, or the language model failed.
        """
        # What it needs takes longer to import than `remember` in all.
        from tera.asking import answer

        checked(inquiry.question, "the question")

        def find(asked: Inquiry, embedder: Embedder) -> Found:
            return self._find(asked.question, asked.now, embedder, asked.count, asked.chosen)

        with hub.out_of_bounds() if inquiry.is_local else nullcontext():
            return answer(self.workspace, inquiry, find, audience, should_stop)

    def _find(
        self, question: str, now: datetime | None, embedder: Embedder, count: int, chosen: Filter
    ) -> Found:
        # It knows dates in seven languages, which takes longer to import than `remember` in all.
        from tera.finder import Found, Question, find_passages

        asked = Question.of(question, now or this_moment(), embedder)
        numbers = None
        if not chosen.is_empty:
            self.workspace.follow_attributes()
            with self.store() as opened:
                numbers = self.chosen(opened, chosen)
        if numbers is not None and not len(numbers):
            return Found([], 0.0, asked.vector)
        return find_passages(self.workspace, asked, embedder, count, numbers)
