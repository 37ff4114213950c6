from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tera.errors import ReaderError, UnreadableFileError, UnsupportedFormatError
from tera.readers import MAX_BYTES, READERS, check_size, find_reader, read_file
from tera.readers.markdown import read_markdown
from tera.readers.text import read_text


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text("The port is 5433")
    return file


@pytest.mark.parametrize("name", ["a.txt", "a", "Makefile", "a.md.bak", ".md", "a.py", "a.md."])
def test_a_file_without_a_reader_of_its_own_is_read_as_text(name: str) -> None:
    assert find_reader(Path(name)) is read_text


@pytest.mark.parametrize("name", ["a.md", "A.MD", "a.b.markdown"])
def test_markdown_has_a_reader_of_its_own(name: str) -> None:
    assert find_reader(Path(name)) is read_markdown


def test_every_reader_of_the_table_is_there() -> None:
    for ending in READERS:
        assert callable(find_reader(Path(f"x{ending}")))


def test_a_file_is_its_own_source_with_its_own_date(note: Path) -> None:
    os.utime(note, (0, 1_700_000_000.9))
    draft = read_file(note)
    assert draft.text == "The port is 5433"
    assert (draft.title, draft.source) == ("note.txt", str(note))
    assert draft.at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert draft.is_file


def test_the_source_is_a_full_path(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(note.parent)
    assert read_file(Path("note.txt")).source == str(note)


def test_a_link_named_by_itself_is_read(note: Path) -> None:
    link = note.with_name("link.md")
    link.symlink_to(note)
    draft = read_file(link)
    assert (draft.text, draft.source) == ("The port is 5433", str(link))


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="No such file"):
        read_file(tmp_path / "nothing.txt")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing.txt")
    with pytest.raises(UnreadableFileError, match="No such file"):
        read_file(tmp_path / "dangling")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UnreadableFileError, match="cannot read"):
        read_file(tmp_path / "loop")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsupportedFormatError, match="not a regular file"):
        read_file(tmp_path / "pipe")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_is_refused(path: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="not a regular file"):
        read_file(Path(path))


def test_a_forbidden_file_is_refused(note: Path, forbid: Callable[[Path], None]) -> None:
    forbid(note)
    with pytest.raises(UnreadableFileError, match="Permission denied"):
        read_file(note)


def test_an_impossible_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot read"):
        read_file(tmp_path / ("x" * 300))


def test_a_file_is_one_source_wherever_it_is_called_from(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (note.parent / "below").mkdir()
    monkeypatch.chdir(note.parent / "below")
    assert read_file(Path("..", note.name)).source == str(note)


def test_the_largest_file_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.txt"
    file.write_bytes(b"x" * MAX_BYTES)
    assert len(read_file(file).text) == MAX_BYTES
    with file.open("ab") as more:
        more.write(b"x")
    with pytest.raises(UnreadableFileError, match="larger than 16 MB"):
        read_file(file)


def test_a_huge_sparse_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    file = tmp_path / "huge.txt"
    file.touch()
    os.truncate(file, 1 << 40)
    with pytest.raises(UnreadableFileError, match="larger than 16 MB"):
        read_file(file)


def test_a_size_is_checked_to_the_byte() -> None:
    check_size(MAX_BYTES, "x")
    with pytest.raises(UnreadableFileError):
        check_size(MAX_BYTES + 1, "x")


@pytest.mark.parametrize("data", [b"", b"\xff", b"\0", b"  "])
def test_errors_name_the_file(note: Path, data: bytes) -> None:
    note.write_bytes(data)
    with pytest.raises(ReaderError, match=r"note\.txt"):
        read_file(note)


@pytest.mark.parametrize("ending", [".txt", ".md"])
def test_bytes_of_a_name_that_are_no_text_are_escaped(tmp_path: Path, ending: str) -> None:
    file = tmp_path / (os.fsdecode(b"caf\xe9") + ending)
    try:
        file.write_text("menu")
    except OSError:
        pytest.skip("this file system knows only names that are text")
    draft = read_file(file)
    assert draft.title == f"caf\\udce9{ending}"
    assert draft.source == str(tmp_path / f"caf\\udce9{ending}")


@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, 1 << 40, -(1 << 40)])
def test_a_file_of_an_impossible_date_is_read(seconds: int) -> None:
    # A disk of memory keeps dates of any size.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        file = Path(folder, "note.txt")
        file.write_text("The port is 5433")
        os.utime(file, (0, seconds))
        draft = read_file(file)
    assert draft.text == "The port is 5433"
    assert draft.at is None or draft.at.year < 10_000


def test_reading_changes_nothing(note: Path) -> None:
    before = note.stat()
    read_file(note)
    after = note.stat()
    assert (before.st_mtime_ns, stat.S_IMODE(before.st_mode)) == (
        after.st_mtime_ns,
        stat.S_IMODE(after.st_mode),
    )
