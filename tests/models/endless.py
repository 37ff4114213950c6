"""A language model that writes for seconds without repeating itself; no note says any of it."""

from __future__ import annotations

from pathlib import Path

from tests.models.tiny_phi2 import build_tiny_phi2

PIECES = ("on", " and", *(f" further{number}" for number in range(1000)))


def add_endless(models_file: Path, folder: Path) -> None:
    """Write the model into a folder, and add it to a models.toml as "endless"."""
    folder.mkdir(exist_ok=True)
    build_tiny_phi2(folder / "model.gguf", PIECES, context_length=2048, stops=False)
    with models_file.open("a") as file:
        file.write(
            f'[endless]\nrole = "llm"\nbackend = "llama-cpp"\npath = "{folder}"\n'
            'context_tokens = 2048\n[endless.files]\n"model.gguf" = ""\n'
        )
