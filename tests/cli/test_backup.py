from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

Tera = Callable[..., Run]


def test_a_backup_comes_back_in_another_home(
    tera: Tera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    tera("remember", "two", "--tag", "x")
    listed = tera("list").out
    file = tmp_path / "tera.backup"
    made = tera("backup", str(file))
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith(f"{file}: 2 memories, 2 changes, ")
    assert file.stat().st_mode & 0o077 == 0
    checked = tera("restore", "--check", str(file))
    assert checked.out.startswith(f"{file} is whole: 2 memories, 2 changes, ")
    monkeypatch.setenv("TERA_HOME", str(tmp_path / "other"))
    assert tera("restore", str(file)).out.startswith("restored: 2 memories, 2 changes, ")
    assert tera("list").out == listed
    assert tera("undo").code == 0


def test_what_is_there_is_set_aside_after_a_question(tera: Tera, tmp_path: Path) -> None:
    tera("remember", "one")
    file = tmp_path / "tera.backup"
    tera("backup", str(file))
    tera("remember", "two")
    refused = tera("restore", str(file))
    assert refused.code == 2
    assert "--yes" in refused.err
    restored = json.loads(tera("restore", str(file), "--yes", "--json").out)
    assert (restored["memories"], restored["entries"]) == (1, 1)
    assert all(Path(place).is_dir() for place in restored["set_aside"])
    assert any("journal" in place for place in restored["set_aside"])
    assert len(tera("list").out.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"not a backup", b"\x28\xb5\x2f\xfd" + bytes(50)])
def test_a_file_that_is_no_backup_changes_nothing(
    tera: Tera, tmp_path: Path, content: bytes
) -> None:
    tera("remember", "one")
    file = tmp_path / "other.bin"
    file.write_bytes(content)
    done = tera("restore", str(file), "--yes")
    assert (done.code, done.out) == (5, "")
    assert len(done.err.splitlines()) == 2
    assert "one" in tera("list").out
    assert tera("restore", str(tmp_path / "missing")).code == 5


def test_a_backup_needs_a_file(tera: Tera, tmp_path: Path) -> None:
    assert tera("backup", "-").code == 2
    assert tera("backup", str(tmp_path)).code == 7
    assert tera("backup", str(tmp_path / "no" / "file")).code == 7
