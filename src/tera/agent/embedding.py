"""The thread of the agent that gives memories their vectors after the reply."""

from __future__ import annotations

import logging
import threading

from tera import hub
from tera.engine import Engine
from tera.errors import TeraError
from tera.models import DEFAULT_EMBEDDER
from tera.workspace import EndedError

RETRY_S = 60.0
"""How long to wait after a failure, if nothing new comes before; twice as long after the next."""
MOST_RETRY_S = 3600.0
STOP_WAIT_S = 1.0

log = logging.getLogger(__name__)


class StoppedError(Exception):
    """The agent leaves; the next one goes on."""


class EmbeddingThread(threading.Thread):
    """Embeds what waits, whenever something does."""

    def __init__(self, engine: Engine) -> None:
        """Prepare; `start` begins."""
        super().__init__(name="embedding", daemon=True)
        self._engine = engine
        self._is_needed = threading.Event()
        self._is_stopped = threading.Event()
        self.is_busy = False

    def wake(self) -> None:
        """Say that something may wait."""
        self._is_needed.set()

    def stop(self) -> None:
        """End after the batch that is being embedded; a model that loads is not waited for.

        The store is not opened again by anyone.
        """
        self._is_stopped.set()
        self._is_needed.set()
        self.join(STOP_WAIT_S)
        # What is embedded later than that must not be written behind the next agent's back.
        self._engine.workspace.refuse_opening()

    def run(self) -> None:
        """Embed until stopped."""
        failures = 0
        while True:
            pause = min(RETRY_S * 2 ** (failures - 1), MOST_RETRY_S) if failures else None
            if self._is_needed.wait(pause):
                failures = 0
            if self._is_stopped.is_set():
                return
            self._is_needed.clear()
            self.is_busy = True
            try:
                self._embed()
            except (StoppedError, EndedError):
                return
            except TeraError as error:
                log.warning("vectors have to wait: %s", error.message)
                failures += 1
            except Exception:
                log.exception("vectors have to wait")
                failures += 1
            else:
                failures = 0
            finally:
                self.is_busy = False

    def _embed(self) -> None:
        engine = self._engine
        with engine.store() as opened:
            recorded = opened.database.embedder()
            if not opened.database.pending(1):
                engine.workspace.note_embedded()
                return
        # A model is fetched when a person asks for something, never behind their back.
        name = recorded or engine.config.embedder or DEFAULT_EMBEDDER
        spec = engine.models.catalogue.get(name)
        if spec is None or hub.locate(spec, engine.paths) is None:
            return
        engine.workspace.embed(name, self._check)

    def _check(self, task: str, done: int, total: int) -> None:
        if self._is_stopped.is_set():
            raise StoppedError
