"""The error tree: every failure that a person can meet, with its exit code.

TeraError                      3
├── ConfigError                4
├── ReaderError                5
│   ├── UnsupportedFormatError
│   └── UnreadableFileError
│       ├── PasswordNeededError
│       └── NoTextError
├── ModelError                 6
│   ├── ModelNotFoundError
│   ├── ModelLoadError
│   └── GenerationError
├── StoreError                 7
│   ├── StoreLockedError
│   ├── StoreDamagedError
│   ├── StoreUnreachableError
│   └── EmbeddingMismatchError
├── SourceError                8
├── AgentError                 9
│   ├── AgentUnreachableError
│   └── ProtocolMismatchError
└── MissingExtraError          10

Adapters turn their library's exceptions into these (`raise ... from error`); only `tera.cli.main`
catches them and prints one line, one hint and leaves with the code. 0 is success, 1 "nothing
known", 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations


class TeraError(Exception):
    """Something went wrong that the person can act on."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message and the hint.

        Args:
            message: One line, no full stop.
            hint: The next command to type, or what to change; one line.
        """
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(TeraError):
    """A setting has a value that cannot be used."""

    exit_code = 4


class ReaderError(TeraError):
    """Input could not be turned into a memory."""

    exit_code = 5


class UnsupportedFormatError(ReaderError):
    """No reader knows this kind of file."""


class UnreadableFileError(ReaderError):
    """The file is missing, forbidden, too large or broken."""


class PasswordNeededError(UnreadableFileError):
    """The document is encrypted, and the password is missing or wrong."""


class NoTextError(UnreadableFileError):
    """The document is whole, but nothing is written or said in it."""


class ModelError(TeraError):
    """An ML model could not be used."""

    exit_code = 6


class ModelNotFoundError(ModelError):
    """The model is unknown, or its files are not on this machine."""


class ModelLoadError(ModelError):
    """The model's files are here but do not load or do not match their checksums."""


class GenerationError(ModelError):
    """The language model failed while it answered."""


class StoreError(TeraError):
    """The store refused to read or write."""

    exit_code = 7


class StoreLockedError(StoreError):
    """Another process is using the store."""


class StoreDamagedError(StoreError):
    """Files of the store or the journal do not hold what was written to them."""


class StoreUnreachableError(StoreError):
    """The SurrealDB server does not answer."""


class EmbeddingMismatchError(StoreError):
    """The store's vectors were made by another embedder."""


class SourceError(TeraError):
    """A live source cannot be followed."""

    exit_code = 8


class AgentError(TeraError):
    """The background agent failed."""

    exit_code = 9


class AgentUnreachableError(AgentError):
    """The background agent does not answer."""


class ProtocolMismatchError(AgentError):
    """The background agent is of another version."""


class MissingExtraError(TeraError):
    """An optional part of Tera is not installed."""

    exit_code = 10
