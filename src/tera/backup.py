"""Backup and restore: the journal and the settings of a home in one verified file.

The journal is the truth: the store and the index are made anew from it when the restored home is
next opened, and the vectors by its next search. Its device id comes along, because all entries of
a journal are of one device: the restored home goes on as the device that was backed up. Where that
one lives on too, the two go separate ways from the backup on, and must not feed one server.
"""

from __future__ import annotations

import glob
import io
import json
import os
import re
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from tera import __version__
from tera.archive import HashedReader, PrivateFile, damaged, read_archive, write_archive
from tera.errors import StoreDamagedError, StoreError, TeraError, UnreadableFileError
from tera.paths import Paths
from tera.store.disk import sync_folder
from tera.store.journal import Position
from tera.store.lines import JOURNAL_HINT, START, first_number, unseal
from tera.swap import swap_folders

FORMAT = 1
_HEAD = "tera-backup.json"
_MANIFEST = "manifest.json"
_SETTINGS = ("config.toml", "models.toml")
_DEVICE = "journal/device"
_SEGMENT = re.compile(r"journal/(\d{6,9})\.jsonl")
_PART = re.compile(r"\.(\d+)-[0-9a-f]{8}\.part")
LARGEST_SMALL_FILE = 16 * 1024 * 1024
"""Bytes of what is read in one piece: settings, manifest."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: changes of the journal, and memories that are there after them."""

    entries: int
    memories: int
    size_bytes: int
    written_at: datetime
    version: str


def write_backup(paths: Paths, end: Position, to: Path, progress: Progress) -> Backup:
    """Write a home's journal up to a position, and its settings, to one file.

    The journal only grows, so others may write to it meanwhile. The file is read again and checked
    in full before it takes the place of an older one of that name.

    Raises:
        StoreDamagedError: The journal is damaged; there is no backup.
        StoreError: The file cannot be written.
    """
    if to.is_dir():
        raise StoreError(f"cannot write {to}: it is a folder", hint=f"tera backup {to}/tera.backup")
    if not to.parent.is_dir():
        raise StoreError(f"there is no folder {to.parent}", hint=f"mkdir -p {to.parent}")
    # A name of its own: two that write one backup at once must not take each other's half.
    part = to.with_name(f"{to.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        _remove_left(to)
        _write(paths, end, part, progress)
        backup = _checked(part, end, progress)
        part.replace(to)
        sync_folder(to.parent)
    except OSError as error:
        raise StoreError(
            f"cannot write {to}: {error.strerror or error}",
            hint="free some space, or name a folder that you can write to",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return backup


def read_backup(file: Path, progress: Progress) -> Backup:
    """Check all of a backup and return what it holds; nothing is changed.

    Raises:
        UnreadableFileError: The file is no backup, or is damaged.
        StoreError: It is of a newer Tera.
    """
    return _read(file, None, f"checking {file.name}", progress)


def restore_backup(file: Path, paths: Paths, progress: Progress) -> tuple[Backup, list[Path]]:
    """Put a backup's journal in the place of the home's, after all of it was checked.

    The caller holds the home's lock and has the store closed. What is there is set aside under the
    name NAME.before-restore-TIME. Settings are restored only where the home has none. A store on a
    server is left alone; it refuses a journal that ends before what it has applied.

    Returns:
        What the backup holds, and what was set aside.

    Raises:
        UnreadableFileError: The file is no backup, or is damaged; nothing was changed.
        StoreError: It is of a newer Tera, or the home cannot be written.
    """
    paths.create()
    try:
        # Only what was read from a backup is ever in there.
        for left in paths.home.glob("restoring-*"):
            shutil.rmtree(left)
        stamp = _free_stamp(paths.home)
        new = paths.home / f"restoring-{stamp}"
        (new / "journal").mkdir(mode=0o700, parents=True)
        new.chmod(0o700)
        try:
            backup = _read(file, new, f"restoring {file.name}", progress)
            sync_folder(new / "journal")
            aside = _put_in_place(paths, new, stamp)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"cannot restore into {paths.home}: {error.strerror or error}",
            hint="free some space, or set TERA_HOME to a folder that you can write to",
        ) from error
    return backup, aside


def _put_in_place(paths: Paths, new: Path, stamp: str) -> list[Path]:
    """Set aside what is there and put the new in its place; return what was set aside.

    Cut short anywhere, this leaves one whole journal in place, the old one or the new, and no
    store that belongs to another journal.
    """
    aside = []
    for folder in (paths.index, paths.store):
        if folder.exists():
            aside.append(folder.rename(_aside(folder, stamp)))
            sync_folder(paths.home)
    if paths.journal.exists():
        # The two change places in one step: the old journal takes the name to be set aside.
        aside.append((new / "journal").rename(_aside(paths.journal, stamp)))
        swap_folders(aside[-1], paths.journal)
    else:
        (new / "journal").rename(paths.journal)
    sync_folder(paths.home)
    for name in _SETTINGS:
        if (new / name).exists() and not (paths.home / name).exists():
            (new / name).rename(paths.home / name)
    sync_folder(paths.home)
    return aside


def _remove_left(to: Path) -> None:
    """Remove what killed processes have left of backups to this file."""
    with suppress(OSError):
        for part in to.parent.glob(f"{glob.escape(to.name)}.*.part"):
            match = _PART.fullmatch(part.name.removeprefix(to.name))
            if match and not _is_alive(int(match[1])):
                part.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _write(paths: Paths, end: Position, part: Path, progress: Progress) -> None:
    sources = list(_sources(paths, end))
    total = sum(size for _, _, size in sources)
    head = {"format": FORMAT, "version": __version__, "written_at": datetime.now(UTC).isoformat()}
    manifest: dict[str, Any] = {"entries": end.number, "files": {}}
    done = 0
    with write_archive(part) as archive:
        _add(archive, _HEAD, io.BytesIO(json.dumps(head).encode()))
        for name, file, size in sources:
            progress("backing up", done, total)
            with file.open("rb") as content:
                hashed = HashedReader(content)
                _add(archive, name, hashed, size)
            manifest["files"][name] = hashed.digest.hexdigest()
            done += size
        progress("backing up", total, total)
        _add(archive, _MANIFEST, io.BytesIO(json.dumps(manifest).encode()))


def _sources(paths: Paths, end: Position) -> Iterator[tuple[str, Path, int]]:
    """Yield what goes into a backup: its name there, the file, and how many bytes of it."""
    for name in _SETTINGS:
        if (paths.home / name).exists():
            yield name, paths.home / name, (paths.home / name).stat().st_size
    device = paths.journal / "device"
    if device.exists():
        yield _DEVICE, device, device.stat().st_size
    for number in range(1, end.segment + 1):
        file = paths.journal / f"{number:06d}.jsonl"
        if number == end.segment and not end.offset:
            return
        if not file.exists():
            raise StoreDamagedError(
                f"segment {number} of the journal is missing", hint=JOURNAL_HINT
            )
        size = end.offset if number == end.segment else file.stat().st_size
        yield f"journal/{file.name}", file, size


def _checked(part: Path, end: Position, progress: Progress) -> Backup:
    try:
        backup = _read(part, None, "checking the backup", progress)
    except TeraError as error:
        if isinstance(error, UnreadableFileError):
            raise StoreError(
                f"the backup could not be read again: {error.message}", hint="name another disk"
            ) from error
        raise
    if backup.entries != end.number:
        raise StoreDamagedError(
            f"the journal has {backup.entries} entries where {end.number} were written",
            hint=JOURNAL_HINT,
        )
    return backup


@dataclass(slots=True)
class _Reading:
    """What is known of a backup while it is read."""

    head: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    memories: set[str] = field(default_factory=set)
    entries: int = 0
    segments: int = 0
    digest: str = START


def _read(file: Path, into: Path | None, task: str, progress: Progress) -> Backup:
    """Check all of a backup, and write its files to a folder if there is one."""
    reading = _Reading()
    with read_archive(file, lambda done, total: progress(task, done, total)) as files:
        for member, content in files:
            try:
                _take(reading, file, member, content, into)
            except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
                raise damaged(file) from error
    manifest = reading.manifest
    if manifest.get("files") != reading.digests or manifest["entries"] != reading.entries:
        raise damaged(file)
    return Backup(
        reading.entries,
        len(reading.memories),
        file.stat().st_size,
        datetime.fromisoformat(reading.head["written_at"]),
        str(reading.head["version"]),
    )


def _take(
    reading: _Reading, file: Path, member: tarfile.TarInfo, content: BinaryIO, into: Path | None
) -> None:
    """Check one file of a backup.

    Raises:
        ValueError: It does not belong there.
    """
    name = member.name
    if not reading.head:
        reading.head = _head(file, member, content)
    elif reading.manifest or name in reading.digests:
        raise ValueError(name)
    elif name == _MANIFEST:
        reading.manifest = json.loads(_small(member, content))
    elif name in _SETTINGS or name == _DEVICE or _SEGMENT.fullmatch(name):
        hashed = HashedReader(content)
        with PrivateFile(into / name if into else None) as target:
            if match := _SEGMENT.fullmatch(name):
                _take_segment(reading, int(match[1]), hashed, target)
            else:
                target.write(_small(member, hashed))
        reading.digests[name] = hashed.digest.hexdigest()
    else:
        raise ValueError(name)


def _head(file: Path, member: tarfile.TarInfo, content: BinaryIO) -> dict[str, Any]:
    if member.name != _HEAD:
        raise UnreadableFileError(
            f"{file} is not a backup of Tera", hint="name a file that tera backup has written"
        )
    head: dict[str, Any] = json.loads(_small(member, content))
    if head["format"] > FORMAT:
        raise StoreError(
            f"{file} was written by Tera {head['version']}, which is newer",
            hint="install a newer version of Tera",
        )
    return head


def _take_segment(
    reading: _Reading, number: int, content: HashedReader, target: PrivateFile
) -> None:
    reading.segments += 1
    if number != reading.segments:
        raise ValueError(f"segment {number} where {reading.segments} should be")
    for line in io.BufferedReader(content, 1 << 20):
        where = f"entry {reading.entries + 1}"
        entry, reading.digest = unseal(line, reading.digest, where)
        if first_number(entry) != reading.entries + 1:
            raise StoreDamagedError(f"{where} of the journal is missing", hint=JOURNAL_HINT)
        reading.entries = entry.number
        if entry.operation == "remember":
            reading.memories.add(entry.memory_id)
        elif entry.operation == "forget":
            reading.memories.discard(entry.memory_id)
        target.write(line)


def _small(member: tarfile.TarInfo, content: BinaryIO | HashedReader) -> bytes:
    if member.size > LARGEST_SMALL_FILE:
        raise ValueError(f"{member.name} is too large")
    return content.read(member.size)


def _add(archive: tarfile.TarFile, name: str, content: Any, size: int | None = None) -> None:
    member = tarfile.TarInfo(name)
    member.mode = 0o600
    member.size = len(content.getvalue()) if size is None else size
    archive.addfile(member, content)


def _aside(folder: Path, stamp: str) -> Path:
    return folder.with_name(f"{folder.name}.before-restore-{stamp}")


def _free_stamp(home: Path) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    count = 1
    while any(home.glob(f"*.before-restore-{stamp}")):
        count += 1
        stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{count}"
    return stamp
