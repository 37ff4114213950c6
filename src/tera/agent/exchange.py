"""One call to the agent: HTTP over its Unix socket, from the standard library alone."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from tera.agent.address import Address, peer_uid
from tera.agent.protocol import OK, STOPPING
from tera.errors import AgentUnreachableError

ANSWER_TIMEOUT_S = 60.0
"""A living agent sends something every HEARTBEAT_S seconds, whatever it is doing."""
HEARTBEAT_S = 5.0


class NotStartedError(Exception):
    """No agent has begun with the call."""


class BrokenOffError(Exception):
    """The agent had begun with the call, and died."""


class MismatchError(Exception):
    """The agent is of another version or has other settings."""


@contextmanager
def _asked(
    address: Address, method: str, path: str, headers: Mapping[str, str], body: object
) -> Iterator[tuple[int, BinaryIO]]:
    """Send a request; have the status and the body of the reply for the block.

    HTTP/1.0, whose replies end with the connection and have no inner structure: http.client would
    take longer to import than all the rest of a command.

    Raises:
        TimeoutError: The agent does not answer.
        OSError, ValueError: There is no agent.
    """
    # In ASCII, as a name of a file may have bytes that are no characters.
    content = json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.0", f"Content-Length: {len(content)}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_TIMEOUT_S)
        connection.connect(address.socket)
        if peer_uid(connection) != os.getuid():
            raise AgentUnreachableError(
                f"another user listens on {address.socket}",
                hint="TERA_AGENT=off works without the agent",
            )
        connection.sendall("\r\n".join([*head, "", ""]).encode() + content)
        with connection.makefile("rb") as reply:
            _, status, *_ = reply.readline().split()
            while reply.readline().strip():
                pass
            yield int(status), reply


def converse(
    address: Address | None, path: str, headers: Mapping[str, str], arguments: object
) -> Iterator[dict[str, Any]]:
    """Call an operation and yield the messages of the reply, the last one too.

    Raises:
        NotStartedError: Nothing was done.
        BrokenOffError: The connection broke before the last message.
        MismatchError: The agent has to be replaced; nothing was done.
        AgentUnreachableError: The agent hangs, or another user pretends to be it.
    """
    if address is None:
        raise NotStartedError
    has_begun = False
    try:
        with _asked(address, "POST", path, headers, arguments) as (status, reply):
            if status == STOPPING:
                raise NotStartedError
            if status != OK:
                # Also one of the same version that does not know the call.
                raise MismatchError
            # The head of the reply is sent before anything is done.
            has_begun = True
            for line in reply:
                if line == b"\n":
                    continue
                message: dict[str, Any] = json.loads(line)
                yield message
                if "result" in message or "error" in message:
                    return
    except TimeoutError as error:
        raise _hangs(address) from error
    except (OSError, ValueError) as error:
        if not has_begun:
            raise NotStartedError from error
        raise BrokenOffError from error
    raise BrokenOffError


def request(
    address: Address | None, method: str, path: str, arguments: object = None
) -> dict[str, Any] | None:
    """Ask for something that every version of the agent answers at once; None if none runs."""
    if address is None:
        return None
    try:
        with _asked(address, method, path, {}, arguments) as (_, reply):
            answer: dict[str, Any] = json.loads(reply.read())
            return answer
    except TimeoutError as error:
        raise _hangs(address) from error
    except (OSError, ValueError):
        return None


def _hangs(address: Address) -> AgentUnreachableError:
    return AgentUnreachableError(
        f"the background agent (process {address.pid}) does not answer",
        hint="tera agent stop --force",
    )
