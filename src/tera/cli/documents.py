"""Files and folders of `tera remember`: how far they are read, and what became of them."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tera.cli.options import WrongUsage
from tera.cli.output.records import remembered_record
from tera.cli.session import can_ask, output
from tera.datatypes import Draft, Remembered
from tera.errors import TeraError, UnreadableFileError
from tera.paths import find_paths
from tera.readers import MAX_BYTES
from tera.readers.detect import type_of
from tera.readers.document import Note
from tera.readers.files import Found, find
from tera.readers.plain.text import decode
from tera.readers.reading import Options, Reading
from tera.readers.types import TYPES
from tera.readers.walk import Selection

if TYPE_CHECKING:
    from tera.agent.client import RemoteEngine
    from tera.upkeep import Keeper

SECONDS_BETWEEN_LINES = 5.0
"""Where there is no terminal to draw a bar on."""
CHARACTERS_PER_PASSAGE = 380
"""Of a chunk of 96 tokens in English prose; only for what is shown while it works."""
MOST_REASONS = 4
"""Named of files that are left out."""
_PLAIN = frozenset({"text", "markdown", "code", "json", "jsonl", "csv", "rst", "org"})
"""Piped in, they are remembered as they are."""


def options_of(
    as_type: str | None,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
    password: str | None,
    is_again: bool,
) -> Options:
    """Return how documents are to be read.

    Raises:
        WrongUsage: There is no such type.
    """
    if as_type is not None and as_type not in TYPES:
        raise WrongUsage(f"no type {as_type!r}; the types are {', '.join(sorted(TYPES))}")
    own = find_paths().home
    return Options(
        as_type, Selection(tuple(include or ()), tuple(exclude or ()), own), password, is_again
    )


class Documents:
    """Reads files and folders, hears what becomes of them (a Watcher) and says it."""

    def __init__(
        self,
        paths: Sequence[Path],
        options: Options,
        engine: Keeper | RemoteEngine,
        failures: list[TeraError],
    ) -> None:
        """Look for the files.

        Args:
            paths: Files and folders.
            options: How they are read.
            engine: Knows what was read before.
            failures: Gets what cannot be read.
        """
        self._engine = engine
        self._failures = failures
        self._options = options
        self._paths = paths
        self._files = list(find(paths, options.selection, failures.append))
        self._reading = Reading(options, self, engine.read_before, _ask_password)
        self._total = sum(_weight(file) for file in self._files)
        self._file = self._done = self._passages = self._unchanged_files = 0
        self._unchanged: list[str] = []
        self._skipped: Counter[str] = Counter()
        self._outcome: Counter[str] = Counter()
        self._last: Remembered | None = None
        self._began = self._said = time.monotonic()

    def drafts(self) -> Iterator[Draft]:
        """Yield the drafts of all files."""
        return self._reading.drafts(self._files)

    def piped(self, data: bytes, rest: IO[bytes]) -> Iterator[Draft]:
        """Yield the drafts of what is piped in.

        Args:
            data: Its beginning.
            rest: The pipe, which may have more.

        Raises:
            ReaderError: It is not text, and no document.
        """
        with tempfile.NamedTemporaryFile(prefix="tera-") as file:
            file.write(data)
            shutil.copyfileobj(rest, file)
            file.flush()
            type_name = self._options.type_name or type_of(Path(file.name), "")
            is_plain = type_name is None or (type_name in _PLAIN and not self._options.type_name)
            if is_plain and len(data) <= MAX_BYTES:
                yield Draft(decode(data, "the piped text"))
                return
            name = f"piped {type_name or 'data'}"
            yield from self._reading.piped(Path(file.name), name, type_name or "text")

    def print_plan(self, *, json: bool) -> None:
        """Print what would be read, and as what."""
        records: list[dict[str, Any]] = []
        for file in self._files:
            type_name, state = self._reading.plan(file)
            record = {"path": str(file.path), "type": type_name, "bytes": file.size_bytes}
            records.append({**record, "state": state})
            if not json:
                output.row(f"{state:<9}", f"{type_name or '-':<9}", str(file.path))
        if json:
            output.json(records)
        counts = Counter(record["state"] for record in records)
        output.talk(", ".join(f"{count:,} {state}" for state, count in counts.items()))

    # A Watcher; see `tera.readers.reading`.

    def begins(self) -> None:
        """Show the next file."""
        self._show(self._done)

    def moves(self, share: float) -> None:
        """Show how far it is read."""
        if self._file < len(self._files):
            self._show(self._done + int(share * _weight(self._files[self._file])))

    def ends(self) -> None:
        """Count it as done."""
        self._done += _weight(self._files[self._file])
        self._file += 1
        self._show(self._done)

    def is_unchanged(self, ids: Sequence[str], *, is_file: bool) -> None:
        """Count what was read before."""
        self._unchanged_files += is_file
        self._unchanged += ids

    def skips(self, reason: str) -> None:
        """Count what is not for Tera."""
        self._skipped[reason] += 1

    def fails(self, error: TeraError) -> None:
        """Keep what could not be read for the end."""
        self._failures.append(error)

    def notes(self, note: Note) -> None:
        """Say it at once."""
        output.note(note.text, note.hint)

    # What is made of them.

    def print_outcome(self, outcome: Iterable[Remembered], *, json: bool) -> None:
        """Print what became of each memory, as they are written, and in the end of the files."""
        shows_ids = len(self._files) < 2 or not sys.stdout.isatty()
        records: list[dict[str, Any]] = []
        try:
            for remembered in outcome:
                self._outcome[remembered.status] += 1
                if remembered.status == "forgotten":
                    records += [remembered_record(remembered)] if json else []
                    continue
                self._last = remembered
                self._passages += max(1, len(remembered.memory.text) // CHARACTERS_PER_PASSAGE)
                if json:
                    records.append(remembered_record(remembered))
                elif shows_ids:
                    output.data(remembered.memory.id)
        except KeyboardInterrupt:
            output.talk(f"stopped after {self._summary()}; the same command goes on from there")
            raise
        if json:
            known = self._engine.find(self._unchanged) if self._unchanged else []
            records += [remembered_record(Remembered(memory, "known")) for memory in known]
            output.json(records)
        elif shows_ids:
            for memory_id in self._unchanged:
                output.data(memory_id)
        self._say_summary()

    def _say_summary(self) -> None:
        """Say what became of the files; of a single new memory its id says it."""
        if not self._files:
            if self._paths and not self._failures:
                says = f"there is no file to read in {self._paths[0]}"
                self._failures.append(UnreadableFileError(says, hint="tera remember FILE"))
        elif len(self._files) > 1 or self._outcome.total() > 1 or self._unchanged_files:
            output.talk(self._summary())
        elif self._last:
            output.status(self._last)

    def _summary(self) -> str:
        if self._file == self._unchanged_files == len(self._files):
            return f"{_count(self._file)} unchanged since the last time: nothing is read again"
        counts = {
            "new": self._outcome["new"],
            "brought up to date": self._outcome["updated"],
            "known before": self._outcome["known"],
            "forgotten (no longer in their file)": self._outcome["forgotten"],
            "unchanged": self._unchanged_files,
            f"left out ({self._reasons()})": self._skipped.total(),
            "not read": len(self._failures),
        }
        says = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        return f"{_count(self._file)}: {says or 'nothing'}"

    def _reasons(self) -> str:
        return ", ".join(reason for reason, _ in self._skipped.most_common(MOST_REASONS))

    def _show(self, done: int) -> None:
        now = time.monotonic()
        elapsed = max(0.001, now - self._began)
        state = f"{self._file:,} of {_count(len(self._files))}"
        if self._passages >= elapsed:
            state += f", {self._passages / elapsed:,.0f} passages/s"
        output.progress("reading", done, self._total, state)
        if not sys.stderr.isatty() and now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            left = int(elapsed * (self._total - done) / done) if done else 0
            # From the first files nothing can be said of the others.
            says = f", about {left // 60}:{left % 60:02} left" if self._file else ""
            output.talk(state + says)


def _ask_password(problem: str) -> str | None:
    """Ask for a document's password; None when nobody is there or they have none."""
    return (output.ask_secret(f"{problem}; its password:") or None) if can_ask() else None


def _count(files: int) -> str:
    return f"{files:,} file" if files == 1 else f"{files:,} files"


def _weight(file: Found) -> int:
    """Return what a file counts for in the progress; looking at it takes time too."""
    return file.size_bytes + 10_000
