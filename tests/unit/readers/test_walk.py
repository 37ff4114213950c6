from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tera.readers.walk import Selection, Walk


def write(folder: Path, *names: str, text: str = "text") -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def listed(folder: Path, selection: Selection | None = None) -> list[str]:
    walk = Walk(folder, selection or Selection())
    found = [path.relative_to(folder).as_posix() for path in walk.files()]
    assert walk.failures == []
    return found


def test_files_are_listed_in_a_stable_order(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "a.txt", "z/c.rst", "d/e/f.log", "d/A.TXT", "Makefile")
    assert listed(tmp_path) == ["Makefile", "a.txt", "b.md", "d/A.TXT", "d/e/f.log", "z/c.rst"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", ".hidden.txt", ".git/x.txt", "a/.b/c.md")
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


def test_what_git_ignores_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "a.log", "keep.log", "build/x.txt", "src/build/y.txt", "src/z.tmp")
    write(tmp_path, "src/deep/z.tmp", "src/deep/q.txt")
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\n/build/\n# a comment\n")
    (tmp_path / "src" / ".gitignore").write_text("*.tmp\n!deep/*.tmp\n")
    assert listed(tmp_path) == [
        "a.txt",
        "keep.log",
        "src/build/y.txt",
        "src/deep/q.txt",
        "src/deep/z.tmp",
    ]


def test_the_rules_of_folders_above_count_up_to_the_one_that_git_knows(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", text="*.md\n")
    repository = tmp_path / "repository"
    write(repository, ".gitignore", text="*.log\n")
    write(repository, "docs/a.md", "docs/b.log", "docs/c.txt")
    assert listed(repository / "docs") == ["a.md", "b.log", "c.txt"]
    (repository / ".git").mkdir()
    assert listed(repository / "docs") == ["a.md", "c.txt"]


def test_include_and_exclude_choose_files(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.txt", "drafts/c.md", "drafts/deep/d.md", "e/f.md")
    assert listed(tmp_path, Selection(include=["*.md"])) == [
        *("a.md", "drafts/c.md", "drafts/deep/d.md", "e/f.md")
    ]
    assert listed(tmp_path, Selection(exclude=["drafts/", "b.*"])) == ["a.md", "e/f.md"]
    assert listed(tmp_path, Selection(["*.md"], ["drafts/deep"])) == [
        "a.md",
        "drafts/c.md",
        "e/f.md",
    ]


def test_the_folder_that_is_never_read_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "tera/store.txt")
    assert listed(tmp_path, Selection(never=tmp_path / "tera")) == ["a.txt"]


def test_the_folder_of_a_saved_page_belongs_to_the_page(tmp_path: Path) -> None:
    write(tmp_path, "page.html", "page_files/advert.html", "my_files/note.txt")
    assert listed(tmp_path) == ["page.html", "my_files/note.txt"]


def test_a_maildir_is_walked_as_mail_programs_mean_it(tmp_path: Path) -> None:
    write(tmp_path, "cur/1.host:2,S", "new/2.host", "tmp/3.host", ".Sent/cur/4.host:2,", "note.txt")
    write(tmp_path, ".Sent/new/5.host", ".Sent/tmp/6.host", "cur/7.host:2,RST")
    assert listed(tmp_path) == [
        *("note.txt", ".Sent/cur/4.host:2,", ".Sent/new/5.host", "cur/1.host:2,S", "new/2.host")
    ]


def test_an_unpacked_slack_export_is_one_document(tmp_path: Path) -> None:
    write(tmp_path / "slack", "users.json", "channels.json", "general/2024-05-03.json")
    write(tmp_path, "a.txt")
    assert listed(tmp_path) == ["a.txt", "slack"]
    assert listed(tmp_path / "slack") == ["."]


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert listed(tmp_path) == []


def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    walk = Walk(tmp_path / "nothing")
    assert list(walk.files()) == []
    (failure,) = walk.failures
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
    walk = Walk(tmp_path)
    assert [path.name for path in walk.files()] == ["c.txt", "e.txt"]
    (failure,) = walk.failures
    assert failure.message == f"cannot read {tmp_path / 'a'}: Permission denied"
