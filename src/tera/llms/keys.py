"""The key of an endpoint: from the environment or the system's keyring, never from a file."""

from __future__ import annotations

import os
from importlib.util import find_spec

from tera.config import KEY_VARIABLE
from tera.endpoint import Endpoint
from tera.errors import ConfigError

KEYRING_SERVICE = "tera"


def find_key(endpoint: Endpoint) -> str:
    """Return the key for an endpoint; empty when there is none. It is read anew for each request.

    The keyring is not asked for an endpoint on this machine, which hardly ever wants a key.

    Raises:
        ConfigError: The key has characters that no key has.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and not endpoint.is_local:
        key = _from_keyring(endpoint.host)
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(
            f"the key for {endpoint.name} has characters that no key has",
            hint=f"set {KEY_VARIABLE} to the key alone",
        )
    return key


def how_to_give(endpoint: Endpoint) -> str:
    """Return what a person types to give the key of an endpoint."""
    if endpoint.is_local:
        return f"export {KEY_VARIABLE}=..."
    keyring = f"keyring set {KEYRING_SERVICE} {endpoint.host}"
    if find_spec("keyring") is None:
        keyring = f"pip install 'tera[keyring]' and {keyring}"
    return f"export {KEY_VARIABLE}=..., or: {keyring}"


def _from_keyring(host: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return (keyring.get_password(KEYRING_SERVICE, host) or "").strip()
    except KeyringError:
        # There is none on this machine, or it is locked: the endpoint will say that it wants a key.
        return ""
