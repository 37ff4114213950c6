"""Iterate in another thread, so that this one can be interrupted and ask whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from queue import Empty, SimpleQueue
from typing import TypeVar

ASK_EVERY_S = 0.05

Item = TypeVar("Item")


def in_thread(
    thread: Executor,
    work: Callable[[], Iterator[Item]],
    should_stop: Callable[[], bool],
    stop: Callable[[], None],
) -> Generator[Item, None, None]:
    """Yield what another thread makes, which does not wait until it is taken.

    Ctrl-C and other errors in this thread, or closing the iterator, end the work too; it is over
    when this returns.

    Args:
        thread: Does the work.
        work: What to iterate over.
        should_stop: Asked every 50 ms, by this thread; true ends the work.
        stop: Makes the work end soon.
    """
    made: SimpleQueue[tuple[Item] | None] = SimpleQueue()

    def make() -> None:
        try:
            for item in work():
                made.put((item,))
        finally:
            made.put(None)

    future = thread.submit(make)
    try:
        while not should_stop():
            try:
                item = made.get(timeout=ASK_EVERY_S)
            except Empty:
                continue
            if item is None:
                future.result()
                return
            yield item[0]
    finally:
        if not future.done():
            stop()
            future.exception()
