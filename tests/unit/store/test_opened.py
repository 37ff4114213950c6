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
        assert store.database.find("not in the store yet")
        assert not store.database.find("text 0")
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
    told = 0
    for place in range(100, len(whole), len(whole) // 30):
        altered = bytearray(log.read_bytes())
        altered[min(place, len(altered) - 1)] ^= 1
        log.write_bytes(altered)
        with opened(written) as store:
            told += "rebuilt from the journal: 5 memories" in " ".join(store.notes)
        assert texts(written) == EXPECTED
    assert told >= 28


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
    header = written / "index" / "some-model" / "header.json"
    header.parent.mkdir(parents=True)
    header.write_text('{"sequence": 0}')
    with opened(written):
        assert header.exists()
    header.write_text('{"sequence": 7}')
    with opened(written):
        assert not header.exists()


def test_the_words_do_not_outlive_what_the_store_has_lost_where_the_vectors_lag_behind(
    written: Path,
) -> None:
    header = written / "index" / "some-model" / "header.json"
    words = header.parent / "words" / "header.json"
    words.parent.mkdir(parents=True)
    header.write_text('{"sequence": 0}')
    words.write_text('{"sequence": 7}')
    with opened(written):
        assert header.exists()
        assert not words.exists()


def test_a_journal_shorter_than_the_store_gets_back_what_the_store_knows(written: Path) -> None:
    segment = written / "journal" / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:3]))

    with opened(written) as store:
        (note,) = store.notes
        assert "5 changes could not be read, but no memory is lost" in note
        assert store.journal.end.number > 8
    assert texts(written) == EXPECTED
    shutil.rmtree(written / "store")
    assert texts(written) == EXPECTED


def test_the_journal_of_another_home_is_refused(written: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as store:
        store.commit([remember(f"n{number}") for number in range(20)])
    shutil.rmtree(written / "journal")
    shutil.copytree(tmp_path / "other" / "journal", written / "journal")

    with pytest.raises(StoreDamagedError, match="the journal is of device") as refusal:
        texts(written)
    assert "TERA_HOME" in refusal.value.hint
    assert not list(written.glob("*.damaged-*"))
    with module.open_database(Config(), Paths(written)) as database:
        assert len(database.select(Filter())) == len(EXPECTED)


def test_a_store_and_a_journal_damaged_at_once_keep_what_is_whole(written: Path) -> None:
    shutil.rmtree(written / "store")
    segment = written / "journal" / "000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"text 3", b"test 3"))

    with opened(written) as store:
        (note,) = store.notes
        assert note.startswith("the journal and the store were damaged: 1 changes are lost, 4 mem")
    assert texts(written) == {key: text for key, text in EXPECTED.items() if key != "m3"}


def test_a_store_that_lacks_a_memory_is_rebuilt(written: Path) -> None:
    with opened(written) as store:
        store.database.connection.query("DELETE memory:m4")
    with opened(written) as store:
        assert "rebuilt from the journal: 5 memories" in store.notes[0]
    assert texts(written) == EXPECTED


def test_an_opening_that_was_killed_in_the_middle_of_a_repair_is_noticed(written: Path) -> None:
    from tera.store.originals import Originals

    (log,) = (written / "store" / "clog").iterdir()
    Originals(written / "store").link()
    # What SurrealKV does when it repairs: another file takes the place, with less in it.
    data = log.read_bytes()
    log.unlink()
    log.write_bytes(data[:-200])
    with opened(written) as store:
        assert "rebuilt from the journal: 5 memories" in store.notes[0]
    (aside,) = written.glob("store.damaged-*")
    assert (aside / "clog" / log.name).read_bytes() == data
    assert texts(written) == EXPECTED


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_changed(written: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from tera.errors import TeraError
from tests.entries import opened
with opened(Path(sys.argv[2])):  # imports what is needed while it can be read
    pass
if os.getuid() == 0:
    os.setuid(65534)
try:
    with opened(Path(sys.argv[1])):
        print("opened")
except TeraError as error:
    print(type(error).__name__, error.hint)
"""
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    for path in [written, *written.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    # The folders around belong to the one who runs the tests.
    for parent in list(written.parents)[:3]:
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script, str(written), str(written.parent / "other")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    for path in [written, *written.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert "set TERA_HOME to a folder that you can write to" in done.stdout, done.stderr
    assert not done.stdout.startswith("StoreDamagedError")
    after = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert texts(written) == EXPECTED


def test_a_clock_that_goes_backwards_loses_and_mixes_up_nothing(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    with opened(written) as store:
        store.commit([edit("m0", text="edited in 1970")])
        clocks = [entry.clock for entry, _ in store.journal.entries()]
    assert clocks == sorted(set(clocks))
    shutil.rmtree(written / "store")
    assert texts(written) == {**EXPECTED, "m0": "edited in 1970"}


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
