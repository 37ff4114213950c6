"""Disks that are full and folders that cannot be written, with the command line as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.conftest import Run

UNSHARE = ["unshare", "--map-root-user", "--mount"]
CAN_MOUNT = subprocess.run(
    ["sh", "-c", f"{' '.join(UNSHARE)} mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False
).returncode == 0  # fmt: skip
ROOT = Path(__file__).parents[2]

Command = tuple[list[str], str]


def on_disk(
    way: str, home: Path, commands: Sequence[Command], later: Sequence[Command] = ()
) -> list[Run]:
    """Run commands; see `small_disk`."""
    home.mkdir(mode=0o700)
    python = [*(UNSHARE if way != "limit" else []), sys.executable]
    done = subprocess.run(
        [*python, "-m", "tests.cli.small_disk", way, str(home)],
        input=json.dumps([commands, later]).encode(),
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=120,
    )
    return [Run(*result) for result in json.loads(done.stdout)]


def assert_is_told(run: Run, codes: Sequence[int], says: str = "") -> None:
    """Check that it is an error in one line and a hint, with its code and no traceback."""
    assert run.code in codes, run
    assert run.out == ""
    error, hint = run.err.splitlines()
    assert error.startswith("error: ")
    assert says in error
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("way", ["limit", "mount"] if CAN_MOUNT else ["limit"])
def test_a_full_disk_is_told_and_loses_nothing_that_was_acknowledged(home: Path, way: str) -> None:
    notes: list[Command] = [(["remember"], f"{number} {'x' * 60_000}") for number in range(3)]

    first, *_, last, listed, doctor = on_disk(
        way, home, notes, [(["list", "--json"], ""), (["doctor"], "")]
    )

    assert first.code == 0
    assert_is_told(last, [7], "space" if way == "mount" else "")
    assert "free some space" in last.err
    texts = {memory["id"]: memory["text"] for memory in json.loads(listed.out)}
    assert texts[first.out.strip()] == notes[0][1]
    assert set(texts.values()) <= {text for _, text in notes}
    assert "memories, as in the journal" in doctor.out


@pytest.mark.skipif(not CAN_MOUNT, reason="no mounts here: a home below a file is tested instead")
def test_a_home_that_became_read_only_is_told(home: Path) -> None:
    commands: list[Command] = [
        (arguments.split(), "")
        for arguments in ("remember first", "remember second", "list", "undo", "doctor --repair")
    ]
    first, *refused = on_disk("read-only", home, commands)
    assert first.code == 0
    for run in refused:
        assert_is_told(run, [7], "Read-only file system")
        assert "TERA_HOME" in run.err


@pytest.mark.parametrize("arguments", ["remember text", "list", "doctor --repair"])
def test_a_home_that_cannot_be_made_is_told(
    tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TERA_HOME", str(tmp_path / "file" / "home"))
    assert_is_told(tera(*arguments.split()), [4])


@pytest.mark.parametrize("arguments", ["remember text", "doctor", "config path"])
def test_a_home_of_a_user_that_is_not_there_is_told(
    tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.setenv("TERA_HOME", "~no-such-user/x")
    run = tera(*arguments.split())
    assert_is_told(run, [4], "there is no such user")
    assert "set TERA_HOME" in run.err
