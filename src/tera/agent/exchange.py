"""One call to the agent: HTTP over its Unix socket, from the standard library alone."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

from tera.agent.address import Address, peer_uid
from tera.agent.protocol import MISMATCH, STOPPING
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


class _Connection(HTTPConnection):
    """HTTP to a Unix socket whose other end belongs to this user."""

    # The reply then ends with the connection, and its lines can be read as they are.
    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"

    def __init__(self, address: Address) -> None:
        super().__init__("tera", timeout=ANSWER_TIMEOUT_S)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address.socket)
        if peer_uid(self.sock) != os.getuid():
            raise AgentUnreachableError(
                f"another user listens on {self._address.socket}",
                hint="TERA_AGENT=off works without the agent",
            )


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
    with closing(_Connection(address)) as connection:
        body = json.dumps(arguments, ensure_ascii=False).encode()
        try:
            connection.request("POST", path, body, headers)
            reply = connection.getresponse()
        except TimeoutError as error:
            raise _hangs(address) from error
        except (OSError, HTTPException) as error:
            # The head of the reply is sent before anything is done.
            raise NotStartedError from error
        if reply.status == MISMATCH:
            raise MismatchError
        if reply.status == STOPPING:
            raise NotStartedError
        try:
            for line in reply:
                if line == b"\n":
                    continue
                message: dict[str, Any] = json.loads(line)
                yield message
                if "result" in message or "error" in message:
                    return
        except TimeoutError as error:
            raise _hangs(address) from error
        except (OSError, HTTPException, ValueError) as error:
            raise BrokenOffError from error
        raise BrokenOffError


def request(
    address: Address | None, method: str, path: str, arguments: object = None
) -> dict[str, Any] | None:
    """Ask for something that every version of the agent answers at once; None if none runs."""
    if address is None:
        return None
    with closing(_Connection(address)) as connection:
        try:
            connection.request(method, path, json.dumps(arguments).encode())
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        except TimeoutError as error:
            raise _hangs(address) from error
        except (OSError, HTTPException, ValueError):
            return None
        return answer


def _hangs(address: Address) -> AgentUnreachableError:
    return AgentUnreachableError(
        f"the background agent (process {address.pid}) does not answer",
        hint="tera agent stop --force",
    )
