from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tera.readers.folder import ENDINGS, list_files


def write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")


def listed(folder: Path) -> list[str]:
    files, failures = list_files(folder)
    assert failures == []
    return [str(path.relative_to(folder)) for path in files]


def test_text_files_are_listed_in_a_stable_order(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "a.txt", "z/c.rst", "d/e/f.log", "d/A.TXT")
    assert listed(tmp_path) == ["a.txt", "b.md", "d/A.TXT", "d/e/f.log", "z/c.rst"]


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_every_text_ending_is_listed(tmp_path: Path, ending: str) -> None:
    write(tmp_path, f"file{ending}")
    assert listed(tmp_path) == [f"file{ending}"]


def test_other_files_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "photo.jpg", "Makefile", ".hidden.txt", ".git/x.txt", "a/.b/c.md")
    assert listed(tmp_path) == ["a.txt"]


def test_links_are_left_out_and_loops_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "there", "a.txt")
    folder = tmp_path / "folder"
    write(folder, "b.txt")
    (folder / "link.txt").symlink_to(tmp_path / "there" / "a.txt")
    (folder / "dangling.txt").symlink_to(tmp_path / "nothing")
    (folder / "elsewhere").symlink_to(tmp_path / "there")
    (folder / "loop").symlink_to(folder)
    assert listed(folder) == ["b.txt"]


def test_what_is_no_regular_file_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "folder.txt/b.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    assert listed(tmp_path) == ["a.txt", "folder.txt/b.txt"]


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert listed(tmp_path) == []


def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    files, (failure,) = list_files(tmp_path / "nothing")
    assert files == []
    assert "No such file" in failure.message


def test_a_forbidden_folder_is_a_failure_and_the_rest_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a/b.txt", "c.txt", "d/e.txt")
    scandir = os.scandir

    def guarded(place: str) -> Any:
        if Path(place) == tmp_path / "a":
            raise PermissionError(13, "Permission denied", place)
        return scandir(place)

    # Root may list everything, and another user may not enter this folder at all.
    monkeypatch.setattr("os.scandir", guarded)
    files, (failure,) = list_files(tmp_path)
    assert [path.name for path in files] == ["c.txt", "e.txt"]
    assert failure.message == f"cannot read {tmp_path / 'a'}: Permission denied"
