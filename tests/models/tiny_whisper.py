"""Write a tiny Whisper in CTranslate2's format, for tests that must not download."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

SCRIPT = ((0.0, " Hello from the tiny model."), (2.0, " It says the same in every window."))
"""What it hears in any sound: the seconds at which each sentence begins, and its words."""
END_S = 4.0

HIDDEN_SIZE = 256
SEED = 0
_SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)
_TIMES = 1501
"""From 0.00 to 30.00 s in steps of 0.02 s."""


def build_tiny_whisper(folder: Path) -> Path:
    """Write all files that a model pulled from the hub has.

    Its attention is switched off, and each position of the output points to the token that comes
    next in SCRIPT, so it loads and decodes as any other model does but hears the same everywhere.

    Args:
        folder: Where the files go; must not be there.

    Returns:
        `folder`.
    """
    from ctranslate2.converters import TransformersConverter
    from transformers import PreTrainedTokenizerFast

    tokenizer = _tokenizer()
    network = _network(tokenizer)
    with tempfile.TemporaryDirectory() as original, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.save_pretrained(original)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, unk_token="<|endoftext|>", eos_token="<|endoftext|>"
        ).save_pretrained(original)
        TransformersConverter(original, copy_files=["tokenizer.json"]).convert(str(folder))
    return folder


def _tokenizer() -> Any:
    """Return one that spells texts out in bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    # Whisper never says these; spelled out, the space before them would be forbidden too.
    merges = [("Ġ", "-"), ("Ġ", "'"), ("Ġ", "â")]
    signs = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *map("".join, merges)]
    tokenizer = Tokenizer(models.BPE({sign: id_ for id_, sign in enumerate(signs)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in _SPECIAL])
    return tokenizer


def _network(tokenizer: Any) -> Any:
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    ids = {name: tokenizer.token_to_id(name) for name in _SPECIAL}
    first_time = ids["<|notimestamps|>"] + 1
    network = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=first_time + _TIMES,
            d_model=HIDDEN_SIZE,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            pad_token_id=ids["<|endoftext|>"],
            bos_token_id=ids["<|endoftext|>"],
            eos_token_id=ids["<|endoftext|>"],
            decoder_start_token_id=ids["<|startoftranscript|>"],
            suppress_tokens=[],
            begin_suppress_tokens=[],
        )
    )
    script: list[int] = []
    for (start_s, text), end_s in zip(SCRIPT, (SCRIPT[1][0], END_S), strict=True):
        script += [first_time + round(start_s * 50), *tokenizer.encode(text).ids]
        script.append(first_time + round(end_s * 50))
    script.append(ids["<|endoftext|>"])
    decoder = network.model.decoder
    with torch.no_grad():
        for parameter in decoder.layers.parameters():
            parameter.zero_()
        signs = torch.randn(
            first_time + _TIMES, HIDDEN_SIZE, generator=torch.Generator().manual_seed(SEED)
        )
        decoder.embed_tokens.weight.copy_(torch.nn.functional.normalize(signs))
        network.proj_out.weight.copy_(decoder.embed_tokens.weight)
        decoder.embed_positions.weight.zero_()
        for place, token in enumerate(script):
            decoder.embed_positions.weight[place] = 8 * decoder.embed_tokens.weight[token]
    return network
