"""The files of a Slack export, from a folder or a zip file, read within bounds."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tera.readers.chats.exports import unreadable
from tera.readers.document import Document, locked

MOST_DAY_BYTES = 32 * 1024 * 1024
"""Of a day of a channel: about 50,000 messages; parsed, it takes ten times as much memory."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")


def members_of(path: Path) -> set[str]:
    """Return the names at the top of a folder or zip file; nothing if it is neither."""
    try:
        if path.is_dir():
            return set(Folder(path).top())
        with zipfile.ZipFile(path) as archive:
            return set(Zip(archive, None).top())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, struct.error):
        return set()


@contextmanager
def open_export(document: Document) -> Iterator[Folder | Zip]:
    """Open a folder or a zip file.

    Raises:
        UnreadableFileError: It cannot be opened.
        PasswordNeededError: It is encrypted.
    """
    try:
        if document.path.is_dir():
            yield Folder(document.path)
            return
        with _open_zip(document) as archive:
            yield Zip(archive, document.password)
    except _EncryptedError as error:
        raise locked(document) from error
    except OSError as error:
        raise unreadable(document, error.strerror or "it cannot be opened") from error


def _open_zip(document: Document) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(document.path)
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
        raise unreadable(document, "it is not a whole zip file", "download it again") from error


class _EncryptedError(Exception):
    """A member needs a password, or another one."""


class Folder:
    """An unpacked export. Links are not followed, as they may lead out of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def top(self) -> list[str]:
        """Return the names of the files beside the channels."""
        return [entry.name for entry in self._entries(self.path) if not _is_folder(entry)]

    def folders(self) -> list[str]:
        """Return the names of the folders."""
        return [entry.name for entry in self._entries(self.path) if _is_folder(entry)]

    def days(self, folder: str) -> list[str]:
        """Return the names of the files with the days of a channel, in order."""
        entries = self._entries(self.path / folder)
        return sorted(one.name for one in entries if _DAY.fullmatch(one.name))

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            ValueError: It is missing, is no file, or is too large.
        """
        path = self.path / name
        try:
            if path.is_symlink() or not path.is_file():
                raise ValueError("no such file")
            with path.open("rb") as file:
                return _whole(file.read(MOST_DAY_BYTES + 1))
        except OSError as error:
            raise ValueError(error.strerror or "it cannot be opened") from error

    def _entries(self, path: Path) -> list[os.DirEntry[str]]:
        with os.scandir(path) as entries:
            return [entry for entry in entries if not entry.is_symlink()]


class Zip:
    """A packed export. It may have all in one folder."""

    def __init__(self, archive: zipfile.ZipFile, password: str | None) -> None:
        self.archive = archive
        self.password = password.encode() if password else None
        self.names: dict[str, zipfile.ZipInfo] = {}
        infos = [info for info in archive.infolist() if not info.is_dir()]
        paths = [PurePosixPath(info.filename).parts for info in infos]
        roots = [parts[:-1] for parts in paths if parts[-1:] == ("users.json",)]
        root = min(roots, key=len, default=())
        self._days: dict[str, list[str]] = {}
        for info, parts in zip(infos, paths, strict=True):
            if parts[: len(root)] != root:
                continue
            inner = parts[len(root) :]
            self.names["/".join(inner)] = info
            if len(inner) == 2 and _DAY.fullmatch(inner[1]):
                self._days.setdefault(inner[0], []).append(inner[1])

    def top(self) -> list[str]:
        """Return the names of the files beside the channels."""
        return [name for name in self.names if "/" not in name]

    def folders(self) -> list[str]:
        """Return the names of the folders with days."""
        return list(self._days)

    def days(self, folder: str) -> list[str]:
        """Return the names of the files with the days of a channel, in order."""
        return sorted(set(self._days.get(folder, ())))

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            ValueError: It is missing, is damaged, or is too large.
        """
        if name not in self.names:
            raise ValueError("no such file")
        try:
            with self.archive.open(self.names[name], pwd=self.password) as file:
                data = _whole(file.read(MOST_DAY_BYTES + 1))
        except RuntimeError as error:
            raise _EncryptedError from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise ValueError("it is damaged") from error
        return data


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _whole(data: bytes) -> bytes:
    if len(data) > MOST_DAY_BYTES:
        raise ValueError(f"it is larger than {MOST_DAY_BYTES // 2**20} MB")
    return data
