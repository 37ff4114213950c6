from __future__ import annotations

import subprocess
import sys

import pytest

NEVER_IN_THE_CLI = {
    "torch",
    "sentence_transformers",
    "transformers",
    "llama_cpp",
    "surrealdb",
    "numpy",
    "huggingface_hub",
    "rich",
    "dateparser",
    "tokenizers",
    "onnxruntime",
    "tomlkit",
    "starlette",
    "uvicorn",
    "asyncio",
    *("httpx2", "keyring"),
    *("lxml", "trafilatura", "pypdfium2", "PIL", "av", "icalendar", "vobject", "ijson", "yaml"),
    *("pathspec", "charset_normalizer", "zstandard"),
}


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("tera.cli", NEVER_IN_THE_CLI),
        # surrealdb too: reading the settings or refusing a file needs no database.
        ("tera.engine", NEVER_IN_THE_CLI),
        ("tera.agent.client", NEVER_IN_THE_CLI),
        # Typed text needs none of it, and a folder of notes only a little.
        ("tera.cli.remember", NEVER_IN_THE_CLI),
        ("tera.cli.documents", NEVER_IN_THE_CLI),
        ("tera.readers.detect", NEVER_IN_THE_CLI),
    ],
)
def test_importing_the_program_loads_no_heavy_library(module: str, banned: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "tera" in loaded
    assert not loaded & banned
