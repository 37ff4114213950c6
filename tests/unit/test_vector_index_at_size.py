"""An index of so many vectors that their codes are scanned."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tera.datatypes import VectorChange
from tera.indexes.codes import FAR, SignCodes, closest
from tera.indexes.comparison import Comparison
from tera.indexes.keys import numbers_of
from tera.indexes.vector import EXACT_ROWS, VectorIndex

DIM = 96
COUNT = EXACT_ROWS + 2000
Matrix = npt.NDArray[np.float32]


def unit(matrix: npt.NDArray[np.float64]) -> Matrix:
    lengths: npt.NDArray[np.float64] = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / lengths).astype(np.float32)


def clustered(count: int, seed: int, spread: float = 0.7) -> Matrix:
    """Return vectors around 300 centres, all of them in one corner of the space."""
    shared = np.random.default_rng(0)
    corner, centres = 2 * shared.standard_normal(DIM), shared.standard_normal((300, DIM))
    rng = np.random.default_rng(seed)
    places = corner + centres[rng.integers(0, 300, count)]
    return unit(places + spread * rng.standard_normal((count, DIM)))


class Feed:
    """A feed of memories of one chunk each, of which some were voided later."""

    def __init__(self, matrix: Matrix) -> None:
        self.rows = [VectorChange(n + 1, name(n), 0, v.tobytes()) for n, v in enumerate(matrix)]

    @property
    def last(self) -> int:
        return self.rows[-1].sequence

    def read(self, after: int) -> list[VectorChange]:
        return [row for row in self.rows[after : after + 2000] if row is not GONE]

    def add(self, memory_id: str, vector: Matrix) -> None:
        self.rows.append(VectorChange(self.last + 1, memory_id, 0, vector.tobytes()))

    def void(self, number: int) -> None:
        self.rows.append(VectorChange(self.last + 1, name(number), -1, None))
        self.rows[number] = GONE


GONE = VectorChange(0, "", 0, None)


def name(number: int) -> str:
    return f"m{number:09d}"


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return clustered(COUNT, seed=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, matrix: Matrix) -> Path:
    folder = tmp_path_factory.mktemp("built") / "tiny"
    feed = Feed(matrix)
    VectorIndex(folder, "tiny", DIM).follow(feed.read, feed.last)
    return folder


@pytest.fixture
def folder(tmp_path: Path, built: Path) -> Path:
    shutil.copytree(built, tmp_path / "index" / "tiny")
    return tmp_path / "index" / "tiny"


@pytest.fixture
def feed(matrix: Matrix) -> Feed:
    return Feed(matrix)


def opened(folder: Path, feed: Feed) -> VectorIndex:
    index = VectorIndex(folder, "tiny", DIM)
    index.follow(feed.read, feed.last)
    return index


def assert_found(index: VectorIndex, matrix: Matrix, there: npt.NDArray[np.intp]) -> None:
    """The nearest of some rows are what a plain search finds, but for one in a hundred."""
    chosen = None if len(there) == len(matrix) else numbers_of(name(n) for n in there.tolist())
    hits = 0
    for question in clustered(20, seed=2):
        found = index.nearest(question, 10, chosen)
        cosines = matrix[there] @ question
        best = there[np.argsort(-cosines, kind="stable")[:10]]
        expected = {name(number) for number in best.tolist()}
        hits += len(expected & {key for key, _, _ in found})
        assert len(found) == 10
        assert [score for _, _, score in found] == sorted((row[2] for row in found), reverse=True)
        for key, _, score in found:
            assert int(key[1:]) in there
            assert score == pytest.approx(float(matrix[int(key[1:])] @ question), abs=1e-5)
    assert hits >= 198


def test_the_nearest_of_many_are_those_of_a_plain_search(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    assert_found(opened(folder, feed), matrix, np.arange(COUNT))


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_filter_of_any_share_leaves_the_nearest_of_its_memories(
    folder: Path, feed: Feed, matrix: Matrix, share: float
) -> None:
    there = np.sort(np.random.default_rng(3).permutation(COUNT)[: int(COUNT * share)])
    assert_found(opened(folder, feed), matrix, there)


def test_vectors_that_come_after_the_codes_are_found(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    index = opened(folder, feed)
    (new,) = clustered(1, seed=7)
    feed.add("new", new)
    index.follow(feed.read, feed.last)
    for either in (index, opened(folder, feed)):
        assert either.nearest(new, 1)[0][0] == "new"
        assert either.size == COUNT + 1
        assert either.cosines(new, [("new", 0)]) == pytest.approx([1])


def test_vectors_that_are_added_do_not_move_those_that_are_mapped(folder: Path, feed: Feed) -> None:
    index = opened(folder, feed)
    first, *others = clustered(20, seed=7)
    feed.add("first", first)
    index.follow(feed.read, feed.last)
    before = index.matrix
    for number, vector in enumerate(others):
        feed.add(f"other{number}", vector)
        index.follow(feed.read, feed.last)
        assert index.nearest(vector, 1)[0][0] == f"other{number}"
    assert np.shares_memory(before, index.matrix)
    assert len(index.matrix) == COUNT + 20


def test_the_nearest_that_is_voided_gives_way_to_the_next(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    index = opened(folder, feed)
    (question,) = clustered(1, seed=8)
    first, second, third = (int(key[1:]) for key, _, _ in index.nearest(question, 3))
    feed.void(first)
    feed.void(second)
    index.follow(feed.read, feed.last)
    for either in (index, opened(folder, feed)):
        assert either.nearest(question, 1)[0][0] == name(third)
        assert either.size == COUNT - 2
        scores = either.cosines(question, [(name(n), 0) for n in (first, third, second)])
        assert np.isnan(scores).tolist() == [True, False, True]


def test_an_index_that_became_small_compares_all_again(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    for number in range(0, COUNT, 2):
        feed.void(number)
    there = np.arange(1, COUNT, 2)
    index = opened(folder, feed)
    assert index.size == len(there) < EXACT_ROWS
    assert_found(index, matrix, there)
    assert_found(opened(folder, feed), matrix, there)


def test_cosines_are_exact_in_the_order_of_the_passages(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    index = opened(folder, feed)
    (question,) = clustered(1, seed=9)
    places = np.random.default_rng(4).permutation(COUNT)[:300]
    passages = [(name(number), 0) for number in places.tolist()]
    passages[5:5] = [("unknown", 0), (name(0), 1), (name(0), -1)]
    scores = index.cosines(question, passages)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [5, 6, 7]
    assert np.delete(scores, [5, 6, 7]) == pytest.approx(matrix[places] @ question, abs=1e-5)


def test_many_equal_vectors_do_not_hide_a_nearer_one(tmp_path: Path) -> None:
    matrix = clustered(COUNT, seed=5)
    matrix[: COUNT // 2] = matrix[0]
    matrix[-1] = unit(matrix[:1] + 0.01 * clustered(1, seed=6))[0]
    feed = Feed(matrix)
    index = opened(tmp_path / "tiny", feed)
    assert index.nearest(matrix[-1], 1)[0][0] == name(COUNT - 1)
    for key, _, score in index.nearest(matrix[0], 100):
        assert int(key[1:]) < COUNT // 2
        assert score == pytest.approx(1)


def test_a_flipped_bit_in_any_code_is_noticed(folder: Path, feed: Feed, matrix: Matrix) -> None:
    file = folder / "rows.bin"
    data = bytearray(file.read_bytes())
    data[-3] ^= 4
    file.write_bytes(data)
    index = opened(folder, feed)
    assert "the vector index was damaged" in index.notes[0]
    assert_found(index, matrix, np.arange(COUNT))


def test_a_damaged_vector_is_no_result_and_all_is_read_anew(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    index = opened(folder, feed)
    while index._unverified:
        index.follow(feed.read, feed.last)
    with (folder / "vectors.f32").open("r+b") as file:
        file.seek(77 * DIM * 4)
        file.write(bytes(8))
    assert name(77) not in {key for key, _, _ in index.nearest(matrix[77], 10)}
    assert np.isnan(index.cosines(matrix[77], [(name(77), 0)])).all()
    assert index.notes == ()
    index.follow(feed.read, feed.last)
    assert len(index.notes) == 1
    assert index.nearest(matrix[77], 1)[0][0] == name(77)


def test_every_vector_is_looked_at_while_the_index_is_used(
    folder: Path, feed: Feed, matrix: Matrix
) -> None:
    with (folder / "vectors.f32").open("r+b") as file:
        file.seek((COUNT - 1) * DIM * 4)
        file.write(bytes(8))
    index = opened(folder, feed)
    for _ in range(COUNT * DIM * 4 // (1 << 23) + 2):
        index.follow(feed.read, feed.last)
    assert len(index.notes) == 1
    assert_found(index, matrix, np.arange(COUNT))


def test_a_comparison_of_many_finds_what_differs(folder: Path, feed: Feed) -> None:
    index = opened(folder, feed)
    feed.rows[3] = feed.rows[4]
    comparison = Comparison()
    after = 0
    while rows := feed.rows[after : after + 5000]:
        comparison.take(index, rows)
        after += 5000
    assert (comparison.wrong, comparison.unmatched(index)) == (0, 1)


def test_the_distance_of_codes_is_the_number_of_sides_that_differ() -> None:
    rng = np.random.default_rng(0)
    for dim in (3, 64, 100):
        matrix = rng.standard_normal((40_000, dim)).astype(np.float32)
        centre, question = rng.standard_normal((2, dim)).astype(np.float32)
        codes = SignCodes(centre)
        for begin in (0, 100, 35_000):
            end = {0: 100, 100: 35_000}.get(begin, len(matrix))
            codes.append(codes.encode(matrix[begin:end]))
        expected = ((matrix > centre) != (question > centre)).sum(axis=1)
        assert np.array_equal(codes.distances(question), expected)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 7, 100])
def test_the_closest_are_those_with_the_smallest_distances_first_rows_first(count: int) -> None:
    distances = np.array([5, 0, FAR, 5, 2, 5, 384, FAR], np.uint16)
    expected = [1, 4, 0, 3, 5, 6][:count]
    assert sorted(closest(distances, count, 384).tolist()) == sorted(expected)
