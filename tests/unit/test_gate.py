from __future__ import annotations

import json
from pathlib import Path

import pytest

from tera.embedders import Embedder, load_embedder
from tera.gate import ANSWERS, GATE_SHARE, QUESTIONS, UNRELATED, gate_score, measure
from tera.models import ModelSpec


@pytest.fixture(scope="module")
def embedder(bert_folder: Path) -> Embedder:
    spec = ModelSpec(
        "tiny-bert", "embedder", "sentence-transformers", dim=32, max_tokens=512, pooling="cls"
    )
    return load_embedder(spec, bert_folder)


@pytest.fixture(scope="module")
def measured(embedder: Embedder) -> tuple[float, float]:
    return measure(embedder)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "gate.json"


def test_every_question_has_an_answer_and_no_text_is_there_twice() -> None:
    assert len(QUESTIONS) == len(ANSWERS)
    assert len({*QUESTIONS, *ANSWERS, *UNRELATED}) == len((*QUESTIONS, *ANSWERS, *UNRELATED))


def test_answers_are_measured_closer_than_unrelated_passages(measured: tuple[float, float]) -> None:
    unrelated, answering = measured
    assert -1 <= unrelated < answering <= 1


def test_the_gate_lies_between_the_two(
    embedder: Embedder, measured: tuple[float, float], cache: Path
) -> None:
    unrelated, answering = measured
    gate = gate_score(embedder, cache)
    assert unrelated < gate < answering
    assert gate == pytest.approx(unrelated + GATE_SHARE * (answering - unrelated))


def test_the_measurement_is_kept(embedder: Embedder, cache: Path) -> None:
    gate = gate_score(embedder, cache)
    kept = json.loads(cache.read_text())
    assert gate_score(embedder, cache) == pytest.approx(gate)
    cache.write_text(json.dumps({**kept, "unrelated": 0.0, "answering": 1.0}))
    assert gate_score(embedder, cache) == pytest.approx(GATE_SHARE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"format": 1, "embedder": "another", "unrelated": 0, "answering": 1}',
        b'{"format": 0, "embedder": "tiny-bert", "unrelated": 0, "answering": 1}',
        b'{"format": 1, "embedder": "tiny-bert", "unrelated": null, "answering": 1}',
        b'{"format": 1, "embedder": "tiny-bert", "unrelated": 0}',
    ],
)
def test_a_measurement_that_cannot_be_used_is_made_again(
    embedder: Embedder, measured: tuple[float, float], cache: Path, content: bytes
) -> None:
    cache.write_bytes(content)
    unrelated, answering = measured
    assert unrelated < gate_score(embedder, cache) < answering
    assert json.loads(cache.read_text())["answering"] == pytest.approx(answering)


def test_the_measurement_is_kept_in_a_folder_that_is_not_there_yet(
    embedder: Embedder, tmp_path: Path
) -> None:
    cache = tmp_path / "index" / "tiny-bert" / "gate.json"
    gate_score(embedder, cache)
    assert cache.exists()
