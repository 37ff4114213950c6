"""A GGUF file → llama.cpp's model and context, on a GPU where that works, else on the CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tera.llms.decoding import BATCH_TOKENS
from tera.llms.lookup import BATCHES

ERROR_LEVEL = 4  # ggml_log_level in ggml.h
ALL_LAYERS = -1

_messages: list[str] = []


class LoadError(Exception):
    """llama.cpp did not load a file; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """llama.cpp's handles, and on what they are."""

    model: Any
    context: Any
    vocabulary: Any
    gpu_layers: int

    def free(self) -> None:
        """Free both; llama.cpp crashes on any call with them afterwards."""
        import llama_cpp

        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    @property
    def can_forget(self) -> bool:
        """Whether single tokens can be taken back; recurrent networks cannot."""
        import llama_cpp

        return not (
            llama_cpp.llama_model_is_recurrent(self.model)
            or llama_cpp.llama_model_is_hybrid(self.model)
        )

    def settings(self) -> str:
        """Return all that the numbers in a KV cache depend on, but the file."""
        import llama_cpp

        system = llama_cpp.llama_print_system_info().decode(errors="replace")
        return f"{llama_cpp.__version__} {system} {self.gpu_layers} f16"


def has_gpu() -> bool:
    """Return whether this build of llama.cpp can use one."""
    import llama_cpp

    return bool(llama_cpp.llama_supports_gpu_offload())


def load(
    file: Path,
    context_tokens: int,
    threads: int,
    gpu_layers: int,
    on_progress: Callable[[float], None],
    *,
    repacks: bool = True,
) -> Loaded:
    """Load a model.

    Args:
        file: A GGUF file; it is mapped, so that its pages are shared and can be given up.
        context_tokens: Tokens of a prompt and its answer together.
        threads: For prompts and answers.
        gpu_layers: Layers on the GPU; 0 leaves it alone, `ALL_LAYERS` takes all.
        on_progress: Hears the share that is loaded, 0 to 1.
        repacks: Whether llama.cpp copies the weights into an order of its own, as it does by
            itself. On x86 Phi-2 then writes 1.1 times faster, but reads prompts 1.7 times slower,
            takes its size in memory once more and 2 s instead of 0.4 to load
            (benchmarks/answering.py).

    Raises:
        LoadError: The file is missing, broken or too large for the memory.
    """
    import llama_cpp

    if not file.exists():
        raise LoadError(f"the file does not exist: {file}")
    _begin()
    _messages.clear()
    options = llama_cpp.llama_model_default_params()
    options.n_gpu_layers = gpu_layers
    options.use_extra_bufts = repacks
    if gpu_layers:
        # The models are small: several GPUs would wait for each other.
        options.split_mode = llama_cpp.LLAMA_SPLIT_MODE_NONE
    else:
        # An empty list; without it a GPU would still take part.
        devices = (ctypes.c_void_p * 1)(None)
        options.devices = ctypes.cast(devices, ctypes.c_void_p)

    interrupted: list[BaseException] = []

    def progress(share: float, _: object) -> bool:
        # ctypes would print an error and drop it; Ctrl-C mostly comes here, in a long load.
        try:
            on_progress(share)
        except BaseException as error:
            interrupted.append(error)
        return not interrupted

    # ctypes does not keep the callback alive, the variable does.
    callback = llama_cpp.llama_progress_callback(progress)
    options.progress_callback = callback
    model = llama_cpp.llama_model_load_from_file(bytes(file), options)
    if interrupted:
        if model:
            llama_cpp.llama_model_free(model)
        raise interrupted[0]
    if not model:
        raise LoadError(_reason())
    context = llama_cpp.llama_init_from_model(
        model, _context_options(context_tokens, threads, gpu_layers)
    )
    if not context:
        llama_cpp.llama_model_free(model)
        raise LoadError(_reason())
    return Loaded(model, context, llama_cpp.llama_model_get_vocab(model), gpu_layers)


def _context_options(context_tokens: int, threads: int, gpu_layers: int) -> Any:
    import llama_cpp

    options = llama_cpp.llama_context_default_params()
    options.n_ctx = context_tokens
    options.n_batch = options.n_ubatch = BATCH_TOKENS
    options.n_outputs_max = BATCHES[-1]
    options.n_threads = options.n_threads_batch = threads
    options.offload_kqv = options.op_offload = bool(gpu_layers)
    if not gpu_layers:
        # On a CPU it is not faster: benchmarks/llama_settings.py.
        options.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return options


def _reason() -> str:
    # The lines after the first only say that it failed.
    return _messages[0] if _messages else "llama.cpp gives no reason"


@cache
def _begin() -> Any:
    """Start llama.cpp; keep its error lines, the reasons of failures, off the terminal.

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
    llama_cpp.llama_backend_init()
    return callback
