from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

STAGING = "The staging database listens on port 5433"
QUESTION = "Which port does the staging database use?"


@pytest.fixture
def no_llm_here(tiny_models: Path) -> Path:
    """Take the language model away from the test's home."""
    (tiny_models / "config.toml").write_text('embedder = "tiny-bert"\n')
    return tiny_models


@pytest.fixture
def broken_llm(tiny_models: Path) -> Path:
    """Let every call of the language model fail."""
    models = (tiny_models / "models.toml").read_text()
    (tiny_models / "broken").mkdir()
    (tiny_models / "broken" / "model.gguf").write_bytes(b"not a model")
    head, tail = models.split("[tiny-phi2]")
    path = next(line for line in tail.splitlines() if line.startswith("path"))
    tail = tail.replace(path, 'path = "broken"')
    (tiny_models / "models.toml").write_text(f"{head}[tiny-phi2]{tail}")
    return tiny_models


def test_what_is_remembered_is_found_and_answered_with_a_citation(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    told = tera("remember", STAGING)
    assert told.code == 0
    (memory_id,) = told.out.split()

    found = tera("search", "staging database port", "-k", "1")
    assert found.code == 0
    assert memory_id in found.out
    assert "port 5433" in found.out

    answered = tera("ask", QUESTION)
    assert answered.code == 0, answered.err
    assert "Port 5433 [1], says the note." in answered.out
    assert "[7]" not in answered.out
    assert f"[1]  {memory_id}" in answered.out


def test_json_holds_the_answer_and_nothing_else(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    memory_id = tera("remember", STAGING, "--tag", "work").out.strip()
    answered = tera("ask", "--json", *QUESTION.split())
    record = json.loads(answered.out)
    assert record["question"] == QUESTION
    assert record["kind"] == "generated"
    assert "5433" in record["answer"]
    (citation,) = record["citations"]
    assert citation["number"] == 1
    assert citation["id"] == memory_id
    assert citation["text"] == STAGING
    assert citation["tags"] == ["work"]


def test_no_llm_quotes_instead_of_writing(tera: Callable[..., Run], broken_llm: Path) -> None:
    memory_id = tera("remember", STAGING).out.strip()
    answered = tera("ask", "--no-llm", QUESTION)
    assert answered.code == 0
    assert f"“{STAGING}” [1]" in answered.out
    assert f"[1]  {memory_id}" in answered.out
    assert answered.err == ""


def test_without_a_model_answers_are_quotes_and_say_what_fetches_it(
    tera: Callable[..., Run], no_llm_here: Path
) -> None:
    tera("remember", STAGING)
    answered = tera("ask", QUESTION)
    assert answered.code == 0
    assert f"“{STAGING}” [1]" in answered.out
    (line,) = answered.err.splitlines()
    assert "tera models pull dolphin-2.6-phi-2" in line


def test_without_a_model_json_stays_json(tera: Callable[..., Run], no_llm_here: Path) -> None:
    tera("remember", STAGING)
    assert json.loads(tera("ask", "--json", QUESTION).out)["kind"] == "extractive"


def test_what_is_not_in_memory_is_unknown_and_no_model_is_called(
    tera: Callable[..., Run], broken_llm: Path
) -> None:
    memory_id = tera("remember", STAGING).out.strip()
    asked = tera("ask", "Who painted Guernica?")
    assert asked.code == 1
    assert asked.out == ""
    assert "I have nothing on that" in asked.err
    assert "the nearest memories:" in asked.err
    assert memory_id in asked.err
    assert tera("ask", QUESTION).code == 6, "the broken model must be noticed once it is called"


def test_unknown_in_json_lists_the_nearest(tera: Callable[..., Run], tiny_models: Path) -> None:
    memory_id = tera("remember", STAGING).out.strip()
    asked = tera("ask", "--json", "Who painted Guernica?")
    assert asked.code == 1
    record = json.loads(asked.out)
    assert record["kind"] == "unknown"
    assert record["answer"] == ""
    assert record["citations"] == []
    assert [near["id"] for near in record["nearest"]] == [memory_id]


def test_an_empty_memory_knows_nothing(tera: Callable[..., Run], tiny_models: Path) -> None:
    asked = tera("ask", QUESTION)
    assert asked.code == 1
    assert asked.out == ""
    assert asked.err == "I have nothing on that\n"


def test_a_pipe_is_context_for_this_question_only(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    asked = tera("ask", QUESTION, stdin=STAGING.encode())
    assert asked.code == 0, asked.err
    assert "[1]  piped text" in asked.out
    assert tera("list").code == 1


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_pipe_is_no_context(
    tera: Callable[..., Run], tiny_models: Path, data: bytes
) -> None:
    tera("remember", STAGING)
    asked = tera("ask", QUESTION, stdin=data)
    assert asked.code == 0
    assert "piped text" not in asked.out


def test_a_binary_pipe_is_refused(tera: Callable[..., Run], tiny_models: Path) -> None:
    asked = tera("ask", QUESTION, stdin=b"\0\1\2")
    assert asked.code == 5
    assert asked.out == ""


@pytest.mark.parametrize(
    "options",
    [
        ["--tag", "work"],
        ["--since", "2026-11-01"],
        ["--until", "2024"],
        ["--source", "wiki"],
    ],
)
def test_filters_choose_what_an_answer_may_rest_on(
    tera: Callable[..., Run], tiny_models: Path, options: list[str]
) -> None:
    tera("remember", STAGING, "--at", "2025-05-05", "--tag", "home", "--source", "mail")
    assert tera("ask", "--no-llm", QUESTION).code == 0
    asked = tera("ask", "--no-llm", QUESTION, *options)
    assert asked.code == 1
    assert "the nearest memories" not in asked.err


def test_k_limits_what_an_answer_rests_on(tera: Callable[..., Run], tiny_models: Path) -> None:
    for port in (5433, 5434, 5435):
        tera("remember", f"The staging database listens on port {port}")
    record = json.loads(tera("ask", "--json", "--no-llm", "--k", "2", QUESTION).out)
    assert len(record["citations"]) == 2


@pytest.mark.parametrize("question", ["", "  ", "\udcff"])
def test_a_question_that_is_no_text_is_refused(
    tera: Callable[..., Run], tiny_models: Path, question: str
) -> None:
    asked = tera("ask", question)
    assert asked.code == 5
    assert asked.err.startswith("error: the question")


def test_asking_nothing_is_wrong_usage(tera: Callable[..., Run]) -> None:
    assert tera("ask").code == 2
    assert tera("ask", "x", "--k", "0").code == 2
