"""Reranker on sentence-transformers: any cross-encoder with one output, from local files alone."""

from __future__ import annotations

import threading
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


class CrossEncoderReranker:
    """A cross-encoder on the CPU. Several threads may use it, one after the other."""

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        """Load the model.

        Args:
            spec: Names the model and its token limit.
            folder: The model's files.

        Raises:
            ModelLoadError: The files do not load, or are no cross-encoder with one output.
        """
        self.spec = spec
        self._lock = threading.Lock()
        try:
            with offline():
                import torch
                from sentence_transformers import CrossEncoder

                model: Any = CrossEncoder(
                    str(folder),
                    device="cpu",
                    local_files_only=True,
                    max_length=spec.max_tokens,
                    # The files may ask for a sigmoid, which hides how sure the model is.
                    activation_fn=torch.nn.Identity(),
                )
        except Exception as error:
            raise ModelLoadError(
                f"cannot load {spec.name}: {first_line(error)}",
                hint=f"tera models verify {spec.name}",
            ) from error
        if model.num_labels != 1:
            raise ModelLoadError(
                f"{folder} has {model.num_labels} outputs, but a reranker has one",
                hint=f"tera models verify {spec.name}",
            )
        self._model = model

    def scores(self, question: str, passages: Sequence[str]) -> npt.NDArray[np.float32]:
        """Score passages; see `Reranker.scores`."""
        import numpy as np

        if not passages:
            return np.empty(0, np.float32)
        # predict() sorts by length itself, so that short passages are not padded to long ones.
        with self._lock:
            scores = self._model.predict(
                [(question, passage) for passage in passages],
                batch_size=BATCH_SIZE,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.ascontiguousarray(scores, np.float32).reshape(len(passages))
