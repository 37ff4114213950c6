"""A coroutine in a thread of its own, which can be left at any moment."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.05
"""How often it is asked whether to stop, while nothing comes."""


def run_aside(
    work: Callable[[Callable[[T], None]], Coroutine[object, object, None]],
    should_stop: Callable[[], bool],
) -> Iterator[T]:
    """Run a coroutine and yield what it tells; whoever stops reading cancels it at once.

    Args:
        work: Gets a function to tell things with. What it raises is raised here.
        should_stop: Asked again and again; true ends it.
    """
    told: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(work(told.put))

    def run() -> None:
        error: BaseException | None = None
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        except Exception as raised:
            error = raised
        finally:
            # Not its threads: a name server that does not answer would hold everything up.
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
            told.put(_End(error))

    # A daemon, so that the process need not wait for it either.
    thread = threading.Thread(target=run, name="endpoint", daemon=True)
    thread.start()
    try:
        while not should_stop():
            try:
                event = told.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if isinstance(event, _End):
                if event.error:
                    raise event.error
                return
            yield event
    finally:
        _cancel(loop, task)


class _End:
    """The last thing told."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.call_soon_threadsafe(task.cancel)
    except RuntimeError:
        # It ended meanwhile.
        return
