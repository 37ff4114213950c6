from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.datatypes import VectorChange
from tera.errors import StoreError
from tera.indexes.comparison import Comparison
from tera.indexes.keys import numbers_of
from tera.indexes.vector import COMPACT_SHARE, VectorIndex
from tests.differences import differences

DIM = 8
Vector = npt.NDArray[np.float32]


@dataclass
class Feed:
    """The store's feed: rows by number; a memory's rows go when it is voided."""

    rows: dict[int, VectorChange] = field(default_factory=dict)
    last: int = 0
    batch: int = 3
    reads: list[int] = field(default_factory=list)

    def add(self, memory_id: str, *vectors: Vector) -> None:
        for ordinal, vector in enumerate(vectors):
            self.last += 1
            self.rows[self.last] = VectorChange(self.last, memory_id, ordinal, vector.tobytes())

    def void(self, memory_id: str) -> None:
        self.rows = {n: row for n, row in self.rows.items() if row.memory_id != memory_id}
        self.last += 1
        self.rows[self.last] = VectorChange(self.last, memory_id, -1, None)

    def read(self, after: int) -> Sequence[VectorChange]:
        self.reads.append(after)
        return [self.rows[number] for number in sorted(self.rows) if number > after][: self.batch]

    def alive(self) -> dict[tuple[str, int], Vector]:
        return {
            (row.memory_id, row.ordinal): np.frombuffer(row.embedding, np.float32)
            for row in self.rows.values()
            if row.embedding is not None
        }


def vectors(count: int, seed: int = 0) -> list[Vector]:
    matrix = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return list(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


def opened(folder: Path, feed: Feed, embedder: str = "tiny") -> VectorIndex:
    index = VectorIndex(folder, embedder, DIM)
    index.follow(feed.read, feed.last)
    return index


def filled(count: int = 10) -> Feed:
    feed = Feed()
    for number, vector in enumerate(vectors(count)):
        feed.add(f"m{number:09d}", vector)
    return feed


def brute_force(feed: Feed, question: Vector, ids: set[str] | None) -> list[tuple[str, int, float]]:
    scored = [
        (*key, float(vector @ question))
        for key, vector in feed.alive().items()
        if ids is None or key[0] in ids
    ]
    return sorted(scored, key=lambda row: -row[2])


def assert_found(index: VectorIndex, feed: Feed, ids: set[str] | None = None) -> None:
    question = vectors(1, seed=9)[0]
    for count in (1, 3, 1000):
        found = index.nearest(question, count, None if ids is None else numbers_of(ids))
        expected = brute_force(feed, question, ids)[:count]
        assert [row[:2] for row in found] == [row[:2] for row in expected]
        assert np.allclose([row[2] for row in found], [row[2] for row in expected], atol=1e-6)
    assert index.size == len(feed.alive())
    assert differences(index, feed.read) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index" / "tiny"


def test_the_nearest_are_those_of_a_plain_search(folder: Path) -> None:
    feed = filled(200)
    assert_found(opened(folder, feed), feed)


@pytest.mark.parametrize("wanted", [0, 1, 20, 150, 200])
def test_a_filter_leaves_only_its_memories_however_many(folder: Path, wanted: int) -> None:
    feed = filled(200)
    ids = {f"m{number:09d}" for number in range(wanted)}
    index = opened(folder, feed)
    assert_found(index, feed, ids)
    assert_found(index, feed, ids | {"unknown"})


def test_an_empty_index_finds_nothing(folder: Path) -> None:
    index = opened(folder, Feed())
    assert index.size == 0
    assert index.nearest(vectors(1)[0], 5) == []
    assert index.nearest(vectors(1)[0], 5, numbers_of(["m1"])) == []


def test_equal_vectors_come_in_the_order_they_were_added(folder: Path) -> None:
    feed = Feed()
    (vector,) = vectors(1)
    for name in ("b", "a", "c"):
        feed.add(name, vector, vector)
    found = opened(folder, feed).nearest(vector, 10)
    assert [row[:2] for row in found] == [
        (name, ordinal) for name in ("b", "a", "c") for ordinal in (0, 1)
    ]


def test_what_is_voided_is_not_found_again(folder: Path) -> None:
    feed = filled()
    index = opened(folder, feed)
    feed.void("m000000003")
    index.follow(feed.read, feed.last)
    assert_found(index, feed)
    assert_found(opened(folder, feed), feed)


def test_a_memory_that_is_embedded_again_has_its_new_vectors_alone(folder: Path) -> None:
    feed = filled()
    index = opened(folder, feed)
    feed.void("m000000003")
    feed.add("m000000003", *vectors(2, seed=5))
    feed.void("m000000003")
    feed.add("m000000003", *vectors(3, seed=6))
    index.follow(feed.read, feed.last)
    assert_found(index, feed)


def test_a_reopened_index_reads_only_what_is_new(folder: Path) -> None:
    feed = filled()
    opened(folder, feed)
    feed.add("new", *vectors(1, seed=3))
    feed.reads.clear()
    index = opened(folder, feed)
    assert min(feed.reads) == 10
    assert_found(index, feed)


def test_an_index_of_mostly_voided_rows_becomes_small_again(folder: Path) -> None:
    feed = filled(100)
    index = opened(folder, feed)
    before = (folder / "vectors.f32").stat().st_size
    for number in range(int(100 * COMPACT_SHARE) + 1):
        feed.void(f"m{number:09d}")
    index.follow(feed.read, feed.last)
    assert (folder / "vectors.f32").stat().st_size < before / 2
    assert_found(index, feed)
    feed.add("new", *vectors(1, seed=3))
    assert_found(opened(folder, feed), feed)


def test_an_index_can_become_empty_and_grow_again(folder: Path) -> None:
    feed = filled(3)
    index = opened(folder, feed)
    for memory_id in {key[0] for key in feed.alive()}:
        feed.void(memory_id)
    index.follow(feed.read, feed.last)
    assert_found(index, feed)
    feed.add("new", *vectors(1, seed=3))
    index.follow(feed.read, feed.last)
    assert_found(index, feed)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def change(name: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / "header.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), name: value}))

    return damage


def header(content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "header.json").write_bytes(content)

    return damage


DAMAGE: dict[str, Callable[[Path], None]] = {
    "header cut off": lambda folder: cut_off(folder / "header.json"),
    "header empty": header(b""),
    "header gone": lambda folder: (folder / "header.json").unlink(),
    "header no object": header(b"[1]"),
    "header no text": header(b"\xff\xfe\x00"),
    "header with a key too many": change("more", 1),
    "other format": change("format", 99),
    "other dimension": change("dim", DIM + 1),
    "fewer rows": change("rows", 4),
    "more rows": change("rows", 11),
    "negative rows": change("rows", -1),
    "rows no number": change("rows", "10"),
    "earlier feed number": change("sequence", 4),
    "later feed number": change("sequence", 9999),
    "feed number no number": change("sequence", "10"),
    "vectors cut off": lambda folder: cut_off(folder / "vectors.f32"),
    "vectors gone": lambda folder: (folder / "vectors.f32").unlink(),
    "a byte of the vectors flipped": lambda folder: flip(folder / "vectors.f32"),
    "records cut off": lambda folder: cut_off(folder / "rows.bin"),
    "records gone": lambda folder: (folder / "rows.bin").unlink(),
    "a byte of the records flipped": lambda folder: flip(folder / "rows.bin"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_index_is_read_anew_from_the_feed(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    feed = filled()
    opened(folder, feed)
    damage(folder)
    feed.add("new", *vectors(1, seed=3))
    index = opened(folder, feed)
    assert_found(index, feed)
    feed.void("m000000002")
    index.follow(feed.read, feed.last)
    assert_found(index, feed)
    assert_found(opened(folder, feed), feed)


def test_a_feed_number_that_went_back_a_little_is_noticed(folder: Path) -> None:
    feed = filled()
    opened(folder, feed)
    change("sequence", 9)(folder)
    assert_found(opened(folder, feed), feed)


def test_an_index_of_another_embedder_is_read_anew(folder: Path) -> None:
    feed = filled()
    opened(folder, feed, "tiny")
    other = Feed()
    other.add("m000000000", *vectors(2, seed=7))
    other.last = feed.last + 1
    assert_found(opened(folder, other, "other"), other)


def test_an_index_of_an_earlier_format_is_replaced_without_a_word(folder: Path) -> None:
    folder.mkdir(parents=True)
    earlier = {"format": 2, "embedder": "tiny", "dim": DIM, "rows": 1, "sequence": 1}
    (folder / "header.json").write_text(json.dumps(earlier))
    (folder / "keys.bin").write_bytes(bytes(14))
    (folder / "vectors.f32").write_bytes(bytes(4 * DIM))
    feed = filled()
    index = opened(folder, feed)
    assert_found(index, feed)
    assert index.notes == ()
    assert {path.name for path in folder.iterdir()} == {"header.json", "rows.bin", "vectors.f32"}


def test_what_voids_nothing_leaves_no_trace(folder: Path) -> None:
    feed = filled(3)
    index = opened(folder, feed)
    before = (folder / "rows.bin").read_bytes()
    feed.void("unknown")
    index.follow(feed.read, feed.last)
    assert (folder / "rows.bin").read_bytes() == before
    feed.reads.clear()
    opened(folder, feed)
    assert min(feed.reads) == 4


def test_cosines_are_those_of_the_newest_vectors(folder: Path) -> None:
    feed = filled(5)
    index = opened(folder, feed)
    feed.void("m000000003")
    feed.add("m000000003", *vectors(2, seed=5))
    index.follow(feed.read, feed.last)
    (question,) = vectors(1, seed=9)
    passages = [*feed.alive(), ("m000000003", 2), ("unknown", 0)]
    for either in (index, opened(folder, feed)):
        found = either.cosines(question, passages)
        expected = [float(vector @ question) for vector in feed.alive().values()]
        assert np.allclose(found[:-2], expected, atol=1e-6)
        assert np.isnan(found[-2:]).all()
        assert either.cosines(question, []).shape == (0,)


def test_a_memory_id_that_is_none_is_refused(folder: Path) -> None:
    feed = Feed()
    feed.add("not an id", *vectors(1))
    with pytest.raises(StoreError, match="is no memory"):
        opened(folder, feed)


def test_an_index_of_another_store_is_read_anew(folder: Path) -> None:
    opened(folder, filled(20))
    younger = Feed()
    younger.add("other", *vectors(2, seed=7))
    assert_found(opened(folder, younger), younger)


def test_bytes_behind_the_end_do_no_harm(folder: Path) -> None:
    """A crash after the vectors were appended, before the header was replaced."""
    feed = filled()
    opened(folder, feed)
    with (folder / "vectors.f32").open("ab") as file:
        file.write(b"\x01" * (DIM * 4 + 3))
    feed.add("new", *vectors(1, seed=3))
    index = opened(folder, feed)
    assert min(feed.reads[-3:]) >= 10
    assert_found(index, feed)


def test_a_crash_between_the_keys_and_the_header_loses_nothing(folder: Path) -> None:
    feed = filled()
    index = opened(folder, feed)
    header = (folder / "header.json").read_bytes()
    feed.void("m000000001")
    feed.add("new", *vectors(1, seed=3))
    index.follow(feed.read, feed.last)
    (folder / "header.json").write_bytes(header)
    assert_found(opened(folder, feed), feed)


def test_a_crash_during_a_rewrite_loses_nothing(folder: Path) -> None:
    feed = filled()
    opened(folder, feed)
    (folder / "header.json").unlink()
    (folder / "vectors.f32").write_bytes(b"")
    assert_found(opened(folder, feed), feed)


def test_changed_vectors_are_found_by_the_comparison(folder: Path) -> None:
    feed = filled()
    index = opened(folder, feed)
    flip(folder / "vectors.f32")
    assert differences(index, feed.read) == 1
    feed.add("new", *vectors(2, seed=3))
    assert differences(index, feed.read) == 3


def test_what_changes_during_a_comparison_is_no_difference(folder: Path) -> None:
    feed = filled()
    index = opened(folder, feed)
    comparison = Comparison()
    comparison.take(index, feed.read(0))
    feed.void("m000000001")
    feed.add("new", *vectors(2, seed=3))
    index.follow(feed.read, feed.last)
    while rows := feed.read(comparison.sequence):
        comparison.take(index, rows)
    assert (comparison.wrong, comparison.unmatched(index)) == (0, 0)


def test_vectors_that_the_store_no_longer_has_are_counted(folder: Path) -> None:
    feed = filled()
    index = opened(folder, feed)
    del feed.rows[4], feed.rows[7]
    assert differences(index, feed.read) == 2


def test_vectors_are_on_the_disk_before_the_header_counts_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = filled(3)
    index = opened(folder, feed)
    header = folder / "header.json"
    counted: list[tuple[str, int, int]] = []

    def watched(descriptor: int) -> None:
        status = os.fstat(descriptor)
        (name,) = (path.name for path in folder.iterdir() if path.stat().st_ino == status.st_ino)
        counted.append((name, status.st_size, json.loads(header.read_bytes())["rows"]))

    monkeypatch.setattr(os, "fsync", watched)
    feed.add("new", *vectors(1))
    index.follow(feed.read, feed.last)

    assert counted == [("vectors.f32", 4 * DIM * 4, 3), ("rows.bin", DIM * 4 + 4 * 24, 3)]


def test_a_vector_of_another_length_is_refused(folder: Path) -> None:
    feed = Feed()
    feed.add("short", np.ones(DIM - 1, np.float32))
    with pytest.raises(StoreError, match="7 numbers, not 8"):
        opened(folder, feed)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(StoreError, match="cannot write the vector index"):
        VectorIndex(tmp_path / "index" / "tiny", "tiny", DIM)


def test_only_the_owner_can_read_the_files(folder: Path) -> None:
    opened(folder, filled())
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=25)


@given(STEPS, st.integers(1, 5), st.integers(0, 2))
@settings(deadline=None, max_examples=60)
def test_the_index_is_what_the_feed_says_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], batch: int, every: int
) -> None:
    folder = tmp_path_factory.mktemp("index")
    feed = Feed(batch=batch)
    index = opened(folder, feed)
    for number, (memory_id, count) in enumerate(steps):
        feed.void(memory_id)
        feed.add(memory_id, *vectors(count, seed=number))
        if every and number % every == 0:
            index.follow(feed.read, feed.last)
        elif number % 5 == 4:
            index = opened(folder, feed)
    index.follow(feed.read, feed.last)
    assert_found(index, feed)
