from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked

from tera.endpoint import parse_endpoint
from tera.llms.keys import find_key, how_to_give

REMOTE = parse_endpoint("https://api.example.org:8443/v1")
HERE = parse_endpoint("http://127.0.0.1:8080/v1")


class Memory(KeyringBackend):  # type: ignore[misc]
    """A keyring that lives as long as the test."""

    priority = 1.0
    is_locked = False

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def system() -> Iterator[Memory]:
    """Put a keyring in the place of the system's."""
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_a_key_of_the_keyring_is_that_of_its_host(system: Memory) -> None:
    keyring.set_password("tera", "api.example.org", "sesame\n")
    keyring.set_password("tera", "127.0.0.1", "other")
    assert find_key(REMOTE) == "sesame"
    assert find_key(parse_endpoint("https://other.example.org/v1")) == ""
    # An endpoint on this machine hardly ever wants one.
    assert find_key(HERE) == ""


def test_the_environment_comes_first(system: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.set_password("tera", "api.example.org", "sesame")
    monkeypatch.setenv("TERA_LLM_KEY", " open \n")
    assert find_key(REMOTE) == find_key(HERE) == "open"


def test_a_keyring_that_is_locked_or_missing_has_no_key(system: Memory) -> None:
    system.is_locked = True
    assert find_key(REMOTE) == ""
    keyring.set_keyring(fail.Keyring())
    assert find_key(REMOTE) == ""


def test_a_person_hears_how_to_give_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert how_to_give(REMOTE) == "export TERA_LLM_KEY=..., or: keyring set tera api.example.org"
    assert how_to_give(HERE) == "export TERA_LLM_KEY=..."
    monkeypatch.setattr("tera.llms.keys.find_spec", lambda _: None)
    assert "pip install 'tera[keyring]'" in how_to_give(REMOTE)
