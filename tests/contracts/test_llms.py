from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tera.errors import ConfigError, GenerationError, ModelLoadError
from tera.llms import LLM, load_llm
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
    endless = load_tiny(*(f" {number}" for number in range(1000, 1300)), stops=False)
    words = "".join(endless.generate(PROMPT, 10_000)).split()
    assert len(words) == endless.context_tokens - endless.prompt_tokens(PROMPT)


def test_a_model_that_repeats_itself_is_ended_and_the_repeated_part_not_shown(
    load_tiny: LoadLLM,
) -> None:
    script = [f" {number}" for number in range(40)]
    text = "".join(load_tiny(*script, stops=False).generate(PROMPT, 10_000))
    assert text.startswith("".join(script).strip())
    assert text.removeprefix("".join(script).strip()) in ("", " 0", " 0 1")


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
    assert "".join(llm.generate(Prompt("", fits), 100)).startswith("Port")
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
def test_the_context_is_what_the_catalogue_says(load_tiny: LoadLLM, context_tokens: int) -> None:
    assert load_tiny("a", context_tokens=context_tokens).context_tokens == context_tokens


def test_how_many_tokens_it_reads_in_a_time_is_guessed_and_then_measured(
    load_tiny: LoadLLM,
) -> None:
    llm = load_tiny("a")
    assert llm.tokens_within(2) == 20
    list(llm.generate(replace(PROMPT, user="Which port? " * 9), 1))
    # This model is faster than any real one on the slowest machine.
    assert llm.tokens_within(2) > 20
    assert llm.tokens_within(0) == 0


def test_an_answer_is_stopped_before_and_within_it(llm: LLM) -> None:
    assert list(llm.generate(PROMPT, 100, lambda: True)) == []
    seen: list[str] = []
    for piece in llm.generate(PROMPT, 100, lambda: len(seen) == 2):
        seen.append(piece)
    assert seen == ["Port", " 5433"]
    assert "".join(llm.generate(PROMPT, 100)) == "Port 5433 is it."


def test_a_prompt_that_begins_as_the_last_one_is_answered_alike(load_tiny: LoadLLM) -> None:
    llm = load_tiny("Port", " 5433", ".")
    for user in (
        "Which port?",
        "Which port is it?",
        "Which port?",
        "Which",
        "Which port is it now?",
    ):
        assert "".join(llm.generate(replace(PROMPT, user=user), 100)) == "Port 5433."


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
