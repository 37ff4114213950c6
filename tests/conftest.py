"""What every test stands on: a home of its own, no network, and models built here."""

from __future__ import annotations

import os

# Read at import by the libraries, so it is set before any of them is imported.
os.environ.update(
    {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
)
