"""One home folder at work: its open store, its models, and what waits for vectors.

Several threads may share it. The store is used by one of them at a time, and never while a model
loads or writes, so that others can go on meanwhile.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tera.config import Config
from tera.datatypes import Chunk, JournalEntry
from tera.model_loader import Listener, ModelLoader
from tera.models import ModelSpec
from tera.paths import Paths
from tera.pending import embed_pending
from tera.store.opened import OpenStore, open_store
from tera.store.outcomes import CONTENT_FIELDS
from tera.waiting import WaitingTexts

if TYPE_CHECKING:
    from tera.embedders import Embedder
    from tera.embedders.tokens import TokenCounter
    from tera.indexes.vector import VectorIndex

FEW_WAITING = 32
"""So many memories have their vectors within a moment; a search waits for them."""
FEW_WAITING_S = 1.0


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
        self._indexes: dict[str, VectorIndex] = {}

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
        self._indexes.clear()
        self._stack.close()

    # Vectors.

    def index(self, opened: OpenStore, spec: ModelSpec) -> VectorIndex | None:
        """Return the index of the embedded store, at its newest state; None on a server."""
        feed = opened.database.feed
        if feed is None:
            return None
        # numpy takes longer to import than `remember` takes in all.
        from tera.indexes.vector import VectorIndex

        if spec.name not in self._indexes:
            folder = self.models.index_folder(spec.name)
            self._indexes[spec.name] = VectorIndex(folder, spec.name, spec.dim)
            for note in self._indexes[spec.name].notes:
                self.listener.note(note)
        self._indexes[spec.name].follow(feed.feed, feed.last_number())
        return self._indexes[spec.name]

    def ready_embedder(self) -> Embedder:
        """Return the store's embedder, after the memories that wait have their vectors.

        Where vectors are left to others, it waits for a few, never for many.

        Raises:
            ModelError: No embedder can be had.
        """
        with self.store() as opened:
            recorded = opened.database.embedder()
        embedder = self._begun_with(self.models.choose_embedder(recorded))
        if self.stays_open:
            self._wait_for_few()
        else:
            self._embed_waiting(embedder, self.listener.progress)
        return embedder

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
        """Make all vectors anew with another embedder; interrupted, the next search goes on."""
        embedder = self.models.embedder(name)
        with self.store() as opened:
            if opened.database.embedder() != name:
                self._begin_with(opened, embedder)
        self._embed_waiting(embedder, self.listener.progress)

    def note_embedded(self) -> None:
        """Note that nothing waits, whatever was thought before."""
        self.waiting.clear()
        with self._has_embedded:
            self._has_embedded.notify_all()

    def _embed_waiting(self, embedder: Embedder, progress: Callable[[str, int, int], None]) -> None:
        # One thread does it, others wait for that.
        with self._embedding:
            embed_pending(self.store, embedder, self.counter(embedder), progress, self._embedded)

    def counter(self, embedder: Embedder) -> TokenCounter:
        """Return the measure of a loaded embedder."""
        counter = self.models.token_counter(embedder.spec.name)
        # A loaded model's files are on this machine.
        assert counter is not None
        return counter

    def _embedded(self, memory_ids: Sequence[str]) -> None:
        self.waiting.remove(memory_ids)
        with self._has_embedded:
            self._has_embedded.notify_all()

    def _wait_for_few(self) -> None:
        self.on_waiting()
        if len(self.waiting) <= FEW_WAITING:
            with self._has_embedded:
                self._has_embedded.wait_for(lambda: not len(self.waiting), FEW_WAITING_S)

    def _begin_with(self, opened: OpenStore, embedder: Embedder) -> None:
        # An index that is left of an earlier time with this embedder does not see what was voided.
        self._indexes.pop(embedder.spec.name, None)
        shutil.rmtree(self.models.index_folder(embedder.spec.name), ignore_errors=True)
        opened.database.set_embedder(embedder.spec.name, embedder.spec.dim)
        self._read_waiting(opened)
        self.on_waiting()
