from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tera.agent import embedding as module
from tera.agent.embedding import EmbeddingThread
from tera.datatypes import Draft
from tera.engine import Engine
from tera.errors import ModelLoadError
from tera.indexes import keyword
from tera.store import vectors
from tera.workspace import EndedError
from tests.agent.conftest import wait_until


@pytest.fixture
def open_engine(engine: Engine) -> Iterator[Engine]:
    """Return an engine with a memory that waits, and an embedder."""
    opened = Engine(engine.config, engine.paths, stays_open=True)
    opened.search("nothing yet", 1)
    list(opened.remember([Draft("the port is 5433")]))
    yield opened
    opened.close()


class Pauses(threading.Event):
    """Tells how long it is waited for, and does not wait so long."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.heard.append(timeout)
        return super().wait(None if timeout is None else min(timeout, 0.01))


def failing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> tuple[EmbeddingThread, Pauses]:
    def fail(*_: object) -> None:
        raise ModelLoadError("the network cannot be written")

    monkeypatch.setattr(engine.workspace, "embed", fail)
    thread = EmbeddingThread(engine)
    thread._is_needed = pauses = Pauses()
    return thread, pauses


def test_a_failure_that_repeats_is_tried_again_less_and_less_often(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, pauses = failing(open_engine, monkeypatch)
    thread.start()
    thread.wake()
    wait_until(lambda: len(pauses.heard) > 9)
    thread.stop()
    assert pauses.heard[:9] == [None, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_something_new_is_tried_soon_again(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, pauses = failing(open_engine, monkeypatch)
    thread.start()
    thread.wake()
    wait_until(lambda: len(pauses.heard) > 4)
    thread.wake()
    wait_until(lambda: pauses.heard[4:].count(60.0))
    thread.stop()


def test_a_batch_that_ends_after_the_store_was_closed_for_good_opens_nothing(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine
    embedder = engine.models.embedder("tiny-bert")
    began, may_end = threading.Event(), threading.Event()
    embed_passages: Callable[..., object] = embedder.embed_passages

    def slowly(texts: object) -> object:
        began.set()
        may_end.wait()
        return embed_passages(texts)

    monkeypatch.setattr(embedder, "embed_passages", slowly)
    monkeypatch.setattr(module, "STOP_WAIT_S", 0.01)
    thread = EmbeddingThread(engine)
    thread.start()
    thread.wake()
    assert began.wait(60)
    thread.stop()
    engine.close()
    may_end.set()
    thread.join(60)
    assert not thread.is_alive()
    with pytest.raises(EndedError), engine.store():
        pass
    # The next agent has it.
    with Engine(engine.config, engine.paths).store() as opened:
        assert opened.database.counts()["pending"] == 1


def test_a_lost_index_of_words_is_made_before_a_search_and_others_may_work_meanwhile(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(open_engine.remember([Draft(f"note {number} of the harbour") for number in range(6)]))
    open_engine.workspace.embed("tiny-bert", lambda *_: None)
    open_engine.close()
    words = open_engine.workspace.indexes.folder("tiny-bert") / "words"
    shutil.rmtree(words)
    monkeypatch.setattr(vectors, "FEED_BATCH", 2)
    monkeypatch.setattr(keyword.KeywordIndex.follow_some, "__defaults__", (1,))
    told: list[tuple[str, int, int]] = []
    between: list[object] = []

    def hear(task: str, done: int, total: int) -> None:
        told.append((task, done, total))

    def sleep(_: float) -> None:
        # Another thread may have the store now.
        with ThreadPoolExecutor(1) as other:
            between.append(other.submit(lambda: open_engine.facts()["memories"]).result(10))

    monkeypatch.setattr("tera.workspace.time.sleep", sleep)
    open_engine.workspace.follow_words(open_engine.models.spec("tiny-bert"), hear)
    assert between
    assert all(task == "reading words" and done < total for task, done, total in told)
    assert words.exists()
    assert open_engine.search("note 3", 7)
