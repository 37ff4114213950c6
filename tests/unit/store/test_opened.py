from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tera.config import Config
from tera.datatypes import Filter
from tera.errors import StoreDamagedError, StoreError, StoreLockedError
from tera.paths import Paths
from tera.store import opened as module
from tera.store.journal import Journal
from tests.disks import full_disk
from tests.entries import edit, forget, opened, remember


def texts(home: Path) -> dict[str, str]:
    with opened(home) as store:
        ids = store.database.ids_with_prefix("m", 1000)
        return {key: memory.text for key, memory in store.database.memories(ids).items()}


@pytest.fixture
def written(home: Path) -> Path:
    """Return a home with memories that were remembered, edited and forgotten."""
    with opened(home) as store:
        for number in range(6):
            store.commit([remember(f"m{number}", f"text {number}")])
        store.commit([edit("m1", text="edited"), forget("m2")])
    return home


EXPECTED = {"m0": "text 0", "m1": "edited", "m3": "text 3", "m4": "text 4", "m5": "text 5"}


def test_what_is_committed_is_there_after_reopening(written: Path) -> None:
    assert texts(written) == EXPECTED


def test_what_only_the_journal_has_is_brought_into_the_store(written: Path) -> None:
    Journal(written / "journal").append([remember("m9", "not in the store yet"), forget("m0")])

    with opened(written) as store:
        assert store.caught_up == 2
        assert store.database.find(text="not in the store yet")
        assert not store.database.find(text="text 0")
    with opened(written) as store:
        assert store.caught_up == 0


def test_a_process_killed_before_the_store_has_it_loses_nothing(written: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from tests.disks import full_disk
from tests.entries import opened, remember
with opened(Path(sys.argv[1])) as store:
    store.database.apply = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
    store.commit([remember("m9", "acknowledged by the journal")])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(written)], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == -9
    assert texts(written) == {**EXPECTED, "m9": "acknowledged by the journal"}


@pytest.mark.parametrize("batch", [2, 200])
def test_a_lost_store_is_rebuilt_from_the_journal(
    written: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CATCH_UP_ENTRIES", batch)
    shutil.rmtree(written / "store")
    with opened(written) as store:
        assert store.caught_up == 8
    assert texts(written) == EXPECTED


def test_a_store_that_lost_its_end_gets_it_back(written: Path) -> None:
    (log,) = (written / "store" / "clog").iterdir()
    whole = log.read_bytes()
    lost = 0
    for place in range(100, len(whole), len(whole) // 30):
        altered = bytearray(whole)
        altered[place] ^= 1
        log.write_bytes(altered)
        try:
            with opened(written) as store:
                lost += store.caught_up
            assert texts(written) == EXPECTED
        except StoreDamagedError as error:
            assert error.hint == "tera doctor --repair"
    assert lost > 30


def test_a_store_whose_last_write_was_torn_gets_it_back(written: Path) -> None:
    (log,) = (written / "store" / "clog").iterdir()
    before = len(log.read_bytes())
    with opened(written) as store:
        store.commit([remember("m9", "the last")])
    whole = log.read_bytes()
    for cut in range(before + 1, len(whole), 60):
        log.write_bytes(whole[:cut])
        assert texts(written) == {**EXPECTED, "m9": "the last"}


def test_the_index_does_not_outlive_what_the_store_has_lost(written: Path) -> None:
    (written / "index" / "some-model").mkdir(parents=True)
    with opened(written):
        assert (written / "index").exists()
    shutil.rmtree(written / "store")
    with opened(written):
        assert not (written / "index").exists()


def test_a_journal_shorter_than_the_store_is_refused(written: Path) -> None:
    segment = written / "journal" / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:3]))

    with pytest.raises(StoreError, match="ends at entry 3, but") as refusal, opened(written):
        pass
    assert "the store has applied 8" in refusal.value.message
    assert "backup" in refusal.value.hint


def test_a_lost_journal_is_refused_and_its_store_can_still_be_read(written: Path) -> None:
    shutil.rmtree(written / "journal")
    (written / "index").mkdir()

    with pytest.raises(StoreDamagedError, match="part of the journal is missing") as refusal:
        texts(written)
    assert refusal.value.hint.startswith("tera export --to memories.jsonl saves what the store has")
    assert (written / "index").exists()
    with module.open_database(Config(), Paths(written)) as database:
        assert len(database.select(Filter())) == len(EXPECTED)


def test_the_journal_of_another_home_is_refused(written: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as store:
        store.commit([remember(f"n{number}") for number in range(20)])
    shutil.rmtree(written / "journal")
    shutil.copytree(tmp_path / "other" / "journal", written / "journal")

    with pytest.raises(StoreDamagedError):
        texts(written)


def test_the_database_can_be_read_where_the_end_of_the_journal_is_damaged(written: Path) -> None:
    segment = written / "journal" / "000001.jsonl"
    segment.write_bytes(segment.read_bytes()[:-20] + b"x" * 19 + b"\n")

    with pytest.raises(StoreDamagedError, match="the last entry"):
        texts(written)
    with module.open_database(Config(), Paths(written)) as database:
        assert len(database.select(Filter())) == len(EXPECTED)


def test_a_damaged_journal_is_not_taken_into_the_store(written: Path) -> None:
    shutil.rmtree(written / "store")
    segment = written / "journal" / "000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"text 3", b"test 3"))

    with pytest.raises(StoreDamagedError, match="entry 4 of the journal"), opened(written):
        pass


def test_a_lost_device_file_changes_nothing(written: Path) -> None:
    (written / "journal" / "device").unlink()
    with opened(written) as store:
        assert store.caught_up == 0
    assert texts(written) == EXPECTED


def test_everything_below_home_is_private(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)  # the most careless shell
    try:
        with opened(home) as store:
            store.commit([remember("m0")])
        assert os.umask(0) == 0
    finally:
        os.umask(before)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.rglob("*")]}
    assert {oct(mode) for path, mode in modes.items() if path.is_file()} == {"0o600"}
    # SurrealKV gives its own folders 750, whatever the umask; the one around them is closed.
    outer = [home, *(path for path in home.iterdir() if path.is_dir())]
    assert {oct(modes[path]) for path in outer} == {"0o700"}
    assert not any(mode & 0o007 for mode in modes.values())


def test_commits_are_synced_to_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surrealdb = pytest.importorskip("surrealdb")
    monkeypatch.delenv("SURREAL_SYNC_DATA", raising=False)
    seen: list[str | None] = []
    engine = surrealdb.Surreal

    def watched(url: str) -> object:
        seen.append(os.environ.get("SURREAL_SYNC_DATA"))
        return engine(url)

    monkeypatch.setattr(surrealdb, "Surreal", watched)
    with opened(home):
        pass
    assert seen == ["true"]


def test_what_the_store_had_no_space_for_comes_when_it_is_opened_again(home: Path) -> None:
    with opened(home) as store:
        with full_disk(25_000), pytest.raises(StoreError, match="no space for the store") as full:
            store.commit([remember("m0", "x" * 20_000)])
        assert "free some space" in full.value.hint
        # SurrealKV writes nothing more after that, so the journal must not go further ahead.
        with pytest.raises(StoreError, match="the store refused"):
            store.commit([remember("m1", "small")])
        assert store.journal.end.number == 1
    assert texts(home) == {"m0": "x" * 20_000}


def test_a_store_on_a_full_disk_is_not_called_damaged(written: Path) -> None:
    (log,) = (written / "store" / "clog").iterdir()
    log.write_bytes(log.read_bytes()[:-30])
    with full_disk(1000), pytest.raises(StoreError) as full, opened(written):
        pass
    assert not isinstance(full.value, StoreDamagedError)
    assert texts(written) == EXPECTED


def test_an_open_store_is_closed_to_others(home: Path) -> None:
    impatient = Config(store_lock_timeout_s=0)
    with opened(home), pytest.raises(StoreLockedError), opened(home, impatient):
        pass


def test_an_error_inside_leaves_the_store_usable(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened(home) as store:
        store.commit([remember("m0", "before the error")])
        raise ZeroDivisionError
    assert texts(home) == {"m0": "before the error"}
