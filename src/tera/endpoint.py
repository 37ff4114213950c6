"""The URL of an OpenAI-compatible endpoint: whether it is on this machine, and encrypted."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from tera.errors import ConfigError

_HOST = re.compile(r"(?=.*[a-z0-9])[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
"""No other characters, so that nothing else reads another host out of the same URL."""
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/*")
SOCKET_PATH = "/v1"
"""Where the API is on a server that listens on a Unix socket."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a language model answers.

    Attributes:
        url: The base URL, without a slash at its end; what is asked for is added to it.
        host: The machine alone.
        name: Machine and port, or the socket's file, as a person reads it.
        socket: The file of a Unix socket; empty for a machine.
        is_local: Whether what is sent stays on this machine.
        is_encrypted: Whether nobody on the way can read what is sent.
        is_private: Whether the address is one of a private network.
    """

    url: str
    host: str
    name: str
    socket: str
    is_local: bool
    is_encrypted: bool
    is_private: bool

    @property
    def readers(self) -> str:
        """Who can read what is sent without encryption."""
        return "whoever is in that network" if self.is_private else "anyone on the way"


def parse_endpoint(url: str, called: str = "llm.url") -> Endpoint:
    """Return what a URL says.

    Args:
        url: Such as https://api.example.org/v1, http://127.0.0.1:8080/v1 or unix:///run/llm.sock.
        called: The name of the setting, for the error.

    Raises:
        ConfigError: It is no such URL, or it holds a password.
    """
    hint = "such as https://api.example.org/v1, http://127.0.0.1:8080/v1 or unix:///run/llm.sock"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError(f"{called} has characters that a URL cannot have", hint=hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{called} is no URL", hint=hint) from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        # They may hold a key, so the URL is not repeated.
        raise ConfigError(
            f"{called} must have neither a user, nor a password, nor a ? or # in it",
            hint="give the key as TERA_LLM_KEY",
        )
    if parts.scheme == "unix":
        file = PurePosixPath(parts.path)
        if parts.netloc or not file.is_absolute() or file.name in ("", ".."):
            raise ConfigError(f"{called} must name the socket's file, not {url!r}", hint=hint)
        base = f"http://localhost{SOCKET_PATH}"
        return Endpoint(base, "localhost", str(file), str(file), True, True, True)
    shown = parts.netloc.lower()
    host = shown.rpartition(":")[0] if port is not None else shown.removesuffix(":")
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(host)
        or not _PATH.fullmatch(parts.path)
    ):
        raise ConfigError(f"{called} is no URL of an endpoint: {url!r}", hint=hint)
    name = host if port is None else f"{host}:{port}"
    address = _address(host)
    is_local = host == "localhost" if address is None else address.is_loopback
    return Endpoint(
        url=f"{parts.scheme}://{name}{parts.path.rstrip('/')}",
        host=host.strip("[]"),
        name=name,
        socket="",
        is_local=is_local,
        is_encrypted=parts.scheme == "https",
        is_private=is_local or (address is not None and address.is_private),
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
