from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from tera.errors import GenerationError, ModelLoadError
from tera.llms import llama_cpp as adapter
from tera.llms import loading
from tera.llms.decoding import BATCH_TOKENS, Decoder, StopFlag, StoppedError, write
from tera.llms.llama_cpp import LlamaCppLLM
from tera.llms.loading import load
from tera.llms.lookup import Costs
from tera.llms.threads import Threads
from tera.models import ModelSpec
from tera.prompts import Prompt
from tests.models.copying_phi2 import BEGIN, build_copying_phi2

SPEC = ModelSpec("copying", "llm", "llama-cpp", files={"model.gguf": ""}, context_tokens=1024)
NOTE = (
    "The staging database listens on port 5433 since the second week of March, and the old one was"
    " switched off because nobody used it. Anna wrote down that the backup runs every night at"
    " twenty past two, and that its log is kept for ninety days in the other building."
)
PROMPT = Prompt("Answer from notes.", f"Note:\n{BEGIN}{NOTE}\n\nQuestion: which port?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_copying_phi2(tmp_path_factory.mktemp("copying") / "model.gguf").parent


@pytest.fixture(scope="module")
def llm(folder: Path) -> Iterator[LlamaCppLLM]:
    llm = LlamaCppLLM(SPEC, folder, 1)
    yield llm
    llm.close()


def plain(llm: LlamaCppLLM, tokens: Sequence[int], most: int) -> list[int]:
    """Decode greedily with the least code that does it."""
    decoder = llm._decoder
    decoder.cut(0)
    decoder.read(tokens)
    written = [decoder.best(-1)]
    while len(written) < most:
        decoder.check(written[-1:])
        written.append(decoder.best(-1))
    return written


class CheapBatches(Costs):
    """Costs that make every draft worth its time, so that many are wrong."""

    def of(self, tokens: int) -> float:
        return 1.0 + tokens / 1000


def test_lookup_writes_what_plain_greedy_decoding_writes(llm: LlamaCppLLM) -> None:
    tokens, _ = llm._prompt(PROMPT)
    expected = plain(llm, tokens, 150)
    evaluations = 0

    def counted(count: int, seconds: float, is_prompt: bool) -> None:
        nonlocal evaluations
        evaluations += not is_prompt

    decoder = llm._decoder
    for costs, most in ((None, 149), (Costs(), 100), (CheapBatches(), 60)):
        decoder.cut(0)
        decoder.read(tokens)
        decoder._evaluated, before = counted, llm._note
        evaluations = 0
        written = list(write(decoder, tokens, 150, costs=costs, marks=frozenset()))
        decoder._evaluated = before
        assert written == expected
        assert evaluations <= most
        assert decoder.tokens[: len(tokens) + 149] == [*tokens, *expected[:-1]]


@pytest.mark.parametrize("seed", range(6))
def test_lookup_changes_nothing_where_its_drafts_are_wrong(llm: LlamaCppLLM, seed: int) -> None:
    # Runs of tokens that go on in several ways.
    tokens = [300 + (n * n * (seed + 3) + n // 7) % 11 for n in range(200)]
    expected = plain(llm, tokens, 80)
    llm._decoder.cut(0)
    llm._decoder.read(tokens)
    assert list(write(llm._decoder, tokens, 80, costs=CheapBatches(), marks=())) == expected


@pytest.mark.parametrize("most", [1, 2, 3, 17, 18, 33])
def test_no_more_tokens_are_written_than_asked_for(llm: LlamaCppLLM, most: int) -> None:
    tokens, _ = llm._prompt(PROMPT)
    llm._decoder.keep(tokens)
    llm._decoder.read(tokens[len(llm._decoder.tokens) :])
    costs = CheapBatches()
    assert len(list(write(llm._decoder, tokens, most, costs=costs, marks=()))) == most


def test_an_answer_ends_with_the_context_drafts_or_not(folder: Path) -> None:
    llm = LlamaCppLLM(replace(SPEC, context_tokens=256), folder, 1)
    tokens, _ = llm._prompt(PROMPT)
    decoder = llm._decoder
    for costs in (None, CheapBatches()):
        decoder.keep(tokens)
        decoder.read(tokens[len(decoder.tokens) :])
        written = list(write(decoder, tokens, 10_000, costs=costs, marks=()))
        # The last one is written, and not evaluated.
        assert len(tokens) + len(written) == decoder.size + 1
    llm.close()


def test_the_longest_common_beginning_is_kept_and_the_rest_dropped(llm: LlamaCppLLM) -> None:
    decoder = llm._decoder
    decoder.cut(0)
    decoder.read([5, 6, 7, 8, 9])
    assert decoder.keep([5, 6, 7, 1, 9]) == 3
    assert decoder.tokens == [5, 6, 7]
    # The logits of the last token are wanted.
    assert decoder.keep([5, 6, 7]) == 2
    assert decoder.keep([1, 2]) == 0


def test_what_is_kept_changes_no_answer(llm: LlamaCppLLM) -> None:
    answer = "".join(llm.generate(PROMPT, 40))
    list(llm.generate(replace(PROMPT, user=f"{PROMPT.user} Else?"), 40))
    list(llm.generate(replace(PROMPT, user="Note:"), 40))
    assert "".join(llm.generate(PROMPT, 40)) == answer
    assert answer.startswith("The staging database listens on port 5433")


def test_every_evaluation_is_told_with_its_size_and_kind(llm: LlamaCppLLM) -> None:
    told: list[tuple[int, bool]] = []
    decoder = llm._decoder
    decoder._evaluated = lambda count, seconds, is_prompt: told.append((count, is_prompt))
    decoder.cut(0)
    decoder.read(list(range(300, 301 + BATCH_TOKENS)))
    decoder.check([5, 6])
    decoder._evaluated = llm._note
    assert told == [(BATCH_TOKENS, True), (1, True), (2, False)]


def test_a_set_flag_ends_an_evaluation_and_leaves_the_cache_whole(llm: LlamaCppLLM) -> None:
    decoder, flag = llm._decoder, llm._flag
    tokens, _ = llm._prompt(PROMPT)
    expected = plain(llm, tokens, 20)
    decoder.cut(10)
    # Not asked before the evaluation, so that llama.cpp itself meets the flag.
    code = 0

    def decode(context: Any, batch: Any) -> Any:
        nonlocal code
        flag.set()
        code = real(context, batch)
        return code

    real, decoder._library = llama_cpp.llama_decode, _Library(decode)
    with pytest.raises(StoppedError):
        decoder.read(tokens[10:])
    decoder._library = llama_cpp
    assert code == 2
    assert decoder.tokens == tokens[:10]
    with pytest.raises(StoppedError):
        decoder.read(tokens[10:])
    flag.clear()
    decoder.read(tokens[10:])
    assert list(write(decoder, tokens, 20, costs=None, marks=())) == expected


class _Library:
    """llama_cpp with another llama_decode."""

    def __init__(self, decode: object) -> None:
        self.llama_decode = decode

    def __getattr__(self, name: str) -> object:
        return getattr(llama_cpp, name)


def test_an_answer_is_stopped_while_its_prompt_is_read(llm: LlamaCppLLM) -> None:
    asked = 0

    def on_the_second_time() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    endless = replace(PROMPT, user="All about everything, and what else there is. " * 40)
    text = "".join(llm.generate(endless, 1000, on_the_second_time))
    assert text.count(" ") < 900
    assert "".join(llm.generate(PROMPT, 6)).startswith("The staging")


def test_ctrl_c_ends_an_answer_and_the_next_one_is_right(llm: LlamaCppLLM) -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(llm.generate(PROMPT, 100, interrupt))
    assert "".join(llm.generate(PROMPT, 6)).startswith("The staging")


def test_a_failure_of_llama_cpp_is_told_in_one_line(
    llm: LlamaCppLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm._decoder.cut(0)
    monkeypatch.setattr(llm._decoder, "_library", _Library(lambda *_: -3))
    with pytest.raises(GenerationError, match=r"copying failed: .*code -3") as caught:
        list(llm.generate(PROMPT, 5))
    assert "--no-llm" in caught.value.hint
    monkeypatch.undo()
    assert "".join(llm.generate(PROMPT, 6)).startswith("The staging")


# Loading.


def test_loading_tells_its_progress(folder: Path) -> None:
    shares: list[float] = []
    LlamaCppLLM(SPEC, folder, 1, on_progress=shares.append).close()
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_gpu_that_fails_at_load_is_told_and_the_cpu_takes_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = loading._context_options

    def refused(context_tokens: int, threads: int, gpu_layers: int) -> Any:
        made = options(context_tokens, threads, gpu_layers)
        if gpu_layers:
            # Something that llama.cpp really refuses, where no GPU can fail.
            made.type_v = llama_cpp.GGML_TYPE_Q8_0
            made.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        return made

    monkeypatch.setattr(adapter, "has_gpu", lambda: True)
    monkeypatch.setattr(loading, "_context_options", refused)
    notes: list[str] = []
    llm = LlamaCppLLM(SPEC, folder, 1, on_note=notes.append)
    (note,) = notes
    assert note.startswith("copying runs without the GPU, which failed: ")
    assert "\n" not in note
    assert "".join(llm.generate(PROMPT, 6)).startswith("The staging")
    llm.close()


def test_a_gpu_that_fails_at_its_first_prompt_is_told_and_the_cpu_takes_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    llm = LlamaCppLLM(SPEC, folder, 1, on_note=notes.append)
    llm._loaded = replace(llm._loaded, gpu_layers=-1)
    monkeypatch.setattr(llm._decoder, "_library", _Library(lambda *_: -3))
    assert "".join(llm.generate(PROMPT, 6)).startswith("The staging")
    assert notes == [
        "copying runs without the GPU, which failed: "
        f"llama.cpp could not evaluate {min(BATCH_TOKENS, llm.prompt_tokens(PROMPT))} tokens"
        " (code -3)"
    ]
    assert llm._loaded.gpu_layers == 0
    llm.close()


def test_a_file_that_loads_nowhere_is_an_error_without_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "has_gpu", lambda: True)
    notes: list[str] = []
    (tmp_path / "model.gguf").write_bytes(b"no model")
    with pytest.raises(ModelLoadError):
        LlamaCppLLM(SPEC, tmp_path, 1, on_note=notes.append)
    assert notes == []


def test_a_decoder_can_be_used_alone(folder: Path) -> None:
    loaded = load(folder / "model.gguf", 256, 1, 0, lambda _: None)
    flag = StopFlag()
    decoder = Decoder(loaded.context, 2048, flag, Threads(1), lambda *_: None)
    decoder.read([300, 301, 302])
    assert len(list(islice(write(decoder, [300, 301, 302], 5, costs=None, marks=()), 5))) == 5
    decoder.close()
    loaded.free()


def test_ctrl_c_while_a_model_loads_ends_that(folder: Path) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(folder / "model.gguf", 256, 1, 0, interrupt)


class _OnlyDropsAll(_Library):
    """llama_cpp with a network that cannot take back a part, and fails after one evaluation."""

    def __init__(self) -> None:
        super().__init__(self._decode)
        self._evaluations = 0

    def _decode(self, context: Any, batch: Any) -> int:
        self._evaluations += 1
        return -3 if self._evaluations > 1 else int(llama_cpp.llama_decode(context, batch))

    def llama_memory_seq_rm(self, memory: Any, sequence: int, begin: int, end: int) -> bool:
        return begin <= 0 and bool(llama_cpp.llama_memory_seq_rm(memory, sequence, begin, end))


def test_a_network_that_can_only_drop_all_begins_anew_after_a_failure(
    llm: LlamaCppLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "".join(llm.generate(PROMPT, 6))
    with monkeypatch.context() as patch:
        patch.setattr(llm._decoder, "_library", _OnlyDropsAll())
        with pytest.raises(GenerationError):
            list(llm.generate(replace(PROMPT, user=f"{PROMPT.user} And since when?"), 6))
        assert llm._decoder.tokens == []
    assert "".join(llm.generate(PROMPT, 6)) == expected
