"""Keeps the Hugging Face libraries to the files that are on this machine, and quiet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def offline() -> Iterator[None]:
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


def first_line(error: Exception) -> str:
    """Return the first line of what a library says of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
