"""Rerankers read question and passage together; the table names the adapter for each backend."""

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

    FloatVector = npt.NDArray[np.float32]


class Reranker(Protocol):
    """Says how well passages answer a question; slower than an embedder, and better."""

    spec: ModelSpec

    def scores(self, question: str, passages: Sequence[str]) -> FloatVector:
        """Score passages.

        Args:
            question: As asked.
            passages: Each is cut so that it fits the model's `max_tokens` with the question.

        Returns:
            float32 array of shape (len(passages),), in the order given: the model's logits, higher
            is better. They compare for one question; above 0 the model says yes.
        """


RERANKERS = {"sentence-transformers": "tera.rerankers.cross_encoder:CrossEncoderReranker"}


def load_reranker(spec: ModelSpec, folder: Path) -> Reranker:
    """Load a reranker from its files.

    Raises:
        ConfigError: models.toml names a backend that Tera does not have.
        ModelLoadError: The files do not load.
    """
    if spec.backend not in RERANKERS:
        raise ConfigError(
            f"unknown backend {spec.backend!r} of {spec.name}",
            hint=f"one of: {', '.join(RERANKERS)}",
        )
    module, _, name = RERANKERS[spec.backend].partition(":")
    reranker: Reranker = getattr(import_module(module), name)(spec, folder)
    return reranker
