"""Write a tiny cross-encoder, laid out like cross-encoder/ms-marco-MiniLM-L6-v2."""

from __future__ import annotations

from pathlib import Path

from tests.models.tiny_bert import HIDDEN_SIZE, MAX_TOKENS, SEED, tiny_vocabulary, write_tokenizer


def build_tiny_cross_encoder(folder: Path, outputs: int = 1) -> Path:
    """Write a BERT that scores two texts read together; its random weights are always the same.

    Args:
        folder: Where the files go; created if missing.
        outputs: How many scores it gives; a reranker has one.

    Returns:
        `folder`. As the hub's, it has nothing but a network and a tokenizer.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tiny_vocabulary()
    write_tokenizer(folder, vocabulary)
    config = BertConfig(
        architectures=["BertForSequenceClassification"],
        vocab_size=len(vocabulary),
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
        num_labels=outputs,
        # Larger than is usual, so that other words give another score.
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        weights = BertForSequenceClassification(config).state_dict()
    config.save_pretrained(folder)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
