"""Write a tiny phi2 GGUF that answers from a script, for tests that must not download a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gguf

END_OF_TEXT, CHAT_START, CHAT_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHATML_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# llama-cpp-python 0.3 turns a token into text through a buffer of 32 bytes and drops longer ones.
MAX_PIECE_BYTES = 32

MERGED_TOKENS = 300
HEAD_SIZE = 32
LAYERS = 2

# Logits. 40 leads by e**40 at temperature 1, so that sampling and repeat penalties change nothing.
START_LOGIT = 40.0
NEXT_LOGIT = 2 * START_LOGIT

TRAINING_TEXT = """\
You are the memory of one person. Answer the question from the notes below and from nothing else.
Cite every note that you use by its number, as in [1] or [2]. If the notes do not hold the answer,
say that you do not know. Keep the answer short. Context: Question: Answer: Notes: Sources: Date:
system user assistant. The staging database listens on port 5433 since last Monday. Who said that
the meeting was on Tuesday, and when did we move the server to the new host? She wrote it in the
project notes: what, where, why, which, with whom, there, then, this, those, these, they, would.
"""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens by id, and the ids that the script goes through in order."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    script_ids: list[int]

    def id_of(self, token: str) -> int:
        """Return the id of a token by its text in the file."""
        return self.tokens.index(token)


def build_tiny_phi2(
    path: Path,
    script: Sequence[str | bytes],
    *,
    context_length: int = 512,
    stops: bool = True,
) -> Path:
    r"""Write a phi2 model that says `script`, whatever it is asked.

    The next token depends on the last one alone: after a piece comes the next piece, after
    anything else (a prompt) comes the first.

    Args:
        path: The file to write; an existing one is replaced.
        script: What the model says, one token per piece, up to 32 bytes each, all different.
            Bytes instead of text make half a character possible. A newline of its own is not,
            because every ChatML prompt ends with that token; `".\n"` is.
        context_length: The context in tokens that the file claims to be trained for.
        stops: Whether `<|im_end|>` follows the last piece; otherwise the script starts again.

    Returns:
        `path`.

    Raises:
        ValueError: The script cannot be told token by token.
    """
    import gguf

    pieces = [piece.encode("utf-8") if isinstance(piece, str) else piece for piece in script]
    _check_script(pieces)
    vocabulary = _build_vocabulary(pieces)
    writer = gguf.GGUFWriter(path, "phi2")
    _add_tokenizer(writer, vocabulary)
    _add_network(writer, vocabulary, context_length, stops)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _check_script(pieces: Sequence[bytes]) -> None:
    """Refuse a script that the model could not say as written."""
    if not pieces or len(set(pieces)) < len(pieces):
        raise ValueError("a script needs pieces, all different: the next follows from the last")
    for piece in pieces:
        if not 0 < len(piece) <= MAX_PIECE_BYTES:
            raise ValueError(f"a piece has 1 to {MAX_PIECE_BYTES} bytes: {piece!r}")
        if piece == b"\n":
            raise ValueError("every prompt would end with a piece of the script: a newline")
        if piece.decode("utf-8", errors="replace") in (END_OF_TEXT, CHAT_START, CHAT_END):
            raise ValueError(f"a special token cannot be said: {piece!r}")


def _build_vocabulary(pieces: Sequence[bytes]) -> Vocabulary:
    """Train a byte-level BPE as GPT-2 and Phi-2 have it, then add what the script lacks.

    Added pieces have no merge, so a prompt is never tokenized into them.
    """
    import gguf
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + MERGED_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TRAINING_TEXT], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    letters = _byte_letters()
    wanted = ["".join(letters[byte] for byte in piece) for piece in pieces]
    tokens += [token for token in wanted if token not in model["vocab"]]
    types = [int(gguf.TokenType.NORMAL)] * len(tokens) + [int(gguf.TokenType.CONTROL)] * 3
    tokens += [END_OF_TEXT, CHAT_END, CHAT_START]
    merges = [" ".join(pair) for pair in model["merges"]]
    return Vocabulary(tokens, types, merges, [tokens.index(token) for token in wanted])


def _byte_letters() -> list[str]:
    """Return GPT-2's letter for each byte: itself if it prints, else the next one from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


def _add_tokenizer(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    """Add the tokenizer's metadata, with Phi-2's special tokens as Dolphin 2.6 uses them."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(vocabulary.id_of(END_OF_TEXT))
    writer.add_eos_token_id(vocabulary.id_of(CHAT_END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML_TEMPLATE)


def _add_network(
    writer: gguf.GGUFWriter, vocabulary: Vocabulary, context_length: int, stops: bool
) -> None:
    """Add the shape and the weights.

    The blocks put out zeros, so the last token's embedding reaches the output unchanged. It is
    one-hot for a piece and zero for any other token; the layer norm keeps zero and makes about
    sqrt(width) out of the one, so a piece outweighs the bias that starts the script.
    """
    import numpy as np

    script_ids = vocabulary.script_ids
    vocabulary_size = len(vocabulary.tokens)
    width = HEAD_SIZE * max(2, -(-len(script_ids) // HEAD_SIZE))
    writer.add_context_length(context_length)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(4 * width)
    writer.add_block_count(LAYERS)
    writer.add_head_count(width // HEAD_SIZE)
    writer.add_head_count_kv(width // HEAD_SIZE)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_dimension_count(HEAD_SIZE)

    after_the_last = vocabulary.id_of(CHAT_END) if stops else script_ids[0]
    columns = np.arange(len(script_ids))
    embedding = np.zeros((vocabulary_size, width), np.float16)
    embedding[script_ids, columns] = 1
    output = np.zeros((vocabulary_size, width), np.float16)
    output[[*script_ids[1:], after_the_last], columns] = NEXT_LOGIT / width**0.5
    start = np.zeros(vocabulary_size, np.float32)
    start[script_ids[0]] = START_LOGIT
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output.bias", start)

    norms = ["output_norm", *(f"blk.{layer}.attn_norm" for layer in range(LAYERS))]
    for name in norms:
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))
    shapes = {
        "attn_qkv": (3 * width, width),
        "attn_output": (width, width),
        "ffn_up": (4 * width, width),
        "ffn_down": (width, 4 * width),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.zeros(shape, np.float16))
            writer.add_tensor(f"blk.{layer}.{name}.bias", np.zeros(shape[0], np.float32))
