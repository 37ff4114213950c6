"""The cache of networks for ONNX Runtime, each made once from a model's weights by `export`.

A network's folder has the graph, the weights and, written last, a record: what they were made from,
their SHA-256, and how near they came to sentence-transformers. Without one nothing is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tera.embedders.onnx import OnnxEmbedder
from tera.errors import ModelLoadError
from tera.models import ModelSpec

FORMAT = 1
RECORD, FAILURE, LOCK = "network.json", "failed.json", ".lock"
LOWEST_COSINE = 0.9999
"""Between a network's vector and sentence-transformers' of the same text."""
PROBE = "The staging database listens on port 5433."
"""Embedded at each load and compared with what the network said when it was made."""
RETRY_AFTER_S = 7 * 24 * 3600.0
"""A failure can have been the machine's; with other versions it is tried again at once."""
LIBRARIES = ("torch", "sentence-transformers", "transformers", "onnx", "onnxruntime")


class NoNetworkError(Exception):
    """A model cannot run on ONNX Runtime; sentence-transformers can still run it."""

    def __init__(self, reason: str, *, is_news: bool = True) -> None:
        """Keep the reason, and whether it is the first time that it is given."""
        super().__init__(reason)
        self.is_news = is_news


def load_network(
    spec: ModelSpec, folder: Path, home: Path, on_prepare: Callable[[], None]
) -> OnnxEmbedder:
    """Load a model's network, made first if need be.

    Args:
        spec: The model.
        folder: The model's files.
        home: Where its network is kept.
        on_prepare: Called before a network is made, which takes a while.

    Raises:
        NoNetworkError: None could be made.
        ModelLoadError: The model's own files are broken or not the described model.
    """
    source = source_of(spec, folder)
    if embedder := _open(spec, folder, home, source):
        return embedder
    if reason := _failed_before(home, source):
        raise NoNetworkError(reason, is_news=False)
    on_prepare()
    _make(spec, folder, home, source)
    # The files may have been replaced meanwhile.
    if embedder := _open(spec, folder, home, source_of(spec, folder)):
        return embedder
    raise NoNetworkError("the network that was made from it does not load")


def source_of(spec: ModelSpec, folder: Path) -> str:
    """Return a digest that changes with the model's files, by size and time, and the runtime."""
    files = {folder / name for name in spec.files}
    for pattern in ("*.json", "*/config.json", "*.safetensors", "*.bin"):
        files.update(folder.glob(pattern))
    files.discard(folder / "tera.json")
    found: list[object] = [FORMAT, spec.dim, spec.max_tokens, spec.pooling, version("onnxruntime")]
    for file in sorted(files):
        state = file.stat()
        found.append([file.relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns])
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def read_record(home: Path, source: str) -> dict[str, Any] | None:
    """Return the record of a whole network that was made from this source; None without one."""
    try:
        record: dict[str, Any] = json.loads((home / RECORD).read_bytes())
        if (record["format"], record["source"]) != (FORMAT, source):
            return None
        sizes: dict[str, int] = record["sizes"]
        is_whole = all((home / name).stat().st_size == size for name, size in sizes.items())
        return record if is_whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_json(file: Path, content: object) -> None:
    """Write a file that is there whole or not at all, also after a power failure."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as handle:
            json.dump(content, handle, indent=1)
            handle.flush()
            os.fsync(handle.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _open(spec: ModelSpec, folder: Path, home: Path, source: str) -> OnnxEmbedder | None:
    """Return the network of this source; a damaged one is forgotten."""
    import numpy as np

    record = read_record(home, source)
    if record is None:
        return None
    # Whatever a damaged graph leads to: `export` finds out whether the model itself is broken.
    with contextlib.suppress(Exception):
        embedder = OnnxEmbedder(spec, folder, home / record["graph"])
        vector = embedder.embed_passages([PROBE])[0]
        if float(vector @ np.asarray(record["probe"], np.float32)) >= LOWEST_COSINE:
            return embedder
    _forget(home, record)
    return None


def _forget(home: Path, record: dict[str, Any]) -> None:
    from filelock import FileLock

    try:
        with FileLock(home / LOCK):
            # Unless another process has made a new one.
            if read_record(home, record["source"]) == record:
                (home / RECORD).unlink()
    except OSError as error:
        raise NoNetworkError(f"its network is damaged and cannot be replaced: {error}") from error


def _make(spec: ModelSpec, folder: Path, home: Path, source: str) -> None:
    """Run `export` in a process of its own, so that this one never imports torch."""
    check_space(folder, home)
    command = [sys.executable, "-P", "-m", "tera.embedders.export"]
    arguments = [json.dumps(asdict(spec) | {"files": dict(spec.files)}), str(folder), str(home)]
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            out, talk = process.communicate()
        except BaseException:
            process.kill()
            # After Ctrl-C, leaving the block does not.
            process.wait()
            raise
    try:
        outcome: dict[str, str] = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        last = (talk.strip().splitlines() or [""])[-1][:200]
        outcome = {"outcome": "failed", "reason": f"code {process.returncode} {last}".strip()}
    if outcome["outcome"] == "broken":
        raise ModelLoadError(outcome["reason"], hint=outcome["hint"])
    if outcome["outcome"] == "failed":
        failure = {"source": source, "at": time.time(), "versions": versions()}
        # A home that cannot be written is asked again.
        with contextlib.suppress(OSError):
            write_json(home / FAILURE, failure | {"reason": outcome["reason"]})
    if outcome["outcome"] != "ready":
        raise NoNetworkError(outcome["reason"])


def check_space(folder: Path, home: Path) -> None:
    """Find out whether there is a place for a network.

    Raises:
        NoNetworkError: There is not.
    """
    weights = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
    # As it is exported, and optimised.
    needed = 2 * sum(file.stat().st_size for file in weights) + (16 << 20)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
        is_writable = os.access(home, os.W_OK)
    except OSError as error:
        raise NoNetworkError(f"{home}: {error.strerror or error}") from error
    if not is_writable:
        raise NoNetworkError(f"{home} cannot be written")
    if free < needed:
        raise NoNetworkError(f"the disk of {home} is full")


def _failed_before(home: Path, source: str) -> str:
    """Return why the same attempt failed, empty when it may be made."""
    try:
        failure = json.loads((home / FAILURE).read_bytes())
        is_same = failure["source"] == source and failure["versions"] == versions()
        is_recent = 0 <= time.time() - failure["at"] < RETRY_AFTER_S
        return str(failure["reason"]) if is_same and is_recent else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def versions() -> dict[str, str]:
    """Return the versions of the libraries that have a part in a network."""
    return {library: version(library) for library in LIBRARIES}
