"""What every test stands on: a home of its own, no network, and real models built here."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tera.config import load_config
from tera.engine import Engine
from tera.paths import Paths
from tests import endpoints
from tests.endpoints import LlamaServer, Scripted, scripted_endpoint

_CACHE = tempfile.TemporaryDirectory(prefix="tera-tests-")

# The libraries read these at import, so they are set before any of them is imported.
os.environ.update(
    {
        "HF_HUB_OFFLINE": "1",
        # A speech model in the developer's own cache would hear other words than the samples say.
        "HF_HOME": _CACHE.name,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # Tiny models gain nothing from more, and wait long for a core that another program uses.
        "OMP_NUM_THREADS": "1",
    }
)

# A job in the background may have been told to ignore Ctrl-C, which its children would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

TINY_SCRIPT = ("Port", " 5433", " [1]", ",", " says", " the", " note", " [7]", ".")
"""What the tiny language model writes: one citation that exists and one that is invented."""

MODELS_TOML = """
[tiny-bert]
role = "embedder"
backend = "sentence-transformers"
path = "{bert}"
dim = 32
max_tokens = 512
pooling = "cls"
query_prefix = "Represent this sentence for searching relevant passages: "
[tiny-bert.files]
"tokenizer.json" = ""
"model.safetensors" = ""

[tiny-phi2]
role = "llm"
backend = "llama-cpp"
path = "{phi2}"
context_tokens = 512
[tiny-phi2.files]
"model.gguf" = ""
"""


@dataclass(frozen=True)
class Run:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home folder that is not there yet, and a plain terminal."""
    for name in [name for name in os.environ if name.startswith("TERA_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("TERA_HOME", str(home))
    # The background agent has tests of its own, with the fixture `agent`.
    monkeypatch.setenv("TERA_AGENT", "off")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    return home


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing connect but to this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in ("127.0.0.1", "::1", "localhost", "local"):
            raise OSError(f"the test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny BERT in the layout of sentence-transformers; see `tiny_bert`."""
    from tests.models.tiny_bert import build_tiny_bert

    return build_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="session")
def bert_network(bert_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tiny BERT's network for ONNX Runtime; every test has a copy."""
    from tera.embedders.export import export_network
    from tera.models import ModelSpec

    files = {"tokenizer.json": "", "model.safetensors": ""}
    spec = ModelSpec("tiny-bert", "embedder", "sentence-transformers", files=files)
    spec = replace(spec, dim=32, max_tokens=512, pooling="cls")
    folder = tmp_path_factory.mktemp("tiny-bert-network")
    export_network(spec, bert_folder, folder)
    return folder


@pytest.fixture(scope="session")
def mean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny BERT that averages its tokens, so that its vectors are others."""
    from tests.models.tiny_bert import build_tiny_bert

    return build_tiny_bert(tmp_path_factory.mktemp("mean-bert"), "mean")


@pytest.fixture(scope="session")
def mean_network(mean_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the network of the tiny BERT that averages; every test has a copy."""
    from tera.embedders.export import export_network
    from tera.models import ModelSpec

    files = {"tokenizer.json": "", "model.safetensors": ""}
    spec = ModelSpec("mean-bert", "embedder", "sentence-transformers", files=files)
    spec = replace(spec, dim=32, max_tokens=512, pooling="mean")
    folder = tmp_path_factory.mktemp("mean-bert-network")
    export_network(spec, mean_folder, folder)
    return folder


@pytest.fixture(scope="session")
def phi2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny phi2 `model.gguf` that writes TINY_SCRIPT; see `tiny_phi2`."""
    from tests.models.tiny_phi2 import build_tiny_phi2

    folder = tmp_path_factory.mktemp("tiny-phi2")
    build_tiny_phi2(folder / "model.gguf", TINY_SCRIPT)
    return folder


@pytest.fixture
def tiny_models(home: Path, bert_folder: Path, bert_network: Path, phi2_folder: Path) -> Path:
    """Make the tiny models the ones of the test's home; return the home."""
    home.mkdir(mode=0o700)
    text = MODELS_TOML.format(bert=bert_folder, phi2=phi2_folder)
    (home / "models.toml").write_text(text)
    (home / "config.toml").write_text('embedder = "tiny-bert"\n[llm]\nmodel = "tiny-phi2"\n')
    shutil.copytree(bert_network, Paths(home).network("tiny-bert"))
    return home


@pytest.fixture
def mean_bert(tiny_models: Path, mean_folder: Path, mean_network: Path) -> str:
    """Add an embedder that makes other vectors to the test's home; return its name."""
    with (tiny_models / "models.toml").open("a") as file:
        file.write(
            f'\n[mean-bert]\nrole = "embedder"\nbackend = "sentence-transformers"\n'
            f'path = "{mean_folder}"\ndim = 32\nmax_tokens = 512\npooling = "mean"\n'
            '[mean-bert.files]\n"tokenizer.json" = ""\n"model.safetensors" = ""\n'
        )
    shutil.copytree(mean_network, Paths(tiny_models).network("mean-bert"))
    return "mean-bert"


@pytest.fixture
def engine(tiny_models: Path) -> Engine:
    """Return an engine on the tiny models."""
    paths = Paths(tiny_models)
    return Engine(load_config(paths)[0], paths)


@pytest.fixture
def tera(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Run the command line in this process: `tera("remember", "x", stdin=b"...")`.

    Without `stdin` there is no pipe: standard input says it is a terminal.
    """
    from tera.cli import main

    def run(*args: str, stdin: bytes | None = None) -> Run:
        monkeypatch.setattr(sys, "argv", ["tera", *args])
        stream = io.TextIOWrapper(io.BytesIO(stdin or b""), encoding="utf-8")
        if stdin is None:
            monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "stdin", stream)
        capfd.readouterr()
        umask = os.umask(0o022)
        try:
            code = main()
        finally:
            os.umask(umask)
        captured = capfd.readouterr()
        return Run(code, captured.out, captured.err)

    return run


@pytest.fixture
def tera_process() -> Callable[..., Run]:
    """Run the command line in a process of its own."""

    def run(*args: str, stdin: bytes = b"", **environ: str) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "tera", *args],
            input=stdin,
            capture_output=True,
            env={**os.environ, **environ},
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def surreal_server() -> Iterator[str]:
    """Start a real SurrealDB engine behind its WebSocket protocol; return its URL.

    Each test has one of its own: version 3.0.2 mixes up the HNSW indexes of different databases on
    one server (surrealdb/surrealdb#7077).
    """
    folder = Path(__file__).parent / "surreal_server"
    node = shutil.which("node")
    if node is None or not (folder / "node_modules").exists():
        pytest.fail("needs Node.js 20 and `make test`; without: pytest -m 'not server'")
    process = subprocess.Popen(
        [node, str(folder / "server.mjs"), "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().split()[-1]
        yield f"ws://127.0.0.1:{port}/rpc"
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture
def endpoint() -> Iterator[Scripted]:
    """Return an OpenAI-compatible endpoint that does what the test says; see `tests.endpoints`."""
    with scripted_endpoint() as scripted:
        yield scripted


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """Start llama-cpp-python's own server with a tiny model that writes TINY_SCRIPT."""
    from tests.models.tiny_phi2 import build_tiny_phi2

    folder = tmp_path_factory.mktemp("llama-server")
    gguf = build_tiny_phi2(folder / "model.gguf", TINY_SCRIPT, context_length=2048)
    with endpoints.llama_server(gguf) as server:
        yield server
