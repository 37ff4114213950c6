"""The language model's Protocol over llama-cpp-python's own server; see `test_llms` for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from tera.datatypes import Turn
from tera.endpoint import parse_endpoint
from tera.errors import GenerationError, ModelLoadError
from tera.llms import LLM, connect_llm
from tera.model_loader import SilentListener
from tera.prompts import Prompt
from tests.conftest import TINY_SCRIPT
from tests.endpoints import LlamaServer

PROMPT = Prompt("Answer from the notes.", "Which port?", (Turn("Who?", "Ann."),))


@pytest.fixture
def llm(llama_server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[LLM]:
    monkeypatch.setenv("TERA_LLM_KEY", llama_server.key)
    llm = connect_llm(llama_server.model, parse_endpoint(llama_server.url), SilentListener())
    yield llm
    llm.close()


def test_an_answer_comes_piece_by_piece_and_stops_by_itself(llm: LLM) -> None:
    assert list(llm.generate(PROMPT, 100)) == list(TINY_SCRIPT)


def test_the_same_prompt_gives_the_same_answer_again(llm: LLM) -> None:
    answers = {"".join(llm.generate(PROMPT, 100)) for _ in range(3)}
    assert answers == {"".join(TINY_SCRIPT)}


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_more_tokens_are_written_than_asked_for(llm: LLM, most: int) -> None:
    assert list(llm.generate(PROMPT, most)) == list(TINY_SCRIPT[:most])


def test_an_answer_can_be_left_in_the_middle(llm: LLM) -> None:
    stream = llm.generate(PROMPT, 100)
    assert list(islice(stream, 2)) == ["Port", " 5433"]
    del stream
    assert "".join(llm.generate(PROMPT, 100)) == "".join(TINY_SCRIPT)


def test_an_answer_can_be_stopped(llm: LLM) -> None:
    pieces: list[str] = []
    for piece in llm.generate(PROMPT, 100, lambda: len(pieces) >= 2):
        pieces.append(piece)
    assert pieces == ["Port", " 5433"]
    assert list(llm.generate(PROMPT, 100, lambda: True)) == []


def test_a_prompt_longer_than_the_context_is_refused_and_it_goes_on_working(llm: LLM) -> None:
    with pytest.raises(GenerationError, match=r"the prompt has about \d+ tokens") as caught:
        list(llm.generate(Prompt("", "x" * 4 * llm.context_tokens), 100))
    assert caught.value.hint
    assert list(llm.generate(PROMPT, 1)) == ["Port"]


def test_a_prompt_too_long_for_the_server_alone_is_an_error(llm: LLM) -> None:
    # It reads 2048 tokens and does not say so, nor that these are too many.
    with pytest.raises(GenerationError, match="ended without a word") as caught:
        list(llm.generate(Prompt("", "x y z " * 2000), 100))
    assert "llm.context_tokens" in caught.value.hint


def test_tokens_are_counted_as_the_prompt_holds_them(llm: LLM) -> None:
    assert llm.count_tokens("") == 0
    assert llm.count_tokens("Which port?") < llm.count_tokens("Which port? " * 9)
    grown = llm.prompt_tokens(replace(PROMPT, user="")) + llm.count_tokens(PROMPT.user)
    assert llm.prompt_tokens(PROMPT) == grown


def test_a_wrong_key_is_refused(llama_server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, says in (("open", "does not accept the key"), ("", "wants a key")):
        monkeypatch.setenv("TERA_LLM_KEY", key)
        with pytest.raises(ModelLoadError, match=says):
            connect_llm("tiny", parse_endpoint(llama_server.url), SilentListener())


def test_a_wrong_path_is_told(llama_server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERA_LLM_KEY", llama_server.key)
    url = llama_server.url.removesuffix("/v1")
    llm = connect_llm("tiny", parse_endpoint(url), SilentListener())
    with pytest.raises(GenerationError, match="has no chat completions at") as caught:
        list(llm.generate(PROMPT, 10))
    assert "/v1" in caught.value.hint
