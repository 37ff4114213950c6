"""Embedders turn text into vectors; the table names the adapter for each backend of models.toml."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tera.errors import ConfigError
from tera.models import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatMatrix = npt.NDArray[np.float32]
    FloatVector = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns text into vectors of length 1, so that their dot product is the cosine."""

    spec: ModelSpec

    def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
        """Embed passages for storage, each with the model's passage prefix.

        Args:
            texts: Passages; each is cut at the model's `max_tokens` tokens.

        Returns:
            float32 array of shape (len(texts), dim); rows have length 1, in the order given.
        """

    def embed_query(self, text: str) -> FloatVector:
        """Embed a question, with the model's query prefix.

        Returns:
            float32 array of shape (dim,), of length 1.
        """


EMBEDDERS = {
    "sentence-transformers": "tera.embedders.sentence_transformer:SentenceTransformerEmbedder"
}


def load_embedder(spec: ModelSpec, folder: Path) -> Embedder:
    """Load an embedder from its files.

    Raises:
        ConfigError: models.toml names a backend that Tera does not have.
        ModelLoadError: The files do not load.
    """
    if spec.backend not in EMBEDDERS:
        raise ConfigError(
            f"unknown backend {spec.backend!r} of {spec.name}",
            hint=f"one of: {', '.join(EMBEDDERS)}",
        )
    module, _, name = EMBEDDERS[spec.backend].partition(":")
    embedder: Embedder = getattr(import_module(module), name)(spec, folder)
    return embedder
