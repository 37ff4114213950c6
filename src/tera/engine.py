"""Use cases: what Tera does, for the command line and for any Python program.

The store's lock is held only while the store is read or written, never while a model loads or
writes, so that other commands can go on meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from tera.answer import OnText, write_answer
from tera.chunker import chunk_memory
from tera.config import Config
from tera.datatypes import Answer, Draft, Filter, Memory, SearchResult
from tera.errors import ModelLoadError, StoreError
from tera.gate import gate_score
from tera.model_loader import Listener, ModelLoader, SilentListener
from tera.paths import Paths
from tera.pending import embed_pending
from tera.quotes import quote_answer
from tera.readers.text import checked
from tera.retriever import retrieve
from tera.store.history import Change, changes, undoing
from tera.store.opened import OpenStore, open_store
from tera.store.surreal import SurrealStore
from tera.writing import ID_LENGTH, Plan, Remembered, now

if TYPE_CHECKING:
    from tera.embedders import Embedder, FloatVector
    from tera.embedders.tokens import TokenCounter

T = TypeVar("T", Draft, Memory)

WRITE_BATCH = 64
"""Memories written with one fsync."""
WRITE_CHARACTERS = 4_000_000
"""Characters after which a batch is written, however few memories it has."""
EVERYTHING = Filter()


class Engine:
    """A person's memory."""

    def __init__(self, config: Config, paths: Paths, listener: Listener | None = None) -> None:
        """Prepare; nothing is opened or loaded before it is needed."""
        self.config = config
        self.paths = paths
        self.listener = listener or SilentListener()
        self.models = ModelLoader(config, paths, self.listener)
        self._opened: OpenStore | None = None

    @contextmanager
    def store(self) -> Iterator[OpenStore]:
        """Open the store for the block; inside another such block, use the one that is open."""
        if self._opened:
            yield self._opened
            return
        with open_store(self.config, self.paths) as opened:
            self._opened = opened
            try:
                for note in opened.notes:
                    self.listener.note(note)
                yield opened
            finally:
                self._opened = None

    # Memories.

    def remember(self, drafts: Iterable[Draft]) -> Iterator[Remembered]:
        """Remember drafts; each is on disk when it is yielded. No model is needed.

        The same text is kept once: new tags go to the memory that is there. A file read before is
        brought up to date.

        Raises:
            ReaderError: A text is empty or cannot be stored; drafts before it are kept.
        """
        # Checked one by one, so that a bad one does not take the good ones before it along.
        good = (replace(draft, text=checked(draft.text, "the text")) for draft in drafts)
        return self._write(good, Plan.remember)

    def restore(self, memories: Iterable[Memory]) -> Iterator[Remembered]:
        """Take over exported memories under their own ids; see `remember`."""
        good = (replace(memory, text=checked(memory.text, memory.id)) for memory in memories)
        return self._write(good, Plan.restore)

    def _write(
        self, items: Iterable[T], plan_batch: Callable[[Plan, SurrealStore, Sequence[T]], None]
    ) -> Iterator[Remembered]:
        """Write items in batches, all as one change."""
        waiting = iter(items)
        change = 0
        while True:
            batch, failure = _take(waiting, WRITE_BATCH)
            if batch:
                with self.store() as opened:
                    plan = self._plan(opened, change)
                    plan_batch(plan, opened.database, batch)
                    written = self._commit(opened, plan)
                    change = change or written
                yield from plan.outcome
            if failure:
                raise failure
            if not batch:
                return

    def _plan(self, opened: OpenStore, change: int = 0) -> Plan:
        try:
            counter = self.models.token_counter(opened.database.embedder())
        except ModelLoadError:
            # What cannot be cut now is cut by the next search, which says what is wrong.
            counter = None
        return Plan(change, counter)

    def _commit(self, opened: OpenStore, plan: Plan) -> int:
        """Write a plan; return the number of its change, 0 when there was nothing to write."""
        if not plan.entries:
            return 0
        return opened.commit(plan.entries, plan.chunks)[0].change

    def find(self, prefixes: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids or unique beginnings of ids, in that order.

        Raises:
            StoreError: One is unknown, or fits several.
        """
        with self.store() as opened:
            ids = [self._resolve(opened, prefix) for prefix in prefixes]
            memories = opened.database.memories(ids)
            return [memories[key] for key in ids]

    def _resolve(self, opened: OpenStore, prefix: str) -> str:
        bare = prefix.strip().lower()
        is_id = bool(bare) and bare.isascii() and bare.isalnum() and len(bare) <= ID_LENGTH
        ids = opened.database.ids_with_prefix(bare, 3) if is_id else []
        if len(ids) > 1:
            shown = ", ".join(ids[:2]) + (", ..." if len(ids) > 2 else "")
            raise StoreError(
                f"{prefix!r} fits several memories: {shown}", hint="type more of the id"
            )
        if not ids:
            raise StoreError(f"no memory has an id that begins with {prefix!r}", hint="tera list")
        return ids[0]

    def select(self, chosen: Filter, limit: int | None = None) -> list[Memory]:
        """Return the memories that pass a filter, newest first."""
        with self.store() as opened:
            return opened.database.select(chosen, limit)

    def edit(self, memory: Memory, edited: Memory) -> bool:
        """Change a memory; False when there was nothing to change.

        Raises:
            ReaderError: The new text is empty or cannot be stored.
            StoreError: The memory was forgotten meanwhile.
        """
        checked(edited.text, "the new text")
        with self.store() as opened:
            self._resolve(opened, memory.id)
            plan = self._plan(opened)
            plan.edit(memory, edited)
            return self._commit(opened, plan) > 0

    def forget(self, memories: Sequence[Memory]) -> None:
        """Forget memories, as one change.

        Raises:
            StoreError: One was forgotten meanwhile; all the others are still there.
        """
        with self.store() as opened:
            plan = Plan()
            for memory_id in dict.fromkeys(memory.id for memory in memories):
                plan.forget(self._resolve(opened, memory_id))
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
            opened.commit(entries)
            undone = entries[0].undoes
            return next(change for change in changes(journal) if change.number == undone)

    # Search and answers.

    def search(self, question: str, count: int, chosen: Filter = EVERYTHING) -> list[SearchResult]:
        """Return the passages closest to a question, best first.

        Raises:
            ModelError: No embedder can be had.
        """
        checked(question, "the question")
        embedder = self.ready_embedder()
        return self._search(embedder.embed_query(question), embedder, count, chosen)

    def ask(
        self,
        question: str,
        *,
        count: int,
        chosen: Filter = EVERYTHING,
        piped: str = "",
        use_llm: bool = True,
        on_text: OnText = lambda _: None,
    ) -> Answer:
        """Answer a question from memory, and from piped text when there is some.

        Args:
            question: As the person typed it.
            count: Most passages that the answer may rest on.
            chosen: Which memories may be used.
            piped: Text for this one question; it is not remembered.
            use_llm: False for quotes only.
            on_text: Receives the answer as it is written.

        Returns:
            The answer; its kind is "unknown" when nothing in memory is close enough.

        Raises:
            ModelError: No embedder can be had, or the language model failed.
        """
        checked(question, "the question")
        embedder = self.ready_embedder()
        vector = embedder.embed_query(question)
        found = self._search(vector, embedder, count, chosen)
        gate = gate_score(embedder, self.models.index_folder(embedder.spec.name) / "gate.json")
        results = [result for result in found if result.score >= gate]
        if piped.strip():
            # What is piped in comes first, and leaves room for memory.
            room = count - min(len(results), count // 2)
            along = self._read_along(piped, vector, embedder, room)
            results = [*along, *results][:count]
        if not results:
            return Answer(question, "", "unknown", nearest=tuple(found))
        if use_llm and not self.models.has_llm():
            self.listener.note(
                f"{self.config.llm} is not on this machine: quoting instead of answering",
                f"tera models pull {self.config.llm}",
            )
            use_llm = False
        if not use_llm:
            return quote_answer(question, results, embedder, on_text)
        llm = self.models.llm()
        self.listener.progress(f"{llm.spec.name} reads {len(results)} passages", 0, 0)
        try:
            return write_answer(
                question,
                results,
                llm,
                today=date.today(),
                context_tokens=self.config.ask_context_tokens,
                max_tokens=self.config.ask_max_tokens,
                on_text=on_text,
            )
        finally:
            llm.close()

    def ready_embedder(self) -> Embedder:
        """Return the store's embedder, after every memory has its vectors.

        Raises:
            ModelError: No embedder can be had.
        """
        with self.store() as opened:
            recorded = opened.database.embedder()
        name = self.models.choose_embedder(recorded)
        embedder = self.models.embedder(name)
        if name != recorded:
            with self.store() as opened:
                # Another command may have begun with one meanwhile.
                if not opened.database.embedder():
                    self._begin_with(opened, embedder)
        self._embed_pending(embedder)
        return embedder

    def use_embedder(self, name: str) -> None:
        """Make all vectors anew with another embedder; interrupted, the next search goes on."""
        embedder = self.models.embedder(name)
        with self.store() as opened:
            if opened.database.embedder() != name:
                self._begin_with(opened, embedder)
        self._embed_pending(embedder)

    def _begin_with(self, opened: OpenStore, embedder: Embedder) -> None:
        # An index that is left of an earlier time with this embedder does not see what was voided.
        shutil.rmtree(self.models.index_folder(embedder.spec.name), ignore_errors=True)
        opened.database.set_embedder(embedder.spec.name, embedder.spec.dim)

    def _search(
        self, vector: FloatVector, embedder: Embedder, count: int, chosen: Filter
    ) -> list[SearchResult]:
        with self.store() as opened:
            database = opened.database
            ids = None if chosen.is_empty else database.select_ids(chosen)
            if ids is not None and not ids:
                return []
            if database.feed:
                # numpy takes longer to import than `remember` takes in all.
                from tera.indexes.vector import VectorIndex

                index = VectorIndex(
                    self.models.index_folder(embedder.spec.name),
                    embedder.spec.name,
                    embedder.spec.dim,
                )
                index.follow(database.feed.feed, database.feed.last_number())
                return retrieve(
                    count,
                    lambda n: index.nearest(vector, n, ids),
                    database.chunks,
                    database.memories,
                )
            server = database.server
            assert server is not None
            return retrieve(
                count,
                lambda n: server.nearest(vector.tolist(), n, ids),
                database.chunks,
                database.memories,
            )

    def _embed_pending(self, embedder: Embedder) -> None:
        embed_pending(self.store, embedder, self._counter(embedder), self.listener.progress)

    def _counter(self, embedder: Embedder) -> TokenCounter:
        counter = self.models.token_counter(embedder.spec.name)
        # A loaded model's files are on this machine.
        assert counter is not None
        return counter

    def _read_along(
        self, text: str, vector: FloatVector, embedder: Embedder, count: int
    ) -> list[SearchResult]:
        """Return the passages of piped text that fit a question best, in the order of the text."""
        told = now()
        memory = Memory("", checked(text, "the piped text"), told, told, title="piped text")
        chunks = chunk_memory(memory, self._counter(embedder))
        scores = embedder.embed_passages([text[c.start : c.end] for c in chunks]) @ vector
        best = sorted(range(len(chunks)), key=lambda row: -float(scores[row]))[:count]
        return [
            SearchResult(memory, chunks[row].start, chunks[row].end, float(scores[row]))
            for row in sorted(best)
        ]


def _take(waiting: Iterator[T], count: int) -> tuple[list[T], Exception | None]:
    """Return the next items, fewer when they are large; and the error when one could not be had."""
    batch: list[T] = []
    size = 0
    try:
        for item in waiting:
            batch.append(item)
            size += len(item.text)
            if len(batch) == count or size >= WRITE_CHARACTERS:
                break
    except Exception as error:
        return batch, error
    return batch, None
