"""The files of the embedded database as they were before it was opened.

Where SurrealKV meets a damaged byte it drops all that follows: it moves the log away, writes the
part before the damage to a new file, and deletes the old one. So each file gets a second name
before. A file that is another one afterwards was damaged, and its bytes are still there.
"""

from __future__ import annotations

import shutil
from pathlib import Path


class Originals:
    """Second names for the files of a database's folder, in a folder beside it."""

    def __init__(self, store: Path) -> None:
        """Prepare for a database's folder; see `link`."""
        self._store = store
        self._folder = store.with_name(f"{store.name}.opening")

    def link(self) -> None:
        """Give each file its second name; keep those of an opening that was killed.

        A file system without hard links goes without: there only what is missing shows.
        """
        if self._folder.exists():
            return
        try:
            for file in self._store.rglob("*"):
                if file.is_file():
                    other = self._folder / file.relative_to(self._store)
                    other.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    other.hardlink_to(file)
        except OSError:
            self.drop()

    def replaced(self) -> list[Path]:
        """Return the second names of the files that are not what they were."""
        changed: list[Path] = []
        for other in self._folder.rglob("*"):
            file = self._store / other.relative_to(self._folder)
            if other.is_file() and not (file.exists() and file.samefile(other)):
                changed.append(other)
        return changed

    def put_back(self) -> None:
        """Put the files that are not what they were back in their place; the database is closed."""
        for other in self.replaced():
            other.replace(self._store / other.relative_to(self._folder))
        self.drop()

    def drop(self) -> None:
        """Remove the second names; the files stay."""
        shutil.rmtree(self._folder, ignore_errors=True)
