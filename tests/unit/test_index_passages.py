from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.indexes import passages as module
from tera.indexes.passages import KEY, VOID, Passages

STEPS = st.lists(
    st.lists(st.tuples(st.integers(1, 9), st.integers(VOID, 3)), max_size=12), max_size=8
)


@pytest.mark.parametrize("tail_rows", [0, 3, 1000])
@given(STEPS, st.lists(st.integers(0, 10), unique=True), st.data())
@settings(deadline=None, max_examples=80)
def test_rows_are_found_as_in_a_plain_list_after_any_changes(
    tail_rows: int, steps: list[list[tuple[int, int]]], chosen: list[int], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_TAIL_ROWS", tail_rows)
        kept = data.draw(st.integers(0, len(steps)), label="batches that are there at the opening")
        first = [record for step in steps[:kept] for record in step]
        rows: list[tuple[int, int] | None] = []
        passages = Passages(records(first))
        take(rows, first)
        assert_same(passages, rows, chosen)
        for step in steps[kept:]:
            passages.append(records(step))
            take(rows, step)
            assert_same(passages, rows, chosen)


def records(pairs: list[tuple[int, int]]) -> np.ndarray:
    return np.array([(number, ordinal, 0) for number, ordinal in pairs], KEY)


def take(rows: list[tuple[int, int] | None], step: list[tuple[int, int]]) -> None:
    for number, ordinal in step:
        if ordinal == VOID:
            rows[:] = [None if row and row[0] == number else row for row in rows]
        else:
            rows.append((number, ordinal))


def assert_same(passages: Passages, rows: list[tuple[int, int] | None], chosen: list[int]) -> None:
    assert len(passages) == len(rows)
    assert passages.alive == sum(row is not None for row in rows)
    assert passages.is_alive.tolist() == [row is not None for row in rows]
    are_of = passages.are_of(np.array(sorted(chosen), np.uint64))
    assert are_of.tolist() == [row is not None and row[0] in chosen for row in rows]
    pairs = [(number, ordinal) for number in range(11) for ordinal in range(-1, 5)]
    found = passages.find(
        np.array([number for number, _ in pairs], np.uint64),
        np.array([ordinal for _, ordinal in pairs], np.int32),
    )
    for pair, row in zip(pairs, found.tolist(), strict=True):
        assert rows[row] == pair if row >= 0 else pair not in rows
    for number in range(11):
        assert passages.has(number) == any(row and row[0] == number for row in rows)
