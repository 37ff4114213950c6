from __future__ import annotations

import errno
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tera import __version__
from tera import backup as module
from tera.archive import write_archive
from tera.backup import read_backup, restore_backup, write_backup
from tera.config import load_config
from tera.datatypes import Draft, Filter
from tera.engine import Engine
from tera.errors import StoreDamagedError, StoreError, TeraError, UnreadableFileError
from tera.paths import Paths
from tera.store import journal as journal_module
from tera.store.disk import sync_folder
from tera.store.journal import Journal, Position
from tera.store.opened import own_home
from tera.swap import swap_folders
from tests.disks import full_disk
from tests.entries import forget, remember


def silent(task: str, done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture
def paths(home: Path) -> Paths:
    """Return a home with a journal of several segments, and settings."""
    paths = Paths(home)
    paths.create()
    paths.config_file.write_text("embedder = 'x'\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "SEGMENT_BYTES", 2000)
        journal = Journal(paths.journal)
        for number in range(20):
            journal.append([remember(f"memory{number:04}", f"text {number} " * 20)])
        journal.append([forget("memory0003")])
    return paths


@pytest.fixture
def file(paths: Paths, tmp_path: Path) -> Path:
    """Return a backup of that home."""
    file = tmp_path / "tera.backup"
    write_backup(paths, Journal(paths.journal).end, file, silent)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Paths:
    """Return a home that has nothing in it."""
    return Paths(tmp_path / "other")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def memories(paths: Paths) -> list[object]:
    return list(Engine(load_config(paths)[0], paths).select(Filter()))


def test_a_backup_says_what_it_holds(paths: Paths, file: Path) -> None:
    backup = read_backup(file, silent)
    assert (backup.entries, backup.memories, backup.version) == (21, 19, __version__)
    assert backup.size_bytes == file.stat().st_size
    assert len(list(paths.journal.glob("*.jsonl"))) > 3
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(file.parent.glob("*.part"))


def test_a_backup_opens_with_what_every_machine_has(paths: Paths, file: Path) -> None:
    import zstandard

    with (
        file.open("rb") as plain,
        zstandard.ZstdDecompressor().stream_reader(plain) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        names = [member.name for member in archive]
    assert names[0] == "tera-backup.json"
    assert names[-1] == "manifest.json"
    assert {"config.toml", "journal/device", "journal/000001.jsonl"} < set(names)


def test_restored_memories_are_the_same(engine: Engine, tmp_path: Path, other: Paths) -> None:
    list(engine.remember(Draft(f"the port is {number}", tags=("work",)) for number in range(30)))
    engine.forget(engine.select(Filter())[:2])
    kept = engine.select(Filter())
    with engine.store() as opened:
        end = opened.journal.end
    file = tmp_path / "tera.backup"

    written = write_backup(engine.paths, end, file, silent)
    restored, aside = restore_backup(file, other, silent)

    assert written == restored
    assert (restored.memories, aside) == (28, [])
    again = Engine(load_config(other)[0], other)
    assert again.select(Filter()) == kept
    assert len(again.search("port", 3)) == 3
    assert [change.number for change in again.log()] == [c.number for c in engine.log()]
    assert (other.journal / "device").read_text() == (engine.paths.journal / "device").read_text()
    list(again.remember([Draft("told after")]))
    assert len(memories(other)) == 29


def test_what_is_there_is_set_aside_and_settings_stay(
    engine: Engine, file: Path, paths: Paths
) -> None:
    home = Paths(engine.paths.home)
    list(engine.remember([Draft("the old life")]))
    engine.search("life", 1)
    before = {part.name: contents(part) for part in (home.journal, home.store, home.index)}
    settings = home.config_file.read_text()

    with own_home(engine.config, home):
        _, aside = restore_backup(file, home, silent)

    assert {path.name.split(".")[0]: contents(path) for path in aside} == before
    assert all(".before-restore-" in path.name for path in aside)
    assert home.config_file.read_text() == settings
    assert len(memories(home)) == 19
    assert not list(home.home.glob("restoring-*"))


def test_restoring_twice_within_a_second_keeps_both(file: Path, other: Paths) -> None:
    asides = [restore_backup(file, other, silent)[1] for _ in range(4)]
    flat = [path for aside in asides for path in aside]
    assert len(set(flat)) == 3
    assert all(path.exists() for path in flat)


def test_an_empty_home_has_a_backup_and_can_be_restored(tmp_path: Path, other: Paths) -> None:
    empty = Paths(tmp_path / "empty")
    end = Journal(empty.journal).end
    backup = write_backup(empty, end, tmp_path / "b", silent)
    assert (backup.entries, backup.memories) == (0, 0)
    restore_backup(tmp_path / "b", other, silent)
    assert contents(other.journal) == contents(empty.journal)


def test_a_backup_ends_where_it_was_told_to(paths: Paths, tmp_path: Path, other: Paths) -> None:
    journal = Journal(paths.journal)
    positions = [Position(), *(at for _, at in journal.entries())]
    for end in positions:
        backup = write_backup(paths, end, tmp_path / "b", silent)
        assert backup.entries == end.number
        restore_backup(tmp_path / "b", other, silent)
        assert Journal(other.journal).end == end


def test_an_empty_last_segment_is_no_hindrance(paths: Paths, tmp_path: Path) -> None:
    last = max(paths.journal.glob("*.jsonl"))
    (paths.journal / f"{int(last.stem) + 1:06}.jsonl").touch()
    end = Journal(paths.journal).end
    assert write_backup(paths, end, tmp_path / "b", silent).entries == 21


@pytest.mark.parametrize("seed", range(50))
def test_one_byte_flipped_anywhere_is_noticed(file: Path, other: Paths, seed: int) -> None:
    data = bytearray(file.read_bytes())
    places = random.Random(seed)
    # The first and the last bytes each once, the others anywhere.
    at = seed if seed < 12 else -(seed - 11) if seed < 24 else places.randrange(len(data))
    data[at] ^= 1 << places.randrange(8)
    file.write_bytes(data)
    with pytest.raises(UnreadableFileError) as caught:
        restore_backup(file, other, silent)
    assert caught.value.hint
    assert list(other.home.iterdir()) == []


@pytest.mark.parametrize("lost", [1, 4, 39, 40, 41, 100, 1000])
def test_a_backup_that_is_cut_off_is_noticed(file: Path, lost: int) -> None:
    os.truncate(file, file.stat().st_size - lost)
    with pytest.raises(UnreadableFileError, match="damaged or cut off"):
        read_backup(file, silent)


def test_bytes_behind_a_backup_are_noticed(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(UnreadableFileError, match="damaged or cut off"):
        read_backup(file, silent)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"my notes\n" * 1000, b"\x28\xb5\x2f"])
def test_another_file_is_no_backup(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "notes").write_bytes(data)
    with pytest.raises(UnreadableFileError, match="is not a backup of Tera"):
        read_backup(tmp_path / "notes", silent)


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFileError, match="cannot read"):
        read_backup(tmp_path / name, silent)


HEAD = {"format": 1, "version": "0.1.0", "written_at": "2026-01-02T12:00:00+00:00"}
MANIFEST = {"entries": 0, "files": {}}


def archive_of(file: Path, members: list[tuple[str, bytes, bytes]]) -> None:
    with write_archive(file) as archive:
        for name, data, kind in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(data), kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(data))


def test_a_backup_of_a_newer_tera_is_refused(tmp_path: Path) -> None:
    head = json.dumps({**HEAD, "format": 2, "version": "9.0"}).encode()
    archive_of(tmp_path / "b", [("tera-backup.json", head, tarfile.REGTYPE)])
    with pytest.raises(StoreError, match=r"written by Tera 9\.0, which is newer") as caught:
        read_backup(tmp_path / "b", silent)
    assert caught.value.hint == "install a newer version of Tera"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("../evil", b"x", tarfile.REGTYPE),
        ("/tmp/evil", b"x", tarfile.REGTYPE),
        ("journal/../../evil", b"x", tarfile.REGTYPE),
        ("journal/000001.jsonl/x", b"x", tarfile.REGTYPE),
        ("journal/000002.jsonl", b"", tarfile.REGTYPE),
        ("journal/000001.jsonl", b"no line\n", tarfile.REGTYPE),
        ("journal/device", b"", tarfile.SYMTYPE),
        ("config.toml", b"", tarfile.LNKTYPE),
        ("config.toml", b"", tarfile.CHRTYPE),
        ("journal", b"", tarfile.DIRTYPE),
        ("config.toml", b"not in the manifest", tarfile.REGTYPE),
        ("config.toml", b" " * (module.LARGEST_SMALL_FILE + 1), tarfile.REGTYPE),
        ("tera-backup.json", b"{}", tarfile.REGTYPE),
    ],
)
def test_files_that_do_not_belong_there_are_refused(
    tmp_path: Path, other: Paths, name: str, data: bytes, kind: bytes
) -> None:
    head, manifest = json.dumps(HEAD).encode(), json.dumps(MANIFEST).encode()
    before = sorted(tmp_path.iterdir())
    archive_of(
        tmp_path / "b",
        [
            ("tera-backup.json", head, tarfile.REGTYPE),
            (name, data, kind),
            ("manifest.json", manifest, tarfile.REGTYPE),
        ],
    )
    with pytest.raises(TeraError):
        restore_backup(tmp_path / "b", other, silent)
    assert list(other.home.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "b", other.home])


@pytest.mark.parametrize("members", [[], ["tera-backup.json"], ["manifest.json"]])
def test_an_archive_that_lacks_something_is_refused(tmp_path: Path, members: list[str]) -> None:
    whole = {"tera-backup.json": HEAD, "manifest.json": MANIFEST}
    archive_of(
        tmp_path / "b",
        [(name, json.dumps(whole[name]).encode(), tarfile.REGTYPE) for name in members],
    )
    with pytest.raises(UnreadableFileError):
        read_backup(tmp_path / "b", silent)


def test_two_backups_to_one_file_at_once_are_both_whole(paths: Paths, file: Path) -> None:
    end = Journal(paths.journal).end
    seen: list[str] = []

    def another(task: str, done: int, total: int) -> None:
        if not seen:
            seen.append(task)
            write_backup(paths, end, file, silent)
            assert read_backup(file, silent).entries == 21

    assert write_backup(paths, end, file, another).entries == 21
    assert read_backup(file, silent).entries == 21
    assert not list(file.parent.glob("*.part"))


def test_what_a_killed_backup_left_is_removed_and_what_others_write_is_not(
    paths: Paths, file: Path
) -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    left = file.with_name(f"{file.name}.{killed.pid}-0123abcd.part")
    mine = [
        file.with_name(f"{file.name}.{os.getpid()}-0123abcd.part"),
        file.with_name(f"{file.name}.notes.part"),
        file.with_name(f"other.{killed.pid}-0123abcd.part"),
    ]
    for part in (left, *mine):
        part.write_bytes(b"half")
    write_backup(paths, Journal(paths.journal).end, file, silent)
    assert not left.exists()
    assert all(part.read_bytes() == b"half" for part in mine)


def test_a_damaged_journal_has_no_backup_and_the_older_one_stays(paths: Paths, file: Path) -> None:
    older = file.read_bytes()
    segment = paths.journal / "000002.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"text", b"tExt", 1))
    with pytest.raises(StoreDamagedError, match="of the journal is damaged"):
        write_backup(paths, Journal(paths.journal).end, file, silent)
    assert file.read_bytes() == older
    assert not list(file.parent.glob("*.part"))


def test_a_lost_segment_has_no_backup(paths: Paths, tmp_path: Path) -> None:
    (paths.journal / "000002.jsonl").unlink()
    with pytest.raises(StoreDamagedError, match="segment 2 of the journal is missing"):
        write_backup(paths, Journal(paths.journal).end, tmp_path / "b", silent)
    assert not (tmp_path / "b").exists()


def test_a_journal_that_is_shorter_than_it_should_be_has_no_backup(
    paths: Paths, tmp_path: Path
) -> None:
    end = Journal(paths.journal).end
    last = max(paths.journal.glob("*.jsonl"))
    os.truncate(last, end.offset - 10)
    with pytest.raises(StoreError):
        write_backup(paths, end, tmp_path / "b", silent)
    assert not list(tmp_path.glob("b*"))


def test_a_folder_is_no_target(paths: Paths, tmp_path: Path) -> None:
    end = Journal(paths.journal).end
    with pytest.raises(StoreError, match="it is a folder"):
        write_backup(paths, end, tmp_path, silent)
    with pytest.raises(StoreError, match="there is no folder"):
        write_backup(paths, end, tmp_path / "none" / "b", silent)


def test_a_full_disk_leaves_the_older_backup(paths: Paths, file: Path) -> None:
    older = file.read_bytes()
    with (
        full_disk(500),
        pytest.raises(StoreError, match=f"cannot write .*{os.strerror(errno.EFBIG)}"),
    ):
        write_backup(paths, Journal(paths.journal).end, file, silent)
    assert file.read_bytes() == older
    assert not list(file.parent.glob("*.part"))


def test_a_full_disk_leaves_the_home_as_it_was(paths: Paths, file: Path) -> None:
    before = contents(paths.home)
    with full_disk(500), pytest.raises(StoreError, match="cannot write"):
        restore_backup(file, paths, silent)
    assert contents(paths.home) == before


@pytest.mark.parametrize("step", range(9))
def test_a_crash_at_any_step_leaves_one_whole_journal(
    engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    home = engine.paths
    list(engine.remember([Draft("the old life")]))
    engine.search("life", 1)
    old = {memory.id for memory in engine.select(Filter())}

    class Crash(BaseException):
        pass

    steps = iter(range(100))

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if next(steps) == step:
                raise Crash
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(module, "swap_folders", counted(swap_folders))
        patch.setattr(module, "sync_folder", counted(sync_folder))
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Crash):
            restore_backup(file, home, silent)

    again = Engine(engine.config, home)
    there = {memory.id for memory in again.select(Filter())}
    assert there == old or len(there) == 19
    # What a crash left is no hindrance, and the old life is still somewhere.
    restore_backup(file, home, silent)
    assert len(memories(home)) == 19
    journals = home.home.glob("journal.before-restore-*/*.jsonl")
    assert any("the old life" in journal.read_text() for journal in journals)


def test_another_process_may_write_meanwhile(paths: Paths, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from tera.store import journal as module\n"
        "from tests.entries import remember\n"
        "module.SEGMENT_BYTES = 50_000\n"
        "journal = module.Journal(pathlib.Path(sys.argv[1]))\n"
        "number = 0\n"
        "while True:\n"
        "    number += 1\n"
        "    journal.append([remember(f'later{number:05}', 'word ' * 200)])\n"
        "    print(journal.end.number, journal.end.segment, journal.end.offset, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(paths.journal)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        try:
            for _ in range(10):
                for _ in range(20):
                    end = Position(*map(int, writer.stdout.readline().split()))
                backup = write_backup(paths, end, tmp_path / "b", silent)
                assert backup.entries == end.number
                assert read_backup(tmp_path / "b", silent) == backup
        finally:
            writer.kill()
    assert Journal(paths.journal).end.number > end.number
