from __future__ import annotations

import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tera.datatypes import NOTHING_READ, Draft
from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers import files, reading
from tera.readers.document import Document, DocumentType, Failure, Item, Note, Progress
from tera.readers.types import TYPES
from tera.readers.walk import Selection
from tests.documents import Heard, read_paths


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text("The port is 5433")
    return file


def refusal(path: Path) -> str:
    """Return why a file is not read."""
    drafts, heard = read_paths(path)
    assert drafts == []
    (failure,) = heard.failures
    assert isinstance(failure, UnreadableFileError | UnsupportedFormatError)
    assert failure.hint
    return failure.message


def test_a_file_is_its_own_source_with_its_own_date(note: Path) -> None:
    os.utime(note, (0, 1_700_000_000.9))
    (draft,), heard = read_paths(note)
    assert draft.text == "The port is 5433"
    assert (draft.title, draft.source, draft.type) == ("note.txt", str(note), "text")
    assert draft.at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert draft.is_file
    assert draft.parts == ("",)
    assert len(draft.digest) == 64
    assert heard.count == 1


def test_the_source_is_a_full_path(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (note.parent / "below").mkdir()
    monkeypatch.chdir(note.parent / "below")
    (draft,), _ = read_paths(Path("..", note.name))
    assert draft.source == str(note)


def test_a_link_named_by_itself_is_read(note: Path) -> None:
    link = note.with_name("link.md")
    link.symlink_to(note)
    (draft,), _ = read_paths(link)
    assert (draft.text, draft.source) == ("The port is 5433", str(link))


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nothing.txt")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing.txt")
    assert "No such file" in refusal(tmp_path / "dangling")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot read" in refusal(tmp_path / "loop")
    assert "cannot read" in refusal(tmp_path / ("x" * 300))


def test_pipes_and_devices_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), Path("/dev/zero")):
        assert "not a regular file" in refusal(path)


def test_a_forbidden_file_is_refused(note: Path, forbid: Callable[[Path], None]) -> None:
    forbid(note)
    assert "Permission denied" in refusal(note)


def test_a_file_of_no_known_type_is_refused_by_name_and_left_out_of_folders(tmp_path: Path) -> None:
    (tmp_path / "program.exe").write_bytes(bytes(range(256)) * 100)
    assert "of a type that Tera cannot read" in refusal(tmp_path / "program.exe")
    drafts, heard = read_paths(tmp_path)
    assert (drafts, heard.failures, heard.skipped) == ([], [], [".exe"])


def test_an_empty_file_is_refused_by_name_and_left_out_of_folders(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    assert "is empty" in refusal(tmp_path / "__init__.py")
    drafts, heard = read_paths(tmp_path)
    assert (drafts, heard.failures, heard.skipped) == ([], [], ["empty"])


def test_a_type_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.write_text("name,city,born\nAnn,Bern,1984\nBen,Bonn,1990\n")
    (draft,), _ = read_paths(file, type_name="csv")
    assert draft.type == "csv"
    assert draft.text.splitlines()[0] == "name: Ann; city: Bern; born: 1984"


def test_a_huge_sparse_file_is_refused_in_no_time(tmp_path: Path) -> None:
    file = tmp_path / "huge.txt"
    file.touch()
    os.truncate(file, 1 << 40)
    assert "huge.txt" in refusal(file)


def test_only_what_was_there_in_the_beginning_is_read_of_a_growing_file(note: Path) -> None:
    found = list(files.find([note], Selection(), lambda _: None))
    with note.open("a") as more:
        more.write(" and more")
    drafts = list(
        reading.Reading(
            reading.Options(), Heard(), lambda files: [NOTHING_READ] * len(files)
        ).drafts(found)
    )
    assert [draft.text for draft in drafts] == ["The port is 5433"]
    # It is looked at again the next time.
    assert drafts[0].digest == ""
    assert drafts[0].parts is None


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"\0", b"  "])
def test_errors_name_the_file(note: Path, data: bytes) -> None:
    note.write_bytes(data)
    assert "note.txt" in refusal(note)


@pytest.mark.parametrize("ending", [".txt", ".md"])
def test_bytes_of_a_name_that_are_no_text_are_escaped(tmp_path: Path, ending: str) -> None:
    file = tmp_path / (os.fsdecode(b"caf\xe9") + ending)
    try:
        file.write_text("menu")
    except OSError:
        pytest.skip("this file system knows only names that are text")
    (draft,), _ = read_paths(file)
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
        (draft,), _ = read_paths(file)
    assert draft.text == "The port is 5433"
    assert draft.at is None or draft.at.year < 10_000


def test_reading_changes_nothing(note: Path) -> None:
    before = note.stat()
    read_paths(note)
    after = note.stat()
    assert (before.st_mtime_ns, stat.S_IMODE(before.st_mode)) == (
        after.st_mtime_ns,
        stat.S_IMODE(after.st_mode),
    )


def test_nothing_is_left_in_the_folder_for_what_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "alpha")
        archive.writestr("b.txt", b"")
        archive.writestr("c.bin", bytes(range(256)))
    drafts, heard = read_paths(tmp_path / "a.zip")
    assert [draft.text for draft in drafts] == ["alpha"]
    assert heard.skipped == ["empty", ".bin"]
    assert list(scratch.iterdir()) == []


# What a reader says of a document, and what becomes of it.


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let text files be read by a reader that yields the given items."""

    def say(*said: Item | Exception) -> None:
        def read(document: Document) -> Iterator[Item]:
            for item in said:
                if isinstance(item, Exception):
                    raise item
                yield item

        monkeypatch.setattr(reading, "find_reader", lambda _: read)

    return say


def test_the_last_draft_names_all_parts(note: Path, say: Callable[..., None]) -> None:
    say(Draft("a", part="1"), Progress(1, 2), Draft("b", part="9"))
    (first, last), heard = read_paths(note)
    assert (first.part, first.parts, first.digest) == ("1", None, "")
    assert (last.part, last.parts) == ("9", ("1", "9"))
    assert last.digest
    assert 0.5 in heard.shares


def test_what_was_read_before_an_error_is_kept_but_not_taken_for_all(
    note: Path, say: Callable[..., None]
) -> None:
    say(Draft("a", part="1"), Draft("b", part="2"), UnreadableFileError("torn", hint="h"))
    drafts, heard = read_paths(note)
    assert [(draft.text, draft.digest, draft.parts) for draft in drafts] == [
        ("a", "", None),
        ("b", "", None),
    ]
    assert [failure.message for failure in heard.failures] == ["torn"]


def test_a_failure_of_a_part_is_told_and_the_file_is_read_again_next_time(
    note: Path, say: Callable[..., None]
) -> None:
    say(Draft("a"), Failure("page 2 is broken", "h"))
    (draft,), heard = read_paths(note)
    assert draft.digest == ""
    assert [(failure.message, failure.hint) for failure in heard.failures] == [
        ("page 2 is broken", "h")
    ]


def test_a_note_is_said_once_for_all_files(tmp_path: Path, say: Callable[..., None]) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name)
    say(Note("rough"), Draft("text"))
    _, heard = read_paths(tmp_path)
    assert heard.notes_ == [Note("rough")]


def test_characters_that_no_store_can_hold_are_taken_out(
    note: Path, say: Callable[..., None]
) -> None:
    say(Draft("a\0b\ud800c", title=" x\0\ny "), Draft("\0 \n"))
    (draft,), _ = read_paths(note)
    assert (draft.text, draft.title) == ("ab?c", "x y")


def test_an_unchanged_file_is_not_read(note: Path, say: Callable[..., None]) -> None:
    (draft,), _ = read_paths(note)
    say(Draft("read again"))
    drafts, heard = read_paths(note, known={(str(note), draft.digest): ["id1"]})
    assert (drafts, heard.unchanged) == ([], ["id1"])
    note.write_text("The port is 5434")
    (changed,), heard = read_paths(note, known={(str(note), draft.digest): ["id1"]})
    assert (changed.text, heard.unchanged) == ("read again", [])


def test_an_unchanged_file_is_read_again_when_that_is_wanted(note: Path) -> None:
    (draft,), _ = read_paths(note)
    known = {(str(note), draft.digest): ["id1"]}
    (again,), heard = read_paths(note, known=known, is_again=True)
    assert (again, heard.unchanged) == (draft, [])


def test_a_new_version_of_a_reader_reads_unchanged_files(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,), _ = read_paths(note)
    newer = DocumentType("plain.text:read_text", version=99, is_text=True, is_isolated=False)
    monkeypatch.setitem(TYPES, "text", newer)
    (new,), _ = read_paths(note)
    assert new.digest != old.digest


def test_a_very_large_file_is_known_by_its_ends_size_and_date(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "WHOLE_BYTES", 10)
    monkeypatch.setattr(files, "_SAMPLE", 4)

    def digest() -> str:
        os.utime(note, (0, 1_700_000_000))
        return read_paths(note)[0][0].digest

    first = digest()
    assert digest() == first
    note.write_text("The port is 5434")
    second = digest()
    assert second != first
    note.write_text("The post is 5434")
    assert digest() == second
    os.utime(note, (0, 1_700_000_001))
    assert read_paths(note)[0][0].digest != second


def test_a_password_is_only_tried_on_what_does_not_open_without(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "data" / "pdf" / "owner-only.pdf"
    drafts, heard = read_paths(sample, password="for another document")
    assert drafts
    assert heard.failures == []
