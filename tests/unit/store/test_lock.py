from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tera.errors import StoreError, StoreLockedError
from tera.store.lock import exclusive_lock

HOLDER = """
import sys, time
from pathlib import Path
from tera.store.lock import exclusive_lock
sys.argv = ["/usr/bin/tera", "remember", "a secret"]
with exclusive_lock(Path({file!r}), 5):
    print("held", flush=True)
    time.sleep({seconds})
"""


def hold(file: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Start a process that holds the lock for so long, and wait until it does."""
    script = HOLDER.format(file=str(file), seconds=seconds)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = hold(file, 60)
    yield process
    process.kill()
    process.communicate()


def test_a_lock_held_elsewhere_names_who_holds_it(
    file: Path, holder: subprocess.Popen[bytes]
) -> None:
    with pytest.raises(StoreLockedError) as refusal, exclusive_lock(file, 0.1):
        pytest.fail("the lock was given out twice")

    assert f"process {holder.pid} (tera remember, " in refusal.value.message
    assert "secret" not in refusal.value.message
    assert "store.lock_timeout_s" in refusal.value.hint


def test_a_lock_is_free_again_after_kill_9(file: Path, holder: subprocess.Popen[bytes]) -> None:
    holder.kill()
    with exclusive_lock(file, 5):
        pass


def test_a_lock_is_waited_for(file: Path) -> None:
    with hold(file, 0.3):
        started = time.monotonic()
        with exclusive_lock(file, 10):
            assert 0.05 < time.monotonic() - started < 8


def test_a_lock_is_free_again_after_an_error(file: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive_lock(file, 0):
        raise ZeroDivisionError
    with exclusive_lock(file, 0):
        pass


def test_a_holder_without_a_readable_note_is_another_process(
    file: Path, holder: subprocess.Popen[bytes]
) -> None:
    file.with_name("lock.holder").write_text("{")
    with (
        pytest.raises(StoreLockedError, match="in use by another process"),
        exclusive_lock(file, 0),
    ):
        pass


def test_a_lock_that_cannot_be_written_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match="cannot lock the store") as refusal,
        exclusive_lock(tmp_path / "file" / "lock", 0),
    ):
        pass
    assert "TERA_HOME" in refusal.value.hint
