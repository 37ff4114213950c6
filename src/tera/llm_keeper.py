"""The language model of a home: loaded when it is asked, kept a while, freed for other programs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tera import hub
from tera.config import Config
from tera.errors import ModelNotFoundError
from tera.llms import load_llm
from tera.models import ModelSpec, find_model
from tera.paths import Paths

if TYPE_CHECKING:
    from tera.llms import LLM
    from tera.model_loader import Listener

LOOK_S = 15.0
"""How often a model that is kept is thought over; one look costs a tenth of a millisecond."""
LEAST_LOOK_S = 0.02
SHORT_OF_MEMORY = 0.1
"""With less than this part of the memory available, Linux begins to throw out what is in use."""
NEEDS = 1.4
"""What a loaded model takes, by the size of its file: its weights, rearranged for the processor,
and what it has read, which for 2,048 tokens of Phi-2 is 0.67 GB beside 1.79."""
PROGRESS_AFTER_S = 1.0

log = logging.getLogger("tera.llm")


@dataclass(frozen=True, slots=True)
class Memory:
    """What the machine has, in bytes."""

    available: int
    total: int

    @property
    def is_short(self) -> bool:
        """Whether other programs begin to suffer."""
        return self.available < SHORT_OF_MEMORY * self.total


def read_memory(file: Path = Path("/proc/meminfo")) -> Memory | None:
    """Return the machine's memory; None where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in file.read_text().splitlines())
        available, total = (
            int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "MemTotal")
        )
    except (OSError, ValueError, KeyError, IndexError):
        return None
    return Memory(available, total)


class LLMKeeper:
    """Hands out the chosen language model, to one caller at a time."""

    def __init__(
        self,
        name: str,
        config: Config,
        paths: Paths,
        listener: Listener,
        catalogue: Mapping[str, ModelSpec],
        turn: Callable[[threading.Lock, str], AbstractContextManager[None]],
        memory: Callable[[], Memory | None] = read_memory,
    ) -> None:
        """Load nothing yet.

        Args:
            name: The model.
            config: Says how long it is kept.
            paths: The home folder.
            listener: Hears what takes long.
            catalogue: Every known model.
            turn: Holds a lock for a block; whoever waits for it is told the task.
            memory: Tells the machine's memory.
        """
        self._name = name
        self._config = config
        self._paths = paths
        self._listener = listener
        self._catalogue = catalogue
        self._turn = turn
        self._memory = memory
        self._lock = threading.Lock()
        """Held while the model loads, answers and is freed."""
        self._llm: LLM | None = None
        self._last_used = 0.0
        self._is_closed = threading.Event()
        self._watcher: threading.Thread | None = None

    def is_here(self, *, is_known: bool = True) -> bool:
        """Return whether the model is on this machine.

        Args:
            is_known: False where a name that the catalogue does not have is no error.

        Raises:
            ModelNotFoundError: The catalogue does not have it.
        """
        if not is_known and self._name not in self._catalogue:
            return False
        return hub.locate(find_model(self._catalogue, self._name), self._paths) is not None

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._llm is not None

    @contextmanager
    def use(self, *, keep: bool) -> Iterator[LLM]:
        """Have the model for the block; one block at a time does.

        Args:
            keep: Leave it loaded for the next block, which may come within `ask.keep_s`.

        Raises:
            ModelError: It is not on this machine or does not load.
        """
        with self._turn(self._lock, "waiting for another answer to be written"):
            closed = self._is_closed
            llm = self._llm = self._llm or self._load()
            try:
                yield llm
            finally:
                self._last_used = time.monotonic()
                if not keep or closed.is_set():
                    self._free()
                elif self._watcher is None:
                    self._watcher = threading.Thread(
                        target=self._watch, args=(closed,), name="llm keeper", daemon=True
                    )
                    self._watcher.start()

    def make_room(self, needed_bytes: int) -> None:
        """Free the model if something else wants more than is available, and nobody uses it."""
        memory = self._memory()
        if memory and memory.available < needed_bytes and self._lock.acquire(blocking=False):
            try:
                self._free("for another model")
            finally:
                self._lock.release()

    def close(self) -> None:
        """Free the model, as soon as it has answered; the next use loads it again."""
        watcher = self._watcher
        # Whoever has the model now frees it at the end.
        self._is_closed.set()
        if watcher:
            watcher.join()
        self._watcher = None
        if self._lock.acquire(blocking=False):
            try:
                self._free()
            finally:
                self._lock.release()
        self._is_closed = threading.Event()

    def _watch(self, closed: threading.Event) -> None:
        """Free the model when it is not asked any more, or the memory is short."""
        while not closed.wait(self._next_look_s()):
            if not self._lock.acquire(blocking=False):
                # It answers.
                continue
            try:
                memory = self._memory()
                if self._idle_s() >= self._config.ask_keep_s:
                    self._free(f"after {self._config.ask_keep_s:g} s without a question")
                elif memory and memory.is_short:
                    self._free("because the memory is short")
                if self._llm is None:
                    # Under the lock, so that the next use knows.
                    self._watcher = None
                    return
            finally:
                self._lock.release()

    def _idle_s(self) -> float:
        return time.monotonic() - self._last_used

    def _next_look_s(self) -> float:
        if self._lock.locked():
            return min(LOOK_S, self._config.ask_keep_s)
        return min(LOOK_S, max(LEAST_LOOK_S, self._config.ask_keep_s - self._idle_s()))

    def _free(self, reason: str = "") -> None:
        llm, self._llm = self._llm, None
        if llm:
            llm.close()
            if reason:
                log.info("freed %s %s", llm.spec.name, reason)

    def _load(self) -> LLM:
        spec = find_model(self._catalogue, self._name)
        folder = hub.locate(spec, self._paths)
        if folder is None:
            raise ModelNotFoundError(
                f"{spec.name} is not on this machine", hint=f"tera models pull {spec.name}"
            )
        self._say_if_short(spec, folder)
        begun = time.monotonic()

        def on_progress(share: float) -> None:
            # Whoever waits no more raises an error here, which ends the loading.
            if time.monotonic() - begun >= PROGRESS_AFTER_S:
                self._listener.progress(f"loading {spec.name}", round(100 * share), 100)

        return load_llm(
            spec,
            folder,
            self._config.ask_threads,
            cache=self._paths.prefix(spec.name),
            on_progress=on_progress,
            on_note=self._listener.note,
        )

    def _say_if_short(self, spec: ModelSpec, folder: Path) -> None:
        needed = NEEDS * sum((folder / name).stat().st_size for name in spec.files)
        memory = self._memory()
        if memory is None or memory.available >= needed:
            return
        smaller = [
            other
            for other in self._catalogue.values()
            if other.role == "llm" and 0 < NEEDS * other.size_bytes <= memory.available
        ]
        best = max(smaller, key=lambda other: other.size_bytes, default=None)
        self._listener.note(
            f"{spec.name} needs {needed / 1e9:.1f} GB of memory and {memory.available / 1e9:.1f} GB"
            " are available: it may be very slow",
            f"close other programs, or: tera models use {best.name}"
            if best
            else "close other programs",
        )
