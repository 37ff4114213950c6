"""A byte flipped anywhere in a home of 5,000 memories, and whole files and folders that are lost.

`DAMAGE_PLACES=50 pytest tests/unit/store/test_damage.py` flips 50 bytes in every file; without it
fewer where a case takes seconds. The seed is printed when a test fails.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tera.datatypes import Chunk
from tera.indexes.vector import VectorIndex
from tera.store.journal import Journal
from tera.store.opened import OpenStore
from tera.store.vectors import EmbeddedVectors
from tests.differences import differences
from tests.disks import full_disk
from tests.entries import edit, forget, opened, remember

MANY, FEW = 5000, 600
EMBEDDED = 200
DIM = 8
MODEL = "some-model"
PLACES = int(os.environ.get("DAMAGE_PLACES", "0"))
SEED = int(os.environ.get("DAMAGE_SEED", "20261121"))
LOG = "store/clog/00000000000000000000.clog"
MANIFEST = "store/manifest/00000000000000000000.manifest"
SEGMENT = "journal/000001.jsonl"
Texts = dict[str, str]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Texts]:
    """Return a home of 5,000 memories whose store, journal and index are whole, and the texts."""
    return build(tmp_path_factory.mktemp("large") / "home", MANY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Texts]:
    """Return a home of 600 memories, which takes less time; see `large`."""
    return build(tmp_path_factory.mktemp("whole") / "home", FEW)


def build(home: Path, count: int) -> tuple[Path, Texts]:
    ids = [f"m{number:09d}" for number in range(count)]
    with opened(home) as store:
        store.database.set_embedder(MODEL, DIM)
        for start in range(0, count, 100):
            batch = ids[start : start + 100]
            store.commit(
                [remember(key, f"What {key} says: größer, {key[-3:]}") for key in batch],
                {key: [Chunk(key, 0, 0, 9, "")] for key in batch},
            )
            if start < EMBEDDED:
                waiting = store.database.pending(1000)
                rows = [(memory, chunk) for memory in waiting for chunk in memory.chunks]
                matrix = np.random.default_rng(start).standard_normal((len(rows), DIM))
                store.database.put_vectors(rows, matrix.astype(np.float32))
        store.commit([edit(ids[7], text="edited"), forget(ids[8]), edit(ids[9], tags=["t"])])
        assert store.database.feed
        follow(store.database.feed, home)
    return home, texts(home)[0]


@pytest.fixture
def copied(whole: tuple[Path, Texts], tmp_path: Path) -> Path:
    """Return a copy of the whole home."""
    return shutil.copytree(whole[0], tmp_path / "copy")


def texts(home: Path) -> tuple[Texts, tuple[str, ...]]:
    """Open a home; return all texts in its store by id, and what is told of the opening."""
    with opened(home) as store:
        return texts_in(store), store.notes


def texts_in(store: OpenStore) -> Texts:
    batches = store.database.every_memory()
    return {key: memory.text for batch in batches for key, memory in batch.items()}


def follow(feed: EmbeddedVectors, home: Path) -> VectorIndex:
    index = VectorIndex(home / "index" / MODEL, MODEL, DIM)
    index.follow(feed.feed, feed.last_number())
    return index


def flip(file: Path, place: int, bit: int = 0) -> None:
    with file.open("r+b") as handle:
        handle.seek(place)
        (byte,) = handle.read(1)
        handle.seek(place)
        handle.write(bytes([byte ^ 1 << bit]))


def assert_mended(home: Path, expected: Texts, *parts: str) -> None:
    """Assert that nothing is lost, that it is told in one line, and only once."""
    found, notes = texts(home)
    assert found == expected
    (note,) = notes
    assert "\n" not in note
    for part in parts:
        assert part in note
    again, notes = texts(home)
    assert (again, notes) == (expected, ())
    assert not [path for path in home.iterdir() if path.suffix in (".partial", ".complete")]


@pytest.mark.parametrize(
    ("name", "places"), [(LOG, 5), (MANIFEST, 10), (SEGMENT, 12), ("journal/device", 3)]
)
def test_a_byte_flipped_in_store_or_journal_loses_nothing(
    large: tuple[Path, Texts], tmp_path: Path, name: str, places: int
) -> None:
    home, expected = large
    chance = random.Random(SEED)
    size = (home / name).stat().st_size
    for number in range(PLACES or places):
        place, bit = chance.randrange(size), chance.randrange(8)
        print(f"seed {SEED}: case {number}, byte {place}, bit {bit} of {name}")
        copy = shutil.copytree(home, tmp_path / "copy")
        flip(copy / name, place, bit)
        damaged = (copy / name).read_bytes()
        with opened(copy) as store:
            notes = store.notes
            assert texts_in(store) == expected
            store.commit([remember("later", "told later")])
        # Not every byte of the headers of SurrealKV means something.
        if notes or not (name == MANIFEST or (name == LOG and place < 200)):
            (note,) = notes
            assert "damaged" in note
            kept = [path.read_bytes() for path in copy.rglob("*") if path.is_file()]
            assert damaged in kept, "what was damaged was not set aside"
        if number % 5 == 0:
            assert texts(copy) == ({**expected, "later": "told later"}, ())
        shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["header.json", "rows.bin", "vectors.f32"])
def test_a_byte_flipped_in_the_index_is_noticed_and_it_is_read_anew(
    whole: tuple[Path, Texts], tmp_path: Path, copied: Path, name: str
) -> None:
    chance = random.Random(SEED)
    with opened(copied) as store:
        feed = store.database.feed
        assert feed
        before = follow(feed, copied)
        size = (whole[0] / "index" / MODEL / name).stat().st_size
        for number in range(PLACES or 50):
            place, bit = chance.randrange(size), chance.randrange(8)
            print(f"seed {SEED}: case {number}, byte {place}, bit {bit} of {name}")
            other = tmp_path / str(number)
            shutil.copytree(whole[0] / "index", other / "index")
            flip(other / "index" / MODEL / name, place, bit)
            index = follow(feed, other)
            assert differences(index, feed.feed) == 0
            assert index.size == before.size == EMBEDDED - 2
            is_new_format = name == "header.json" and not index.notes
            assert is_new_format or "the vector index was damaged" in index.notes[0]
            assert follow(feed, other).notes == ()


def cut(file: Path, count: int) -> None:
    os.truncate(file, file.stat().st_size - count)


def change_line(number: int) -> Callable[[Path], None]:
    """Alter a text in one line."""

    def damage(home: Path) -> None:
        lines = (home / SEGMENT).read_bytes().splitlines(keepends=True)
        lines[number] = lines[number].replace(b'"fields": {', b'"fields": ]', 1)
        (home / SEGMENT).write_bytes(b"".join(lines))

    return damage


def change_newline(number: int) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        lines = (home / SEGMENT).read_bytes().splitlines(keepends=True)
        lines[number] = lines[number][:-1] + b"\x0b"
        (home / SEGMENT).write_bytes(b"".join(lines))

    return damage


def break_line(home: Path) -> None:
    lines = (home / SEGMENT).read_bytes().splitlines(keepends=True)
    lines[200] = lines[200].replace(b"What ", b"What\n", 1)
    (home / SEGMENT).write_bytes(b"".join(lines))


def change_digest(number: int) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        lines = (home / SEGMENT).read_bytes().splitlines(keepends=True)
        lines[number] = lines[number][:-10] + b"#" + lines[number][-9:]
        (home / SEGMENT).write_bytes(b"".join(lines))

    return damage


def remove_lines(home: Path) -> None:
    lines = (home / SEGMENT).read_bytes().splitlines(keepends=True)
    (home / SEGMENT).write_bytes(b"".join(lines[:100] + lines[110:]))


def split_segments(home: Path) -> None:
    lines = (home / SEGMENT).read_bytes().splitlines(keepends=True)
    for number in range(4):
        part = lines[number * 160 : (number + 1) * 160]
        (home / f"journal/{number + 1:06d}.jsonl").write_bytes(b"".join(part))


def lose_segment(number: int) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        split_segments(home)
        (home / f"journal/{number:06d}.jsonl").unlink()

    return damage


JOURNAL_DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder deleted": (lambda home: shutil.rmtree(home / "journal"), "599 memories"),
    "first line": (change_line(0), "1 changes could not be read, but no memory is lost"),
    "middle line": (change_line(300), "1 changes could not be read"),
    "last line": (change_line(-1), "1 changes could not be read"),
    "the last but one, a forget": (change_line(-2), "1 changes could not be read"),
    "two lines become one": (change_newline(77), "nothing is lost"),
    "the last line has no end": (change_newline(-1), "nothing is lost"),
    "one line becomes two": (break_line, "1 changes could not be read"),
    "a checksum": (change_digest(350), "nothing is lost"),
    "the last checksum": (change_digest(-1), "1 changes could not be read"),
    "lines removed": (remove_lines, "11 changes could not be read"),
    "the end cut off": (lambda home: cut(home / SEGMENT, 2000), "changes could not be read"),
    "all cut off": (lambda home: os.truncate(home / SEGMENT, 0), "missing"),
    "first segment lost": (lose_segment(1), "160 changes could not be read"),
    "middle segment lost": (lose_segment(2), "160 changes could not be read"),
    "last segment lost": (lose_segment(4), "123 changes could not be read"),
}


@pytest.mark.parametrize(("damage", "says"), JOURNAL_DAMAGE.values(), ids=JOURNAL_DAMAGE.keys())
def test_a_damaged_journal_is_mended_from_the_store(
    whole: tuple[Path, Texts], copied: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(copied)
    expected = whole[1]
    assert_mended(copied, expected, says, "journal")
    # The new journal alone brings everything back.
    shutil.rmtree(copied / "store")
    assert texts(copied)[0] == expected
    with opened(copied) as store:
        assert store.database.memories(["m000000009"])["m000000009"].tags == ("t",)


STORE_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder deleted": (lambda home: shutil.rmtree(home / "store"), "the store was missing"),
    "log deleted": (lambda home: (home / LOG).unlink(), "the store was"),
    "log emptied": (lambda home: os.truncate(home / LOG, 0), "the store was"),
    "log cut off": (lambda home: cut(home / LOG, 1000), "rebuilt from the journal"),
    "manifest deleted": (lambda home: (home / MANIFEST).unlink(), ""),
}


@pytest.mark.parametrize(("damage", "says"), STORE_DAMAGE.values(), ids=STORE_DAMAGE.keys())
def test_a_damaged_store_is_rebuilt_from_the_journal(
    whole: tuple[Path, Texts], copied: Path, damage: Callable[[Path], object], says: str
) -> None:
    damage(copied)
    found, notes = texts(copied)
    assert found == whole[1]
    assert all(says in note for note in notes)
    assert len(notes) == 1 or not says
    assert texts(copied) == (whole[1], ())


def test_vectors_from_before_the_damage_are_kept_and_the_index_follows(
    whole: tuple[Path, Texts], copied: Path
) -> None:
    flip(copied / LOG, (copied / LOG).stat().st_size - 5000)
    with opened(copied) as store:
        counts = store.database.counts()
        assert counts["pending"] == len(whole[1]) - (EMBEDDED - 3)  # those of the last change
        assert store.database.feed
        index = follow(store.database.feed, copied)
        assert (index.size, differences(index, store.database.feed.feed)) == (counts["chunk"], 0)
        assert store.database.feed.lost()[0] == 0
        assert store.database.embedder() == MODEL


def test_what_is_lost_in_both_is_told_and_all_else_is_kept(
    whole: tuple[Path, Texts], copied: Path
) -> None:
    change_line(300)(copied)
    shutil.rmtree(copied / "store")
    missing = "m000000300"
    expected = {key: text for key, text in whole[1].items() if key != missing}
    assert_mended(copied, expected, "1 changes are lost", "598 memories")


def test_of_two_damaged_copies_the_union_is_kept(whole: tuple[Path, Texts], copied: Path) -> None:
    # The store loses its second half; the journal a line in the first, which the store still has.
    flip(copied / LOG, (copied / LOG).stat().st_size * 2 // 3)
    change_line(100)(copied)
    assert_mended(copied, whole[1], "the journal and the store were damaged", "store.damaged-")


def test_a_memory_is_not_forgotten_because_a_damaged_store_lacks_it(
    whole: tuple[Path, Texts], copied: Path
) -> None:
    flip(copied / LOG, (copied / LOG).stat().st_size // 2)
    change_line(-1)(copied)
    found, _ = texts(copied)
    assert found == whole[1]


def test_lost_changes_stay_in_the_log_and_are_not_undone(copied: Path) -> None:
    from tera.errors import StoreError
    from tera.store.history import changes, undoing

    change_line(300)(copied)
    with opened(copied) as store:
        entries = [entry for entry, _ in store.journal.entries()]
    lost = [change for change in changes(entries) if change.lost]
    assert [(change.number, change.lost) for change in lost] == [(301, 1)]
    assert lost[0].entries[0].operation == "lost"
    assert lost[0].entries[-1].memory_id == "m000000300"
    with pytest.raises(StoreError, match="change 301 is lost and cannot be undone"):
        undoing(entries, 301)
    assert undoing(entries, None)[0].undoes == 601


@pytest.mark.parametrize("limit", [50_000, 150_000])
@pytest.mark.parametrize("name", [LOG, SEGMENT])
def test_a_disk_that_is_full_while_damage_is_mended_loses_nothing(
    whole: tuple[Path, Texts], copied: Path, name: str, limit: int
) -> None:
    from tera.errors import StoreError

    flip(copied / name, (copied / name).stat().st_size // 2)
    with full_disk(limit), pytest.raises(StoreError) as full:
        texts(copied)
    assert "space" in full.value.hint or "space" in full.value.message
    assert texts(copied)[0] == whole[1]


@pytest.mark.parametrize("name", [LOG, SEGMENT])
@pytest.mark.parametrize("renames", range(4))
def test_a_crash_while_damage_is_mended_loses_nothing(
    whole: tuple[Path, Texts],
    copied: Path,
    name: str,
    renames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flip(copied / name, (copied / name).stat().st_size // 2)
    count = 0
    rename = Path.rename

    def crashing(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count > renames:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crashing)
        with suppress(KeyboardInterrupt):
            texts(copied)
    assert texts(copied)[0] == whole[1]
    assert texts(copied) == (whole[1], ())
    assert Journal(copied / "journal").end.number >= 603
