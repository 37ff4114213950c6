from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.endpoints import LlamaServer, Scripted, endless

QUESTION = "Which port does the staging database use?"


@pytest.fixture
def remembered(tera: Callable[..., Run], tiny_models: Path) -> None:
    assert tera("remember", "The staging database listens on port 5433").code == 0


def test_an_endpoint_on_another_machine_is_used_once_the_person_agrees(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    before = (tiny_models / "config.toml").read_text()
    use = ("models", "use", "gpt-x", "--url", "https://api.example.org/v1")
    refused = tera(*use)
    assert refused.code == 2
    assert "Nobody is there to ask: add --yes" in refused.err
    assert (tiny_models / "config.toml").read_text() == before

    used = tera(*use, "--yes")
    assert (used.code, used.out) == (0, "")
    for said in (
        "With every question this goes to api.example.org: the question, the passages that fit it"
        " with their dates and titles, and the conversation so far.",
        "This stays here: all other memories, the store and its vectors.",
        "tera ask --local",
        "answers are now written by gpt-x at api.example.org",
        "there is no key for api.example.org yet",
        "TERA_LLM_KEY",
        "keyring set tera api.example.org",
    ):
        assert said in used.err
    assert "not encrypted" not in used.err
    settings = (tiny_models / "config.toml").read_text()
    assert 'local_model = "tiny-phi2"' in settings

    # Nothing connects, and everything says so.
    assert "llm:       gpt-x at api.example.org (question and passages go there)\n" in (
        tera("status").out
    )
    record = json.loads(tera("status", "--json").out)
    assert (record["llm"], record["llm_endpoint"]) == ("gpt-x", "api.example.org")
    assert record["llm_on_this_machine"] is False
    listed = [line for line in tera("models", "list").out.splitlines() if line[0] == "*"]
    assert any("gpt-x" in line and "question and passages go there" in line for line in listed)
    assert not any("phi" in line for line in listed)

    again = tera("models", "use", "tiny-phi2")
    assert again.err.splitlines() == [
        "answers are now written by tiny-phi2",
        "nothing is sent to api.example.org any more",
    ]
    assert (tiny_models / "config.toml").read_text() == before


def test_what_goes_unencrypted_is_said_to_be_read_by_others(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    used = tera("models", "use", "gpt-x", "--url", "http://192.168.1.7:8080/v1", "--yes")
    assert used.code == 0
    assert "http:// is not encrypted: whoever is in that network can read all of it" in used.err
    assert "unencrypted = true" in (tiny_models / "config.toml").read_text()
    assert tera("status").code == 0
    assert tera("models", "use", "gpt-x", "--url", "https://api.example.org/v1", "--yes").code == 0
    assert "unencrypted" not in (tiny_models / "config.toml").read_text()


def test_an_endpoint_on_this_machine_needs_no_question(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    used = tera("models", "use", "qwen", "--url", "http://127.0.0.1:8080/v1")
    assert used.code == 0
    assert "that is on this machine: nothing leaves it" in used.err
    assert "qwen at 127.0.0.1:8080 (nothing leaves the machine)" in tera("status").out


@pytest.mark.parametrize("url", ["api.example.org", "https://me:sesame@api.example.org/v1"])
def test_a_url_that_is_none_is_refused(tera: Callable[..., Run], url: str) -> None:
    used = tera("models", "use", "gpt-x", "--url", url, "--yes")
    assert (used.code, used.out) == (4, "")
    assert used.err.startswith("error: --url ")
    assert "sesame" not in used.err


def test_a_variable_that_still_decides_is_named(
    tera: Callable[..., Run], tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_LLM_BACKEND", "openai")
    monkeypatch.setenv("TERA_LLM_URL", "https://api.example.org/v1")
    used = tera("models", "use", "tiny-phi2")
    assert "TERA_LLM_BACKEND, TERA_LLM_URL still decides" in used.err


def test_the_models_in_use_are_fetched_without_the_endpoints(
    tera: Callable[..., Run], tiny_models: Path, bert_folder: Path
) -> None:
    tera("models", "use", "gpt-x", "--url", "https://api.example.org/v1", "--yes")
    assert tera("models", "pull") == Run(0, f"{bert_folder}\n", "")


def test_a_question_is_answered_by_a_real_server(
    tera: Callable[..., Run],
    remembered: None,
    llama_server: LlamaServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tera("models", "use", llama_server.model, "--url", llama_server.url).code == 0
    refused = tera("ask", QUESTION)
    assert refused.code == 6
    assert "wants a key" in refused.err
    assert "hint: export TERA_LLM_KEY=..." in refused.err
    note = next(line for line in tera("doctor").out.splitlines() if " llm " in line)
    assert note.startswith("note")
    assert "wants a key" in note

    monkeypatch.setenv("TERA_LLM_KEY", llama_server.key)
    asked = tera("ask", QUESTION)
    assert asked.code == 0
    assert "\n\nPort 5433 [1], says the note.\n" in asked.out
    assert llama_server.key not in asked.out + asked.err
    well = next(line for line in tera("doctor").out.splitlines() if " llm " in line)
    assert well.startswith("ok")
    assert "nothing leaves the machine" in well
    shown = tera("config", "show")
    assert llama_server.url in shown.out
    assert llama_server.key not in shown.out


def test_the_doctor_names_the_models_of_an_endpoint_that_lacks_the_chosen_one(
    tera: Callable[..., Run],
    remembered: None,
    llama_server: LlamaServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERA_LLM_KEY", llama_server.key)
    tera("models", "use", "other", "--url", llama_server.url)
    found = tera("doctor").out
    assert "does not list other" in found
    assert "has tiny" in found


def test_every_process_without_the_agent_says_where_a_question_goes(
    tera: Callable[..., Run],
    remembered: None,
    endpoint: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{endpoint.port}")
    tera("models", "use", "gpt-x", "--url", "http://llm.example.org/v1", "--yes")
    for _ in range(2):
        asked = tera("ask", QUESTION)
        assert "\n\nPort 5433 [1].\n" in asked.out
        assert "gpt-x at llm.example.org answers: question and passages go there" in asked.err
    assert "llm.example.org" not in tera("ask", "--no-llm", QUESTION).err
    assert len(endpoint.asked) == 2


def test_ctrl_c_leaves_an_endpoint_at_once(
    tera: Callable[..., Run], remembered: None, endpoint: Scripted
) -> None:
    endpoint.replies[:] = [endless("Port")]
    tera("models", "use", "gpt-x", "--url", endpoint.url)
    process = subprocess.Popen(
        [sys.executable, "-m", "tera", "ask", QUESTION],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    # The best sentence comes before anything is asked of the endpoint.
    assert endpoint.was_asked.wait(60)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert endpoint.was_left.wait(20)
