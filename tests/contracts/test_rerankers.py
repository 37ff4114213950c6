from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tera.errors import ConfigError, ModelLoadError
from tera.models import ModelSpec
from tera.rerankers import RERANKERS, Reranker, load_reranker
from tests.models.tiny_cross_encoder import build_tiny_cross_encoder

TINY = ModelSpec("tiny-reranker", "reranker", "sentence-transformers", max_tokens=64)
QUESTION = "Which port has the staging database?"
PASSAGES = [
    "The staging database listens on port 5433.",
    "",
    "好 🙂",
    "She said the meeting takes all week. " * 3,
    "x",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="module", params=RERANKERS)
def reranker(request: pytest.FixtureRequest, folder: Path) -> Reranker:
    return load_reranker(replace(TINY, backend=request.param), folder)


def test_each_passage_has_a_score_in_the_order_given(reranker: Reranker) -> None:
    scores = reranker.scores(QUESTION, PASSAGES)
    assert scores.shape == (len(PASSAGES),)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    for place, passage in enumerate(PASSAGES):
        assert reranker.scores(QUESTION, [passage])[0] == pytest.approx(scores[place], abs=1e-4)


def test_more_passages_than_a_batch_keep_their_order(reranker: Reranker) -> None:
    passages = [f"number {number} " + "and more words " * (number % 7) for number in range(70)]
    scores = reranker.scores(QUESTION, passages)
    turned = reranker.scores(QUESTION, passages[::-1])
    assert np.allclose(scores, turned[::-1], atol=1e-4)
    assert len(np.unique(scores.round(5))) > 10


def test_no_passages_have_no_scores(reranker: Reranker) -> None:
    scores = reranker.scores(QUESTION, [])
    assert scores.shape == (0,)
    assert scores.dtype == np.float32


def test_a_score_depends_on_the_question(reranker: Reranker) -> None:
    first = reranker.scores(QUESTION, PASSAGES)
    second = reranker.scores("When is the meeting?", PASSAGES)
    assert not np.allclose(first, second, atol=1e-4)


def test_scores_are_logits(reranker: Reranker, folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    network = BertForSequenceClassification.from_pretrained(str(folder)).eval()
    with torch.no_grad():
        read = tokenizer(QUESTION, PASSAGES[0], return_tensors="pt")
        expected = float(network(**read).logits[0, 0])
    assert reranker.scores(QUESTION, PASSAGES[:1])[0] == pytest.approx(expected, abs=1e-5)


def test_a_passage_longer_than_the_model_reads_is_cut(reranker: Reranker) -> None:
    long = "port " * 200
    cut, longer = reranker.scores(QUESTION, [long, long + "database " * 500])
    assert cut == pytest.approx(longer, abs=1e-5)


def test_several_threads_may_ask_at_once(reranker: Reranker) -> None:
    expected = reranker.scores(QUESTION, PASSAGES)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(reranker.scores, QUESTION, PASSAGES) for _ in range(8)]
        assert all(np.allclose(done.result(), expected, atol=1e-5) for done in asked)


def test_a_model_with_several_outputs_is_refused(tmp_path: Path) -> None:
    folder = build_tiny_cross_encoder(tmp_path / "three", 3)
    with pytest.raises(ModelLoadError, match="has 3 outputs") as caught:
        load_reranker(TINY, folder)
    assert caught.value.hint == "tera models verify tiny-reranker"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_broken_files_do_not_load(folder: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / name).write_bytes(b"{")
    with pytest.raises(ModelLoadError) as caught:
        load_reranker(TINY, copy)
    assert "\n" not in caught.value.message
    assert caught.value.hint == "tera models verify tiny-reranker"


def test_a_folder_that_is_gone_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError):
        load_reranker(TINY, tmp_path / "gone")


def test_an_unknown_backend_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown backend 'abacus' of tiny-reranker"):
        load_reranker(replace(TINY, backend="abacus"), folder)
