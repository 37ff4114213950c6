"""Settings: flag > TERA_* variable > config.toml > default, each checked once, at start."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tera.errors import ConfigError
from tera.paths import Paths

Origin = str
"""Where a value came from: "default", "config.toml" or the variable's name."""


def _setting(default: object, key: str, help: str) -> Any:
    return field(default=default, metadata={"key": key, "help": help})


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, with its key in config.toml."""

    embedder: str = _setting(
        "",
        "embedder",
        "Model that makes the vectors. Empty: the one the store began with, or on a new store"
        " bge-small-en-v1.5. Change it with `tera models use`.",
    )
    llm: str = _setting(
        "dolphin-2.6-phi-2", "llm", "Language model that writes the answers, as in `tera models`."
    )
    store_url: str = _setting(
        "", "store.url", "ws:// or wss:// URL of a SurrealDB server. Empty: the embedded database."
    )
    store_user: str = _setting("", "store.user", "User name for the server.")
    store_password: str = _setting(
        "", "store.password", "Password for the server; better given as TERA_STORE_PASSWORD."
    )
    store_namespace: str = _setting("tera", "store.namespace", "Namespace on the server.")
    store_database: str = _setting("tera", "store.database", "Database on the server.")
    store_lock_timeout_s: float = _setting(
        5.0, "store.lock_timeout_s", "Seconds to wait while another process uses the store."
    )
    ask_k: int = _setting(8, "ask.k", "Passages that an answer may rest on.")
    ask_context_tokens: int = _setting(
        700,
        "ask.context_tokens",
        "Most tokens of passages in a prompt; a slow processor reads about 10 a second.",
    )
    ask_max_tokens: int = _setting(200, "ask.max_tokens", "Most tokens of a written answer.")
    ask_threads: int = _setting(
        0, "ask.threads", "Threads for the language model. 0: half of the cores, never all of two."
    )
    search_k: int = _setting(10, "search.k", "Passages that `search` shows.")
    search_reranker: str = _setting(
        "",
        "search.reranker",
        "Model that reads the best passages again with the question and puts them in order, such"
        " as ms-marco-minilm-l6-v2. Empty: none.",
    )
    agent_idle_s: float = _setting(
        1800.0,
        "agent.idle_s",
        "Seconds without a command after which the background agent ends. TERA_AGENT=off, in the"
        " environment alone, does everything without it.",
    )


def key_of(name: str) -> str:
    """Return the key in config.toml of a field of Config."""
    return str(next(f.metadata["key"] for f in fields(Config) if f.name == name))


def variable_of(key: str) -> str:
    """Return the environment variable of a key: "store.url" is TERA_STORE_URL."""
    return "TERA_" + key.replace(".", "_").upper()


def load_config(
    paths: Paths, environ: Mapping[str, str] = os.environ
) -> tuple[Config, dict[str, Origin]]:
    """Read the settings.

    Returns:
        The settings and, by field name, where each came from.

    Raises:
        ConfigError: config.toml is broken, or a key or value is not one that Tera knows.
    """
    written = _flatten(_read_file(paths))
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for setting in fields(Config):
        key = setting.metadata["key"]
        variable = variable_of(key)
        origins[setting.name] = "default"
        if key in written:
            origins[setting.name] = "config.toml"
            values[setting.name] = _checked(key, written.pop(key), type(setting.default), paths)
        if variable in environ:
            origins[setting.name] = variable
            values[setting.name] = _parsed(variable, environ[variable], type(setting.default))
    if written:
        unknown = sorted(written)[0]
        raise ConfigError(
            f"unknown setting {unknown!r} in {paths.config_file}", hint="remove or correct it there"
        )
    return Config(**values), origins


def _read_file(paths: Paths) -> dict[str, Any]:
    try:
        return tomllib.loads(paths.config_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            f"cannot read {paths.config_file}: {error}", hint="edit the file, or move it away"
        ) from error


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        key = prefix + name
        flat |= _flatten(value, f"{key}.") if isinstance(value, dict) else {key: value}
    return flat


def _checked(key: str, value: object, kind: type, paths: Paths) -> object:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(
            f"{key} in {paths.config_file} must be a {_WORDS[kind]}, not {value!r}",
            hint="correct it there",
        )
    return _in_range(key, value)


def _parsed(variable: str, text: str, kind: type) -> object:
    try:
        return _in_range(variable, kind(text))
    except ValueError as error:
        raise ConfigError(
            f"{variable} must be a {_WORDS[kind]}, not {text!r}", hint=f"unset {variable}"
        ) from error


def _in_range(key: str, value: object) -> object:
    is_url = key in ("store.url", variable_of("store.url"))
    if is_url and value and not str(value).startswith(("ws://", "wss://")):
        raise ConfigError(
            f"{key} must begin with ws:// or wss://, not {value!r}",
            hint="leave it empty for the embedded database",
        )
    least = 0 if key.lower().endswith(("threads", "timeout_s")) else 1
    if isinstance(value, int | float) and not value >= least:  # NaN too
        raise ConfigError(
            f"{key} must be at least {least}, not {value}", hint="set it higher, or remove it"
        )
    return value


_WORDS = {str: "text", int: "whole number", float: "number"}


def write_setting(paths: Paths, key: str, value: str) -> None:
    """Set one key in config.toml and keep everything else in the file as it is.

    Raises:
        ConfigError: The file cannot be read or written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = paths.config_file.read_text("utf-8") if paths.config_file.exists() else ""
        document = tomlkit.parse(text)
        table: Any = document
        *tables, name = key.split(".")
        for part in tables:
            table = table.setdefault(part, tomlkit.table())
        table[name] = value
        aside = paths.config_file.with_suffix(".new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(tomlkit.dumps(document).encode())
        aside.replace(paths.config_file)
    except (TOMLKitError, OSError, UnicodeDecodeError, TypeError) as error:
        raise ConfigError(
            f"cannot write {paths.config_file}: {error}", hint="edit the file by hand"
        ) from error
