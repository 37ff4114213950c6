"""The agent as an ASGI app: status, stop, and the calls, each answered by a stream of messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tera import __version__
from tera.agent.conversation import Conversation, CurrentListener, GoneError
from tera.agent.exchange import HEARTBEAT_S
from tera.agent.operations import OPERATIONS, arguments_of
from tera.agent.protocol import (
    MISMATCH,
    PROTOCOL_VERSION,
    SETTINGS_HEADER,
    STOPPING,
    VERSION_HEADER,
    identity,
)
from tera.upkeep import Keeper

STALLED_S = 10.0
"""How long a client may take nothing of its reply when the agent is to leave."""
MOST_CALLS = 64
"""Calls at once; more wait for a thread."""

log = logging.getLogger(__name__)


class Agent:
    """The state of a running agent, and its app."""

    def __init__(
        self,
        engine: Keeper,
        listener: CurrentListener,
        settings: str,
        background: Callable[[], str] = str,
    ) -> None:
        """Make the app.

        Args:
            engine: Does the work; it stays open.
            listener: Hears the engine.
            settings: Digest of the settings that the engine was made with.
            background: Says what is done in the background; empty for nothing.
        """
        self._background = background
        self.engine = engine
        self.is_stopping = False
        self._listener = listener
        self._expected = {VERSION_HEADER: identity(__version__), SETTINGS_HEADER: settings}
        self._calls = 0
        self._last_call = time.monotonic()
        self._began = time.time()
        self._threads = ThreadPoolExecutor(MOST_CALLS, "call")
        self.app = Starlette(
            routes=[
                Route("/status", self._status, methods=["GET"]),
                Route("/stop", self._stop, methods=["POST"]),
                Route("/call/{operation}", self._call, methods=["POST"]),
            ]
        )

    def stop(self) -> None:
        """Take no more calls; whoever runs the server ends it when those at work are done."""
        self.is_stopping = True

    @property
    def is_working(self) -> bool:
        """Return whether a call is being answered."""
        return self._calls > 0

    @property
    def idle_s(self) -> float:
        """Seconds since the last call ended."""
        return 0.0 if self._calls else time.monotonic() - self._last_call

    async def _status(self, _: Request) -> Response:
        return JSONResponse(
            {
                "version": __version__,
                "protocol": PROTOCOL_VERSION,
                "pid": os.getpid(),
                "stopping": self.is_stopping,
                "calls": self._calls,
                "background": self._background(),
                "running_s": round(time.time() - self._began),
                "idle_s": round(self.idle_s),
                "memory_bytes": _memory_bytes(),
            }
        )

    async def _stop(self, request: Request) -> Response:
        meant = (await request.json())["pid"] == os.getpid()
        self.is_stopping |= meant
        return JSONResponse({"stopping": self.is_stopping, "calls": self._calls})

    async def _call(self, request: Request) -> Response:
        if self.is_stopping:
            return JSONResponse({}, STOPPING)
        if any(request.headers.get(name) != value for name, value in self._expected.items()):
            return JSONResponse({"version": __version__}, MISMATCH)
        operation = request.path_params["operation"]
        try:
            arguments = arguments_of(operation, await request.json())
        except (KeyError, ValueError, TypeError) as error:
            return JSONResponse({"detail": f"{type(error).__name__}: {error}"}, 400)
        if self.is_stopping:
            # Since the request was read.
            return JSONResponse({}, STOPPING)
        # From here on the agent stays until the reply has ended.
        self._calls += 1
        return _Reply(self, operation, arguments)

    def end_call(self) -> None:
        """Note that a reply has ended."""
        self._calls -= 1
        self._last_call = time.monotonic()

    async def answer(
        self, operation: str, arguments: Mapping[str, object], receive: Receive, send: Send
    ) -> None:
        """Do a call and stream its messages; a client that leaves ends it."""
        loop = asyncio.get_running_loop()
        conversation = Conversation(loop)
        self._listener.tell(conversation)
        work = partial(OPERATIONS[operation], self.engine, **arguments)
        if operation == "ask":
            work = partial(work, audience=conversation, should_stop=conversation.is_gone)
        begun = time.monotonic()
        done = loop.run_in_executor(self._threads, conversation.run, work, log.error)
        watch = asyncio.create_task(_leave_with(conversation, receive))
        try:
            await self._stream(conversation, send)
        finally:
            watch.cancel()
            conversation.leave()
            await done
            log.info("%s: %.3f s", operation, time.monotonic() - begun)

    async def _stream(self, conversation: Conversation, send: Send) -> None:
        while True:
            try:
                line = await asyncio.wait_for(conversation.messages.get(), HEARTBEAT_S)
            except TimeoutError:
                line = b"\n"
            if line is None:
                return
            body = {"type": "http.response.body", "body": line, "more_body": True}
            sending = asyncio.ensure_future(send(body))
            while not (await asyncio.wait({sending}, timeout=STALLED_S))[0]:
                if self.is_stopping:
                    # A client that takes nothing, as one that was suspended, holds up nobody.
                    sending.cancel()
                    raise GoneError
            await sending


class _Reply(Response):
    """Lines of JSON, sent as they come."""

    def __init__(self, agent: Agent, operation: str, arguments: Mapping[str, object]) -> None:
        super().__init__(media_type="application/x-ndjson")
        self._agent = agent
        self._operation = operation
        self._arguments = arguments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/x-ndjson")]
        try:
            # Sent before anything is done: a client without this knows that nothing was.
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._agent.answer(self._operation, self._arguments, receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except GoneError:
            log.warning("%s: its client took nothing", self._operation)
        finally:
            self._agent.end_call()


def _memory_bytes() -> int:
    """Return how much memory this process uses; its most so far where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def _leave_with(conversation: Conversation, receive: Receive) -> None:
    """Wait until the client has left."""
    with contextlib.suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
        conversation.leave()
