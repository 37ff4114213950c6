"""Embedder on sentence-transformers: any model in that layout, from local files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tera.errors import ModelLoadError
from tera.models import ModelSpec
from tera.offline import first_line, offline

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BATCH_SIZE = 32


class SentenceTransformerEmbedder:
    """A sentence-transformers model on the CPU."""

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        """Load the model.

        Args:
            spec: Dimension, token limit, pooling and prefixes; what the files say of these
                must agree.
            folder: The model's files.

        Raises:
            ModelLoadError: The files do not load, or are not the model that `spec` describes.
        """
        self.spec = spec
        try:
            with offline():
                from sentence_transformers import SentenceTransformer

                model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except Exception as error:
            raise ModelLoadError(
                f"cannot load {spec.name}: {first_line(error)}",
                hint=f"tera models verify {spec.name}",
            ) from error
        self.model = model
        # The folder's own limit can be lower than what the model was trained for, never higher.
        model.max_seq_length = spec.max_tokens
        self._check(folder)

    def embed_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed passages; see `Embedder.embed_passages`."""
        return self._encode([self.spec.passage_prefix + text for text in texts])

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
