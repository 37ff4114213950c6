"""Language models turn a prompt into text; the table names the adapter for each backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol

from tera.errors import ConfigError
from tera.models import ModelSpec
from tera.prompts import Prompt


class LLM(Protocol):
    """Writes text after a prompt, piece by piece."""

    spec: ModelSpec
    context_tokens: int

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text, special tokens not recognised in it."""

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return the number of tokens that a prompt takes, template included."""

    def generate(
        self, prompt: Prompt, max_tokens: int, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[str]:
        """Yield the answer as it is written.

        Args:
            prompt: It must leave room for an answer in the model's context.
            max_tokens: Most tokens to write.
            should_stop: Asked often, within a token too and by any thread; true ends the answer.

        Raises:
            GenerationError: The prompt is too long, or the model failed.
        """

    def close(self) -> None:
        """Free the model; nothing may be called afterwards."""


LLMS = {"llama-cpp": "tera.llms.llama_cpp:LlamaCppLLM"}


def load_llm(spec: ModelSpec, folder: Path, threads: int) -> LLM:
    """Load a language model from its files.

    Args:
        spec: What models.toml says of it.
        folder: The model's files.
        threads: Threads to use; 0 lets the adapter choose.

    Raises:
        ConfigError: models.toml names a backend that Tera does not have.
        ModelLoadError: The files do not load.
    """
    if spec.backend not in LLMS:
        raise ConfigError(
            f"unknown backend {spec.backend!r} of {spec.name}", hint=f"one of: {', '.join(LLMS)}"
        )
    module, _, name = LLMS[spec.backend].partition(":")
    llm: LLM = getattr(import_module(module), name)(spec, folder, threads)
    return llm
