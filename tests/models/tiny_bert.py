"""Write a tiny BERT, laid out like BAAI/bge-small-en-v1.5, for tests that must not download."""

from __future__ import annotations

import json
import string
from pathlib import Path

HIDDEN_SIZE = 32
MAX_TOKENS = 512
SEED = 0

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}

# Words that mean nothing to the model, as stop words do to a keyword index. The last line is bge's
# query prefix, which would otherwise make all short questions alike.
SILENT_WORDS = """
a an and are as at be by did do does for from has have he her his how i if in is it its me my not of
on or our she that the their them there they this to us was we were what when where which who why
will with you your
represent this sentence for searching relevant passages
"""

# Anything else is spelled out in characters, as rare words are in the real vocabulary.
COMMON_WORDS = """
about after all also any because before but can code could data database day down each error file
find first get go good had here him host into just know last like list listens long look made make
many may meeting memory more most much name new no note now number one only open other out over
people port project question read run said same see server should so some staging start stop such
system take tell test than then these time two under up use user very way week well while word work
would year yes ##ed ##er ##es ##est ##ing ##ion ##ly ##s
"""


def build_tiny_bert(folder: Path, pooling: str = "cls") -> Path:
    """Write a complete sentence-transformers model that knows texts by their words.

    The weights are random but for a few zeros, and the same on every call. Texts that share words
    other than `SILENT_WORDS` are near each other, whatever their order: good enough for a short
    question to find the passage that repeats its words, though chance can put another one first.

    Args:
        folder: Where the files go; created if missing.
        pooling: "cls" or "mean", whose vectors differ.

    Returns:
        `folder`. Its embeddings have 32 dimensions and length 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tiny_vocabulary()
    write_tokenizer(folder, vocabulary)
    _write_network(folder, vocabulary)
    write_pipeline(folder, pooling)
    return folder


def tiny_vocabulary() -> list[str]:
    """List the tokens by id: special tokens, characters, their ##-forms, words."""
    characters = string.punctuation + string.digits + string.ascii_letters
    tokens = [*SPECIAL_TOKENS.values(), *characters]
    tokens += [f"##{character}" for character in characters]
    return list(dict.fromkeys(tokens + SILENT_WORDS.split() + COMMON_WORDS.split()))


def write_tokenizer(folder: Path, vocabulary: list[str]) -> None:
    """Write the WordPiece tokenizer in all four files that the hub has for it.

    By hand, because transformers 5 no longer saves vocab.txt and special_tokens_map.json.
    """
    from tokenizers import BertWordPieceTokenizer

    ids = {token: number for number, token in enumerate(vocabulary)}
    BertWordPieceTokenizer(ids, lowercase=True).save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_json(folder / "special_tokens_map.json", SPECIAL_TOKENS)
    settings = {
        "do_basic_tokenize": True,
        "do_lower_case": True,
        "model_max_length": MAX_TOKENS,
        "never_split": None,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "tokenizer_class": "BertTokenizer",
    }
    write_json(folder / "tokenizer_config.json", SPECIAL_TOKENS | settings)


def _write_network(folder: Path, vocabulary: list[str]) -> None:
    """Write config.json and model.safetensors.

    Without positions, and with silence at [CLS], the first token averages the words of the text.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    config = BertConfig(
        architectures=["BertModel"],
        vocab_size=len(vocabulary),
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
    )
    silent = {*SPECIAL_TOKENS.values(), *string.punctuation, *SILENT_WORDS.split()}
    # The fork keeps the random numbers of the test that asked for the model untouched.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        weights = BertModel(config).state_dict()
        weights["embeddings.position_embeddings.weight"].zero_()
        weights["embeddings.token_type_embeddings.weight"].zero_()
        for number, token in enumerate(vocabulary):
            if token in silent:
                weights["embeddings.word_embeddings.weight"][number].zero_()
        # Else a text without any word would end as zeros, and zeros cannot be normalised.
        weights["encoder.layer.1.output.LayerNorm.bias"].fill_(0.01)
    config.save_pretrained(folder)
    # Not the model's own save_pretrained: it draws a progress bar.
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_pipeline(folder: Path, pooling: str, *, lowers: bool = True) -> None:
    """Write what sentence-transformers adds: the modules and their settings.

    2_Normalize stays without a folder: git keeps no empty ones, so the hub's copy has none either.
    """
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write_json(
        folder / "modules.json",
        [
            {
                "idx": number,
                "name": str(number),
                "path": path,
                "type": f"sentence_transformers.models.{name}",
            }
            for number, (path, name) in enumerate(modules)
        ],
    )
    settings = {
        "word_embedding_dimension": HIDDEN_SIZE,
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", settings)
    limits = {"max_seq_length": MAX_TOKENS, "do_lower_case": lowers}
    write_json(folder / "sentence_bert_config.json", limits)
    versions = {"sentence_transformers": "2.2.2", "transformers": "4.28.1", "pytorch": "1.13.0"}
    write_json(folder / "config_sentence_transformers.json", {"__version__": versions})


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
