"""Which of llama.cpp's settings suit a CPU? Time of a token, by how many are evaluated at once.

Time of the processor, so that other programs change little: one thread, all settings in turn.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import llama_cpp
from phi2_random_gguf import PHI_2, write_phi2

CONTEXT_TOKENS = 1024
READ_TOKENS = 256
SIZES = (1, 2, 4, 8, 12, 16, 32, 64, 128, 256)


def main() -> None:
    """Print a table: least and median time of a token in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a GGUF file; without it one is written")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.model or write_phi2(
            Path(folder) / "phi2.gguf", replace(PHI_2, layers=options.layers)
        )
        contexts = open_all(file)
        batch = llama_cpp.llama_batch_init(READ_TOKENS, 0, 1)
        for context in contexts.values():
            evaluate(context, batch, READ_TOKENS, 0)
        times: dict[tuple[str, int], list[float]] = {}
        for _, size, (name, context) in product(range(options.rounds), SIZES, contexts.items()):
            memory = llama_cpp.llama_get_memory(context)
            llama_cpp.llama_memory_seq_rm(memory, 0, READ_TOKENS, -1)
            spent = evaluate(context, batch, size, READ_TOKENS)
            times.setdefault((name, size), []).append(1000 * spent / size)
        print(f"{'tokens at once':24}" + "".join(f"{size:>10}" for size in SIZES))
        for name in contexts:
            cells = (times[name, size] for size in SIZES)
            shown = (f"{min(cell):.0f} / {median(cell):.0f}" for cell in cells)
            print(f"{name:24}" + "".join(f"{cell:>10}" for cell in shown))


def open_all(file: Path) -> dict[str, Any]:
    """Return a context for each setting; say how long loading took."""
    llama_cpp.llama_backend_init()
    contexts: dict[str, Any] = {}
    for repacks in (True, False):
        model_options = llama_cpp.llama_model_default_params()
        model_options.use_extra_bufts = repacks
        began = time.perf_counter()
        model = llama_cpp.llama_model_load_from_file(bytes(file), model_options)
        title = "repacked" if repacks else "as mapped"
        print(f"{title}: loaded in {time.perf_counter() - began:.1f} s")
        for flash in (llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED, 1):
            options = llama_cpp.llama_context_default_params()
            options.n_ctx = CONTEXT_TOKENS
            options.n_threads = options.n_threads_batch = 1
            options.flash_attn_type = flash
            name = f"{title}, flash attention" if flash else title
            contexts[name] = llama_cpp.llama_init_from_model(model, options)
    return contexts


def evaluate(context: Any, batch: Any, size: int, begin: int) -> float:
    """Evaluate some tokens, logits for the last; return the processor's seconds."""
    batch.n_tokens = size
    for number in range(size):
        batch.token[number] = 1000 + number
        batch.pos[number] = begin + number
        batch.n_seq_id[number] = 1
        batch.seq_id[number][0] = 0
        batch.logits[number] = number == size - 1
    began = time.process_time()
    code = llama_cpp.llama_decode(context, batch)
    assert code == 0, code
    return time.process_time() - began


if __name__ == "__main__":
    main()
