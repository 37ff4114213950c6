"""A folder -> the files in it that may be read, in a stable order."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tera.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_TRASHED = re.compile(r"[:;_]2,[A-S]*T")
"""Of a Maildir: a mail that was deleted and is still there. Flags stand in the order of letters."""

_Rules = tuple[Path, "GitIgnoreSpec"]
"""Patterns, and the folder that they are meant from."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a folder are wanted; patterns as in .gitignore, from the folder on.

    `never` is a folder that is left out wherever it is: Tera's own.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    never: Path | None = None


@dataclass(slots=True)
class Walk:
    """One walk through a folder: hidden files, links, pipes and what Git ignores are left out.

    Attributes:
        folder: Where it begins.
        selection: Which files are wanted.
        failures: Folders and files that cannot be looked at.
    """

    folder: Path
    selection: Selection = field(default_factory=Selection)
    failures: list[UnreadableFileError] = field(default_factory=list)

    def files(self) -> Iterator[Path]:
        """Yield the files; of an unpacked Slack export the folder itself."""
        from pathspec import GitIgnoreSpec

        wanted = GitIgnoreSpec.from_lines(self.selection.include)
        rules = list(_rules_above(self.folder))
        if self.selection.exclude:
            rules.append((self.folder, GitIgnoreSpec.from_lines(self.selection.exclude)))
        for path in self._below(self.folder, rules):
            if not self.selection.include or wanted.match_file(path.relative_to(self.folder)):
                yield path

    def _below(self, folder: Path, rules: list[_Rules]) -> Iterator[Path]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self._refuse(folder, error)
            return
        names = {entry.name for entry in entries}
        if is_slack_folder(names):
            yield folder
            return
        rules = [*rules, *self._rules_of(folder, names)]
        folders: list[Path] = []
        is_maildir = {"cur", "new"} <= names
        for entry in entries:
            path = Path(entry.path)
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                is_file = entry.is_file(follow_symlinks=False)
            except OSError as error:
                self._refuse(path, error)
                continue
            is_hidden = entry.name.startswith(".") and not (is_maildir and is_folder)
            if is_hidden or _is_ignored(path, is_folder, rules):
                continue
            if is_file and not (folder.name in ("cur", "new") and _TRASHED.search(entry.name)):
                yield path
            elif is_folder and not (
                _is_part_of_another(entry.name, names, is_maildir)
                or (self.selection.never and path.absolute() == self.selection.never.absolute())
            ):
                folders.append(path)
        for path in folders:
            yield from self._below(path, rules)

    def _rules_of(self, folder: Path, names: set[str]) -> Iterator[_Rules]:
        if ".gitignore" in names:
            try:
                yield _read_rules(folder)
            except OSError as error:
                self._refuse(folder / ".gitignore", error)

    def _refuse(self, path: Path, error: OSError) -> None:
        self.failures.append(
            UnreadableFileError(f"cannot read {path}: {error.strerror}", hint=f"ls -ld {path}")
        )


def is_slack_folder(names: set[str]) -> bool:
    """Return whether a folder with these names in it is an unpacked Slack export."""
    return {"users.json", "channels.json"} <= names


def _is_part_of_another(name: str, names: set[str], is_maildir: bool) -> bool:
    """Return whether a folder holds what is in a file beside it, or is not finished."""
    page = name.removesuffix("_files")
    is_of_page = page != name and not names.isdisjoint({f"{page}.html", f"{page}.htm"})
    return is_of_page or (is_maildir and name == "tmp")


def _rules_above(folder: Path) -> Iterator[_Rules]:
    """Yield what the folders above say, up to the one that Git knows, outermost first."""
    above: list[Path] = []
    for place in (folder := folder.absolute(), *folder.parents):
        if place != folder:
            above.append(place)
        if (place / ".git").exists():
            for parent in reversed(above):
                if (parent / ".gitignore").is_file():
                    yield _read_rules(parent)
            return


def _read_rules(folder: Path) -> _Rules:
    from pathspec import GitIgnoreSpec

    lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
    return folder.absolute(), GitIgnoreSpec.from_lines(lines)


def _is_ignored(path: Path, is_folder: bool, rules: Sequence[_Rules]) -> bool:
    """Return whether the innermost rules that know a path leave it out."""
    absolute = path.absolute()
    for base, spec in reversed(rules):
        name = absolute.relative_to(base.absolute()).as_posix() + ("/" if is_folder else "")
        decision = spec.check_file(name).include
        if decision is not None:
            return decision
    return False
