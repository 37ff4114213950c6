"""One home folder at work: its open store, its models, and what waits for vectors.

Several threads may share it. The store is used by one of them at a time, and never while a model
loads or writes, so that others can go on meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tera.config import Config
from tera.datatypes import Chunk, JournalEntry
from tera.derived import Indexes
from tera.errors import EmbeddingMismatchError
from tera.languages import SAMPLE_CHARACTERS, SAMPLE_TEXTS
from tera.model_loader import Listener, ModelLoader
from tera.models import ModelSpec
from tera.paths import Paths
from tera.pending import embed_pending, renew
from tera.store.opened import OpenStore, open_store
from tera.store.outcomes import CONTENT_FIELDS
from tera.store.renewal import Renewal
from tera.waiting import WaitingTexts

if TYPE_CHECKING:
    from tera.embedders import Embedder
    from tera.embedders.tokens import TokenCounter

T = TypeVar("T")

FEW_WAITING = 32
"""So many memories have their vectors within a moment; a search waits for them."""
FEW_WAITING_S = 1.0
YIELD_S = 0.001


class EndedError(Exception):
    """The store is closed for good; whoever comes next opens it."""


class Workspace:
    """What the use cases stand on."""

    def __init__(
        self, config: Config, paths: Paths, listener: Listener, *, stays_open: bool
    ) -> None:
        """Prepare; nothing is opened or loaded before it is needed.

        Args:
            config: The settings.
            paths: The home folder.
            listener: Hears what is going on.
            stays_open: Keep the store open and the models loaded, and leave vectors to whoever
                calls `embed` when `on_waiting` says so.
        """
        self.config = config
        self.paths = paths
        self.listener = listener
        self.stays_open = stays_open
        self.keeps_llm = stays_open
        self.models = ModelLoader(config, paths, listener)
        self.waiting = WaitingTexts()
        self.on_waiting: Callable[[], None] = lambda: None
        self._has_embedded = threading.Condition()
        self._embedding = threading.Lock()
        self._mutex = threading.RLock()
        self._stack = ExitStack()
        self._opened: OpenStore | None = None
        self._users = 0
        self._may_open = True
        self._keeps_open = stays_open
        self.indexes = Indexes(paths, listener)

    # The store.

    @contextmanager
    def store(self) -> Iterator[OpenStore]:
        """Have the store for the block, open it if need be; such blocks may be nested.

        Raises:
            EndedError: It is not open, and will not be; see `refuse_opening`.
        """
        with self._mutex:
            opened = self._opened or self._open()
            self._users += 1
            try:
                yield opened
            finally:
                self._users -= 1
                if not self._users and (opened.is_spent or not self._keeps_open):
                    self._close()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Have the store closed for the block, but where the block itself opens it."""
        with self._mutex:
            self._close()
            self._keeps_open = False
            try:
                yield
            finally:
                self._keeps_open = self.stays_open

    def commit(
        self,
        opened: OpenStore,
        entries: Sequence[JournalEntry],
        chunks: Mapping[str, Sequence[Chunk]] | None = None,
    ) -> int:
        """Write a change; return its number, 0 when there was nothing to write."""
        if not entries:
            return 0
        written = opened.commit(entries, chunks)
        if self.stays_open:
            self._note_waiting(opened, written)
            self.on_waiting()
        return written[0].change

    def _note_waiting(self, opened: OpenStore, written: Sequence[JournalEntry]) -> None:
        retitled: set[str] = set()
        for entry in written:
            if entry.operation == "forget":
                self.waiting.remove([entry.memory_id])
            elif "text" in entry.fields:
                self.waiting.add(entry.memory_id, str(entry.fields["text"]))
            elif CONTENT_FIELDS & entry.fields.keys():
                retitled.add(entry.memory_id)
        if retitled:
            for memory_id, memory in opened.database.memories(sorted(retitled)).items():
                self.waiting.add(memory_id, memory.text)

    def close(self) -> None:
        """Close the store; the next use opens it again."""
        with self._mutex:
            self._close()

    def refuse_opening(self) -> None:
        """Let nothing open the store again once it is closed."""
        self._may_open = False

    def _open(self) -> OpenStore:
        if not self._may_open:
            raise EndedError
        with ExitStack() as stack:
            opened = stack.enter_context(open_store(self.config, self.paths))
            self._stack = stack.pop_all()
        self._opened = opened
        for note in opened.notes:
            self.listener.note(note)
        self._read_waiting(opened)
        return opened

    def _read_waiting(self, opened: OpenStore) -> None:
        if self.stays_open:
            self.waiting.clear()
            for memory_id, text in opened.database.pending_texts():
                self.waiting.add(memory_id, text)
                if self.waiting.is_full:
                    return

    def _close(self) -> None:
        self._opened = None
        self.indexes.close()
        self._stack.close()

    def follow_attributes(self) -> None:
        """Bring the index of attributes up to date; others may use the store in between."""

        def follow(opened: OpenStore) -> bool:
            index = self.indexes.attributes(opened)
            return index is not None and index.follow_some()

        self._step_by_step(follow)

    def follow_words(self, spec: ModelSpec, progress: Callable[[str, int, int], None]) -> None:
        """Bring an embedder's index of words up to date; others may use the store in between."""

        def follow(opened: OpenStore) -> bool:
            feed = opened.database.feed
            if feed is None or opened.database.embedder() != spec.name:
                return False
            done, end = self.indexes.follow_some_words(opened, spec, feed)
            if done < end:
                progress("reading words", done, end)
            return done < end

        self._step_by_step(follow)

    def _step_by_step(self, step: Callable[[OpenStore], bool]) -> None:
        """Do steps until one says that none is left; only where others may wait for the store."""
        is_left = self.stays_open
        while is_left:
            with self.store() as opened:
                is_left = step(opened)
            if is_left:
                # A lock that is taken again at once is hardly ever given to another thread.
                time.sleep(YIELD_S)

    # Vectors.

    def with_embedder(self, work: Callable[[Embedder], T]) -> T:
        """Do what needs the store's embedder; again when another takes its place meanwhile.

        Raises:
            ModelError: No embedder can be had.
        """
        while True:
            embedder = self.ready_embedder()
            try:
                return work(embedder)
            except EmbeddingMismatchError:
                with self.store() as opened:
                    if opened.database.embedder() == embedder.spec.name:
                        raise

    def ready_embedder(self) -> Embedder:
        """Return the store's embedder, after the memories that wait have their vectors.

        Where vectors are left to others, it waits for a few, never for many.

        Raises:
            ModelError: No embedder can be had.
        """
        embedder = self._begun_with(self.models.choose_embedder(*self.embedders()))
        if self.stays_open:
            self._wait_for_few()
            self.follow_words(embedder.spec, self.listener.progress)
        else:
            self._embed_waiting(embedder, self.listener.progress)
            self.judge_languages(embedder.spec.name)
        self.indexes.tell_language(embedder.spec)
        return embedder

    def embedders(self) -> tuple[str, str]:
        """Return the embedder whose vectors serve, and the one that is to take its place."""
        with self.store() as opened:
            serving = opened.database.serving()
        return serving.embedder, serving.renewal.embedder if serving.renewal else ""

    def embed(self, name: str, progress: Callable[[str, int, int], None]) -> None:
        """Embed what waits; a store that has no embedder yet begins with this one.

        Args:
            name: The embedder; its files are on this machine.
            progress: Hears how far it is; an error that it raises ends the work.
        """
        self._embed_waiting(self._begun_with(name), progress)

    def _begun_with(self, name: str) -> Embedder:
        embedder = self.models.embedder(name)
        with self.store() as opened:
            # Another command may have begun with one meanwhile.
            if not opened.database.embedder():
                self._begin_with(opened, embedder)
        return embedder

    def use_embedder(self, name: str) -> None:
        """Use another embedder as soon as it has made all vectors; until then the old ones serve.

        Where vectors are left to others it returns at once. Interrupted, the next call goes on.
        The embedder in use ends what was begun with another.

        Raises:
            ModelError: It cannot be had; nothing was changed.
        """
        embedder = self.models.embedder(name)
        with self.store() as opened:
            database = opened.database
            if database.embedder() == name or database.has_vectors():
                database.renewing.want(name)
            else:
                self._begin_with(opened, embedder)
        if self.stays_open:
            self.on_waiting()
            return
        self.renew(self.listener.progress)
        self._embed_waiting(embedder, self.listener.progress)

    def renew(
        self,
        progress: Callable[[str, int, int], None],
        between: Callable[[], object] = lambda: None,
    ) -> None:
        """Go on until the wanted embedder's vectors serve and those of others are gone.

        Args:
            progress: Hears how far it is; an error that it raises ends the work.
            between: Called between batches, without the store.

        Raises:
            ModelError: The wanted embedder cannot be had.
        """
        cleared = 0
        while True:
            with self.store() as opened:
                renewing = opened.database.renewing
                state = renewing.state()
                removed = renewing.clear_some()
                cleared += removed
            if removed:
                progress("removing old vectors", cleared, 0)
            elif state is None:
                return
            elif state.is_begun:
                self._renew(state.embedder, progress, between)
            else:
                self._begin_renewal(state.embedder)

    def _begin_renewal(self, name: str) -> None:
        embedder = self.models.embedder(name)
        with self.store() as opened:
            renewing = opened.database.renewing
            if renewing.state() == Renewal(name) and not renewing.has_leftovers():
                self.indexes.drop(name)
                renewing.begin(embedder.spec.dim)

    def _renew(
        self,
        name: str,
        progress: Callable[[str, int, int], None],
        between: Callable[[], object],
    ) -> None:
        embedder = self.models.embedder(name)
        counter = self.counter(embedder)

        def follow(opened: OpenStore) -> None:
            # Some at a time, because all of it at once would hold the first search up. Where the
            # store is closed after each batch, so is the index, and opening it reads all of it.
            feed = opened.database.renewing.feed() if self.stays_open else None
            if feed:
                self.indexes.following(feed, embedder.spec)
                self.indexes.keywords(opened, embedder.spec, feed)

        if not renew(self.store, embedder, counter, progress, between, follow):
            return
        with self.store() as opened:
            old = opened.database.embedder()
            if opened.database.renewing.switch(name):
                self.indexes.drop(old)
                self._read_waiting(opened)
                self.on_waiting()

    def judge_languages(self, name: str) -> None:
        """Look for a language that an embedder does not know, in a store that has doubled."""
        spec = self.models.catalogue.get(name)
        if spec is None or spec.languages != "en":
            return
        with self.store() as opened:
            memories = opened.database.memory_count()
            notice = self.indexes.notice(name)
            if not notice.is_due(memories):
                return
            texts = opened.database.sample_texts(SAMPLE_TEXTS, SAMPLE_CHARACTERS)
        notice.judge(texts, memories, spec)

    def note_embedded(self) -> None:
        """Note that nothing waits, whatever was thought before."""
        self.waiting.clear()
        with self._has_embedded:
            self._has_embedded.notify_all()

    def _embed_waiting(self, embedder: Embedder, progress: Callable[[str, int, int], None]) -> None:
        # One thread does it, others wait for that.
        with self._embedding:
            done = partial(self._embedded, embedder)
            embed_pending(self.store, embedder, self.counter(embedder), progress, done)

    def counter(self, embedder: Embedder) -> TokenCounter:
        """Return the measure of a loaded embedder."""
        counter = self.models.token_counter(embedder.spec.name)
        # A loaded model's files are on this machine.
        assert counter is not None
        return counter

    def _embedded(self, embedder: Embedder, memory_ids: Sequence[str]) -> None:
        if self.stays_open:
            # Some at a time, for the same reason as in a renewal.
            with self.store() as opened:
                self.indexes.keywords(opened, embedder.spec, opened.database.feed)
        self.waiting.remove(memory_ids)
        with self._has_embedded:
            self._has_embedded.notify_all()

    def _wait_for_few(self) -> None:
        self.on_waiting()
        if len(self.waiting) <= FEW_WAITING:
            with self._has_embedded:
                self._has_embedded.wait_for(lambda: not len(self.waiting), FEW_WAITING_S)

    def _begin_with(self, opened: OpenStore, embedder: Embedder) -> None:
        self.indexes.drop(embedder.spec.name)
        opened.database.set_embedder(embedder.spec.name, embedder.spec.dim)
        self._read_waiting(opened)
        self.on_waiting()
