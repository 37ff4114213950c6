from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tera.embedders import EMBEDDERS
from tera.errors import ConfigError, ModelNotFoundError
from tera.llms import LLMS
from tera.llms.chat_template import NAMED_TEMPLATES
from tera.models import (
    DEFAULT_EMBEDDER,
    MULTILINGUAL_EMBEDDER,
    OFFLINE_EMBEDDER,
    ModelSpec,
    find_model,
    load_models,
)
from tera.paths import Paths
from tera.readers.speech.whisper import BACKEND
from tera.rerankers import RERANKERS

CATALOGUE = load_models(Paths(Path("/nowhere")))


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_every_model_of_the_catalogue_is_described_in_full(spec: ModelSpec) -> None:
    assert spec.summary
    assert spec.licence
    assert spec.size_bytes > 1_000_000
    assert spec.files
    # Where there is none, the hub's own is taken.
    assert all(re.fullmatch("([0-9a-f]{64})?", sha256) for sha256 in spec.files.values())
    assert not spec.package or all(spec.files.values())
    assert bool(spec.repo) != bool(spec.package)
    assert not spec.path
    if spec.repo:
        assert re.fullmatch("[0-9a-f]{40}", spec.revision)
    if spec.role == "embedder":
        assert spec.backend in EMBEDDERS
        assert spec.dim > 0
        assert spec.max_tokens > 0
        assert spec.pooling in ("cls", "mean")
        assert "tokenizer.json" in spec.files
        assert spec.languages in ("en", "many")
    elif spec.role == "reranker":
        assert spec.backend in RERANKERS
        assert spec.max_tokens > 0
        assert {"config.json", "tokenizer.json", "model.safetensors"} < set(spec.files)
    elif spec.role == "speech":
        assert spec.backend == BACKEND
        assert {"config.json", "model.bin", "tokenizer.json"} < set(spec.files)
    else:
        assert spec.backend in LLMS
        assert spec.context_tokens >= 2048
        assert spec.chat_template in ("", *NAMED_TEMPLATES)
        assert next(iter(spec.files)).endswith(".gguf")


def test_the_models_that_tera_starts_with_are_in_the_catalogue() -> None:
    assert CATALOGUE[DEFAULT_EMBEDDER].role == "embedder"
    assert CATALOGUE[OFFLINE_EMBEDDER].role == "embedder"
    # Chosen where there is no hub, so it must not need one.
    assert CATALOGUE[OFFLINE_EMBEDDER].package
    assert CATALOGUE[MULTILINGUAL_EMBEDDER].languages == "many"


def test_the_catalogue_is_the_file_at_the_top_of_the_repository() -> None:
    file = Path(__file__).parents[2] / "models.toml"
    assert set(tomllib.loads(file.read_text())) == set(CATALOGUE)


@pytest.fixture
def paths(home: Path) -> Paths:
    home.mkdir()
    return Paths(home)


def test_the_persons_own_models_are_added_and_win(paths: Paths) -> None:
    paths.models_file.write_text(
        f'["{DEFAULT_EMBEDDER}"]\nrole = "embedder"\nbackend = "mine"\ndim = 3\n'
        f'files = {{"a" = ""}}\n'
        '[new]\nrole = "llm"\nbackend = "llama-cpp"\npath = "~/x"\nfiles = {"m.gguf" = ""}\n'
    )
    models = load_models(paths)
    assert (models[DEFAULT_EMBEDDER].backend, models[DEFAULT_EMBEDDER].dim) == ("mine", 3)
    assert models["new"] == ModelSpec("new", "llm", "llama-cpp", path="~/x", files={"m.gguf": ""})
    assert models[OFFLINE_EMBEDDER] == CATALOGUE[OFFLINE_EMBEDDER]


def test_a_model_without_a_revision_is_taken_from_the_main_branch(paths: Paths) -> None:
    paths.models_file.write_text(
        '[new]\nrole = "llm"\nbackend = "llama-cpp"\nrepo = "a/b"\nfiles = {"m.gguf" = ""}\n'
    )
    assert load_models(paths)["new"].revision == "main"


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(ModelNotFoundError, match="unknown model 'nothing'") as caught:
        find_model(CATALOGUE, "nothing")
    assert caught.value.hint == "tera models list"


WHOLE = 'role = "llm"\nbackend = "llama-cpp"\nfiles = {"a" = ""}\n'


@pytest.mark.parametrize(
    "content",
    [
        "[broken",
        "top = 1",
        "[m]",
        '[m]\nrole = "llm"',
        f"[m]\n{WHOLE.replace('llm', 'poet')}",
        f"[m]\n{WHOLE}dim = '3'",
        f"[m]\n{WHOLE}languages = 'some'",
        f"[m]\n{WHOLE}max_tokens = 2.5",
        f"[m]\n{WHOLE}size_bytes = true",
        f"[m]\n{WHOLE}summary = 3",
        f"[m]\n{WHOLE}no_such_key = 3",
        f"[m]\n{WHOLE}name = 'n'",
        f"[m]\n{WHOLE.replace('llama-cpp', 'x').replace(chr(34) + 'x' + chr(34), '7')}",
        '[m]\nrole = "llm"\nbackend = "llama-cpp"',
        '[m]\nrole = "llm"\nbackend = "llama-cpp"\nfiles = "m.gguf"',
        '[m]\nrole = "llm"\nbackend = "llama-cpp"\nfiles = ["m.gguf"]',
        '[m]\nrole = "llm"\nbackend = "llama-cpp"\nfiles = {"m.gguf" = 3}',
    ],
)
def test_a_broken_list_of_models_is_refused(paths: Paths, content: str) -> None:
    paths.models_file.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(str(paths.models_file))) as caught:
        load_models(paths)
    assert caught.value.hint


def test_a_list_of_models_that_is_no_text_is_refused(paths: Paths) -> None:
    paths.models_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        load_models(paths)
    paths.models_file.unlink()
    paths.models_file.mkdir()
    with pytest.raises(ConfigError):
        load_models(paths)
