"""Write a small phi2 GGUF that continues its prompt as the prompt itself once went on."""

from __future__ import annotations

from pathlib import Path

from phi2_random_gguf import TINY, write_phi2

BEGIN = "assistant\n"
"""The end of a prompt in ChatML: text behind it in a prompt is what the model writes first."""


def build_copying_phi2(path: Path) -> Path:
    """Write the model that benchmarks/answering.py has at full size; about a second."""
    return write_phi2(path, TINY, copies=True)
