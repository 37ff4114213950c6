"""Files -> drafts, document by document; a bad one never stops the others."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from tera.datatypes import NOTHING_READ, Draft, ReadBefore
from tera.errors import (
    NoTextError,
    PasswordNeededError,
    TeraError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from tera.readers.detect import type_of
from tera.readers.document import Attachment, Document, Failure, Item, Note, Progress
from tera.readers.files import Found, digest_of, found_at, storable, unreadable
from tera.readers.isolation import Readers
from tera.readers.types import TYPES, find_reader
from tera.readers.walk import Selection

DEEPEST = 8
"""Documents in documents: an archive of mails with archives of documents has four."""
AT_ONCE = 64
"""Files that are looked up at once: asking for each takes longer than reading a note."""

FindBefore = Callable[[Sequence[tuple[str, str]]], Sequence[ReadBefore]]
"""Returns what was read of sources with digests; see `Memory`."""


class Watcher(Protocol):
    """Hears what becomes of each document."""

    def begins(self) -> None:
        """The next file is looked at."""

    def moves(self, share: float) -> None:
        """A share of the file, 0 to 1, is read."""

    def ends(self) -> None:
        """The file is done."""

    def is_unchanged(self, ids: Sequence[str], *, is_file: bool) -> None:
        """A file, or a document inside one, was read before; the memories have these ids."""

    def skips(self, reason: str) -> None:
        """A document that nobody named is not for Tera."""

    def fails(self, error: TeraError) -> None:
        """A document, or a part of it, could not be read."""

    def notes(self, note: Note) -> None:
        """There is something to know of how it was read."""


@dataclass(frozen=True, slots=True)
class Options:
    """How documents are read.

    Attributes:
        type_name: The type of all of them; None tells it from each.
        selection: Which files of folders are wanted.
        password: For encrypted ones.
        is_again: Files that have not changed are read too.
    """

    type_name: str | None = None
    selection: Selection = field(default_factory=Selection)
    password: str | None = None
    is_again: bool = False


class Reading:
    """Reads documents, each in its turn."""

    def __init__(
        self,
        options: Options,
        watcher: Watcher,
        read_before: FindBefore,
        ask_password: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """Prepare; nothing is read.

        Args:
            options: How documents are read.
            watcher: Hears what becomes of them.
            read_before: Knows what was read before.
            ask_password: Says why it asks for the password of a document; None gives up.
        """
        self._options = options
        self._watcher = watcher
        self._read_before = _nothing_before if options.is_again else read_before
        self._ask_password = ask_password
        self._passwords = [options.password] if options.password else []
        self._readers = Readers()
        self._failures = 0
        self._sources: set[str] = set()
        self._read: set[str | None] = set()
        self._said: set[Note] = set()

    def drafts(self, files: Sequence[Found]) -> Iterator[Draft]:
        """Yield the drafts of files; the last of each names all of its parts."""
        late: list[tuple[Found, str, str]] = []
        with self._readers:
            for start in range(0, len(files), AT_ONCE):
                batch = [(file, *self._look_at(file)) for file in files[start : start + AT_ONCE]]
                asked = [(file.source, digest) for file, _, digest in batch]
                for (file, type_name, digest), before in zip(
                    batch, self._read_before(asked), strict=True
                ):
                    known = self._known(file.source, type_name, digest, before)
                    if before.ids and not known and type_name:
                        late.append((file, type_name, digest))
                        continue
                    self._watcher.begins()
                    if known:
                        self._watcher.is_unchanged(known, is_file=True)
                    elif type_name:
                        yield from self._of_file(file, type_name, digest)
                    self._watcher.ends()
            # What another file with a new content was until now is kept once that has been read.
            for file, type_name, digest in late:
                self._watcher.begins()
                yield from self._of_file(file, type_name, digest)
                self._watcher.ends()

    def _of_file(self, file: Found, type_name: str, digest: str) -> Iterator[Draft]:
        self._read.add(file.source)
        with tempfile.TemporaryDirectory(prefix="tera-") as scratch:
            document = self._document(file, Path(scratch))
            yield from self._of_document(
                document, file.source, type_name, digest, is_named=file.is_named
            )

    def piped(self, file: Path, name: str, type_name: str) -> Iterator[Draft]:
        """Yield the drafts of what was piped into a file; it has no source."""
        with self._readers, tempfile.TemporaryDirectory(prefix="tera-") as scratch:
            found = Found(file, file.stat().st_size, None, is_named=True)
            document = replace(self._document(found, Path(scratch)), name=name)
            yield from self._of_document(document, None, type_name, "", is_named=True)

    def plan(self, file: Found) -> tuple[str | None, str]:
        """Return the type of a file, and what would become of it, in a word.

        Raises:
            OSError: It cannot be read.
        """
        type_name = self._options.type_name or type_of(file.path, storable(file.path.name))
        if type_name is None:
            return None, "left out"
        if not file.size_bytes and not file.path.is_dir():
            return type_name, "empty"
        digest = digest_of(file, type_name)
        (before,) = self._read_before([(file.source, digest)])
        known = self._known(file.source, type_name, digest, before)
        return type_name, "unchanged" if known else "to read"

    def _document(self, file: Found, scratch: Path) -> Document:
        name = storable(file.path.name)
        return Document(file.path, name, file.size_bytes, file.modified, scratch)

    def _look_at(self, file: Found) -> tuple[str | None, str]:
        """Return the type and digest of a file; no type if it is not to be read."""
        try:
            type_name = self._options.type_name or type_of(file.path, storable(file.path.name))
            if type_name is None and file.is_named:
                self._fail(unsupported(str(file.path)))
            elif type_name is None:
                self._watcher.skips(file.path.suffix or "no ending")
            elif not file.size_bytes and not file.is_named and TYPES[type_name].is_text:
                self._watcher.skips("empty")
            else:
                return type_name, digest_of(file, type_name)
        except OSError as error:
            self._fail(unreadable(file.path, error))
        return None, ""

    def _known(
        self, source: str, type_name: str | None, digest: str, before: ReadBefore
    ) -> Sequence[str]:
        """Return the ids of what was read of a document; nothing if it is to be read.

        What was read of another counts only while that is as it was: else the memories become what
        it is now, and nothing would be left of this one.
        """
        if not type_name or before.source in (source, ""):
            return before.ids
        other = Path(before.source)
        try:
            if before.source in self._read or (
                other.is_file() and digest_of(found_at(other, other.stat()), type_name) != digest
            ):
                return ()
        except OSError:
            return ()
        return before.ids

    def _of_document(
        self,
        document: Document,
        source: str | None,
        type_name: str,
        digest: str,
        *,
        depth: int = 0,
        is_named: bool = False,
    ) -> Iterator[Draft]:
        failures = self._failures
        held: Draft | None = None
        parts: list[str] = []
        try:
            for item in self._items(document, type_name):
                if isinstance(item, Attachment):
                    yield from self._of_attachment(item, document, source, depth + 1)
                elif not isinstance(item, Draft):
                    self._hear(item, is_inner=depth > 0)
                elif draft := _cleaned(item):
                    if held:
                        yield held
                    parts.append(draft.part)
                    held = replace(
                        draft,
                        source=source,
                        is_file=source is not None,
                        type=type_name,
                        at=draft.at or document.modified,
                    )
        except NoTextError as error:
            # Nobody means an empty page or a photo of a tree that is somewhere in a folder.
            if is_named:
                self._fail(error)
            else:
                self._watcher.skips("without text")
        except TeraError as error:
            self._fail(error)
        except OSError as error:
            # The file, or the disk for what is unpacked.
            self._fail(unreadable(document.path, error))
        if held and source and self._failures == failures and not _has_changed(document):
            held = replace(held, digest=digest, parts=tuple(parts))
        if held:
            yield held

    def _of_attachment(
        self, attachment: Attachment, outer: Document, source: str | None, depth: int
    ) -> Iterator[Draft]:
        name = f"{outer.name}/{storable(attachment.name)}"
        try:
            if depth > DEEPEST:
                raise UnreadableFileError(
                    f"{name} is nested too deep", hint="unpack it, and remember the folder"
                )
            size_bytes = attachment.path.stat().st_size
            type_name = type_of(attachment.path, attachment.name) if size_bytes else None
            if type_name is None:
                self._watcher.skips(Path(name).suffix or "no ending" if size_bytes else "empty")
                return
            inner = f"{source}/{storable(attachment.name)}" if source else None
            scratch = Path(tempfile.mkdtemp(dir=outer.scratch))
            modified = attachment.modified or outer.modified
            document = Document(attachment.path, name, size_bytes, modified, scratch)
            digest = digest_of(document, type_name)
            inner = self._unique(inner)
            (before,) = self._read_before([(inner, digest)]) if inner else (NOTHING_READ,)
            if inner and (known := self._known(inner, type_name, digest, before)):
                self._watcher.is_unchanged(known, is_file=False)
            else:
                self._read.add(inner)
                yield from self._of_document(document, inner, type_name, digest, depth=depth)
            shutil.rmtree(scratch, ignore_errors=True)
        except OSError as error:
            self._fail(unreadable(Path(name), error))
        except TeraError as error:
            self._fail(error)
        finally:
            attachment.path.unlink(missing_ok=True)

    def _items(self, document: Document, type_name: str) -> Iterator[Item]:
        """Yield what a reader yields; the passwords known are tried, then another is asked for."""
        untried = list(self._passwords)
        while True:
            try:
                if TYPES[type_name].is_isolated:
                    yield from self._readers.read(type_name, document)
                else:
                    yield from find_reader(type_name)(document)
            except PasswordNeededError as error:
                password = untried.pop(0) if untried else self._ask_password(error.message)
                if password is None:
                    raise
                document = replace(document, password=password)
            else:
                if document.password and document.password not in self._passwords:
                    self._passwords.append(document.password)
                return

    def _hear(self, item: Progress | Note | Failure, *, is_inner: bool) -> None:
        match item:
            case Progress() if item.total and not is_inner:
                self._watcher.moves(min(1.0, item.done / item.total))
            case Note() if item not in self._said:
                self._said.add(item)
                self._watcher.notes(item)
            case Failure():
                self._fail(UnreadableFileError(item.text, hint=item.hint))

    def _fail(self, error: TeraError) -> None:
        self._failures += 1
        self._watcher.fails(error)

    def _unique(self, source: str | None) -> str | None:
        """Return a source that no other document inside documents has: mails attach equal names."""
        if source is None:
            return None
        unique, number = source, 1
        while unique in self._sources:
            number += 1
            unique = f"{source} ({number})"
        self._sources.add(unique)
        return unique


def _nothing_before(files: Sequence[tuple[str, str]]) -> Sequence[ReadBefore]:
    return [NOTHING_READ for _ in files]


def unsupported(name: str) -> UnsupportedFormatError:
    """Return the error for a file of a type that no reader knows."""
    return UnsupportedFormatError(
        f"{name} is of a type that Tera cannot read", hint="tera remember --as TYPE FILE"
    )


def _has_changed(document: Document) -> bool:
    """Return whether a file was written to while it was read."""
    status = document.path.stat()
    return stat.S_ISREG(status.st_mode) and status.st_size != document.size_bytes


def _cleaned(draft: Draft) -> Draft | None:
    """Return a draft without characters that no store can hold; None when nothing is left."""
    text = draft.text.replace("\0", "").encode(errors="replace").decode()
    title = " ".join(
        (draft.title or "").replace("\0", "").encode(errors="replace").decode().split()
    )
    return replace(draft, text=text, title=title or None) if text.strip() else None
