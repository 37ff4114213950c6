"""The store in use: lock held, journal open, database open and caught up with the journal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tera.config import Config
from tera.datatypes import Chunk, JournalEntry
from tera.errors import StoreDamagedError
from tera.paths import Paths
from tera.store.connection import Connection
from tera.store.journal import RESTORE_HINT, Journal, Position
from tera.store.lock import exclusive_lock
from tera.store.surreal import SurrealStore

CATCH_UP_ENTRIES = 200
"""Journal entries applied in one transaction when the database is behind."""


class OpenStore:
    """Journal and database together: every change goes through `commit`."""

    def __init__(self, journal: Journal, database: SurrealStore) -> None:
        """Bring the database up to the end of the journal.

        Raises:
            StoreDamagedError: The journal is damaged where it has to be read, or the database has
                applied what the journal does not hold.
        """
        device = journal.device
        # The embedded database follows one journal alone; a server those of other devices too.
        applied = database.positions() if database.feed else {device: database.position(device)}
        check_journal(journal, applied)
        self.journal = journal
        self.database = database
        self.caught_up = self._catch_up()
        self.notes: tuple[str, ...] = (
            (f"{self.caught_up} changes were brought into the store from the journal",)
            if self.caught_up
            else ()
        )

    @property
    def is_spent(self) -> bool:
        """The database has failed; SurrealKV takes nothing more until it is opened again."""
        return self.database.has_failed

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


def check_journal(journal: Journal, applied: Mapping[str, Position]) -> None:
    """Refuse a journal that has lost what the database has applied, by device.

    Raises:
        StoreDamagedError: The journal was lost, cut off or replaced.
    """
    for device, done in applied.items():
        if not journal.holds(device, done):
            raise StoreDamagedError(
                f"the journal ends at entry {journal.end.number}, but the store has applied"
                f" {done.number} of device {device}: part of the journal is missing",
                hint=RESTORE_HINT,
            )


@contextmanager
def open_store(config: Config, paths: Paths) -> Iterator[OpenStore]:
    """Open the store for the block, as its only user.

    Raises:
        StoreLockedError: Another process uses it.
        StoreError: It cannot be opened; see `Connection` and `Journal`.
    """
    with own_home(config, paths):
        journal = Journal(paths.journal)
        with connected(config, paths) as database:
            opened = OpenStore(journal, database)
            if opened.caught_up or not journal.end.number:
                # A store that has lost something gives out again numbers of the feed that the
                # index has already seen.
                shutil.rmtree(paths.index, ignore_errors=True)
            yield opened


@contextmanager
def open_database(config: Config, paths: Paths) -> Iterator[SurrealStore]:
    """Open the database for the block, as its only user, to read it where the journal is damaged.

    What only the journal has is not in it, and it must not be written to.

    Raises:
        StoreLockedError: Another process uses it.
        StoreError: It cannot be opened; see `Connection`.
    """
    with own_home(config, paths), connected(config, paths) as database:
        yield database


@contextmanager
def own_home(config: Config, paths: Paths) -> Iterator[None]:
    """Be the only user of the home folder for the block; files made in it are private.

    Raises:
        StoreLockedError: Another process uses it.
    """
    paths.create()
    # SurrealKV makes its files itself, so that they are private is up to this.
    before = os.umask(0o077)
    try:
        with exclusive_lock(paths.lock, config.store_lock_timeout_s):
            yield
    finally:
        os.umask(before)


@contextmanager
def connected(config: Config, paths: Paths) -> Iterator[SurrealStore]:
    """Connect to the database for the block. The caller holds the lock; see `own_home`."""
    connection = Connection(
        config.store_url or f"surrealkv://{paths.store}",
        namespace=config.store_namespace,
        database=config.store_database,
        user=config.store_user,
        password=config.store_password,
    )
    try:
        yield SurrealStore(connection)
    finally:
        connection.close()
