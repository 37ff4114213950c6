"""Language model in this process, through llama.cpp."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tera.errors import ConfigError, GenerationError, ModelLoadError
from tera.models import ModelSpec
from tera.prompts import CHAT_TEMPLATES, Prompt, chat_segments

PROMPT_BATCH = 32
"""Prompt tokens evaluated between two looks at Ctrl-C; below 16 evaluation gets slower."""
CONTEXT_STEP = 256
"""llama.cpp rounds its context up to a multiple of this, but the Python buffers are not."""
SPARE_TOKENS = 4
"""A character can take four tokens, and the count of `max_tokens` waits for whole ones."""
REPEAT_PENALTY = 1.1  # llama.cpp's own advice against loops of small models

ERROR_LEVEL = 4  # ggml_log_level in ggml.h

_messages: list[str] = []


def _never() -> bool:
    return False


class LlamaCppLLM:
    """A GGUF file on the CPU."""

    def __init__(self, spec: ModelSpec, folder: Path, threads: int = 0) -> None:
        """Load the model.

        Args:
            spec: Its file, context length and chat template.
            folder: Where the file is.
            threads: Threads to use; 0 chooses, see `choose_threads`.

        Raises:
            ModelLoadError: The file is missing, broken or too large for the memory.
            ConfigError: The chat template is unknown.
        """
        self.spec = spec
        if spec.chat_template not in CHAT_TEMPLATES:
            raise ConfigError(
                f"unknown chat_template {spec.chat_template!r} of {spec.name}",
                hint=f"one of: {', '.join(CHAT_TEMPLATES)}",
            )
        import llama_cpp

        _capture_log()
        _messages.clear()
        threads = threads or choose_threads()
        context = -(-spec.context_tokens // CONTEXT_STEP) * CONTEXT_STEP
        try:
            self._llama: Any = llama_cpp.Llama(
                model_path=str(folder / next(iter(spec.files))),
                n_ctx=context,
                n_batch=PROMPT_BATCH,
                n_threads=threads,
                n_threads_batch=threads,
                verbose=False,
            )
        except Exception as error:
            # The lines after the first only say that it failed.
            reason = _messages[0] if _messages else str(error)
            raise ModelLoadError(
                f"cannot load {spec.name}: {reason}", hint=f"tera models verify {spec.name}"
            ) from error
        self.context_tokens = spec.context_tokens - SPARE_TOKENS
        self._should_stop = _never
        # ctypes does not keep the callback alive, this does.
        self._abort = llama_cpp.ggml_abort_callback(lambda _: self._should_stop())
        llama_cpp.llama_set_abort_callback(self._llama.ctx, self._abort, None)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text; see `LLM.count_tokens`."""
        return len(self._tokenize(text, special=False))

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return the number of tokens of a prompt; see `LLM.prompt_tokens`."""
        return len(self._prompt(prompt))

    def generate(
        self, prompt: Prompt, max_tokens: int, should_stop: Callable[[], bool] = _never
    ) -> Iterator[str]:
        """Yield the answer piece by piece; see `LLM.generate`."""
        tokens = self._prompt(prompt)
        room = self.context_tokens - len(tokens)
        if room < 1:
            raise GenerationError(
                f"the prompt has {len(tokens)} tokens, but {self.spec.name} reads at most"
                f" {self.context_tokens - 1}",
                hint="ask a shorter question, or lower ask.context_tokens",
            )
        self._should_stop = should_stop
        try:
            stream = self._llama.create_completion(
                tokens,
                max_tokens=min(max_tokens, room),
                temperature=0.0,
                repeat_penalty=REPEAT_PENALTY,
                stop=["<|im_end|>", "<|im_start|>", "<|endoftext|>"],
                stream=True,
            )
            for chunk in stream:
                if should_stop():
                    return
                if piece := chunk["choices"][0]["text"]:
                    yield piece
        except (RuntimeError, ValueError) as error:
            if should_stop():
                # Stopped within a token, which llama.cpp calls a failure.
                return
            raise GenerationError(
                f"{self.spec.name} failed: {str(error).splitlines()[0]}",
                hint="tera ask --no-llm gives quotes without the language model",
            ) from error
        finally:
            self._should_stop = _never

    def close(self) -> None:
        """Free the model. llama.cpp crashes on any call afterwards."""
        self._llama.close()

    def _prompt(self, prompt: Prompt) -> list[int]:
        # Special tokens are recognised in the template alone: a memory that holds
        # "<|im_end|>" stays text.
        return [
            token
            for segment in chat_segments(prompt, self.spec.chat_template)
            for token in self._tokenize(segment.text, special=segment.is_mark)
        ]

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        tokens: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=special)
        return tokens


def choose_threads() -> int:
    """Return how many threads to use: half of the cores this process may use, at least one.

    Using both of two cores is five times slower than one as soon as another program runs; on larger
    machines the other half is the hyperthreads, which add nothing to memory-bound work.
    """
    return (
        max(1, len(os.sched_getaffinity(0)) // 2)
        if hasattr(os, "sched_getaffinity")
        else max(1, (os.cpu_count() or 2) // 2)
    )


@cache
def _capture_log() -> Any:
    """Keep llama.cpp's error lines, which hold the reason of a failure, off the terminal.

    Returns:
        The callback: ctypes does not keep it alive, the cache does.
    """
    import llama_cpp

    def keep(level: int, text: bytes, _: object) -> None:
        if level == ERROR_LEVEL:
            line = text.decode(errors="replace").strip().partition(": ")[2]
            _messages.append(line.removeprefix("error loading model: "))

    callback = llama_cpp.llama_log_callback(keep)
    llama_cpp.llama_log_set(callback, None)
    return callback
