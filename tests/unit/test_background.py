from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tera.llms.background import in_thread


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


class Counting:
    """Counts until it is told to stop."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.is_over = False

    def __call__(self) -> Iterator[int]:
        number = 0
        while not self.stopped.wait(0.001):
            yield number
            number += 1
        self.is_over = True


def test_items_come_in_order(thread: ThreadPoolExecutor) -> None:
    items = in_thread(thread, lambda: iter(range(5)), lambda: False, lambda: None)
    assert list(items) == [0, 1, 2, 3, 4]


def test_an_error_of_the_work_is_raised_behind_its_items(thread: ThreadPoolExecutor) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    items = in_thread(thread, work, lambda: False, lambda: None)
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)


def test_the_work_is_over_when_the_items_are_left(thread: ThreadPoolExecutor) -> None:
    work = Counting()
    with closing(in_thread(thread, work, lambda: False, work.stopped.set)) as items:
        assert [next(items), next(items)] == [0, 1]
    assert work.is_over


def test_the_work_is_over_when_it_is_to_stop(thread: ThreadPoolExecutor) -> None:
    work = Counting()
    seen: list[int] = []
    for item in in_thread(thread, work, lambda: len(seen) > 2, work.stopped.set):
        seen.append(item)
    assert seen == [0, 1, 2]
    assert work.is_over


def test_the_work_is_over_when_asking_fails(thread: ThreadPoolExecutor) -> None:
    work = Counting()

    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_thread(thread, work, interrupt, work.stopped.set))
    assert work.stopped.is_set()
