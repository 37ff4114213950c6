from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tera.paths import Paths
from tests.agent.conftest import pid_of
from tests.conftest import Run
from tests.endpoints import Scripted
from tests.sockets import COMMANDS, LOCAL_QUESTION, ONLY_ENDPOINT, ONLY_UNIX

QUESTION = "Which port does the staging database use?"
ANNOUNCED = "question and passages go there"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def elsewhere(endpoint: Scripted, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Let an endpoint on another machine write the answers, which a proxy stands for."""
    settings = {
        "TERA_LLM_BACKEND": "openai",
        "TERA_LLM_URL": "http://llm.example.org/v1",
        "TERA_LLM_MODEL": "gpt-x",
        "TERA_LLM_LOCAL_MODEL": "tiny-phi2",
        "TERA_LLM_UNENCRYPTED": "true",
        "TERA_LLM_KEY": "sesame-1",
        "http_proxy": f"http://127.0.0.1:{endpoint.port}",
        # As in the processes whose sockets are watched: it is one of an agent's settings.
        "HF_HUB_OFFLINE": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return endpoint


def test_neither_command_nor_agent_opens_any_socket_but_the_agents(
    paths: Paths, other_agent: Callable[[str], None]
) -> None:
    other_agent(ONLY_UNIX)
    pid = pid_of(paths)
    done = run(ONLY_UNIX + COMMANDS)
    assert done.returncode == 0, done.stderr
    assert "Port 5433 [1]" in done.stdout
    assert pid_of(paths) == pid
    # Libraries that are not written in Python are not seen by an audit hook.
    unix = set(Path(f"/proc/{pid}/net/unix").read_text().split())
    for file in Path(f"/proc/{pid}/fd").iterdir():
        if match := re.fullmatch(r"socket:\[(\d+)\]", str(file.readlink())):
            assert match[1] in unix


def test_a_local_question_opens_no_socket_though_an_endpoint_is_chosen(
    paths: Paths, elsewhere: Scripted, other_agent: Callable[[str], None], tera: Callable[..., Run]
) -> None:
    other_agent(ONLY_UNIX)
    pid = pid_of(paths)
    tera("remember", "The staging database listens on port 5433")
    done = run(ONLY_UNIX + LOCAL_QUESTION)
    assert (done.returncode, done.stdout) == (0, "Port 5433 [1], says the note.\n"), done.stderr
    assert ANNOUNCED not in done.stderr
    assert pid_of(paths) == pid
    assert elsewhere.sent == []


def test_nothing_but_the_endpoint_is_reached_and_it_gets_what_was_announced(
    paths: Paths, elsewhere: Scripted, other_agent: Callable[[str], None], tera: Callable[..., Run]
) -> None:
    other_agent(ONLY_ENDPOINT.format(port=elsewhere.port))
    tera("remember", "Grandmother's birthday is in May")
    done = run(ONLY_UNIX + COMMANDS)
    assert done.returncode == 0, done.stderr
    assert "Port 5433 [1]." in done.stdout
    assert f"gpt-x at llm.example.org answers: {ANNOUNCED}" in done.stderr
    assert [sent.path for sent in elsewhere.sent] == [
        "http://llm.example.org/v1/models",
        "http://llm.example.org/v1/chat/completions",
    ]
    (asked,) = elsewhere.asked
    assert set(asked) == {"model", "messages", "max_tokens", "stream", "temperature"}
    sent = json.dumps(asked)
    assert QUESTION in sent
    assert "The staging database listens on port 5433" in sent
    assert "correct-horse-7" not in sent
    # It is said once in an agent's life.
    again = tera("ask", QUESTION)
    assert "\n\nPort 5433 [1].\n" in again.out
    assert ANNOUNCED not in again.err


def test_a_key_that_changes_reaches_the_agent_and_is_written_nowhere(
    paths: Paths, elsewhere: Scripted, tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "The staging database listens on port 5433")
    tera("ask", QUESTION)
    pid = pid_of(paths)
    tera("ask", QUESTION)
    assert pid_of(paths) == pid
    monkeypatch.setenv("TERA_LLM_KEY", "sesame-2")
    asked = tera("ask", QUESTION)
    assert pid_of(paths) != pid
    keys = [sent.headers["authorization"] for sent in elsewhere.sent if sent.body]
    assert keys == ["Bearer sesame-1", "Bearer sesame-1", "Bearer sesame-2"]
    assert "sesame" not in asked.out + asked.err
    for file in paths.home.rglob("*"):
        if file.is_file():
            assert b"sesame" not in file.read_bytes(), file


def test_a_key_that_nobody_uses_makes_no_new_agent(
    paths: Paths, tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "The staging database listens on port 5433")
    pid = pid_of(paths)
    monkeypatch.setenv("TERA_LLM_KEY", "sesame-1")
    tera("status")
    assert pid_of(paths) == pid
