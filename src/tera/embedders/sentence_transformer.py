"""Embedder on sentence-transformers: any model in that layout, from local files alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tera.errors import ModelLoadError
from tera.models import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BATCH_SIZE = 32


class SentenceTransformerEmbedder:
    """A sentence-transformers model on the CPU."""

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        """Load the model.

        Args:
            spec: Dimension, token limit, pooling and query prefix; what the files say of these
                must agree.
            folder: The model's files.

        Raises:
            ModelLoadError: The files do not load, or are not the model that `spec` describes.
        """
        self.spec = spec
        try:
            with _offline():
                from sentence_transformers import SentenceTransformer

                model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except Exception as error:
            raise ModelLoadError(
                f"cannot load {spec.name}: {_first_line(error)}",
                hint=f"tera models verify {spec.name}",
            ) from error
        self.model = model
        # The folder's own limit can be lower than what the model was trained for, never higher.
        model.max_seq_length = spec.max_tokens
        self._check(folder)

    def embed_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed passages; see `Embedder.embed_passages`."""
        return self._encode(list(texts))

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a question; see `Embedder.embed_query`."""
        row: npt.NDArray[np.float32] = self._encode([self.spec.query_prefix + text])[0]
        return row

    def _encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        import numpy as np

        if not texts:
            return np.empty((0, self.spec.dim), np.float32)
        # encode() sorts by length itself, so that short texts are not padded to long ones.
        matrix = self.model.encode(
            texts,
            batch_size=BATCH_SIZE,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.ascontiguousarray(matrix, np.float32)

    def _check(self, folder: Path) -> None:
        pooling = next((m for m in self.model if hasattr(m, "pooling_mode")), None)
        mode = getattr(pooling, "pooling_mode", self.spec.pooling)
        dim = self.model.get_embedding_dimension()
        if (mode, dim) != (self.spec.pooling, self.spec.dim):
            raise ModelLoadError(
                f"{folder} has {mode} pooling and {dim} dimensions, but models.toml says"
                f" {self.spec.pooling} and {self.spec.dim} of {self.spec.name}",
                hint=f"tera models verify {self.spec.name}",
            )


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the Hugging Face libraries off the network, and quiet, while a model loads."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from huggingface_hub import constants
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        # Another model may be fetched later by this process.
        constants.HF_HUB_OFFLINE = before


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
