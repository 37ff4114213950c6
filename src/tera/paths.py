"""Where Tera keeps its files: one folder, moved as a whole by TERA_HOME."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tera.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Paths:
    """The places inside Tera's home folder."""

    home: Path

    @property
    def config_file(self) -> Path:
        """The person's settings."""
        return self.home / "config.toml"

    @property
    def models_file(self) -> Path:
        """Models that the person adds to those Tera knows."""
        return self.home / "models.toml"

    @property
    def store(self) -> Path:
        """The embedded database."""
        return self.home / "store"

    @property
    def journal(self) -> Path:
        """The log of every change."""
        return self.home / "journal"

    @property
    def index(self) -> Path:
        """Files derived from the store, safe to delete."""
        return self.home / "index"

    @property
    def models(self) -> Path:
        """Model files."""
        return self.home / "models"

    def network(self, model: str) -> Path:
        """The folder with the network derived from an embedder's weights, safe to delete."""
        return self.models / model / "network"

    def prefix(self, model: str) -> Path:
        """The folder with a language model's evaluated instructions, safe to delete."""
        return self.models / model / "prefix"

    @property
    def chats(self) -> Path:
        """Conversations that are kept."""
        return self.home / "chats"

    @property
    def lock(self) -> Path:
        """Held by the process that has the store open."""
        return self.home / "lock"

    @property
    def agent_lock(self) -> Path:
        """Held by the background agent as long as it lives."""
        return self.home / "agent.lock"

    @property
    def agent_address(self) -> Path:
        """Where the background agent listens."""
        return self.home / "agent.json"

    @property
    def agent_log(self) -> Path:
        """What the background agent did; never what it was told or asked."""
        return self.home / "agent.log"

    def create(self) -> None:
        """Create the home folder, readable by its owner alone.

        Raises:
            ConfigError: The folder cannot be created or written.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot create {self.home}: {error.strerror}",
                hint="set TERA_HOME to a folder that you can write to",
            ) from error


def find_paths() -> Paths:
    """Return the places to use: TERA_HOME, else the platform's folder for application data.

    Raises:
        ConfigError: TERA_HOME names the home of a user that is not there.
    """
    if home := os.environ.get("TERA_HOME"):
        try:
            return Paths(Path(home).expanduser().absolute())
        except RuntimeError as error:
            raise ConfigError(
                f"TERA_HOME is {home}, but there is no such user",
                hint="set TERA_HOME to a folder that you can write to",
            ) from error
    from platformdirs import user_data_path

    return Paths(user_data_path("tera", appauthor=False))
