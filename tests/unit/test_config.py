from __future__ import annotations

import json
import stat
from dataclasses import fields
from pathlib import Path

import pytest

from tera.config import Config, key_of, load_config, variable_of, write_setting, write_settings
from tera.errors import ConfigError
from tera.paths import Paths


@pytest.fixture
def paths(home: Path) -> Paths:
    home.mkdir()
    return Paths(home)


def test_without_a_file_everything_is_as_the_defaults_say(home: Path) -> None:
    config, origins = load_config(Paths(home), {})
    assert config == Config()
    assert set(origins.values()) == {"default"}
    assert set(origins) == {setting.name for setting in fields(Config)}


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(paths: Paths) -> None:
    paths.config_file.write_text('embedder = "mine"\n[ask]\nk = 7\ncontext_tokens = 300\n')
    config, origins = load_config(paths, {"TERA_ASK_K": "9", "TERA_LLM_MODEL": "theirs"})
    assert (config.ask_k, origins["ask_k"]) == (9, "TERA_ASK_K")
    assert (config.llm_model, origins["llm_model"]) == ("theirs", "TERA_LLM_MODEL")
    assert (config.ask_context_tokens, origins["ask_context_tokens"]) == (300, "config.toml")
    assert (config.embedder, origins["embedder"]) == ("mine", "config.toml")
    assert (config.search_k, origins["search_k"]) == (Config().search_k, "default")


def test_the_variables_of_the_process_are_read(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_SEARCH_K", "3")
    assert load_config(paths)[0].search_k == 3


@pytest.mark.parametrize("setting", [setting.name for setting in fields(Config)])
def test_every_setting_can_be_given_in_the_file_and_as_a_variable(
    paths: Paths, setting: str
) -> None:
    key, default = key_of(setting), getattr(Config(), setting)
    special = {"llm_backend": "", "llm_url": "https://host/v1", "llm_unencrypted": True}
    value = special.get(setting, "ws://host" if isinstance(default, str) else 17)
    table, _, name = key.rpartition(".")
    head = f"[{table}]\n" if table else ""
    paths.config_file.write_text(f"{head}{name} = {json.dumps(value)}\n")
    assert getattr(load_config(paths, {})[0], setting) == value
    paths.config_file.unlink()
    assert getattr(load_config(paths, {variable_of(key): str(value)})[0], setting) == value


def test_a_quoted_key_with_a_dot_is_the_key(paths: Paths) -> None:
    paths.config_file.write_text('"store.url" = "ws://here"\n')
    assert load_config(paths, {})[0].store_url == "ws://here"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[store]\nurl = 'mem://'", "must begin with ws://"),
        ("no_such_key = 1", "unknown setting 'no_such_key'"),
        ("[ask]\nK = 1", "unknown setting 'ask.K'"),
        ("[ask]\nk = '5'", "ask.k in .* must be a whole number, not '5'"),
        ("[ask]\nk = 5.0", "must be a whole number"),
        ("[ask]\nk = true", "must be a whole number"),
        ("[ask]\nk = 0", "ask.k must be at least 1"),
        ("[ask]\nthreads = -1", "ask.threads must be at least 0"),
        ("[store]\nlock_timeout_s = '1'", "must be a number"),
        ("[store]\nlock_timeout_s = -0.5", "must be at least 0"),
        ("embedder = 3", "must be a text"),
        ("embedder = ['a']", "must be a text"),
        ("llm = 'a'", "llm in .* is a table now"),
        ("[llm]\nkey = 'sesame'", r"llm\.key must not be in"),
        ("[llm]\napi_key = 'sesame'", r"llm\.api_key must not be in"),
        ("[llm]\nbackend = 'abacus'", r"llm\.backend must be empty or 'openai'"),
        ("[llm]\nbackend = 'openai'", "but llm.url is empty"),
        ("[llm]\nurl = 'api.example.org'", r"llm\.url is no URL"),
        ("[llm]\nunencrypted = 1", "must be true or false"),
        ("[llm]\nbackend = 'openai'\nurl = 'http://a.example/v1'", r"llm\.url is not encrypted"),
        ("ask = 3", "unknown setting 'ask'"),
        ("[ask", "cannot read"),
        ("embedder = 'a'\nembedder = 'b'", "cannot read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(paths: Paths, content: str, message: str) -> None:
    paths.config_file.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(paths, {})
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert "sesame" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe", b"embedder = '\xe9'", b"\0"])
def test_a_file_that_is_no_text_is_refused(paths: Paths, content: bytes) -> None:
    paths.config_file.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(paths, {})


def test_a_settings_file_that_is_a_folder_is_refused(paths: Paths) -> None:
    paths.config_file.mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(paths, {})
    with pytest.raises(ConfigError, match="cannot write"):
        write_setting(paths, "embedder", "x")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TERA_ASK_K", "five", "TERA_ASK_K must be a whole number, not 'five'"),
        ("TERA_ASK_K", "", "must be a whole number"),
        ("TERA_ASK_K", "0", "TERA_ASK_K must be at least 1"),
        ("TERA_ASK_THREADS", "-2", "must be at least 0"),
        ("TERA_STORE_LOCK_TIMEOUT_S", "soon", "must be a number"),
        ("TERA_STORE_LOCK_TIMEOUT_S", "nan", "must be"),
        ("TERA_LLM", "mine", "TERA_LLM is called TERA_LLM_MODEL now"),
        ("TERA_LLM_UNENCRYPTED", "perhaps", "must be true or false, not 'perhaps'"),
        ("TERA_LLM_URL", "example.org", "TERA_LLM_URL is no URL"),
        ("TERA_LLM_BACKEND", "abacus", "TERA_LLM_BACKEND must be empty or 'openai'"),
        ("TERA_LLM_CONTEXT_TOKENS", "-1", "must be at least 0"),
        ("TERA_ASK_WAIT_S", "0", "must be at least 1"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused(
    home: Path, variable: str, value: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(Paths(home), {variable: value})


def test_zero_threads_and_no_waiting_are_allowed(home: Path) -> None:
    config, _ = load_config(
        Paths(home), {"TERA_ASK_THREADS": "0", "TERA_STORE_LOCK_TIMEOUT_S": "0"}
    )
    assert (config.ask_threads, config.store_lock_timeout_s) == (0, 0.0)


def test_writing_a_setting_keeps_the_rest_of_the_file(paths: Paths) -> None:
    before = '# my settings\nembedder = "old"  # the small one\n\n[ask]\nk = 3   # few\n'
    paths.config_file.write_text(before)
    write_setting(paths, "embedder", "new")
    assert paths.config_file.read_text() == before.replace("old", "new")


def test_a_setting_can_be_written_to_no_file_and_into_no_table(paths: Paths) -> None:
    write_setting(paths, "llm.model", 'a "quoted" name\n')
    write_setting(paths, "store.url", "ws://here")
    config, _ = load_config(paths, {})
    assert (config.llm_model, config.store_url) == ('a "quoted" name\n', "ws://here")
    assert stat.S_IMODE(paths.config_file.stat().st_mode) == 0o600


def test_settings_are_written_and_taken_out_at_once(paths: Paths) -> None:
    before = '[llm]\nmodel = "small"  # mine\n'
    paths.config_file.write_text(before)
    url = "https://api.example.org/v1"
    write_settings(paths, {"llm.backend": "openai", "llm.url": url, "llm.unencrypted": True})
    config, origins = load_config(paths, {})
    assert (config.llm_backend, config.llm_url, config.llm_unencrypted) == ("openai", url, True)
    assert origins["llm_unencrypted"] == "config.toml"
    write_settings(paths, {"llm.backend": None, "llm.url": None, "llm.unencrypted": None})
    assert paths.config_file.read_text() == before
    write_settings(paths, {"llm.backend": None})


def test_an_endpoint_is_one_only_where_it_is_chosen(home: Path) -> None:
    url = {"TERA_LLM_URL": "https://api.example.org/v1"}
    assert load_config(Paths(home), url)[0].endpoint() is None
    chosen = load_config(Paths(home), {**url, "TERA_LLM_BACKEND": "openai"})[0].endpoint()
    assert chosen is not None
    assert chosen.name == "api.example.org"


def test_another_machine_is_asked_unencrypted_only_where_that_is_allowed(home: Path) -> None:
    environ = {"TERA_LLM_URL": "http://192.168.1.7/v1", "TERA_LLM_BACKEND": "openai"}
    with pytest.raises(ConfigError, match="TERA_LLM_URL is not encrypted") as caught:
        load_config(Paths(home), environ)
    assert "TERA_LLM_UNENCRYPTED" in caught.value.hint
    for allowed in ("true", "1", "True"):
        config, _ = load_config(Paths(home), {**environ, "TERA_LLM_UNENCRYPTED": allowed})
        assert config.llm_unencrypted is True
    for url in ("http://127.0.0.1/v1", "unix:///run/llm.sock", "https://192.168.1.7/v1"):
        load_config(Paths(home), {**environ, "TERA_LLM_URL": url})


def test_the_key_is_no_setting(home: Path) -> None:
    config, origins = load_config(Paths(home), {"TERA_LLM_KEY": "sesame"})
    assert "sesame" not in repr(config) + repr(origins)


def test_a_top_level_setting_is_written_above_the_tables(paths: Paths) -> None:
    paths.config_file.write_text("[ask]\nk = 3\n")
    write_setting(paths, "embedder", "mine")
    config, _ = load_config(paths, {})
    assert (config.embedder, config.ask_k) == ("mine", 3)


@pytest.mark.parametrize("content", [b"[ask", b"\xff", b"store = 3\n"])
def test_a_broken_file_is_not_written_over(paths: Paths, content: bytes) -> None:
    paths.config_file.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot write"):
        write_setting(paths, "store.url", "x")
    assert paths.config_file.read_bytes() == content


def test_every_setting_explains_itself() -> None:
    for setting in fields(Config):
        assert setting.metadata["help"].endswith((".", "`."))
    assert len({setting.metadata["key"] for setting in fields(Config)}) == len(fields(Config))
