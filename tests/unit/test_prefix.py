from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tera.llms.decoding import Decoder
from tera.llms.llama_cpp import LlamaCppLLM
from tera.llms.prefix import KEPT_FILES, PrefixFiles, model_identity
from tera.models import ModelSpec
from tera.prompts import Prompt
from tests.models.copying_phi2 import BEGIN, build_copying_phi2

SPEC = ModelSpec("copying", "llm", "llama-cpp", files={"model.gguf": ""}, context_tokens=512)
SYSTEM = "You answer from notes, and from nothing else. Be short. " * 3
TOLD = "The staging database listens on port 5433 since Monday."
PROMPT = Prompt(SYSTEM, f"Note:\n{BEGIN}{TOLD}\nQuestion: which port?")


@pytest.fixture
def files(tmp_path: Path) -> PrefixFiles:
    return PrefixFiles(tmp_path / "prefix", "a model")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_copying_phi2(tmp_path_factory.mktemp("copying") / "model.gguf").parent


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_a_state_is_found_by_the_model_and_all_of_its_tokens(
    files: PrefixFiles, tmp_path: Path
) -> None:
    files.save([1, 2, 3], b"state")
    assert files.load([1, 2, 3]) == b"state"
    assert files.load([1, 2]) is None
    assert files.load([12, 3]) is None
    assert PrefixFiles(tmp_path / "prefix", "another").load([1, 2, 3]) is None


def test_a_state_is_for_this_user_alone(files: PrefixFiles, tmp_path: Path) -> None:
    files.save([1], b"state")
    folder = tmp_path / "prefix"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
    ],
    ids=["empty", "cut early", "cut", "longer", "last bit", "first bit", "another key"],
)
def test_a_damaged_state_is_none_and_removed(
    files: PrefixFiles, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    files.save([1], b"state")
    file = only_file(tmp_path / "prefix")
    file.write_bytes(damage(file.read_bytes()))
    assert files.load([1]) is None
    assert not file.exists()


def test_only_the_states_used_last_are_kept(files: PrefixFiles, tmp_path: Path) -> None:
    for token in range(KEPT_FILES):
        files.save([token], b"state")
    assert files.load([0])
    files.save([99], b"state")
    assert len(list((tmp_path / "prefix").iterdir())) == KEPT_FILES
    assert files.load([0])
    assert files.load([99])
    assert files.load([1]) is None


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    files = PrefixFiles(tmp_path / "file", "a model")
    files.save([1], b"state")
    assert files.load([1]) is None


def test_a_state_is_kept_when_reading_it_is_faster_than_evaluating() -> None:
    assert PrefixFiles.is_worth(36_000_000, seconds=10.0)
    assert not PrefixFiles.is_worth(36_000_000, seconds=0.05)


def test_a_model_is_told_by_its_file_and_settings(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"one")
    first = model_identity(file, "settings")
    assert model_identity(file, "settings") == first
    assert model_identity(file, "others") != first
    file.write_bytes(b"other")
    assert model_identity(file, "settings") != first


# With a model.


class Reads:
    """How many prompt tokens each answer had to evaluate."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = 0
        read = Decoder.read

        def counted(decoder: Decoder, tokens: list[int]) -> None:
            self.tokens += len(tokens)
            read(decoder, tokens)

        monkeypatch.setattr(Decoder, "read", counted)

    def by(self, llm: LlamaCppLLM, prompt: Prompt) -> int:
        self.tokens = 0
        list(llm.generate(prompt, 13))
        return self.tokens


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def loaded(folder: Path, cache: Path | None) -> LlamaCppLLM:
    return LlamaCppLLM(SPEC, folder, 1, cache=cache)


def test_the_fixed_part_is_evaluated_once_and_then_read_from_disk(
    folder: Path, tmp_path: Path, reads: Reads
) -> None:
    cache = tmp_path / "prefix"
    first = loaded(folder, cache)
    total = first.prompt_tokens(PROMPT)
    fixed = first._prompt(PROMPT)[1]
    answer = "".join(first.generate(PROMPT, 30))
    assert reads.tokens == total
    assert reads.by(first, replace(PROMPT, user="Else?")) < total - fixed
    first.close()
    again = loaded(folder, cache)
    assert reads.by(again, PROMPT) == total - fixed
    assert "".join(again.generate(PROMPT, 30)) == answer
    assert answer.startswith(TOLD)
    again.close()


def test_what_is_kept_does_not_depend_on_what_was_told(folder: Path, tmp_path: Path) -> None:
    llm = loaded(folder, tmp_path / "one")
    list(llm.generate(PROMPT, 5))
    llm.close()
    # Here the cache of the model held a person's text before.
    llm = loaded(folder, tmp_path / "two")
    list(llm.generate(Prompt("Other instructions.", TOLD * 5), 5))
    list(llm.generate(PROMPT, 5))
    llm.close()
    one = only_file(tmp_path / "one")
    assert one.read_bytes() == (tmp_path / "two" / one.name).read_bytes()
    assert len(list((tmp_path / "two").iterdir())) == 2


def test_a_damaged_or_foreign_state_is_evaluated_anew(
    folder: Path, tmp_path: Path, reads: Reads
) -> None:
    cache = tmp_path / "prefix"
    llm = loaded(folder, cache)
    total = llm.prompt_tokens(PROMPT)
    answer = "".join(llm.generate(PROMPT, 30))
    tokens = llm._prompt(PROMPT)[0][: llm._prompt(PROMPT)[1]]
    prefixes = llm._prefixes
    llm.close()
    only_file(cache).write_bytes(b"no state")
    llm = loaded(folder, cache)
    assert reads.by(llm, PROMPT) == total
    llm.close()
    # Whole, but nothing that llama.cpp takes.
    assert prefixes
    for state in (b"", b"no state", b"\0" * 5000):
        prefixes.save(tokens, state)
        llm = loaded(folder, cache)
        reads.tokens = 0
        assert "".join(llm.generate(PROMPT, 30)) == answer
        assert reads.tokens == total
        llm.close()


def test_without_a_folder_the_fixed_part_stays_in_memory(folder: Path, reads: Reads) -> None:
    llm = loaded(folder, None)
    total = llm.prompt_tokens(PROMPT)
    fixed = llm._prompt(PROMPT)[1]
    assert reads.by(llm, PROMPT) == total
    assert reads.by(llm, replace(PROMPT, user="Else?")) < total - fixed
    assert reads.by(llm, replace(PROMPT, user=f"Else? {TOLD}")) < total - fixed
    llm.close()


def test_a_longer_conversation_goes_on_where_the_last_prompt_ended(
    folder: Path, reads: Reads
) -> None:
    llm = loaded(folder, None)
    reads.by(llm, PROMPT)
    longer = replace(PROMPT, user=f"{PROMPT.user} And since when?")
    assert reads.by(llm, longer) < 20
    llm.close()


def test_the_fixed_part_ends_before_what_the_person_says(folder: Path) -> None:
    llm = loaded(folder, None)
    for user in ("", TOLD, SYSTEM):
        tokens, fixed = llm._prompt(Prompt(SYSTEM, user))
        text = b"".join(map(llm._piece, tokens[:fixed])).decode()
        assert text.count(SYSTEM.strip()) == 1
        assert TOLD not in text
        assert fixed < len(tokens)
    llm.close()
