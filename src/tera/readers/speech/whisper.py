"""Speech recognition by Whisper, with a model that is on this machine; nothing is downloaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tera.errors import ModelLoadError
from tera.models import ModelSpec, load_models
from tera.paths import Paths
from tera.readers.speech.timed import Spoken

if TYPE_CHECKING:
    from tera.readers.speech.sound import Samples

WHISPER = "whisper-base"
"""The model that hints name; 145 MB, about a hundred languages."""
BACKEND = "faster-whisper"
"""What models.toml calls this adapter."""
THREADS = 2

_CACHED = (
    *("small", "base", "small.en", "base.en", "turbo", "distil-large-v3.5", "distil-large-v3"),
    *("medium", "medium.en", "large-v3", "large-v2", "tiny", "tiny.en"),
)
"""What other programs may have left in the Hugging Face cache, the best for a laptop first."""
_FILES = ("config.json", "model.bin", "tokenizer.json")


def find_whisper(paths: Paths) -> Path | None:
    """Return the folder of a Whisper model in CTranslate2's format, or None when there is none.

    The person's own (`path` in models.toml) comes first, then the largest of those that were
    pulled, then the Hugging Face cache, then a Python package (`package` in models.toml).

    Raises:
        ConfigError: The person's models.toml is broken.
    """
    known = [spec for spec in load_models(paths).values() if spec.backend == BACKEND]
    for spec in known:
        if spec.path and is_whisper(folder := paths.home / Path(spec.path).expanduser()):
            return folder
    pulled = [folder for folder in paths.models.glob("*") if is_whisper(folder)]
    if pulled:
        return max(pulled, key=lambda folder: ((folder / "model.bin").stat().st_size, folder.name))
    return _find_cached() or _find_packaged(known)


def is_whisper(folder: Path) -> bool:
    """Return whether all files of a model are in a folder.

    Without `tokenizer.json` faster-whisper would ask the network for one.
    """
    return all((folder / name).is_file() for name in _FILES) and any(folder.glob("vocabulary.*"))


def _find_cached() -> Path | None:
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    for name in _CACHED:
        try:
            folder = Path(download_model(name, local_files_only=True))
        except (LocalEntryNotFoundError, HfHubHTTPError, ValueError, OSError):
            continue
        if is_whisper(folder):
            return folder
    return None


def _find_packaged(known: list[ModelSpec]) -> Path | None:
    for spec in known:
        module = importlib.util.find_spec(spec.package) if spec.package else None
        for place in (module and module.submodule_search_locations) or ():
            if is_whisper(folder := Path(place, spec.package_folder)):
                return folder
    return None


class Whisper:
    """A loaded model."""

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
            ModelLoadError: Its files are broken.
        """
        from faster_whisper import WhisperModel

        try:
            # 8 bits: a CPU has no faster way, and it takes half the memory.
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS
            )
        except Exception as error:
            raise ModelLoadError(
                f"the speech model in {folder} does not load: {error}",
                hint=f"delete that folder, then: tera models pull {WHISPER}",
            ) from error

    @property
    def is_english(self) -> bool:
        """Whether it knows no other language."""
        return not self._model.model.is_multilingual

    def transcribe(self, samples: Samples) -> Iterator[Spoken]:
        """Yield what is said in a block of sound, with times from its beginning; lazily."""
        import numpy as np

        segments, _ = self._model.transcribe(
            samples.astype(np.float32) / 32768,
            vad_filter=True,
            # One misheard window would else spoil the windows after it.
            condition_on_previous_text=False,
        )
        for segment in segments:
            yield Spoken(segment.start, segment.end, segment.text)
