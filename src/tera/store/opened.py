"""The store in use: lock held, journal open, database open and caught up with the journal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tera.config import Config
from tera.datatypes import Chunk, JournalEntry
from tera.errors import StoreError
from tera.paths import Paths
from tera.store.connection import Connection
from tera.store.journal import Journal
from tera.store.lock import exclusive_lock
from tera.store.surreal import SurrealStore

CATCH_UP_ENTRIES = 200
"""Journal entries applied in one transaction when the database is behind."""


class OpenStore:
    """Journal and database together: every change goes through `commit`."""

    def __init__(self, journal: Journal, database: SurrealStore) -> None:
        """Bring the database up to the end of the journal.

        Raises:
            StoreDamagedError: The journal is damaged where it has to be read.
            StoreError: The database is ahead of the journal.
        """
        self.journal = journal
        self.database = database
        self.caught_up = self._catch_up()

    def commit(
        self,
        entries: Sequence[JournalEntry],
        chunks: Mapping[str, Sequence[Chunk]] | None = None,
    ) -> list[JournalEntry]:
        """Write a change to the journal, then do it in the database.

        Args:
            entries: The change; see `Journal.append`.
            chunks: By memory id, chunks that were already cut.

        Returns:
            The entries as written.
        """
        # Where the database could not take an earlier change, that one goes first.
        self._catch_up()
        written = self.journal.append(entries)
        self.database.apply(written, self.journal.end, chunks)
        return written

    def _catch_up(self) -> int:
        """Apply what the journal has and the database has not; return how many entries."""
        done = self.database.position(self.journal.device)
        if done.number > self.journal.end.number:
            raise StoreError(
                f"the journal ends at entry {self.journal.end.number}, but the store has applied"
                f" {done.number}: part of the journal is missing",
                hint="take the journal folder from a backup",
            )
        if done.number == self.journal.end.number:
            return 0
        batch: list[JournalEntry] = []
        count = 0
        for entry, end in self.journal.entries(after=done):
            batch.append(entry)
            count += 1
            if len(batch) == CATCH_UP_ENTRIES or end.number == self.journal.end.number:
                self.database.apply(batch, end, again=True)
                batch = []
        return count


@contextmanager
def open_store(config: Config, paths: Paths) -> Iterator[OpenStore]:
    """Open the store for the block, as its only user.

    Raises:
        StoreLockedError: Another process uses it.
        StoreError: It cannot be opened; see `Connection` and `Journal`.
    """
    paths.create()
    # SurrealKV makes its files itself, so that they are private is up to this.
    before = os.umask(0o077)
    try:
        with exclusive_lock(paths.lock, config.store_lock_timeout_s):
            journal = Journal(paths.journal)
            connection = Connection(
                config.store_url or f"surrealkv://{paths.store}",
                namespace=config.store_namespace,
                database=config.store_database,
                user=config.store_user,
                password=config.store_password,
            )
            try:
                opened = OpenStore(journal, SurrealStore(connection))
                if opened.caught_up or not journal.end.number:
                    # A store that has lost something gives out again numbers of the feed that the
                    # index has already seen.
                    shutil.rmtree(paths.index, ignore_errors=True)
                yield opened
            finally:
                connection.close()
    finally:
        os.umask(before)
