"""What keeps a home folder well, for an engine that may stay open: doctor, backup, restore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tera import doctor
from tera.backup import Backup, restore_backup, write_backup
from tera.chosen import passing
from tera.datatypes import Filter, Finding, Memory
from tera.engine import Engine
from tera.errors import StoreDamagedError
from tera.selftest import Plan
from tera.store.opened import open_database, own_home


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was restored, and where what was there before has gone."""

    backup: Backup
    set_aside: tuple[Path, ...]


class Keeper(Engine):
    """An engine that looks after its home folder too."""

    def examine(self) -> Iterator[Finding]:
        """Look at every part; see `tera.doctor`."""
        return doctor.examine(self)

    def repair(self) -> Iterator[Finding]:
        """Mend what is damaged; see `tera.doctor`."""
        with self.workspace.closed():
            yield from doctor.repair(self)

    def selftest_plan(self, count: int, seed: int) -> Plan:
        """Return questions that show how well this store is searched; see `tera.selftest`."""
        from tera.selftest.planning import plan

        return plan(self, count, seed)

    def export(self, chosen: Filter) -> tuple[list[Memory], str]:
        """Return the memories that pass a filter; where the journal is no use, the database's own.

        Returns:
            The memories, newest first, and what is wrong, empty when all is well.
        """
        try:
            return self.select(chosen), ""
        except StoreDamagedError as damage:
            with self.workspace.closed(), open_database(self.config, self.paths) as database:
                return passing(database, chosen, self.listener), damage.message

    def backup(self, to: Path) -> Backup:
        """Write the journal and the settings to one verified file; others may write meanwhile.

        Raises:
            StoreError: The journal is damaged, or the file cannot be written.
        """
        with self.store() as opened:
            end = opened.journal.end
        return write_backup(self.paths, end, to, self.listener.progress)

    def restore_backup(self, file: Path) -> Restored:
        """Put a backup in the place of what is there, which is set aside.

        Raises:
            UnreadableFileError: The file is no backup, or is damaged; nothing was changed.
            StoreError: The home folder cannot be written.
        """
        with self.workspace.closed():
            with own_home(self.config, self.paths):
                backup, aside = restore_backup(file, self.paths, self.listener.progress)
            self.workspace.waiting.clear()
            # Builds the store now, while the person knows why.
            with self.store():
                pass
        self.workspace.on_waiting()
        return Restored(backup, tuple(aside))
