from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run


def test_every_setting_is_shown_with_where_it_comes_from(
    tera: Callable[..., Run], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "config.toml").write_text('[llm]\nmodel = "tiny"\n[ask]\nk = 7\nmax_tokens = 50\n')
    monkeypatch.setenv("TERA_ASK_K", "9")
    records = json.loads(tera("config", "show", "--json").out)
    assert records["llm.model"] == {"value": "tiny", "from": "config.toml"}
    assert records["ask.max_tokens"] == {"value": 50, "from": "config.toml"}
    assert records["ask.k"] == {"value": 9, "from": "TERA_ASK_K"}
    assert records["search.k"]["from"] == "default"
    shown = tera("config", "show")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()] == list(records)


def test_a_password_is_not_shown(tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERA_STORE_PASSWORD", "hunter2")
    monkeypatch.setenv("TERA_LLM_KEY", "hunter2")
    for options in ([], ["--json"]):
        shown = tera("config", "show", *options)
        assert "TERA_STORE_PASSWORD" in shown.out
        assert "hunter2" not in shown.out + shown.err


def test_the_path_is_shown_also_when_there_is_no_file(tera: Callable[..., Run], home: Path) -> None:
    assert tera("config", "path") == Run(0, f"{home / 'config.toml'}\n", "")
    assert not home.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("llm = ", "config.toml"),
        ('lllm = "x"', "lllm"),
        ("llm = 5", "llm"),
        ("[ask]\nk = 0", "ask.k"),
        ('[ask]\nk = "many"', "ask.k"),
    ],
)
def test_a_broken_settings_file_is_one_line_and_a_hint(
    tera: Callable[..., Run], home: Path, text: str, says: str
) -> None:
    home.mkdir()
    (home / "config.toml").write_text(text)
    for command in (["list"], ["config", "show"]):
        result = tera(*command)
        assert (result.code, result.out) == (4, "")
        error, hint = result.err.splitlines()
        assert says in error
        assert hint.startswith("hint: ")
    assert tera("config", "path").code == 0
    assert tera("--help").code == 0


def test_a_variable_with_a_bad_value_is_named(
    tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_ASK_K", "many")
    listed = tera("list")
    assert listed.code == 4
    assert "TERA_ASK_K must be a whole number, not 'many'" in listed.err
