"""Drafts or imported memories, however many -> batches that are written one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tera.datatypes import Draft, Held, Memory, Remembered, Written

T = TypeVar("T", Draft, Memory)

WRITE_BATCH = 64
"""Memories written with one fsync."""
WRITE_CHARACTERS = 4_000_000
"""Characters after which a batch is written, however few memories it has."""


def write_batches(
    items: Iterable[T],
    write: Callable[[Sequence[T], int], Written],
    on_held: Callable[[Held], None] = lambda _: None,
) -> Iterator[Remembered]:
    """Write items in batches, all as one change; each is on disk when it is yielded.

    Args:
        items: An error on the way is raised when those before it are written.
        write: Writes a batch as part of the change with this number, 0 for a new one.
        on_held: Hears of each draft that was not written.
    """
    waiting = iter(items)
    change = 0
    while True:
        batch, failure = _take(waiting)
        if batch:
            written = write(batch, change)
            change = change or written.change
            yield from written.outcome
            for held in written.held:
                on_held(held)
        if failure:
            raise failure
        if not batch:
            return


def _take(waiting: Iterator[T]) -> tuple[list[T], Exception | None]:
    """Return the next items, fewer when they are large; and the error when one could not be had."""
    batch: list[T] = []
    size = 0
    try:
        for item in waiting:
            batch.append(item)
            size += len(item.text)
            if len(batch) == WRITE_BATCH or size >= WRITE_CHARACTERS:
                break
    except Exception as error:
        return batch, error
    return batch, None
