"""One call while it runs: its messages to the client, and whether that one still listens."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from tera.agent.codec import encode
from tera.agent.protocol import encode_error
from tera.datatypes import Quote
from tera.errors import TeraError

ITEMS_AT_ONCE = 500
"""Entries of a list in one message."""
PROGRESS_EVERY_S = 0.05
"""Oftener than a person sees, progress is not told."""


class GoneError(Exception):
    """The client has left, so nobody needs the rest."""


class Conversation:
    """Messages from the thread that works to the client."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; the queue ends with None."""
        self._loop = loop
        self._gone = threading.Event()
        self._told: tuple[str, float] = ("", 0.0)
        self._drafted = 0.0
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    def leave(self) -> None:
        """Note that the client has left."""
        self._gone.set()

    def is_gone(self) -> bool:
        """Return whether the client has left."""
        return self._gone.is_set()

    def note(self, text: str, hint: str = "") -> None:
        """Tell the person something; see `Listener`."""
        self._send({"note": [text, hint]})

    def progress(self, task: str, done: int, total: int) -> None:
        """Tell how far a task is.

        Raises:
            GoneError: Nobody waits for it any more.
        """
        if self.is_gone():
            raise GoneError
        now = time.monotonic()
        if task != self._told[0] or now - self._told[1] > PROGRESS_EVERY_S or done == total:
            self._told = (task, now)
            self._send({"progress": [task, done, total]})

    def quote(self, quote: Quote) -> None:
        """Pass on the sentence that fits best; see `Audience`."""
        self._send({"quote": encode(quote)})

    def draft(self, text: str) -> None:
        """Pass on the sentence that is being written.

        Raises:
            GoneError: Nobody reads it any more.
        """
        if self.is_gone():
            raise GoneError
        now = time.monotonic()
        if not text or now - self._drafted > PROGRESS_EVERY_S:
            self._drafted = now
            self._send({"draft": text})

    def text(self, piece: str) -> None:
        """Pass on a piece of an answer.

        Raises:
            GoneError: Nobody reads it any more.
        """
        if self.is_gone():
            raise GoneError
        self._send({"text": piece})

    def run(self, work: Callable[[], object], log: Callable[[str], None]) -> None:
        """Do the work of the call, in a thread of its own, and send what comes of it.

        Args:
            work: Does it.
            log: Hears what should not have happened.
        """
        current.set(self)
        try:
            if self.is_gone():
                # It left before a thread was free.
                return
            result = work()
            if isinstance(result, list | Iterator):
                result = list(result)
                for start in range(0, len(result), ITEMS_AT_ONCE):
                    self._send({"items": encode(result[start : start + ITEMS_AT_ONCE])})
                result = "items"
            self._send({"result": encode(result)})
        except GoneError:
            pass
        except TeraError as error:
            self._send({"error": encode_error(error)})
        except MemoryError:
            self._fail("there is not enough memory")
        except Exception as error:
            import traceback

            # The place and the kind: a library's message may hold what the person told.
            log("".join([*traceback.format_tb(error.__traceback__), type(error).__name__]))
            self._fail(f"{type(error).__name__}: {error}".splitlines()[0][:200])
        finally:
            self._put(None)

    def _fail(self, reason: str) -> None:
        from tera.errors import AgentError

        error = AgentError(f"the background agent failed: {reason}", hint="tera agent logs")
        self._send({"error": encode_error(error)})

    def _send(self, message: dict[str, Any]) -> None:
        self._put(json.dumps(message).encode() + b"\n")

    def _put(self, line: bytes | None) -> None:
        self._loop.call_soon_threadsafe(self.messages.put_nowait, line)


current: ContextVar[Conversation | None] = ContextVar("current", default=None)
"""The call that this thread works for; None in a thread that works for none."""


class CurrentListener:
    """Passes on what the engine says to whoever waits for it; a note that nobody heard is kept."""

    def __init__(self) -> None:
        """Begin with nothing to tell."""
        self._untold: list[tuple[str, str]] = []

    def note(self, text: str, hint: str = "") -> None:
        """See `Listener`."""
        conversation = current.get()
        if conversation:
            conversation.note(text, hint)
        else:
            self._untold.append((text, hint))

    def progress(self, task: str, done: int, total: int) -> None:
        """See `Listener`."""
        conversation = current.get()
        if conversation:
            conversation.progress(task, done, total)

    def tell(self, conversation: Conversation) -> None:
        """Tell a client what was said before it came."""
        while self._untold:
            conversation.note(*self._untold.pop(0))
