"""Settings: flag > TERA_* variable > config.toml > default, each checked once, at start."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tera.endpoint import Endpoint, parse_endpoint
from tera.errors import ConfigError
from tera.paths import Paths

ENDPOINT_BACKEND = "openai"
"""The value of llm.backend for an OpenAI-compatible endpoint."""
KEY_VARIABLE = "TERA_LLM_KEY"
"""The variable with the key of the endpoint. A key is no setting, so that nothing shows it."""
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
    llm_model: str = _setting(
        "dolphin-2.6-phi-2",
        "llm.model",
        "Language model that writes the answers, as in `tera models` or as the endpoint calls it.",
    )
    llm_backend: str = _setting(
        "",
        "llm.backend",
        "What runs it. Empty: this machine, as the catalogue of models says. openai: the"
        " OpenAI-compatible endpoint at llm.url, which then gets each question, the passages that"
        " fit it and the conversation so far; `tera ask --local` keeps them here.",
    )
    llm_url: str = _setting(
        "",
        "llm.url",
        "Base URL of the endpoint, such as https://api.example.org/v1, http://127.0.0.1:8080/v1 or"
        " unix:///run/llm.sock. Its key is never here: it is the variable TERA_LLM_KEY, or in the"
        " system's keyring.",
    )
    llm_unencrypted: bool = _setting(
        False,
        "llm.unencrypted",
        "Whether http:// to another machine is allowed, where whoever is on the way reads along.",
    )
    llm_context_tokens: int = _setting(
        0,
        "llm.context_tokens",
        "Tokens that the endpoint's model reads and writes at most. 0: what the endpoint says of"
        " it, else 8192.",
    )
    llm_local_model: str = _setting(
        "dolphin-2.6-phi-2",
        "llm.local_model",
        "Language model that answers on this machine where an endpoint must not be asked.",
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
    ask_wait_s: float = _setting(
        15.0,
        "ask.wait_s",
        "Seconds that reading the passages may take on this machine; a slow one gets fewer of"
        " them.",
    )
    ask_max_tokens: int = _setting(200, "ask.max_tokens", "Most tokens of a written answer.")
    ask_threads: int = _setting(
        0,
        "ask.threads",
        "Threads for the language model. 0: as many as turn out to be fastest while it works.",
    )
    ask_keep_s: float = _setting(
        600.0,
        "ask.keep_s",
        "Seconds after an answer for which the background agent keeps the language model in memory;"
        " it frees it sooner when the memory is short.",
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

    def endpoint(self) -> Endpoint | None:
        """Return where answers are written; None for a language model in this process."""
        return parse_endpoint(self.llm_url) if self.llm_backend == ENDPOINT_BACKEND else None


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
    table = _read_file(paths)
    _check_llm(table, environ, paths)
    written = _flatten(table)
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
    config = Config(**values)
    _check_endpoint(config, origins)
    return config, origins


def _check_llm(table: Mapping[str, Any], environ: Mapping[str, str], paths: Paths) -> None:
    """Refuse what the settings of the language model were before, and a key in the file."""
    llm = table.get("llm", {})
    if not isinstance(llm, dict):
        raise ConfigError(
            f"llm in {paths.config_file} is a table now", hint='write: [llm] model = "..."'
        )
    if "TERA_LLM" in environ:
        raise ConfigError(
            "TERA_LLM is called TERA_LLM_MODEL now", hint="unset TERA_LLM, set TERA_LLM_MODEL"
        )
    for name in ("key", "api_key"):
        if name in llm:
            # Its value is not shown, here or anywhere else.
            raise ConfigError(
                f"llm.{name} must not be in {paths.config_file}, where others may read it",
                hint="take it out there and set TERA_LLM_KEY, or: keyring set tera HOST",
            )


def _check_endpoint(config: Config, origins: Mapping[str, Origin]) -> None:
    """Refuse an endpoint that is not there, or that others can listen to without being told."""
    if config.llm_backend and not config.llm_url:
        raise ConfigError(
            f"llm.backend is {config.llm_backend!r}, but llm.url is empty",
            hint="tera models use NAME --url URL sets both",
        )
    endpoint = config.endpoint()
    if endpoint and not (endpoint.is_encrypted or endpoint.is_local or config.llm_unencrypted):
        origin = origins["llm_url"]
        raise ConfigError(
            f"{'llm.url' if origin == 'config.toml' else origin} is not encrypted:"
            f" {endpoint.readers} could read what goes to {endpoint.name}",
            hint="use https://, or allow it: llm.unencrypted = true (TERA_LLM_UNENCRYPTED)",
        )


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
            f"{key} in {paths.config_file} must be {_WORDS[kind]}, not {value!r}",
            hint="correct it there",
        )
    return _in_range(key, value)


def _parsed(variable: str, text: str, kind: type) -> object:
    try:
        value = _TRUTHS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"{variable} must be {_WORDS[kind]}, not {text!r}", hint=f"unset {variable}"
        ) from error
    return _in_range(variable, value)


def _in_range(key: str, value: object) -> object:
    is_url = key in ("store.url", variable_of("store.url"))
    if is_url and value and not str(value).startswith(("ws://", "wss://")):
        raise ConfigError(
            f"{key} must begin with ws:// or wss://, not {value!r}",
            hint="leave it empty for the embedded database",
        )
    if value and key in ("llm.url", variable_of("llm.url")):
        parse_endpoint(str(value), key)
    if key in ("llm.backend", variable_of("llm.backend")) and value not in ("", ENDPOINT_BACKEND):
        raise ConfigError(
            f"{key} must be empty or {ENDPOINT_BACKEND!r}, not {value!r}",
            hint="tera models use NAME --url URL sets it",
        )
    least = 0 if key.lower().endswith(_MAY_BE_ZERO) else 1
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not value >= least:  # type: ignore[operator]  # NaN too
        raise ConfigError(
            f"{key} must be at least {least}, not {value}", hint="set it higher, or remove it"
        )
    return value


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_MAY_BE_ZERO = ("threads", "timeout_s", "llm.context_tokens", "llm_context_tokens")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def write_setting(paths: Paths, key: str, value: str) -> None:
    """Set one key in config.toml; see `write_settings`."""
    write_settings(paths, {key: value})


def write_settings(paths: Paths, values: Mapping[str, str | bool | None]) -> None:
    """Set keys in config.toml at once and keep everything else in the file as it is.

    Args:
        paths: The home folder.
        values: By key; None takes a key out.

    Raises:
        ConfigError: The file cannot be read or written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = paths.config_file.read_text("utf-8") if paths.config_file.exists() else ""
        document = tomlkit.parse(text)
        for key, value in values.items():
            table: Any = document
            *tables, name = key.split(".")
            for part in tables:
                table = table.setdefault(part, tomlkit.table())
            if value is None:
                table.pop(name, None)
            else:
                table[name] = value
        aside = paths.config_file.with_suffix(".new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(tomlkit.dumps(document).encode())
        aside.replace(paths.config_file)
    except (TOMLKitError, OSError, UnicodeDecodeError, TypeError) as error:
        raise ConfigError(
            f"cannot write {paths.config_file}: {error}", hint="edit the file by hand"
        ) from error
