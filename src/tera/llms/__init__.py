"""Language models turn a prompt into text, in this process or at an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tera.endpoint import Endpoint
from tera.errors import ConfigError
from tera.models import ModelSpec
from tera.prompts import Prompt

if TYPE_CHECKING:
    from tera.llms.openai_compatible import OpenAICompatibleLLM
    from tera.model_loader import Listener


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

    def tokens_within(self, seconds: float) -> int:
        """Return how many prompt tokens it reads in a time, by what was measured so far.

        The part of a prompt that is always the same is not among them: it is read once.
        """

    def close(self) -> None:
        """Free the model; nothing may be called afterwards."""


LLMS = {"llama-cpp": "tera.llms.llama_cpp:LlamaCppLLM"}
"""Backends of models whose files are on this machine; for others see `connect_llm`."""


def load_llm(spec: ModelSpec, folder: Path, threads: int, **options: Any) -> LLM:
    """Load a language model from its files.

    Args:
        spec: What models.toml says of it.
        folder: The model's files.
        threads: Threads to use; 0 lets the adapter choose.
        options: Further ones of the backend's adapter.

    Raises:
        ConfigError: models.toml names a backend that Tera does not have.
        ModelLoadError: The files do not load.
    """
    if spec.backend not in LLMS:
        raise ConfigError(
            f"unknown backend {spec.backend!r} of {spec.name}", hint=f"one of: {', '.join(LLMS)}"
        )
    module, _, name = LLMS[spec.backend].partition(":")
    llm: LLM = getattr(import_module(module), name)(spec, folder, threads, **options)
    return llm


def connect_llm(
    model: str,
    endpoint: Endpoint,
    listener: Listener,
    context_tokens: int = 0,
    before_it_goes: Callable[[Prompt], Prompt] = lambda prompt: prompt,
) -> OpenAICompatibleLLM:
    """Have a language model at an OpenAI-compatible endpoint; see `OpenAICompatibleLLM`.

    Raises:
        ModelLoadError: The endpoint cannot be reached, or not with this key.
        ConfigError: The key is none.
    """
    from tera.llms.openai_compatible import OpenAICompatibleLLM

    return OpenAICompatibleLLM(
        model, endpoint, listener, context_tokens=context_tokens, before_it_goes=before_it_goes
    )
