"""Drafts or imported memories, however many -> batches that are written one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from tera.datatypes import Draft, Held, Memory, Remembered, Written

T = TypeVar("T", Draft, Memory)

WRITE_BATCH = 64
"""Memories written with one fsync."""
WRITE_CHARACTERS = 4_000_000
"""Characters after which a batch is written, however few memories it has."""
WRITE_AFTER_S = 1.0
"""Items that come slowly, from recordings or scans, are written as they come."""


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
    held_sources: set[str] = set()
    while True:
        batch, failure = _take(waiting)
        if batch:
            written = write([as_read(item, held_sources) for item in batch], change)
            change = change or written.change
            yield from written.outcome
            for held in written.held:
                held_sources.add(held.draft.source or "")
                on_held(held)
        if failure:
            raise failure
        if not batch:
            return


def as_read(item: T, held_sources: Collection[str]) -> T:
    """Return a draft without its digest when a part of its file, or of what is in it, is held.

    Such a file has not been read to its end.
    """
    if not item.digest or not item.source:
        return item
    inside = f"{item.source}/"
    is_held = any(held == item.source or held.startswith(inside) for held in held_sources)
    return replace(item, digest="") if is_held else item


def _take(waiting: Iterator[T]) -> tuple[list[T], Exception | KeyboardInterrupt | None]:
    """Return the next items, fewer when they are large; and the error when one could not be had."""
    batch: list[T] = []
    size, began = 0, time.monotonic()
    try:
        for item in waiting:
            batch.append(item)
            size += len(item.text)
            is_slow = time.monotonic() - began >= WRITE_AFTER_S
            if len(batch) == WRITE_BATCH or size >= WRITE_CHARACTERS or is_slow:
                break
    except (Exception, KeyboardInterrupt) as error:
        # What was read before Ctrl-C is kept.
        return batch, error
    return batch, None
