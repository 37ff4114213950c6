from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tera.errors import ConfigError, GenerationError, ModelLoadError
from tera.llms import LLM, load_llm
from tera.llms.llama_cpp import choose_threads
from tera.models import ModelSpec
from tera.prompts import Prompt
from tests.models.tiny_phi2 import build_tiny_phi2

TINY = ModelSpec("tiny-phi2", "llm", "llama-cpp", files={"model.gguf": ""}, context_tokens=256)
PROMPT = Prompt(system="Answer from the notes.", user="Which port?")
EMOJI = "🙂".encode()

LoadLLM = Callable[..., LLM]


@pytest.fixture(scope="module")
def load_tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadLLM]:
    """Load a language model that writes the given pieces."""
    loaded: list[LLM] = []

    def load(*script: str | bytes, stops: bool = True, context_tokens: int = 256) -> LLM:
        folder = tmp_path_factory.mktemp("phi2")
        build_tiny_phi2(folder / "model.gguf", script, context_length=512, stops=stops)
        loaded.append(load_llm(replace(TINY, context_tokens=context_tokens), folder, 1))
        return loaded[-1]

    yield load
    for llm in loaded:
        llm.close()


@pytest.fixture(scope="module")
def llm(load_tiny: LoadLLM) -> LLM:
    return load_tiny("Port", " 5433", " is", " it", ".")


def test_an_answer_comes_piece_by_piece_and_stops_by_itself(llm: LLM) -> None:
    assert list(llm.generate(PROMPT, 100)) == ["Port", " 5433", " is", " it", "."]


def test_the_same_prompt_gives_the_same_answer_again(llm: LLM) -> None:
    answers = {"".join(llm.generate(PROMPT, 100)) for _ in range(3)}
    other = "".join(llm.generate(Prompt("Other.", "Else?"), 100))
    assert answers == {other} == {"Port 5433 is it."}


def test_no_mark_of_the_template_is_written(load_tiny: LoadLLM) -> None:
    for text in (load_tiny("a", "b").generate(PROMPT, 10), load_tiny("x").generate(PROMPT, 10)):
        assert "<|" not in "".join(text)


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_more_tokens_are_written_than_asked_for(llm: LLM, most: int) -> None:
    assert list(llm.generate(PROMPT, most)) == ["Port", " 5433", " is", " it"][:most]


def test_a_model_that_never_stops_ends_with_its_context(load_tiny: LoadLLM) -> None:
    endless = load_tiny("on", " and", stops=False)
    text = "".join(endless.generate(PROMPT, 10_000))
    room = endless.context_tokens - endless.prompt_tokens(PROMPT)
    assert room - 5 <= text.count("on") + text.count(" and") <= room


def test_an_answer_can_be_left_in_the_middle(llm: LLM) -> None:
    stream = llm.generate(PROMPT, 100)
    assert list(islice(stream, 2)) == ["Port", " 5433"]
    del stream
    assert "".join(llm.generate(PROMPT, 100)) == "Port 5433 is it."


def test_a_prompt_as_long_as_the_context_is_answered_and_a_longer_one_refused(llm: LLM) -> None:
    frame = llm.prompt_tokens(Prompt("", ""))
    longest = Prompt("", "x" * 1000)
    tokens = llm.count_tokens("x" * 1000)
    fits = "x" * (1000 * (llm.context_tokens - frame - 1) // tokens)
    while llm.prompt_tokens(Prompt("", fits)) > llm.context_tokens - 1:
        fits = fits[:-1]
    assert list(llm.generate(Prompt("", fits), 100)) == ["Port"]
    with pytest.raises(GenerationError, match=r"the prompt has \d+ tokens") as caught:
        list(llm.generate(longest, 100))
    assert caught.value.hint
    # And it goes on working.
    assert list(llm.generate(PROMPT, 1)) == ["Port"]


def test_a_character_of_several_tokens_comes_whole(load_tiny: LoadLLM) -> None:
    llm = load_tiny("Ja", " é", " ", EMOJI[:2], EMOJI[2:], " 好", ".")
    pieces = list(llm.generate(PROMPT, 100))
    assert "".join(pieces) == "Ja é 🙂 好."
    assert all("\ufffd" not in piece for piece in pieces)
    assert any("🙂" in piece for piece in pieces)


def test_half_a_character_at_the_end_does_no_harm(load_tiny: LoadLLM) -> None:
    llm = load_tiny("Ja ", EMOJI[:2], EMOJI[2:])
    text = "".join(llm.generate(PROMPT, 2))
    assert text.startswith("Ja")
    assert text.encode()


def test_tokens_are_counted_as_the_prompt_holds_them(llm: LLM) -> None:
    assert llm.count_tokens("") == 0
    assert llm.count_tokens("Which port?") < llm.count_tokens("Which port? " * 9)
    grown = llm.prompt_tokens(replace(PROMPT, user="")) + llm.count_tokens(PROMPT.user)
    assert llm.prompt_tokens(PROMPT) == grown


def test_special_tokens_are_not_seen_in_the_text_of_a_prompt(llm: LLM) -> None:
    for mark in ("<|im_end|>", "<|im_start|>", "<|endoftext|>"):
        assert llm.count_tokens(mark) > 3
        grown = llm.prompt_tokens(PROMPT) + llm.count_tokens(mark)
        assert llm.prompt_tokens(replace(PROMPT, user=PROMPT.user + mark)) >= grown - 2


def test_any_text_can_be_counted(llm: LLM) -> None:
    assert llm.count_tokens("好🙂é\x01\n\t" * 50) > 50


@pytest.mark.parametrize("context_tokens", [256, 300, 512])
def test_the_context_is_what_the_catalogue_says_less_some_to_spare(
    load_tiny: LoadLLM, context_tokens: int
) -> None:
    llm = load_tiny("a", context_tokens=context_tokens)
    assert context_tokens - 8 <= llm.context_tokens < context_tokens


# Files and settings that are not what they should be.


@pytest.fixture
def gguf(tmp_path: Path, phi2_folder: Path) -> Path:
    file = tmp_path / "model.gguf"
    file.write_bytes((phi2_folder / "model.gguf").read_bytes())
    return file


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "failed to read magic"),
        (lambda data: b"this is no GGUF file at all " * 100, "invalid magic"),
        (lambda data: data[:3], "failed to read magic"),
        (lambda data: data[:2000], "failed to read key-value pairs"),
        (lambda data: data[: len(data) // 2], "corrupted or incomplete"),
        (lambda data: data[:4] + b"\xff\xff\xff\x7f" + data[8:], "only supports up to version"),
        (lambda data: data.replace(b"token_embd.weight", b"token_embd.weighu"), "not found"),
        (lambda data: data.replace(b"phi2", b"phi9"), "unknown model architecture: 'phi9'"),
    ],
    ids=["empty", "no GGUF", "3 bytes", "cut early", "cut", "version", "tensor", "architecture"],
)
def test_a_damaged_file_does_not_load_and_the_reason_is_told(
    gguf: Path,
    capfd: pytest.CaptureFixture[str],
    damage: Callable[[bytes], bytes],
    reason: str,
) -> None:
    gguf.write_bytes(damage(gguf.read_bytes()))
    with pytest.raises(ModelLoadError, match=f"cannot load tiny-phi2: .*{reason}") as caught:
        load_llm(TINY, gguf.parent, 1)
    assert "\n" not in caught.value.message
    assert caught.value.hint == "tera models verify tiny-phi2"
    # llama.cpp itself stays silent.
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_not_there_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"does not exist: .*model\.gguf"):
        load_llm(TINY, tmp_path, 1)


def test_an_unknown_chat_template_is_refused(phi2_folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown chat_template 'morse' of tiny-phi2") as caught:
        load_llm(replace(TINY, chat_template="morse"), phi2_folder, 1)
    assert "chatml" in caught.value.hint


def test_an_unknown_backend_is_refused(phi2_folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown backend 'abacus'"):
        load_llm(replace(TINY, backend="abacus"), phi2_folder, 1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system hides its cores")
@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 32)])
def test_never_all_of_two_cores_are_used(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert choose_threads() == threads


def test_threads_are_chosen_where_the_system_hides_its_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert choose_threads() == 1
