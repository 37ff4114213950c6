"""Write a GGUF of Phi-2's shape without its weights: as large and as fast as the real file.

Random weights say nothing. With `--copies` the network continues what it finds in its prompt
behind the same last tokens, as a real model does that quotes; see copying_network.py.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from copying_network import CopyingNetwork

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ROOT = Path(__file__).parents[1]
END_OF_TEXT, CHAT_END, CHAT_START = "<|endoftext|>", "<|im_end|>", "<|im_start|>"
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WORD_TOKENS = 50_256
SPACE_RUNS = 38
"""Phi-2 adds runs of spaces to GPT-2's vocabulary; ChatML's two marks come behind them."""
BLOCK_WEIGHTS, BLOCK_BYTES = 256, 144
"""A Q4_K block: a scale and a minimum in float16, 12 bytes of scales in it, 128 of weights."""
LAYER_NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network; the defaults are Phi-2's."""

    layers: int = 32
    width: int = 2560
    heads: int = 32
    hidden: int = 10_240
    rotary: int = 32
    tokens: int = 51_200
    context: int = 2048
    is_quantised: bool = True


PHI_2 = Shape()
TINY = Shape(layers=2, width=512, heads=8, hidden=512, tokens=2048, is_quantised=False)
"""Small enough to be written by a test; a network that copies needs eight heads."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A GPT-2 vocabulary: tokens by id and the merges that lead to them."""

    tokens: list[str]
    merges: list[str] = field(repr=False)


def main() -> None:
    """Write the file that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--vocabulary", type=Path, help="a GGUF whose GPT-2 vocabulary to take")
    parser.add_argument("--layers", type=int, default=PHI_2.layers)
    parser.add_argument("--copies", action="store_true", help="a network that copies its prompt")
    options = parser.parse_args()
    began = time.perf_counter()
    shape = replace(PHI_2, layers=options.layers)
    vocabulary = read_vocabulary(options.vocabulary) if options.vocabulary else None
    write_phi2(options.file, shape, vocabulary, copies=options.copies)
    size = options.file.stat().st_size
    print(f"{options.file}: {size / 1e9:.2f} GB in {time.perf_counter() - began:.1f} s")


def read_vocabulary(file: Path) -> Vocabulary:
    """Return the vocabulary of a GGUF, such as llama.cpp's models/ggml-vocab-gpt-2.gguf."""
    import gguf

    fields = gguf.GGUFReader(file).fields
    tokens = list(fields["tokenizer.ggml.tokens"].contents())[:WORD_TOKENS]
    return Vocabulary(tokens, list(fields["tokenizer.ggml.merges"].contents()))


def train_vocabulary(most: int) -> Vocabulary:
    """Return a byte-level BPE of the project's own texts, made as GPT-2's was; about a second."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer: Tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=most,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return Vocabulary(tokens, [" ".join(pair) for pair in model["merges"]])


def _texts() -> Iterator[str]:
    for file in sorted(ROOT.glob("**/*.md")) + sorted(ROOT.glob("*/**/*.py")):
        if not {".venv", "data", "node_modules"} & set(file.parts):
            yield file.read_text(encoding="utf-8")


def write_phi2(
    path: Path, shape: Shape, vocabulary: Vocabulary | None = None, *, copies: bool = False
) -> Path:
    """Write the model.

    Args:
        path: The file to write; an existing one is replaced.
        shape: Its sizes.
        vocabulary: What it reads and writes; none makes one.
        copies: Whether it copies its prompt; otherwise its weights are random.

    Returns:
        `path`.
    """
    import gguf

    spare = shape.tokens - SPACE_RUNS - 3
    vocabulary = vocabulary or train_vocabulary(min(WORD_TOKENS, spare))
    writer = gguf.GGUFWriter(path, "phi2")
    _add_shape(writer, shape)
    _add_tokenizer(writer, vocabulary, shape)
    _Weights(writer, shape).add(CopyingNetwork(shape) if copies else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_shape(writer: Any, shape: Shape) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_eps(LAYER_NORM_EPSILON)
    writer.add_rope_dimension_count(shape.rotary)


def _add_tokenizer(writer: Any, vocabulary: Vocabulary, shape: Shape) -> None:
    """Add the vocabulary where Dolphin 2.6 Phi-2 has it, with tokens that mean nothing between."""
    import gguf

    kinds = gguf.TokenType
    words = vocabulary.tokens
    room = min(WORD_TOKENS, shape.tokens - SPACE_RUNS - 3)
    fill = [f"<|unused{number}|>" for number in range(room - len(words))]
    tokens = [*words, *fill, END_OF_TEXT, *(" " * (40 - run) for run in range(SPACE_RUNS))]
    tokens += [CHAT_END, CHAT_START]
    types = [kinds.NORMAL] * len(words) + [kinds.UNUSED] * len(fill) + [kinds.CONTROL]
    types += [kinds.USER_DEFINED] * SPACE_RUNS + [kinds.CONTROL] * 2
    tokens += [f"<|pad{number}|>" for number in range(shape.tokens - len(tokens))]
    types += [kinds.UNUSED] * (shape.tokens - len(types))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([int(kind) for kind in types])
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(tokens.index(END_OF_TEXT))
    writer.add_eos_token_id(tokens.index(CHAT_END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)


class _Weights:
    """The tensors of one file."""

    def __init__(self, writer: Any, shape: Shape) -> None:
        self._writer = writer
        self._shape = shape
        self._random = np.random.default_rng(0)

    def add(self, copying: CopyingNetwork | None) -> None:
        """Add all of them; what makes a network copy is in place of the random ones."""
        shape = self._shape
        width, hidden, tokens = shape.width, shape.hidden, shape.tokens
        made = dict(copying.tensors()) if copying else {}
        shapes = {"token_embd": (tokens, width), "output": (tokens, width)}
        norms, silent = ["output_norm"], set()
        for layer in range(shape.layers):
            block = f"blk.{layer}"
            norms.append(f"{block}.attn_norm")
            shapes[f"{block}.attn_qkv"] = (3 * width, width)
            shapes[f"{block}.attn_output"] = (width, width)
            shapes[f"{block}.ffn_up"] = (hidden, width)
            shapes[f"{block}.ffn_down"] = (width, hidden)
            if copying:
                # The other layers take their time, and change nothing.
                silent |= {f"{block}.attn_output", f"{block}.ffn_down"}
        for name in norms:
            self._writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
            self._writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))
        for name, (rows, columns) in shapes.items():
            if (matrix := made.get(f"{name}.weight")) is not None:
                self._add_made(f"{name}.weight", matrix)
            else:
                self._add_random(f"{name}.weight", rows, columns, is_silent=name in silent)
            if name != "token_embd":
                bias = made.get(f"{name}.bias", np.zeros(rows, np.float32))
                self._writer.add_tensor(f"{name}.bias", bias)

    def _add_made(self, name: str, matrix: np.ndarray[Any, Any]) -> None:
        import gguf

        kind = gguf.GGMLQuantizationType.Q8_0 if self._shape.is_quantised else None
        if kind is None:
            self._writer.add_tensor(name, matrix.astype(np.float16))
        else:
            # Eight bits: gguf cannot make Q4_K blocks of given weights.
            self._writer.add_tensor(name, gguf.quants.quantize(matrix, kind), raw_dtype=kind)

    def _add_random(self, name: str, rows: int, columns: int, *, is_silent: bool) -> None:
        import gguf

        if not self._shape.is_quantised:
            scale = 0.0 if is_silent else 0.02
            matrix = self._random.standard_normal((rows, columns), np.float32) * scale
            self._writer.add_tensor(name, matrix.astype(np.float16))
            return
        count = rows * columns // BLOCK_WEIGHTS
        blocks = np.frombuffer(bytearray(self._random.bytes(count * BLOCK_BYTES)), np.uint8)
        blocks = blocks.reshape(count, BLOCK_BYTES)
        scale, minimum = (0.0, 0.0) if is_silent else (6e-5, 4.5e-4)
        blocks[:, :4] = np.array([scale, minimum], np.float16).view(np.uint8)
        self._writer.add_tensor(
            name, blocks.reshape(rows, -1), raw_dtype=gguf.GGMLQuantizationType.Q4_K
        )


if __name__ == "__main__":
    main()
