"""The embedder's own measure of length, from its tokenizer file alone: no network to load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tera.errors import ModelLoadError


class TokenCounter:
    """Counts tokens as the embedder will."""

    def __init__(self, folder: Path) -> None:
        """Read `tokenizer.json` of a model's folder.

        Raises:
            ModelLoadError: The file is missing or broken.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise ModelLoadError(
                f"cannot read the tokenizer in {folder}: {error}", hint="tera models verify"
            ) from error
        # The file may say to cut or pad, which would hide the true length.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens."""
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encoded]
