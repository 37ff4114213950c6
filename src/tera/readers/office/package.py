"""Zip packages of XML parts (Office, OpenDocument, EPUB): bounded, parsed without entities."""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import unquote

from tera.errors import TeraError, UnreadableFileError
from tera.readers.document import Attachment, Document, Pace, Progress, require
from tera.readers.office.compound import MAGIC, decrypted

MOST_UNPACKED = 1024 * 2**20
"""Of all parts that are read: a sheet of a million rows has 100 to 700 MB of XML."""
MOST_IN_A_TREE = 48 * 2**20
"""Of a part that is not streamed: as a tree it takes ten times its size in memory."""
MOST_RATIO = 400
"""Unpacked to packed. Sheets of formatted empty rows reach 150; deflate ends at 1,032."""
UNCHECKED_RATIO = 16 * 2**20
"""A part below this size may have any ratio."""

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError),
    *(ValueError, LookupError, ArithmeticError, SyntaxError),
)
"""What broken files make the libraries raise; lxml's errors of syntax are SyntaxErrors."""

_MIMETYPES = {
    "application/epub+zip": "epub",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A link from one part to another, or to an address; `kind` is the last word of its type."""

    id: str
    kind: str
    target: str
    is_external: bool


class Package:
    """An open package; what is read from it counts towards its limits."""

    def __init__(self, document: Document, archive: zipfile.ZipFile) -> None:
        self.document = document
        self.unpacked = 0
        self._archive = archive
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            if not member.is_dir():
                # Names of parts are equal whatever their case; some writers use backslashes.
                self._members.setdefault(_key(member.filename), member)
        self._total = sum(member.file_size for member in self._members.values())
        self._pace = Pace()

    def __contains__(self, name: str) -> bool:
        """Return whether there is a part of this name."""
        return _key(name) in self._members

    def names(self) -> list[str]:
        """Return the names of all parts in small letters."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Return how large a part claims to be, unpacked; 0 if there is none."""
        member = self._members.get(_key(name))
        return member.file_size if member else 0

    def open(self, name: str) -> IO[bytes]:
        """Open a part; reading it is bounded.

        Raises:
            KeyError: There is none of this name.
        """
        return self._bounded(name, MOST_UNPACKED)  # type: ignore[return-value]

    def _bounded(self, name: str, most_at_once: int) -> _Bounded:
        member = self._members[_key(name)]
        if member.flag_bits & 1:
            raise UnreadableFileError(f"{self.document.name} has encrypted parts", hint=_SAVE_OPEN)
        return _Bounded(self, member, self._archive.open(member), most_at_once)

    def read(self, name: str, limit: int = MOST_IN_A_TREE) -> bytes:
        """Return a part as a whole.

        Raises:
            UnreadableFileError: It is larger than the limit.
        """
        with self.open(name) as part:
            data = part.read(limit + 1)
        if len(data) > limit:
            raise UnreadableFileError(
                f"{self.document.name} has a part of more than {limit // 2**20} MB: {name}",
                hint="save it again with the program that wrote it, in several files",
            )
        return data

    def parse(self, name: str) -> Any:
        """Return the root element of a part; None if there is no such part."""
        from lxml import etree

        if name not in self:
            return None
        parser = etree.XMLParser(
            resolve_entities=False, load_dtd=False, no_network=True, remove_pis=True
        )
        root = etree.fromstring(self.read(name), parser)
        self._refuse_entities(root)
        return root

    def parse_whole(self, name: str) -> Any:
        """Return the root element of a part that can be done without: None if it is broken, too."""
        try:
            return self.parse(name) if name else None
        except BROKEN:
            return None

    def outermost(self, name: str, tags: frozenset[str], *, can_nest: bool = True) -> Iterator[Any]:
        """Yield the elements that have one of the tags and stand in no other such element.

        The part is streamed: an element is emptied as soon as the next one is asked for.

        Args:
            name: Of the part.
            tags: Names without namespace.
            can_nest: Whether such elements stand in each other; it is faster if they do not.
        """
        from lxml import etree

        with self._bounded(name, MOST_IN_A_TREE) as part:
            events = etree.iterparse(
                part,
                events=("start", "end") if can_nest else ("end",),
                tag=[f"{{*}}{tag}" for tag in tags],
                resolve_entities=False,
                load_dtd=False,
                no_network=True,
                remove_comments=True,
                remove_pis=True,
            )
            depth = 0
            is_checked = False
            for event, element in events:
                if not is_checked:
                    self._refuse_entities(element)
                    is_checked = True
                if event == "start":
                    depth += 1
                    continue
                if can_nest:
                    depth -= 1
                    if depth:
                        continue
                yield element
                part.begin()
                _forget(element)

    def relations(self, name: str) -> dict[str, Relation]:
        """Return what a part links to; `name` is "" for the package itself."""
        folder, _, file = name.rpartition("/")
        root = self.parse(f"{folder}/_rels/{file}.rels" if folder else f"_rels/{file}.rels")
        found: dict[str, Relation] = {}
        for element in root if root is not None else ():
            target = element.get("Target", "")
            is_external = element.get("TargetMode") == "External"
            if not is_external:
                target = resolved(folder, target)
            kind = element.get("Type", "").rpartition("/")[2]
            relation = Relation(element.get("Id", ""), kind, target, is_external)
            found[relation.id] = relation
        return found

    def attachments(self, relations: dict[str, Relation]) -> Iterator[Attachment]:
        """Unpack the documents inside this one: embedded office files, and included text."""
        for relation in relations.values():
            is_document = relation.kind in ("package", "aFChunk") and not relation.is_external
            if not is_document or relation.target not in self:
                continue
            number = sum(1 for _ in self.document.scratch.iterdir())
            path = self.document.scratch / f"{number}"
            path.write_bytes(self.read(relation.target))
            yield Attachment(path, posixpath.basename(relation.target))

    def progress(self) -> Iterator[Progress]:
        """Yield how much has been unpacked, at most once a second."""
        yield from self._pace.at(self.unpacked, max(self._total, self.unpacked))

    def count(self, size: int, so_far: int, packed: int) -> None:
        """Count what was unpacked.

        Raises:
            UnreadableFileError: It is too much.
        """
        self.unpacked += size
        is_bomb = so_far > UNCHECKED_RATIO and so_far > MOST_RATIO * max(packed, 1)
        if is_bomb or self.unpacked > MOST_UNPACKED:
            raise UnreadableFileError(
                f"{self.document.name} unpacks to too much: it looks like a zip bomb",
                hint="if it is not, save it in several smaller files",
            )

    def _refuse_entities(self, element: Any) -> None:
        declared = element.getroottree().docinfo.internalDTD
        if declared is not None and next(declared.iterentities(), None) is not None:
            raise UnreadableFileError(
                f"{self.document.name} declares XML entities, which no document needs",
                hint="open and save it again with the program that wrote it",
            )


class _Bounded:
    """A part being read; its real size counts, not the one that the package claims."""

    def __init__(
        self, package: Package, member: zipfile.ZipInfo, stream: IO[bytes], most_at_once: int
    ) -> None:
        self._package = package
        self._packed = member.compress_size
        self._stream = stream
        self._so_far = self._begun = 0
        self._most_at_once = most_at_once

    def begin(self) -> None:
        """Say that what was read so far is done with."""
        self._begun = self._so_far

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._so_far += len(data)
        self._package.count(len(data), self._so_far, self._packed)
        if self._so_far - self._begun > self._most_at_once:
            raise UnreadableFileError(
                f"{self._package.document.name} has a paragraph or row of more than "
                f"{self._most_at_once // 2**20} MB",
                hint="save it again with the program that wrote it",
            )
        return data

    def __enter__(self) -> _Bounded:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def type_of_package(names: Iterable[str], mimetype: bytes = b"") -> str | None:
    """Return the type of document that a zip file is, or None for any other zip file.

    Args:
        names: Of the files in it.
        mimetype: What the file "mimetype" in it says, if there is one.
    """
    said = mimetype.strip().decode("ascii", "replace").removesuffix("-template")
    if said in _MIMETYPES:
        return _MIMETYPES[said]
    known = {_key(name) for name in names}
    is_office = "[content_types].xml" in known or "_rels/.rels" in known
    for folder, kind in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
        if is_office and any(name.startswith(folder) for name in known):
            return kind
    return "epub" if "meta-inf/container.xml" in known else None


@contextmanager
def opened(document: Document) -> Iterator[Package]:
    """Open a document that is a package; errors of broken ones become one line.

    Raises:
        UnreadableFileError: It is broken, too large when unpacked, or no package at all.
        PasswordNeededError: It is encrypted, and the password is missing or wrong.
    """
    require("office", "lxml")
    with refusing(document), document.path.open("rb") as file:
        stream: IO[bytes] = file
        if file.read(len(MAGIC)) == MAGIC:
            stream = decrypted(document, file)
        with zipfile.ZipFile(stream) as archive:
            yield Package(document, archive)


@contextmanager
def refusing(document: Document) -> Iterator[None]:
    """Turn what broken documents make the libraries raise into one line.

    Raises:
        UnreadableFileError: Something of that kind was raised.
    """
    try:
        yield
    except TeraError:
        raise
    except BROKEN as error:
        raise UnreadableFileError(
            f"{document.name} is broken{because(error)}",
            hint="open and save it again with the program that wrote it",
        ) from error


def because(error: BaseException) -> str:
    """Return the reason that an error gives, in a few words, for the end of a line."""
    reason = re.sub(r"\s+", " ", str(error))[:100].strip(" '\".:")
    return f": {reason}" if reason else ""


def resolved(folder: str, target: str) -> str:
    """Return the name of the part that a relative address in a part of `folder` means."""
    target = target.replace("\\", "/").partition("#")[0]
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _forget(element: Any) -> None:
    """Free an element that was read, and what stands before it; not what the root begins with."""
    element.clear()
    while element is not None and (parent := element.getparent()) is not None:
        if parent.getparent() is None:
            return
        while (before := element.getprevious()) is not None:
            parent.remove(before)
        element = parent


def _key(name: str) -> str:
    return unquote(name).replace("\\", "/").lstrip("/").casefold()


_SAVE_OPEN = "open it with the program that wrote it and save it without a password"
