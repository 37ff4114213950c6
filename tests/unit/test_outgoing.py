"""What leaves for an endpoint, from `Engine.ask` on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tera.datatypes import Draft, Inquiry, Turn
from tera.endpoint import parse_endpoint
from tera.engine import Engine
from tera.errors import ModelNotFoundError
from tera.model_loader import ModelLoader
from tera.outgoing import without_secrets
from tera.prompts import Prompt
from tests.endpoints import Scripted

HOST = "llm.example.org"
REMEMBERED = (
    "The staging database listens on port 5433",
    "The wifi password is correct-horse-7 and the staging router is old",
    "Grandmother's birthday is in May",
)
QUESTION = "Which port does the staging database use?"


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append(text)

    def progress(self, task: str, done: int, total: int) -> None:
        pass


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def open_engine(
    engine: Engine, endpoint: Scripted, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Engine]:
    """Open an engine that asks an endpoint on another machine, which a proxy stands for."""
    list(engine.remember([Draft(text, title=f"note {n}") for n, text in enumerate(REMEMBERED)]))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{endpoint.port}")

    def opened(**settings: Any) -> Engine:
        wanted = {
            "llm_model": "gpt-x",
            "llm_backend": "openai",
            "llm_url": f"http://{HOST}/v1",
            "llm_unencrypted": True,
            "llm_local_model": "tiny-phi2",
            **settings,
        }
        config = replace(engine.config, **wanted)
        return Engine(config, engine.paths, heard, stays_open=True)

    return opened


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing open a socket that could leave this process."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"a socket was opened: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_an_endpoint_writes_the_answer_and_the_person_hears_where(
    open_engine: Callable[..., Engine], endpoint: Scripted, heard: Heard
) -> None:
    engine = open_engine()
    answer = engine.ask(Inquiry(QUESTION))
    assert (answer.kind, answer.text) == ("generated", "Port 5433 [1].")
    assert heard.notes[0] == f"gpt-x at {HOST} answers: question and passages go there"
    engine.ask(Inquiry(QUESTION))
    assert sum(HOST in note and "answers" in note for note in heard.notes) == 1
    engine.close()


def test_only_what_was_announced_is_sent(
    open_engine: Callable[..., Engine], endpoint: Scripted
) -> None:
    engine = open_engine(ask_k=1)
    answer = engine.ask(Inquiry(QUESTION, count=1, history=(Turn("Who runs it?", "Ann [1]."),)))
    assert all(sent.path.startswith(f"http://{HOST}/v1/") for sent in endpoint.sent)
    assert [sent.method for sent in endpoint.sent] == ["GET", "POST"]
    sent = json.dumps(endpoint.asked, ensure_ascii=False)
    (citation,) = answer.citations
    assert citation.result.text == REMEMBERED[0]
    for announced in (QUESTION, REMEMBERED[0], "note 0"):
        assert announced in sent
    for stays in (*REMEMBERED[1:], "note 1", citation.result.memory.id, str(engine.paths.home)):
        assert stays not in sent
    engine.close()


def test_secrets_are_blacked_out_in_what_is_sent_and_counted(
    open_engine: Callable[..., Engine], endpoint: Scripted, heard: Heard
) -> None:
    engine = open_engine()
    engine.ask(Inquiry("What is the wifi password of the staging router?"))
    sent = json.dumps(endpoint.asked)
    assert "correct-horse-7" not in sent
    assert "The wifi password is [redacted password]" in sent
    assert heard.notes[1:] == [f"1 secret is blacked out in what goes to {HOST}"]
    engine.close()


def test_secrets_of_the_conversation_are_blacked_out_too(heard: Heard) -> None:
    turn = Turn("Is my mail password hunter2-Xy9?", "Your mail password is Tr0ub4dor-3 [1].")
    prompt = Prompt("Be short.", "Port 5433. Question: which port?", (turn,))
    cleaned = without_secrets(prompt, parse_endpoint("https://api.example.org/v1"), heard)
    assert "Tr0ub4dor-3" not in cleaned.turns[0].answer
    assert (cleaned.system, cleaned.user) == (prompt.system, prompt.user)
    assert "blacked out in what goes to api.example.org" in heard.notes[0]
    assert (
        without_secrets(replace(prompt, turns=()), parse_endpoint("https://a/v1"), heard).turns
        == ()
    )
    assert len(heard.notes) == 1


def test_an_endpoint_on_this_machine_gets_all_and_nothing_is_announced(
    open_engine: Callable[..., Engine], endpoint: Scripted, heard: Heard
) -> None:
    engine = open_engine(llm_url=endpoint.url)
    engine.ask(Inquiry("What is the wifi password of the staging router?"))
    assert "correct-horse-7" in json.dumps(endpoint.asked)
    assert heard.notes == []
    engine.close()


@pytest.mark.parametrize("is_here", [True, False])
def test_a_local_question_connects_nowhere(
    open_engine: Callable[..., Engine],
    endpoint: Scripted,
    heard: Heard,
    no_connection: None,
    is_here: bool,
) -> None:
    engine = open_engine(llm_local_model="tiny-phi2" if is_here else "gone")
    answer = engine.ask(Inquiry(QUESTION, is_local=True))
    assert answer.kind == ("generated" if is_here else "extractive")
    assert "5433" in answer.text
    assert endpoint.sent == []
    assert heard.notes == [] or not is_here
    engine.close()


def test_a_local_question_and_another_one_use_their_own_models(
    open_engine: Callable[..., Engine], endpoint: Scripted
) -> None:
    engine = open_engine()
    assert engine.ask(Inquiry(QUESTION)).text == "Port 5433 [1]."
    assert engine.ask(Inquiry(QUESTION, is_local=True)).text == "Port 5433 [1], says the note."
    assert engine.ask(Inquiry(QUESTION)).text == "Port 5433 [1]."
    assert len(endpoint.asked) == 2
    engine.close()


def test_quotes_alone_ask_no_endpoint(
    open_engine: Callable[..., Engine], no_connection: None
) -> None:
    engine = open_engine()
    assert engine.ask(Inquiry(QUESTION, use_llm=False)).kind == "extractive"
    engine.close()


def test_a_local_question_does_not_look_for_an_embedder_at_the_hub(
    engine: Engine, no_connection: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(ModelLoader, "choose_embedder", lambda *_: "bge-small-en-v1.5")
    list(engine.remember([Draft(REMEMBERED[0])]))
    with pytest.raises(ModelNotFoundError, match="the Hugging Face hub cannot be reached"):
        engine.ask(Inquiry(QUESTION, is_local=True))
