from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tera.paths import Paths
from tests.conftest import Run

DOWNLOADED = """
[downloaded]
role = "llm"
backend = "llama-cpp"
repo = "someone/model"
[downloaded.files]
"model.gguf" = ""
"""


@pytest.fixture
def second_embedder(tiny_models: Path, bert_folder: Path, bert_network: Path) -> Path:
    """Add an embedder by another name to the test's home."""
    with (tiny_models / "models.toml").open("a") as file:
        file.write(
            f'\n[other-bert]\nrole = "embedder"\nbackend = "sentence-transformers"\n'
            f'path = "{bert_folder}"\ndim = 32\nmax_tokens = 512\npooling = "cls"\n'
            '[other-bert.files]\n"tokenizer.json" = ""\n"model.safetensors" = ""\n'
        )
    shutil.copytree(bert_network, Paths(tiny_models).network("other-bert"))
    return tiny_models


@pytest.fixture
def downloaded(home: Path) -> Path:
    """Put a model into the test's home as a download leaves it; return its folder."""
    folder = home / "models" / "downloaded"
    folder.mkdir(parents=True)
    (home / "models.toml").write_text(DOWNLOADED)
    (folder / "model.gguf").write_bytes(b"weights" * 1000)
    files = {"model.gguf": hashlib.sha256(b"weights" * 1000).hexdigest()}
    record = {"repo": "someone/model", "revision": "main", "files": files}
    (folder / "tera.json").write_text(json.dumps(record))
    return folder


def models(tera: Callable[..., Run]) -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in json.loads(tera("models", "list", "--json").out)}


def test_the_list_says_what_is_here_and_in_use(
    tera: Callable[..., Run], second_embedder: Path
) -> None:
    lines = tera("models", "list").out.splitlines()
    here = {line[3:].split()[0]: (line[0], line[3:].split()[2]) for line in lines}
    assert here["tiny-bert"] == ("*", "here")
    assert here["tiny-phi2"] == ("*", "here")
    assert here["other-bert"] == (" ", "here")
    assert here["dolphin-2.6-phi-2"] == (" ", "absent")
    listed = models(tera)
    assert listed["tiny-phi2"]["in_use"] is True
    assert listed["dolphin-2.6-phi-2"]["folder"] is None
    assert listed["dolphin-2.6-phi-2"]["size_bytes"] == 1_789_240_608


@pytest.mark.parametrize("command", ["pull", "use", "verify", "remove"])
def test_an_unknown_model_is_an_error(tera: Callable[..., Run], command: str) -> None:
    result = tera("models", command, "gpt-17")
    assert (result.code, result.out) == (6, "")
    assert result.err == "error: unknown model 'gpt-17'\nhint: tera models list\n"


def test_a_model_that_is_here_is_not_fetched_again(
    tera: Callable[..., Run], tiny_models: Path, bert_folder: Path, phi2_folder: Path
) -> None:
    assert tera("models", "pull") == Run(0, f"{bert_folder}\n{phi2_folder}\n", "")
    pulled = tera("models", "pull", "--json", "tiny-bert")
    assert json.loads(pulled.out) == {"tiny-bert": str(bert_folder)}


def test_the_embedder_of_the_store_is_the_one_in_use(
    tera: Callable[..., Run], second_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "The staging database listens on port 5433")
    tera("search", "staging")
    monkeypatch.setenv("TERA_EMBEDDER", "other-bert")
    assert list(json.loads(tera("models", "pull", "--json").out)) == ["tiny-bert", "tiny-phi2"]
    assert models(tera)["tiny-bert"]["in_use"] is True


def test_a_new_store_begins_with_the_default_embedder(tera: Callable[..., Run]) -> None:
    assert models(tera)["bge-small-en-v1.5"]["in_use"] is True


def test_a_model_that_cannot_be_fetched_says_why(tera: Callable[..., Run]) -> None:
    pulled = tera("models", "pull", "dolphin-2.6-phi-2")
    assert (pulled.code, pulled.out) == (6, "")
    assert "1,789 MB, licence: Microsoft Research / MIT" in pulled.err
    assert "hub cannot be reached" in pulled.err
    assert "tera models pull dolphin-2.6-phi-2" in pulled.err


def test_a_language_model_is_used_from_now_on(tera: Callable[..., Run], home: Path) -> None:
    used = tera("models", "use", "qwen2.5-1.5b-instruct")
    assert (used.code, used.out) == (0, "")
    assert "tera models pull qwen2.5-1.5b-instruct" in used.err
    assert models(tera)["qwen2.5-1.5b-instruct"]["in_use"] is True
    assert '[llm]\nmodel = "qwen2.5-1.5b-instruct"' in (home / "config.toml").read_text()


def test_a_reranker_is_used_from_now_on(tera: Callable[..., Run], home: Path) -> None:
    used = tera("models", "use", "ms-marco-minilm-l6-v2")
    assert (used.code, used.out) == (0, "")
    assert "tera models pull ms-marco-minilm-l6-v2" in used.err
    assert models(tera)["ms-marco-minilm-l6-v2"]["in_use"] is True
    assert '[search]\nreranker = "ms-marco-minilm-l6-v2"' in (home / "config.toml").read_text()


def test_another_embedder_reads_every_memory_again_after_asking(
    tera: Callable[..., Run], second_embedder: Path
) -> None:
    tera("remember", "The staging database listens on port 5433")
    tera("search", "staging")
    refused = tera("models", "use", "other-bert")
    assert refused.code == 2
    assert "Read 1 memories again with other-bert instead of tiny-bert?" in refused.err
    assert models(tera)["tiny-bert"]["in_use"] is True

    assert tera("models", "use", "other-bert", "--yes").code == 0
    assert models(tera)["other-bert"]["in_use"] is True
    assert json.loads(tera("status", "--json").out)["waiting_for_vectors"] == 0
    assert "port 5433" in tera("search", "staging").out


def test_an_interrupted_change_of_embedder_is_told_and_goes_on(
    tera: Callable[..., Run], mean_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "The staging database listens on port 5433")
    tera("search", "staging")
    with monkeypatch.context() as interrupted:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        interrupted.setattr("tera.workspace.renew", interrupt)
        assert tera("models", "use", "mean-bert", "--yes").code == 130
    status = tera("status").out
    assert "embedder:  tiny-bert\nnext:      mean-bert has read 0 of 1 memories\n" in status
    assert "port 5433" in tera("search", "staging").out
    # It was agreed to before.
    assert tera("models", "use", "mean-bert").err.endswith("vectors are now made by mean-bert\n")
    assert "next:" not in tera("status").out
    assert tera("models", "use", "tiny-bert", "--yes").code == 0
    assert models(tera)["tiny-bert"]["in_use"] is True


def test_the_embedder_in_use_ends_what_was_begun(
    tera: Callable[..., Run], mean_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "The staging database listens on port 5433")
    tera("search", "staging")
    with monkeypatch.context() as interrupted:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        interrupted.setattr("tera.workspace.renew", interrupt)
        assert tera("models", "use", "mean-bert", "--yes").code == 130
    assert tera("models", "use", "tiny-bert").code == 0
    assert "next:" not in tera("status").out
    assert "port 5433" in tera("search", "staging").out


def test_settings_that_name_another_embedder_than_the_store_are_an_error(
    tera: Callable[..., Run], second_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "The staging database listens on port 5433")
    tera("search", "staging")
    monkeypatch.setenv("TERA_EMBEDDER", "other-bert")
    found = tera("search", "staging")
    assert (found.code, found.out) == (7, "")
    assert "tera models use other-bert" in found.err


def test_verify_finds_a_file_that_changed(tera: Callable[..., Run], downloaded: Path) -> None:
    assert "ok  downloaded\n" in tera("models", "verify").out
    (downloaded / "model.gguf").write_bytes(b"weighty" * 1000)
    verified = tera("models", "verify", "downloaded")
    assert (verified.code, verified.out) == (6, "")
    assert f"{downloaded / 'model.gguf'} does not match its checksum" in verified.err
    assert "tera models remove downloaded && tera models pull downloaded" in verified.err
    problems = json.loads(tera("models", "verify", "--json", "downloaded").out)
    assert len(problems["downloaded"]) == 1


def test_verify_of_an_absent_model_says_how_to_fetch_it(tera: Callable[..., Run]) -> None:
    verified = tera("models", "verify", "dolphin-2.6-phi-2")
    assert verified.code == 6
    assert "hint: tera models pull dolphin-2.6-phi-2" in verified.err


def test_remove_deletes_only_what_was_downloaded_and_asks_before(
    tera: Callable[..., Run], downloaded: Path
) -> None:
    assert tera("models", "remove", "downloaded").code == 2
    assert downloaded.exists()
    assert tera("models", "remove", "downloaded", "--yes") == Run(0, "", "0.0 MB freed\n")
    assert not downloaded.exists()
    assert tera("models", "remove", "downloaded", "--yes").code == 6


def test_remove_leaves_files_elsewhere_alone(
    tera: Callable[..., Run], tiny_models: Path, phi2_folder: Path
) -> None:
    removed = tera("models", "remove", "tiny-phi2", "--yes")
    assert removed.code == 6
    assert str(phi2_folder) in removed.err
    assert (phi2_folder / "model.gguf").exists()


def test_a_broken_models_file_is_an_error(tera: Callable[..., Run], home: Path) -> None:
    home.mkdir()
    (home / "models.toml").write_text("[x]\nrole = 5\n")
    listed = tera("models", "list")
    assert listed.code == 4
    assert str(home / "models.toml") in listed.err
