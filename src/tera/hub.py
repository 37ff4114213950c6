"""Model files on this machine: found, downloaded from the Hugging Face hub, verified, removed.

A downloaded model is a folder of its own with a record, `tera.json`, written last: the revision and
each file's SHA-256. A folder without one is a download that was cut off; pulling again goes on from
the `.part` that is there. (The hub's own `hf_hub_download` no longer does.)
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tera.errors import ModelError, ModelLoadError, ModelNotFoundError
from tera.models import ModelSpec
from tera.paths import Paths

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

REACH_TIMEOUT_S = 4.0
"""How long to wait for the hub before it counts as out of reach."""

_is_out_of_bounds: ContextVar[bool] = ContextVar("is_out_of_bounds", default=False)
Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are here and the bytes in all."""


def locate(spec: ModelSpec, paths: Paths) -> Path | None:
    """Return the folder with a model's files, or None when they are not all on this machine."""
    if spec.path:
        folder = Path(spec.path).expanduser()
        folder = folder if folder.is_absolute() else paths.home / folder
    elif spec.package:
        module = importlib.util.find_spec(spec.package)
        if not module or not module.submodule_search_locations:
            return None
        folder = Path(module.submodule_search_locations[0], spec.package_folder)
    else:
        folder = _folder(spec, paths)
        if not (folder / "tera.json").exists() or _is_of_another(folder / "tera.json", spec):
            return None
    return folder if all((folder / name).is_file() for name in spec.files) else None


@contextlib.contextmanager
def out_of_bounds() -> Iterator[None]:
    """Let the hub count as out of reach for the block, in this thread; nothing connects to it."""
    before = _is_out_of_bounds.set(True)
    try:
        yield
    finally:
        _is_out_of_bounds.reset(before)


def is_reachable(spec: ModelSpec) -> bool:
    """Return whether the hub answers for a model, within REACH_TIMEOUT_S seconds."""
    return bool(spec.repo) and _ask_hub(spec, next(iter(spec.files))) is not None


def pull(spec: ModelSpec, paths: Paths, progress: Progress) -> Path:
    """Download a model's files, go on where an earlier download stopped, and verify them.

    Returns:
        The folder with the files.

    Raises:
        ModelNotFoundError: The hub cannot be reached or does not have them.
        ModelLoadError: A file does not match its checksum; it was deleted.
    """
    if folder := locate(spec, paths):
        return folder
    if not spec.repo:
        raise ModelNotFoundError(
            f"{spec.name} is not on this machine", hint=_install_hint(spec, paths)
        )
    folder = _folder(spec, paths)
    found: dict[str, str] = {}
    for name, pinned in spec.files.items():
        metadata = _ask_hub(spec, name)
        if metadata is None:
            raise ModelNotFoundError(
                f"{spec.name} is not on this machine and the Hugging Face hub cannot be reached",
                hint=f"connect to the network, then: tera models pull {spec.name}",
            )
        expected = pinned or _sha256_of(metadata)
        paths.create()
        # From here on the files may be of two revisions.
        (folder / "tera.json").unlink(missing_ok=True)
        _download(spec, name, metadata, expected, folder, progress)
        found[name] = _checked(folder / name, expected, spec)
    record = {"repo": spec.repo, "revision": spec.revision, "files": found}
    (folder / "tera.json").write_text(json.dumps(record, indent=1))
    for part in folder.rglob("*.part"):
        # Of another revision.
        part.unlink()
    return folder


def verify(spec: ModelSpec, paths: Paths, progress: Progress) -> list[str]:
    """Return what is wrong with a model's files, one line each; empty when all is well.

    Raises:
        ModelNotFoundError: They are not on this machine.
    """
    folder = locate(spec, paths)
    if folder is None:
        raise ModelNotFoundError(
            f"{spec.name} is not on this machine", hint=f"tera models pull {spec.name}"
        )
    problems: list[str] = []
    try:
        expected = _recorded(folder / "tera.json")
    except ValueError as error:
        return [str(error)]
    expected |= {name: pinned for name, pinned in spec.files.items() if pinned}
    for name in spec.files:
        if expected.get(name) and _sha256(folder / name, progress) != expected[name]:
            problems.append(f"{folder / name} does not match its checksum")
    return problems


def verify_network(spec: ModelSpec, paths: Paths, progress: Progress) -> list[str]:
    """Return what is wrong with the network that was derived from a model's weights, if any was."""
    folder = paths.network(spec.name)
    try:
        files = _recorded(folder / "network.json")
    except ValueError as error:
        return [str(error)]
    return [
        f"{folder / name} does not match its checksum"
        for name, expected in files.items()
        if not (folder / name).is_file() or _sha256(folder / name, progress) != expected
    ]


def remove(spec: ModelSpec, paths: Paths) -> int:
    """Delete a downloaded model, also one that is half downloaded.

    Returns:
        The bytes freed.

    Raises:
        ModelNotFoundError: Nothing of it was downloaded.
        ModelError: The files cannot be deleted.
    """
    folder = _folder(spec, paths)
    elsewhere = locate(spec, paths) if spec.path or spec.package else None
    if elsewhere:
        shutil.rmtree(paths.network(spec.name), ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
    if not folder.exists() or folder == elsewhere:
        raise ModelNotFoundError(
            f"{spec.name} was not downloaded by tera"
            + (f"; its files are in {elsewhere}" if elsewhere else ""),
            hint="tera models list",
        )
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            f"cannot delete {folder}: {error.strerror or error}", hint=f"ls -la {folder}"
        ) from error
    return size


def _folder(spec: ModelSpec, paths: Paths) -> Path:
    return paths.models / spec.name


def _recorded(record: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by name; empty without a record.

    Raises:
        ValueError: It is damaged.
    """
    if not record.exists():
        return {}
    try:
        return dict(json.loads(record.read_bytes())["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{record} is damaged") from error


def _is_of_another(record: Path, spec: ModelSpec) -> bool:
    """Return whether a record says that the files are of another repository or revision."""
    try:
        recorded = json.loads(record.read_bytes())
        return (recorded["repo"], recorded["revision"]) != (spec.repo, spec.revision)
    except (OSError, ValueError, KeyError, TypeError):
        # `verify` says that it is damaged.
        return False


def _install_hint(spec: ModelSpec, paths: Paths) -> str:
    if spec.package:
        return f"pip install {spec.package.replace('_', '-')}"
    return f"put its files where {paths.models_file} says"


def _ask_hub(spec: ModelSpec, name: str) -> HfFileMetadata | None:
    """Return what the hub says of a file; None when it does not answer in time.

    Raises:
        ModelNotFoundError: It answers that there is no such file.
    """
    if _is_out_of_bounds.get():
        return None
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return None
    answer: list[HfFileMetadata | Exception] = []

    def ask() -> None:
        try:
            url = hf_hub_url(spec.repo, name, revision=spec.revision)
            answer.append(get_hf_file_metadata(url, timeout=REACH_TIMEOUT_S))
        except Exception as error:
            answer.append(error)

    # A thread, because a name server that does not answer holds the call up beyond any timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_TIMEOUT_S)
    reply = answer[0] if answer else None
    if isinstance(reply, EntryNotFoundError | RepositoryNotFoundError | RevisionNotFoundError):
        raise ModelNotFoundError(
            f"the hub has no {name} in {spec.repo} at {spec.revision[:12]}",
            hint="install a newer version of Tera",
        ) from reply
    return None if isinstance(reply, Exception) else reply


def _download(
    spec: ModelSpec,
    name: str,
    metadata: HfFileMetadata,
    expected: str,
    folder: Path,
    progress: Progress,
) -> None:
    """Download a file, unless one with the expected SHA-256 is there."""
    from filelock import FileLock
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    # It tries again by itself; what became of it is said once, below.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    target = folder / name
    # What was begun of another revision is not gone on with.
    part = folder / f"{name}.{metadata.etag}.part"
    size = metadata.size or 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        # Two commands may need the model at once.
        with FileLock(folder / ".lock"):
            if target.exists() and expected and _sha256(target, lambda *_: None) == expected:
                return
            if part.exists() and part.stat().st_size > size:
                part.unlink()
            with part.open("ab") as file:
                http_get(
                    hf_hub_url(spec.repo, name, revision=spec.revision),
                    file,
                    resume_size=file.tell(),
                    headers={**build_hf_headers(), "Accept-Encoding": "identity"},
                    expected_size=metadata.size,
                    tqdm_class=_reporter(name, size, progress),
                )
            part.replace(target)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelNotFoundError(
            f"the download of {name} stopped: {reason}",
            hint=f"go on where it stopped: tera models pull {spec.name}",
        ) from error


def _reporter(name: str, size: int, progress: Progress) -> type[Any]:
    """Return a class that stands in for the hub's own progress bar and reports to `progress`."""
    from tqdm import tqdm

    class Reporter(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})
            self.here = int(options.get("initial") or 0)
            progress(name, self.here, size)

        def update(self, n: float | None = 1) -> bool | None:
            self.here += int(n or 0)
            progress(name, self.here, size)
            return None

    return Reporter


def _sha256_of(metadata: HfFileMetadata) -> str:
    """Return the SHA-256 that the hub states: the etag of large files, not of small ones."""
    etag = metadata.etag or ""
    return etag if len(etag) == 64 else ""


def _checked(file: Path, expected: str, spec: ModelSpec) -> str:
    actual = _sha256(file, lambda *_: None)
    if expected and actual != expected:
        file.unlink()
        raise ModelLoadError(
            f"{file.name} of {spec.name} does not match its checksum and was deleted",
            hint=f"tera models pull {spec.name}",
        )
    return actual


def _sha256(file: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    size, here = file.stat().st_size, 0
    with file.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
            here += len(block)
            progress(file.name, here, size)
    return digest.hexdigest()
