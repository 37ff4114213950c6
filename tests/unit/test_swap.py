from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tera import swap
from tera.swap import swap_folders


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    return one, other


def test_two_folders_change_places(folders: tuple[Path, Path]) -> None:
    one, other = folders
    swap_folders(one, other)
    assert (one / "name").read_text() == "other"
    assert (other / "name").read_text() == "one"


def test_a_file_system_that_cannot_do_it_at_once_does_it_in_steps(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = folders
    monkeypatch.setattr(swap, "_exchange", lambda *_: errno.EINVAL)
    swap_folders(one, other)
    assert (one / "name").read_text() == "other"
    assert (other / "name").read_text() == "one"
    assert sorted(path.name for path in one.parent.iterdir() if path.is_dir()) == ["one", "other"]


def test_a_folder_that_is_not_there_is_refused(folders: tuple[Path, Path]) -> None:
    one, other = folders
    with pytest.raises(FileNotFoundError):
        swap_folders(one.with_name("none"), other)
    assert (other / "name").read_text() == "other"
