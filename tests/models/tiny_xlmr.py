"""Write a tiny multilingual embedder, laid out like intfloat/multilingual-e5-small.

That is a BERT with the tokenizer of XLM-R: SentencePiece pieces in a tokenizer.json, <s> and </s>
around a text, <pad> as token 1, and no token types. The same with an XLM-R network, which counts
its positions from behind the padding token.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Literal

from tests.models.tiny_bert import (
    COMMON_WORDS,
    HIDDEN_SIZE,
    MAX_TOKENS,
    SEED,
    SILENT_WORDS,
    write_json,
    write_pipeline,
)

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
PREFIXES = ("query", "passage")

Network = Literal["bert", "xlm-roberta"]


def build_tiny_xlmr(folder: Path, network: Network = "bert") -> Path:
    """Write a complete sentence-transformers model with mean pooling.

    The weights are random but for a few zeros, and the same on every call, so that texts which
    share words are near each other; see `build_tiny_bert`.

    Args:
        folder: Where the files go; created if missing.
        network: The kind of network.

    Returns:
        `folder`. Its embeddings have 32 dimensions and length 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = _pieces()
    _write_tokenizer(folder, pieces)
    _write_network(folder, pieces, network)
    write_pipeline(folder, "mean", lowers=False)
    return folder


def _pieces() -> list[str]:
    """List the pieces by id: special tokens, beginnings of words, characters."""
    words = [word for word in COMMON_WORDS.split() if not word.startswith("##")]
    characters = string.punctuation + string.digits + string.ascii_letters
    pieces = [*SPECIAL_TOKENS, "▁", *(f"▁{word}" for word in (*SILENT_WORDS.split(), *PREFIXES))]
    return list(dict.fromkeys([*pieces, *(f"▁{word}" for word in words), *characters]))


def _write_tokenizer(folder: Path, pieces: list[str]) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    # Whole words cost less than their characters.
    scores = [
        (piece, 0.0 if piece in SPECIAL_TOKENS else -2.0 - 9 / len(piece)) for piece in pieces
    ]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=SPECIAL_TOKENS.index("<unk>")))
    # SentencePiece's own table of characters is left out: of normalizers, transformers 5 takes over
    # nothing but that.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    names |= {"pad_token": "<pad>", "unk_token": "<unk>"}
    write_json(folder / "special_tokens_map.json", names)
    settings = {"model_max_length": MAX_TOKENS, "tokenizer_class": "XLMRobertaTokenizer"}
    write_json(folder / "tokenizer_config.json", names | settings)


def _write_network(folder: Path, pieces: list[str], network: Network) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

    sizes = {
        "vocab_size": len(pieces),
        "hidden_size": HIDDEN_SIZE,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "pad_token_id": SPECIAL_TOKENS.index("<pad>"),
    }
    if network == "bert":
        config = BertConfig(
            architectures=["BertModel"],
            tokenizer_class="XLMRobertaTokenizer",
            max_position_embeddings=MAX_TOKENS,
            # As in the hub's file, whatever the tokenizer says.
            **sizes | {"pad_token_id": 0},
        )
        kind = BertModel
    else:
        config = XLMRobertaConfig(
            architectures=["XLMRobertaModel"],
            max_position_embeddings=MAX_TOKENS + 2,
            type_vocab_size=1,
            **sizes,
        )
        kind = XLMRobertaModel
    silent = {*SPECIAL_TOKENS, "▁", *string.punctuation}
    silent |= {f"▁{word}" for word in (*SILENT_WORDS.split(), *PREFIXES)}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        weights = kind(config).state_dict()
        # Small, as words count for more, but there: else nothing would show that positions are
        # counted as the network wants it.
        weights["embeddings.position_embeddings.weight"] *= 0.2
        weights["embeddings.token_type_embeddings.weight"].zero_()
        for number, piece in enumerate(pieces):
            if piece in silent:
                weights["embeddings.word_embeddings.weight"][number].zero_()
    config.save_pretrained(folder)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
