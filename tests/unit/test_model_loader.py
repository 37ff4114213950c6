from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tera.config import Config
from tera.errors import ModelNotFoundError
from tera.model_loader import ModelLoader
from tera.paths import Paths
from tests.models.tiny_cross_encoder import build_tiny_cross_encoder


class Ear:
    """Hears notes."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append((text, hint))

    def progress(self, task: str, done: int, total: int) -> None: ...


def loader(paths: Paths, ear: Ear, reranker: str) -> ModelLoader:
    return ModelLoader(replace(Config(), search_reranker=reranker), paths, ear)


@pytest.fixture
def paths(home: Path) -> Paths:
    home.mkdir()
    folder = build_tiny_cross_encoder(home / "cross-encoder")
    (home / "models.toml").write_text(
        f'[tiny-reranker]\nrole = "reranker"\nbackend = "sentence-transformers"\n'
        f'path = "{folder}"\nmax_tokens = 64\n[tiny-reranker.files]\n"model.safetensors" = ""\n'
    )
    return Paths(home)


def test_without_a_setting_there_is_no_reranker(paths: Paths) -> None:
    assert loader(paths, Ear(), "").reranker() is None


def test_the_chosen_reranker_is_loaded_once(paths: Paths) -> None:
    models = loader(paths, Ear(), "tiny-reranker")
    reranker = models.reranker()
    assert reranker
    assert reranker.scores("which port?", ["port 5433", "a week"]).shape == (2,)
    assert models.reranker() is reranker


def test_a_reranker_that_is_not_here_is_told_and_done_without(paths: Paths) -> None:
    ear = Ear()
    assert loader(paths, ear, "ms-marco-minilm-l6-v2").reranker() is None
    assert ear.notes == [
        (
            "ms-marco-minilm-l6-v2 is not on this machine: searching without it",
            "tera models pull ms-marco-minilm-l6-v2",
        )
    ]


def test_a_model_of_another_kind_is_no_reranker(paths: Paths) -> None:
    with pytest.raises(ModelNotFoundError, match=r"bge-small-en-v1\.5 is no reranker"):
        loader(paths, Ear(), "bge-small-en-v1.5").reranker()
