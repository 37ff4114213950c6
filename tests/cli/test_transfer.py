from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

LINE = '{"id": "%s", "text": "%s", "at": "2026-01-01T00:00:00+00:00"}\n'


@pytest.fixture
def exported(tera: Callable[..., Run]) -> str:
    """Remember three memories with all that is hard to keep; return the export."""
    tera("remember", stdin="zwei\r\nZeilen\u2028und \x1b[31m „mehr“ 👩‍🚀\n".encode())
    tera("remember", "one", "--tag", "work", "--title", "T", "--at", "2020-01-01")
    tera("remember", "and another", "--source", "mail")
    return tera("export").out


def test_an_export_is_a_memory_a_line_in_the_order_of_remembering(
    tera: Callable[..., Run], exported: str
) -> None:
    records = [json.loads(line) for line in exported.split("\n")[:-1]]
    assert [record["text"].split()[0] for record in records] == ["zwei", "one", "and"]
    assert tera("export") == Run(0, exported, "")


def test_an_import_into_another_home_gives_the_same_memories(
    tera: Callable[..., Run], exported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_HOME", str(tmp_path / "other"))
    imported = tera("import", stdin=exported.encode())
    assert imported == Run(0, "3 new, 0 updated, 0 known\n", "")
    assert tera("export").out == exported


def test_an_import_done_twice_changes_nothing(
    tera: Callable[..., Run], exported: str, tmp_path: Path
) -> None:
    log = tera("log").out
    (tmp_path / "memories.jsonl").write_text(exported, newline="")
    for arguments in ([str(tmp_path / "memories.jsonl")], [str(tmp_path / "memories.jsonl")]):
        assert tera("import", *arguments).out == "0 new, 0 updated, 3 known\n"
    assert tera("log").out == log


def test_an_import_brings_memories_up_to_date_and_can_be_undone(
    tera: Callable[..., Run], exported: str
) -> None:
    counts = tera("import", "--json", stdin=exported.replace('"one"', '"two"').encode())
    assert json.loads(counts.out) == {"new": 0, "updated": 1, "known": 2}
    assert '"two"' in tera("export").out
    tera("undo")
    assert tera("export").out == exported


def test_an_export_takes_filters(tera: Callable[..., Run], exported: str) -> None:
    work = tera("export", "--tag", "work").out
    assert [json.loads(line)["text"] for line in work.splitlines()] == ["one"]
    assert tera("export", "--tag", "nobody") == Run(0, "", "")


def test_an_export_to_a_file_is_private_and_whole(
    tera: Callable[..., Run], exported: str, tmp_path: Path
) -> None:
    file = tmp_path / "memories.jsonl"
    file.write_text("an older export")
    written = tera("export", "--to", str(file))
    assert written == Run(0, "", f"3 memories written to {file}\n")
    assert file.read_bytes().decode() == exported
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("memories*")] == ["memories.jsonl"]


def test_an_export_that_cannot_be_written_is_an_error(
    tera: Callable[..., Run], tmp_path: Path
) -> None:
    written = tera("export", "--to", str(tmp_path / "nowhere" / "memories.jsonl"))
    assert written.code == 7
    assert "hint: " in written.err


def test_an_export_goes_without_a_journal_that_cannot_be_mended(
    tera: Callable[..., Run], exported: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_HOME", str(home.with_name("other")))
    tera("remember", "told in another home")
    monkeypatch.setenv("TERA_HOME", str(home))
    shutil.rmtree(home / "journal")
    shutil.copytree(home.with_name("other") / "journal", home / "journal")
    assert tera("list").code == 7
    written = tera("export")
    assert (written.code, written.out) == (0, exported)
    (note,) = written.err.splitlines()
    assert "this is what the database holds" in note


@pytest.mark.parametrize("folder", [".", "/", ".."])
def test_an_export_to_a_folder_is_an_error(tera: Callable[..., Run], folder: str) -> None:
    written = tera("export", "--to", folder)
    assert (written.code, written.out) == (7, "")
    assert f"cannot write {folder}: it is a folder" in written.err


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"id": "zzzzzzzzzz", "text": "", "at": "2026-01-01"}',
        '{"id": "zzzzzzzzzz", "text": "x", "at": "yesterday"}',
        '{"id": "../../etc/", "text": "x", "at": "2026-01-01"}',
        '{"id": "zzzzzzzzzz", "text": "\\ud800", "at": "2026-01-01"}',
        '{"id": "zzzzzzzzzz", "text": "\\u0000", "at": "2026-01-01"}',
        '{"id": 5, "text": "x", "at": "2026-01-01"}',
    ],
)
def test_a_line_that_is_no_memory_is_named_and_the_ones_before_are_kept(
    tera: Callable[..., Run], line: str
) -> None:
    imported = tera("import", stdin=(LINE % ("aaaaaaaaaa", "good") + line + "\n").encode())
    assert (imported.code, imported.out) == (5, "")
    error, hint = imported.err.splitlines()
    assert error.startswith("error: line 2 is not a memory")
    assert hint == "hint: import reads what `tera export` writes"
    assert "good" in tera("list").out


def test_an_import_of_bytes_that_are_not_utf8_is_refused(tera: Callable[..., Run]) -> None:
    imported = tera("import", stdin=b'{"id": "\xff"}\n')
    assert imported.code == 5
    assert imported.err.splitlines()[0] == "error: the pipe is not valid UTF-8"


def test_a_file_that_cannot_be_imported_is_an_error(
    tera: Callable[..., Run], tmp_path: Path
) -> None:
    for file in (tmp_path, tmp_path / "nowhere.jsonl"):
        imported = tera("import", str(file))
        assert imported.code == 5
        assert str(file) in imported.err


def test_importing_nothing(tera: Callable[..., Run]) -> None:
    assert tera("import").code == 2
    assert tera("import", stdin=b"\n\n").out == "0 new, 0 updated, 0 known\n"
