"""The thread of the agent that gives memories their vectors after the reply.

It also makes those of an embedder that is to take another's place.
"""

from __future__ import annotations

import logging
import threading

from tera import hub
from tera.engine import Engine
from tera.errors import ModelError, TeraError
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
    """Embeds what waits, whenever something does.

    Attributes:
        is_busy: It is at work.
        task: What it does, and how far it is, in words; empty when it does nothing.
    """

    def __init__(self, engine: Engine) -> None:
        """Prepare; `start` begins."""
        super().__init__(name="embedding", daemon=True)
        self._engine = engine
        self._is_needed = threading.Event()
        self._is_stopped = threading.Event()
        self.is_busy = False
        self.task = ""

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
                self.task = ""

    def _embed(self) -> None:
        engine = self._engine
        with engine.store() as opened:
            serving = opened.database.serving()
            waits = bool(opened.database.pending(1))
            renews = serving.renewal is not None or opened.database.renewing.has_leftovers()
        if waits:
            self._embed_waiting(serving.embedder)
        else:
            engine.workspace.note_embedded()
        if renews and (serving.renewal is None or self._is_here(serving.renewal.embedder)):
            engine.workspace.renew(self._check, self._embed_meanwhile)
        # What searches and filters look at is made before one is asked for.
        if (spec := engine.models.catalogue.get(engine.embedder_name())) is not None:
            engine.workspace.follow_words(spec, self._check)
        engine.workspace.follow_attributes()
        if waits or renews:
            engine.workspace.judge_languages(engine.embedder_name())

    def _embed_waiting(self, recorded: str) -> None:
        name = recorded or self._engine.config.embedder or DEFAULT_EMBEDDER
        if self._is_here(name):
            self._engine.workspace.embed(name, self._check)

    def _embed_meanwhile(self) -> None:
        """Let what is told while the next embedder works be found with the one that serves."""
        if not len(self._engine.workspace.waiting):
            return
        try:
            self._embed_waiting(self._engine.embedder_name())
        except ModelError as error:
            # It gets the next one's vectors all the same.
            log.warning("vectors have to wait: %s", error.message)

    def _is_here(self, name: str) -> bool:
        """Return whether a model is here: one is fetched when a person asks for something."""
        spec = self._engine.models.catalogue.get(name)
        return spec is not None and hub.locate(spec, self._engine.paths) is not None

    def _check(self, task: str, done: int, total: int) -> None:
        share = f", {100 * done // total} %" if total else ""
        self.task = f"{task}{share}"
        if self._is_stopped.is_set():
            raise StoppedError
