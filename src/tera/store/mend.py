"""Mends a home whose journal or database is damaged, from what is whole in both.

Nothing damaged is deleted: it is renamed, `store.damaged-...` and `journal.damaged-...`. What takes
its place is written beside it first, so that a crash in the middle leaves everything as it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tera.config import Config
from tera.datatypes import JournalEntry
from tera.errors import StoreDamagedError, StoreError
from tera.paths import Paths
from tera.store.carry import carry_vectors
from tera.store.disk import aside_of, sync_folder
from tera.store.journal import Journal, Position
from tera.store.opened import connect, connected, follow
from tera.store.originals import Originals
from tera.store.salvage import corrections, rescue
from tera.store.surreal import SurrealStore

FOREIGN_HINT = "put the journal and the store of one home back together, or set TERA_HOME"


@dataclass(frozen=True, slots=True)
class _Database:
    """What is known of the database before anything is mended.

    `store` is None where there is none or it cannot be read; `is_whole` says that it has lost
    nothing.
    """

    store: SurrealStore | None
    is_whole: bool
    device: str = ""
    applied: Position = field(default_factory=Position)
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class _Rescued:
    """What became of the journal.

    Attributes:
        aside: Where the damaged one is; None where nothing was wrong.
        was_missing: There was not one entry in it.
        lost: How many entries could not be read again.
        is_complete: The database knew what these had done.
        end: Number of the last entry before those that tell what the database knows.
    """

    aside: Path | None = None
    was_missing: bool = False
    lost: int = 0
    is_complete: bool = True
    end: int = 0


def finish_mending(paths: Paths) -> None:
    """Finish or give up what a crash has interrupted; see `mend`."""
    new = _complete(paths.journal)
    if new.exists():
        if paths.journal.exists():
            shutil.rmtree(new)
        else:
            new.rename(paths.journal)
            sync_folder(paths.home)
    for folder in (_partial(paths.journal), _partial(paths.store)):
        if folder.exists():
            shutil.rmtree(folder)


def mend(config: Config, paths: Paths, *, rebuild: bool = False) -> str:
    """Make journal and database whole and alike; return in one line what was done.

    The caller holds the lock, and nothing is open.

    Args:
        config: Names the database.
        paths: The home folder.
        rebuild: Build the embedded database anew even where nothing is wrong with it.

    Raises:
        StoreDamagedError: The journal and the database are of different devices.
        StoreError: There is no space, or the server does not answer; everything is as it was.
    """
    finish_mending(paths)
    with _examined(config, paths) as database:
        rescued = _mend_journal(paths, database)
        journal = Journal(paths.journal)
        if database.store and (config.store_url or (database.is_whole and not rebuild)):
            _move_position(journal, database, rescued.end)
            return _line(rescued, None, database.store.counts()["memory"])
        count = _rebuild(config, paths, journal, None if rebuild else database)
    aside = _swap_store(paths)
    return _line(rescued, aside, count, was_whole=database.is_whole)


@contextmanager
def _examined(config: Config, paths: Paths) -> Iterator[_Database]:
    """Open the database as far as it can be."""
    nothing = _Database(None, is_whole=False)
    if not config.store_url and not paths.store.exists():
        yield nothing
        return
    with ExitStack() as stack:
        try:
            store = stack.enter_context(connected(config, paths, may_be_cut=True))
            is_cut = not config.store_url and bool(Originals(paths.store).replaced())
            positions = store.positions()
            device = max(positions, key=lambda key: positions[key].number, default="")
            database = _Database(
                store,
                not is_cut and store.has_every_memory(),
                device,
                positions.get(device, Position()),
                is_shared=len(positions) > 1,
            )
        except StoreDamagedError:
            database = nothing
        yield database


def _mend_journal(paths: Paths, database: _Database) -> _Rescued:
    """Put a whole journal in the place of a damaged one, with all that the database knows."""
    try:
        journal = Journal(paths.journal)
    except StoreDamagedError:
        journal = None
    through = database.applied.number
    if journal and journal.end.number and database.device not in ("", journal.device):
        if database.is_shared:
            return _Rescued(end=journal.end.number)
        raise StoreDamagedError(
            f"the journal is of device {journal.device}, the store of device {database.device}",
            hint=FOREIGN_HINT,
        )
    if journal and through <= journal.end.number:
        end = journal.end.number
        journal.append(_corrections(journal, database, has_lost=False))
        return _Rescued(end=end)
    new = _partial(paths.journal)
    try:
        device = database.device or os.urandom(4).hex()
        ranges = rescue(paths.journal, new, device=device, through=through)
        journal = Journal(new)
        end = journal.end.number
        known = _corrections(journal, database, has_lost=bool(ranges))
        if ranges:
            # What the database knew goes on with the change that is lost, and is not undone either.
            known = [replace(entry, change=ranges[-1][0]) for entry in known]
        journal.append(known)
        aside = _swap_journal(paths, new)
    except OSError as error:
        raise StoreError(
            f"cannot mend the journal: {error.strerror or error}",
            hint="free some space, or set TERA_HOME to a folder that you can write to",
        ) from error
    lost = sum(last - first + 1 for first, last in ranges)
    is_complete = not ranges or (database.is_whole and ranges[-1][1] <= through)
    return _Rescued(aside, lost == end, lost, is_complete, end)


def _corrections(journal: Journal, database: _Database, *, has_lost: bool) -> list[JournalEntry]:
    # What is on a server may be of other devices.
    if database.store is None or database.is_shared:
        return []
    known = {
        key: memory.fields()
        for batch in database.store.every_memory()
        for key, memory in batch.items()
    }
    return corrections(
        [entry for entry, _ in journal.entries()],
        known,
        database.applied.number,
        is_whole=database.is_whole,
        has_lost=has_lost,
    )


def _swap_journal(paths: Paths, new: Path) -> Path:
    complete = new.rename(_complete(paths.journal))
    aside = aside_of(paths.journal)
    if paths.journal.exists():
        paths.journal.rename(aside)
    complete.rename(paths.journal)
    sync_folder(paths.home)
    return aside


def _move_position(journal: Journal, database: _Database, end: int) -> None:
    """Note where in the journal the database stands; its lines have moved.

    What was added behind entry `end` is what the database told itself.
    """
    assert database.store
    applied = database.applied.number
    at = Position()
    for entry, position in journal.entries():
        if entry.number > applied and applied < end:
            break
        at = position
    database.store.set_position(journal.device, at)


def _rebuild(config: Config, paths: Paths, journal: Journal, damaged: _Database | None) -> int:
    """Build a database from the journal; return how many memories it has."""
    connection = connect(config, f"surrealkv://{_partial(paths.store)}")
    try:
        new = SurrealStore(connection)
        follow(journal, new, Position())
        if damaged and damaged.store:
            changed = {
                entry.memory_id
                for entry, _ in journal.entries()
                if entry.number > damaged.applied.number
            }
            try:
                carry_vectors(damaged.store, new, changed)
            except StoreError:
                # They are made again.
                new.set_embedder(new.embedder(), 0)
        return new.counts()["memory"]
    finally:
        connection.close()


def _swap_store(paths: Paths) -> Path | None:
    """Put the new database in its place; return where the damaged one is."""
    Originals(paths.store).put_back()
    # Numbers of the feed are given out again, which the index has already seen.
    shutil.rmtree(paths.index, ignore_errors=True)
    aside = aside_of(paths.store) if paths.store.exists() else None
    if aside:
        paths.store.rename(aside)
    _partial(paths.store).rename(paths.store)
    sync_folder(paths.home)
    return aside


def _line(rescued: _Rescued, store: Path | None, count: int, *, was_whole: bool = True) -> str:
    """Say in one line what was damaged, what became of it, and where the damaged files are."""
    journal = rescued.aside
    folders = " and ".join(path.name for path in (journal, store) if path)
    where = f"; the damaged files are in {folders}" if folders else ""
    memories = f"{count:,} memories"
    if journal and rescued.is_complete and was_whole:
        if rescued.was_missing:
            return f"the journal was missing and has been written anew from the store: {memories}"
        lost = f"{rescued.lost:,} changes could not be read, but no memory is lost"
        says = lost if rescued.lost else f"nothing is lost: {memories}"
        return f"the journal was damaged and has been mended: {says}{where}"
    if journal:
        lost = f"{rescued.lost:,} changes are lost" if rescued.lost else "nothing is lost"
        what = "the journal was damaged" if was_whole else "the journal and the store were damaged"
        return f"{what}: {lost}, {memories} are there{where}"
    if store and was_whole:
        return f"the store has been rebuilt from the journal: {memories}; it was {folders}"
    if store:
        return f"the store was damaged and has been rebuilt from the journal: {memories}{where}"
    return f"the store and the journal did not fit together and now do: {memories}"


def _partial(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")


def _complete(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.complete")
