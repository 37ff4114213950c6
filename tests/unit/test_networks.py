from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from tera import hub
from tera.config import load_config
from tera.embedders import networks
from tera.embedders.onnx import OnnxEmbedder
from tera.embedders.sentence_transformer import SentenceTransformerEmbedder
from tera.errors import ModelLoadError, ModelNotFoundError
from tera.model_loader import ModelLoader
from tera.models import ModelSpec
from tera.paths import Paths
from tests.conftest import MODELS_TOML, Run
from tests.disks import full_disk

NAME = "tiny-bert"


@dataclass
class Heard:
    """A listener that keeps what it hears."""

    notes: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append(text)

    def progress(self, task: str, done: int, total: int) -> None:
        self.tasks.append(task)

    @property
    def times_prepared(self) -> int:
        return self.tasks.count(f"preparing {NAME}, once")


@dataclass(frozen=True)
class Home:
    """A home with a model of its own, which a test can break, and its network."""

    paths: Paths
    model: Path
    heard: Heard

    @property
    def network(self) -> Path:
        return self.paths.network(NAME)

    @property
    def graph(self) -> Path:
        (graph,) = self.network.glob("*.onnx")
        return graph

    def loader(self) -> ModelLoader:
        return ModelLoader(load_config(self.paths)[0], self.paths, self.heard)

    def spec(self) -> ModelSpec:
        return self.loader().spec(NAME)


@pytest.fixture
def own(tiny_models: Path, bert_folder: Path, phi2_folder: Path, tmp_path: Path) -> Home:
    # copytree keeps the times of the files, by which the network is known to be theirs.
    model = Path(shutil.copytree(bert_folder, tmp_path / "model"))
    text = MODELS_TOML.format(bert=model, phi2=phi2_folder)
    (tiny_models / "models.toml").write_text(text)
    return Home(Paths(tiny_models), model, Heard())


def forget_network(own: Home) -> None:
    shutil.rmtree(own.network)


def test_a_network_that_is_there_is_used(own: Home) -> None:
    embedder = own.loader().embedder(NAME)
    assert isinstance(embedder, OnnxEmbedder)
    assert own.heard.tasks == [f"loading {NAME}"]
    assert own.heard.notes == []


def test_a_network_is_made_once_and_says_the_same_as_sentence_transformers(own: Home) -> None:
    forget_network(own)
    embedder = own.loader().embedder(NAME)
    assert isinstance(embedder, OnnxEmbedder)
    assert isinstance(own.loader().embedder(NAME), OnnxEmbedder)
    assert own.heard.times_prepared == 1
    assert own.heard.notes == []
    record = json.loads((own.network / "network.json").read_text())
    assert record["lowest_cosine"] >= 0.9999
    assert set(record["files"]) == {own.graph.name, own.graph.with_suffix(".weights").name}
    assert not (own.network / "unfinished").exists()
    reference = SentenceTransformerEmbedder(own.spec(), own.model)
    texts = ["The port is 5433", "She said the meeting takes all week", ""]
    cosines = (embedder.embed_passages(texts) * reference.embed_passages(texts)).sum(axis=1)
    assert cosines.min() >= 0.9999


WITHOUT_TORCH = """
import sys
from tera.config import load_config
from tera.model_loader import ModelLoader, SilentListener
from tera.paths import find_paths
loader = ModelLoader(load_config(find_paths())[0], find_paths(), SilentListener())
embedder = loader.embedder("tiny-bert")
print(embedder.embed_query("Which port?").shape, embedder.embed_passages(["a", "b"]).shape)
heavy = {"torch", "transformers", "sentence_transformers", "onnx", "huggingface_hub", "scipy"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("is_made_first", [False, True])
def test_embedding_imports_no_torch_not_even_while_the_network_is_made(
    own: Home, is_made_first: bool
) -> None:
    if is_made_first:
        forget_network(own)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("(32,) (2, 32)\n[]\n", "")


def test_a_search_imports_no_torch(own: Home) -> None:
    code = (
        "import sys; sys.argv = ['tera', 'search', 'port']\n"
        "from tera.cli import main\n"
        "print(main(), sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "1 []\n"


def cut_graph(own: Home) -> None:
    own.graph.write_bytes(own.graph.read_bytes()[:1000])


def spoil_graph(own: Home) -> None:
    own.graph.write_bytes(bytes(own.graph.stat().st_size))


def spoil_weights(own: Home) -> None:
    weights = own.graph.with_suffix(".weights")
    weights.write_bytes(b"\x7f" * weights.stat().st_size)


def lose_weights(own: Home) -> None:
    own.graph.with_suffix(".weights").unlink()


def cut_record(own: Home) -> None:
    (own.network / "network.json").write_text('{"format": 1,')


def lose_record(own: Home) -> None:
    """As an export leaves it that was killed before its end."""
    (own.network / "network.json").unlink()
    (own.network / "unfinished").mkdir()
    (own.network / "unfinished" / "traced.onnx").write_bytes(b"half")


@pytest.mark.parametrize(
    "damage", [cut_graph, spoil_graph, spoil_weights, lose_weights, cut_record, lose_record]
)
def test_a_network_that_is_not_whole_is_made_anew(own: Home, damage: object) -> None:
    assert callable(damage)
    damage(own)
    vector = own.loader().embedder(NAME).embed_query("Which port?")
    assert own.heard.times_prepared == 1
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert isinstance(own.loader().embedder(NAME), OnnxEmbedder)
    assert own.heard.times_prepared == 1
    assert not (own.network / "unfinished").exists()


def test_replaced_weights_get_a_network_of_their_own(own: Home) -> None:
    from safetensors.torch import load_file, save_file

    old_graph = own.graph
    before = own.loader().embedder(NAME).embed_query("Which port?")
    weights = load_file(own.model / "model.safetensors")
    weights["embeddings.word_embeddings.weight"] *= -1
    save_file(weights, own.model / "model.safetensors", metadata={"format": "pt"})
    after = own.loader().embedder(NAME).embed_query("Which port?")
    assert own.heard.times_prepared == 1
    assert float(before @ after) < 0.9
    assert own.graph != old_graph


@pytest.fixture
def unlike(own: Home) -> Home:
    """Return a home whose model writes the same words in another way than its tokenizer file."""
    forget_network(own)
    # sentence-transformers makes text small before the tokenizer sees it; the file alone does not.
    file = own.model / "tokenizer.json"
    settings = json.loads(file.read_text())
    settings["normalizer"]["lowercase"] = False
    file.write_text(json.dumps(settings))
    return own


def test_a_network_that_does_not_say_the_same_is_rejected_once_and_said_so(unlike: Home) -> None:
    embedder = unlike.loader().embedder(NAME)
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert len(unlike.heard.notes) == 1
    assert f"{NAME} starts slowly, without ONNX Runtime" in unlike.heard.notes[0]
    assert "to sentence-transformers is too low" in unlike.heard.notes[0]
    assert not (unlike.network / "network.json").exists()
    # Not tried again by every process.
    assert isinstance(unlike.loader().embedder(NAME), SentenceTransformerEmbedder)
    assert (unlike.heard.times_prepared, len(unlike.heard.notes)) == (1, 1)


@pytest.mark.parametrize("change", ["versions", "source", "at"])
def test_what_failed_is_tried_again_with_other_versions_or_files_or_later(
    own: Home, change: str
) -> None:
    source = networks.source_of(own.spec(), own.model)
    failure: dict[str, object] = {"source": source, "at": time.time(), "reason": "too large"}
    failure["versions"] = networks.versions()
    lose_record(own)
    (own.network / "failed.json").write_text(json.dumps(failure))
    assert isinstance(own.loader().embedder(NAME), SentenceTransformerEmbedder)
    other = {"versions": {}, "source": "other", "at": time.time() - 8 * 24 * 3600}
    (own.network / "failed.json").write_text(json.dumps(failure | {change: other[change]}))
    assert isinstance(own.loader().embedder(NAME), OnnxEmbedder)
    assert not (own.network / "failed.json").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_broken_files_of_the_model_itself_are_an_error(own: Home, name: str) -> None:
    (own.model / name).write_bytes(b"{")
    with pytest.raises(ModelLoadError, match="cannot load tiny-bert") as caught:
        own.loader().embedder(NAME)
    assert caught.value.hint == "tera models verify tiny-bert"
    assert own.heard.notes == []


def test_a_model_that_is_not_the_described_one_is_an_error(own: Home) -> None:
    text = own.paths.models_file.read_text().replace('pooling = "cls"', 'pooling = "mean"')
    own.paths.models_file.write_text(text)
    with pytest.raises(ModelLoadError, match=r"cls pooling .* says mean"):
        own.loader().embedder(NAME)


def test_a_home_without_a_place_for_the_network_is_no_obstacle(own: Home) -> None:
    shutil.rmtree(own.paths.models)
    own.paths.models.write_text("in the way")
    assert isinstance(own.loader().embedder(NAME), SentenceTransformerEmbedder)
    assert len(own.heard.notes) == 1


def test_a_full_disk_is_no_obstacle(own: Home) -> None:
    forget_network(own)
    with full_disk(50_000):
        embedder = own.loader().embedder(NAME)
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert len(own.heard.notes) == 1
    assert not (own.network / "network.json").exists()


def test_two_processes_make_it_once(own: Home) -> None:
    forget_network(own)
    command = [sys.executable, "-c", WITHOUT_TORCH]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    outs = [process.communicate()[0] for process in processes]
    assert outs == [b"(32,) (2, 32)\n[]\n"] * 2
    assert len(list(own.network.glob("*.onnx"))) == 1


def test_threads_load_it_once(own: Home) -> None:
    loader = own.loader()
    with ThreadPoolExecutor(4) as pool:
        embedders = list(pool.map(loader.embedder, [NAME] * 4))
    assert all(embedder is embedders[0] for embedder in embedders)
    assert own.heard.tasks == [f"loading {NAME}"]


def exports() -> list[int]:
    """Return the processes that make a network, of those that this one started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"tera.embedders.export" in command and parent == os.getpid():
            found.append(int(folder.name))
    return found


def wait_for_export() -> int:
    for _ in range(500):
        if found := exports():
            return found[0]
        time.sleep(0.02)
    raise AssertionError("no export was started")


def test_ctrl_c_ends_the_making_of_a_network(own: Home) -> None:
    forget_network(own)

    def interrupt() -> None:
        wait_for_export()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        own.loader().embedder(NAME)
    assert exports() == []
    assert not (own.network / "network.json").exists()
    assert not (own.network / "failed.json").exists()


def test_an_export_that_is_killed_is_a_failure_like_others(own: Home) -> None:
    forget_network(own)
    threading.Thread(target=lambda: os.kill(wait_for_export(), signal.SIGKILL)).start()
    assert isinstance(own.loader().embedder(NAME), SentenceTransformerEmbedder)
    assert "code -9" in own.heard.notes[0]


# What `hub` says of it.


def test_verify_notices_a_network_that_changed(own: Home) -> None:
    assert hub.verify_network(own.spec(), own.paths, lambda *_: None) == []
    spoil_weights(own)
    (problem,) = hub.verify_network(own.spec(), own.paths, lambda *_: None)
    assert problem.endswith(".weights does not match its checksum")
    cut_record(own)
    (problem,) = hub.verify_network(own.spec(), own.paths, lambda *_: None)
    assert problem.endswith("network.json is damaged")


def test_removing_a_model_that_tera_did_not_download_deletes_its_network_alone(own: Home) -> None:
    with pytest.raises(ModelNotFoundError, match="was not downloaded by tera"):
        hub.remove(own.spec(), own.paths)
    assert not own.network.exists()
    assert (own.model / "model.safetensors").exists()


def test_a_model_that_a_person_put_into_the_home_is_not_removed(own: Home) -> None:
    place = own.paths.models / NAME
    shutil.copytree(own.model, place, dirs_exist_ok=True)
    spec = replace(own.spec(), path=str(place))
    with pytest.raises(ModelNotFoundError, match="was not downloaded by tera"):
        hub.remove(spec, own.paths)
    assert (place / "model.safetensors").exists()


def test_the_command_line_says_what_is_wrong_with_a_network(own: Home, tera: object) -> None:
    assert callable(tera)
    spoil_weights(own)
    verified: Run = tera("models", "verify", NAME)
    assert verified.code == 6
    assert "does not match its checksum" in verified.err
    assert f"hint: it is made anew: rm -r {own.network}" in verified.err
