"""`python -m tera.embedders.export`: makes a network for ONNX Runtime out of a model's weights.

Run by `networks`, as a process of its own because it imports torch. Prints one line of JSON:
whether the network is ready, and if not why.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tera.embedders import networks
from tera.embedders.onnx import OnnxEmbedder
from tera.embedders.samples import QUESTIONS, TEXTS, long_text
from tera.errors import ModelLoadError
from tera.models import ModelSpec

if TYPE_CHECKING:
    from tera.embedders import Embedder

OPSET = 18


def main() -> None:
    """Make the network that the arguments name, unless another process has meanwhile."""
    spec = ModelSpec(**json.loads(sys.argv[1]))
    folder, home = Path(sys.argv[2]), Path(sys.argv[3])
    try:
        export_network(spec, folder, home)
        outcome = {"outcome": "ready"}
    except ModelLoadError as error:
        outcome = {"outcome": "broken", "reason": error.message, "hint": error.hint}
    except OSError as error:
        outcome = {"outcome": "unwritable", "reason": f"{home}: {error.strerror or error}"}
    except Exception as error:
        outcome = {"outcome": "failed", "reason": _first_line(error)}
        try:
            # The libraries do not say so when the disk was full.
            networks.check_space(folder, home)
        except networks.NoNetworkError as cause:
            outcome = {"outcome": "unwritable", "reason": str(cause)}
    print(json.dumps(outcome))


def export_network(spec: ModelSpec, folder: Path, home: Path) -> None:
    """Make a model's network, compare it with sentence-transformers, and record it.

    Raises:
        ModelLoadError: The model's own files are broken or not the described model.
        OSError: The network cannot be written.
        ValueError: It does not say the same as sentence-transformers.
    """
    from filelock import FileLock

    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(home / networks.LOCK):
        source = networks.source_of(spec, folder)
        if networks.read_record(home, source):
            return
        unfinished = home / "unfinished"
        # What a process that was killed has left.
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            _export(spec, folder, home, source)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _export(spec: ModelSpec, folder: Path, home: Path, source: str) -> None:
    from tera.embedders.sentence_transformer import SentenceTransformerEmbedder

    reference = SentenceTransformerEmbedder(spec, folder)
    # Names of their own, because a process may be about to load the network that was here before.
    graph = home / "unfinished" / f"{source[:12]}.onnx"
    _trace(reference.model, graph.with_name("traced.onnx"))
    files = _optimise(graph.with_name("traced.onnx"), graph)
    network = OnnxEmbedder(spec, folder, graph)
    lowest = _lowest_cosine(network, reference)
    # Also when it is not a number.
    if not lowest >= networks.LOWEST_COSINE:
        raise ValueError(f"a cosine of {lowest:.5f} to sentence-transformers is too low")
    record: dict[str, Any] = {
        "format": networks.FORMAT,
        "source": source,
        "graph": graph.name,
        "files": {file.name: _sha256(file) for file in files},
        "sizes": {file.name: file.stat().st_size for file in files},
        "lowest_cosine": lowest,
        "probe": [round(float(x), 7) for x in network.embed_passages([networks.PROBE])[0]],
        "versions": networks.versions(),
    }
    (home / networks.RECORD).unlink(missing_ok=True)
    for file in files:
        file.replace(home / file.name)
    networks.write_json(home / networks.RECORD, record)
    (home / networks.FAILURE).unlink(missing_ok=True)
    for old in {*home.glob("*.onnx"), *home.glob("*.weights")}:
        if old.name not in record["files"]:
            old.unlink()


def _trace(model: Any, target: Path) -> None:
    """Write the model with its pooling as a graph for any number of rows and tokens."""
    import torch

    features = model.preprocess(["a text", "and a longer one, so that there is padding"])
    with_types = "token_type_ids" in features
    pad_id = getattr(model.tokenizer, "pad_token_id", None) or 0

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any) -> Any:
            # Some networks count the tokens that are not padding.
            inputs = {"input_ids": ids.masked_fill(mask == 0, pad_id), "attention_mask": mask}
            if with_types:
                inputs["token_type_ids"] = torch.zeros_like(ids)
            rows = self.model(inputs)["sentence_embedding"]
            return torch.nn.functional.normalize(rows, dim=1)

    both = {0: "rows", 1: "tokens"}
    # The newer exporter (dynamo=True) needs onnxscript and five times as long for a graph that is
    # a tenth slower. Its predecessor warns of that; that the result is right is checked.
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Network().eval(),
            (features["input_ids"], features["attention_mask"]),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": both, "attention_mask": both, "vectors": {0: "rows"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _optimise(traced: Path, graph: Path) -> list[Path]:
    """Write the graph as it is run, and its weights apart, where they can be memory-mapped."""
    import onnxruntime

    weights = graph.with_suffix(".weights")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Beyond this level a graph fits this machine alone.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(graph)
    name = "session.optimized_model_external_initializers"
    options.add_session_config_entry(f"{name}_file_name", weights.name)
    options.add_session_config_entry(f"{name}_min_size_in_bytes", "1024")
    onnxruntime.InferenceSession(str(traced), options, providers=["CPUExecutionProvider"])
    return [graph, weights]


def _lowest_cosine(network: Embedder, reference: Embedder) -> float:
    """Return the lowest cosine of the two for any sample text, alone and in several batches."""
    import numpy as np

    texts = [*TEXTS, long_text(network.spec.max_tokens)]
    expected = reference.embed_passages(texts)
    order = np.arange(len(texts))[::-1]
    cosines = [
        (network.embed_passages(texts) * expected).sum(axis=1),
        (network.embed_passages([texts[row] for row in order]) * expected[order]).sum(axis=1),
        *(
            network.embed_passages([text])[0] @ row
            for text, row in zip(texts, expected, strict=True)
        ),
        *(network.embed_query(text) @ reference.embed_query(text) for text in QUESTIONS),
    ]
    return float(np.min(np.concatenate([np.atleast_1d(cosine) for cosine in cosines])))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


if __name__ == "__main__":
    main()
