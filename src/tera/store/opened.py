"""The store in use: lock held, journal open, database open and caught up with the journal."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tera.config import Config
from tera.datatypes import Chunk, JournalEntry
from tera.errors import StoreDamagedError
from tera.paths import Paths
from tera.store.connection import Connection
from tera.store.journal import Journal, Position
from tera.store.lock import exclusive_lock
from tera.store.originals import Originals
from tera.store.surreal import SurrealStore

CATCH_UP_ENTRIES = 200
"""Journal entries applied in one transaction when the database is behind."""
REPAIR_HINT = "tera doctor --repair"


class OpenStore:
    """Journal and database together: every change goes through `commit`.

    Attributes:
        caught_up: How many entries only the journal had.
        notes: What the person should hear about the opening, one line each.
    """

    def __init__(self, journal: Journal, database: SurrealStore) -> None:
        """Bring the database up to the end of the journal.

        Raises:
            StoreDamagedError: The journal is damaged where it has to be read, or the database has
                applied what the journal does not hold, or has lost memories.
        """
        device = journal.device
        # The embedded database follows one journal alone; a server those of other devices too.
        applied = database.positions() if database.feed else {device: database.position(device)}
        check_journal(journal, applied)
        if not database.has_every_memory():
            raise StoreDamagedError("the store has lost memories", hint=REPAIR_HINT)
        self.journal = journal
        self.database = database
        self.notes: tuple[str, ...] = ()
        is_new = database.position(device).number == 0
        self.caught_up = self.catch_up()
        if journal.has_new_device_file:
            self.notes += ("journal/device was damaged and has been written anew",)
        if self.caught_up and is_new and database.feed:
            count = database.counts()["memory"]
            self.notes += (
                f"the store was missing and has been built from the journal: {count:,} memories",
            )
        elif self.caught_up:
            self.notes += (
                f"{self.caught_up:,} changes were brought into the store from the journal",
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

        After an error the store has to be opened again: SurrealKV writes nothing more after a full
        disk.

        Args:
            entries: The change; see `Journal.append`.
            chunks: By memory id, chunks that were already cut.

        Returns:
            The entries as written.
        """
        # Where the database could not take an earlier change, that one goes first.
        self.catch_up()
        written = self.journal.append(entries)
        self.database.apply(written, self.journal.end, chunks)
        return written

    def catch_up(self) -> int:
        """Apply what the journal has and the database has not; return how many entries."""
        done = self.database.position(self.journal.device)
        if done.number == self.journal.end.number:
            return 0
        return follow(self.journal, self.database, done)


def follow(journal: Journal, database: SurrealStore, done: Position) -> int:
    """Apply the journal behind a position to a database; return how many entries."""
    # Of a write that was cut short a part may be there, but not in a new database.
    is_there = bool(done.number or database.ids())
    batch: list[JournalEntry] = []
    count = 0
    for entry, end in journal.entries(after=done):
        batch.append(entry)
        count += 1
        if len(batch) == CATCH_UP_ENTRIES or end.number == journal.end.number:
            database.apply(batch, end, again=is_there)
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
                hint=REPAIR_HINT,
            )


@contextmanager
def open_store(config: Config, paths: Paths) -> Iterator[OpenStore]:
    """Open the store for the block, as its only user; what is damaged is mended first.

    Raises:
        StoreLockedError: Another process uses it.
        StoreError: It cannot be opened; see `Connection`, `Journal` and `mend`.
    """
    from tera.store.mend import finish_mending, mend

    with own_home(config, paths), ExitStack() as stack:
        finish_mending(paths)
        try:
            opened = stack.enter_context(_open(config, paths))
        except StoreDamagedError:
            note = mend(config, paths)
            opened = stack.enter_context(_open(config, paths))
            opened.notes = (note, *opened.notes)
        yield opened


@contextmanager
def _open(config: Config, paths: Paths) -> Iterator[OpenStore]:
    journal = Journal(paths.journal)
    with connected(config, paths) as database:
        opened = OpenStore(journal, database)
        if database.feed:
            _drop_indexes_ahead(paths.index, database.feed.last_number())
        yield opened


def _drop_indexes_ahead(index: Path, last_number: int) -> None:
    """Remove the indexes that have seen more of the feed than there is.

    A store that has lost something gives those numbers out again.
    """
    # The words are often further than the vectors, which follow when there is a search.
    for header in (*index.glob("*/header.json"), *index.glob("*/words/header.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if json.loads(header.read_bytes())["sequence"] > last_number:
                shutil.rmtree(header.parent, ignore_errors=True)


@contextmanager
def open_database(config: Config, paths: Paths) -> Iterator[SurrealStore]:
    """Open the database for the block, as its only user, to read it where the journal is damaged.

    What only the journal has is not in it, and it must not be written to.

    Raises:
        StoreLockedError: Another process uses it.
        StoreError: It cannot be opened; see `Connection`.
    """
    with own_home(config, paths), connected(config, paths, may_be_cut=True) as database:
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
def connected(config: Config, paths: Paths, *, may_be_cut: bool = False) -> Iterator[SurrealStore]:
    """Connect to the database for the block. The caller holds the lock; see `own_home`.

    Args:
        config: Names the database.
        paths: The home folder.
        may_be_cut: Connect also where SurrealKV has dropped what followed a damaged byte.

    Raises:
        StoreDamagedError: Files of the embedded database are damaged.
    """
    originals = Originals(paths.store)
    if not config.store_url:
        originals.link()
    connection = connect(config, config.store_url or f"surrealkv://{paths.store}")
    try:
        is_cut = not config.store_url and bool(originals.replaced())
        if is_cut and not may_be_cut:
            raise StoreDamagedError("files of the store are damaged", hint=REPAIR_HINT)
        if not is_cut:
            originals.drop()
        yield SurrealStore(connection)
    finally:
        connection.close()


def connect(config: Config, url: str) -> Connection:
    """Connect to a database with the names in the settings."""
    return Connection(
        url,
        namespace=config.store_namespace,
        database=config.store_database,
        user=config.store_user,
        password=config.store_password,
    )
