"""Embedder on ONNX Runtime: a network derived from a model's weights; see `networks`. No torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tera.errors import ModelLoadError
from tera.models import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Encoding

# Of 4, 8 and 16 on two cores (MiniLM, SQuAD 2): 4 was fastest for paragraphs, 8 for sentences.
BATCH_SIZE = 8
BATCH_TOKENS = 1024
WINDOW = 1024
"""Texts that are tokenised and sorted at once, so that memory does not grow with their number."""


class OnnxEmbedder:
    """A network with its pooling, on the CPU. Several threads may use it at once."""

    def __init__(self, spec: ModelSpec, folder: Path, network: Path) -> None:
        """Load the model.

        Args:
            spec: Dimension, token limit and prefixes.
            folder: The model's files, of which `tokenizer.json` is read.
            network: The file with the graph; its weights are beside it.

        Raises:
            ModelLoadError: The files do not load.
        """
        self.spec = spec
        try:
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(spec.max_tokens)
            # Done here, to the longest of the batch.
            self._tokenizer.no_padding()
            self._session = _open_session(network)
        except Exception as error:
            raise ModelLoadError(
                f"cannot load {spec.name}: {str(error)[:200]}",
                hint=f"tera models verify {spec.name}",
            ) from error

    def embed_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed passages; see `Embedder.embed_passages`."""
        return self._embed_texts([self.spec.passage_prefix + text for text in texts])

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a question; see `Embedder.embed_query`."""
        row: npt.NDArray[np.float32] = self._embed_texts([self.spec.query_prefix + text])[0]
        return row

    def _embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts as they are."""
        import numpy as np

        matrix = np.empty((len(texts), self.spec.dim), np.float32)
        if len(texts) <= 1:
            for row, text in enumerate(texts):
                matrix[row] = self._embed([self._tokenizer.encode(text)])[0]
            return matrix
        # Batches side by side on one thread each beat one batch on all threads, and leave a
        # question that comes meanwhile its share.
        pool = ThreadPoolExecutor(_processors())

        def fill(batch: list[tuple[int, Encoding]]) -> None:
            matrix[[row for row, _ in batch]] = self._embed([encoding for _, encoding in batch])

        try:
            for start in range(0, len(texts), WINDOW):
                window = self._tokenizer.encode_batch_fast(list(texts[start : start + WINDOW]))
                for _ in pool.map(fill, _batches(list(enumerate(window, start)))):
                    pass
        finally:
            # Ctrl-C does not wait for what has not begun.
            pool.shutdown(cancel_futures=True)
        return matrix

    def _embed(self, encodings: Sequence[Encoding]) -> npt.NDArray[np.float32]:
        import numpy as np

        # The network does not look at the padding, so it may be any token.
        shape = (len(encodings), max(len(encoding.ids) for encoding in encodings))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        rows = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return np.asarray(rows, np.float32)


def _batches(encodings: list[tuple[int, Encoding]]) -> Iterator[list[tuple[int, Encoding]]]:
    """Yield batches of texts of about the same length, the longest first."""
    encodings.sort(key=lambda numbered: -len(numbered[1].ids))
    start = 0
    while start < len(encodings):
        longest = max(1, len(encodings[start][1].ids))
        size = max(1, min(BATCH_SIZE, BATCH_TOKENS // longest))
        yield encodings[start : start + size]
        start += size


def _open_session(network: Path) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    # One thread for each run: `embed_passages` runs several, and a question needs no more.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena keeps the largest batch's memory for good, and is no faster.
    options.enable_cpu_mem_arena = False
    # `export` has optimised the graph.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
