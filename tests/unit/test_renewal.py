"""An embedder takes another's place in a home folder: searches go on, and a kill loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tera import pending as module
from tera.agent.embedding import EmbeddingThread
from tera.config import load_config
from tera.datatypes import Draft, Memory
from tera.engine import Engine
from tera.gate import measure
from tera.passages import embedded_text
from tera.store import renewal
from tests.agent.conftest import wait_until

TEXTS = (
    "The staging database listens on port 5433",
    "She said the meeting takes all week",
    "\n\n".join(f"# Part {number}\n\nA meeting of week {number}." for number in range(5)),
)
QUESTION = "Which port has the staging database, on which it listens, 5433?"


@pytest.fixture
def old(engine: Engine, mean_bert: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return an engine with memories that tiny-bert has read, which knows mean-bert too."""
    (engine.paths.home / "config.toml").write_text('[llm]\nmodel = "tiny-phi2"\n')
    first = Engine(load_config(engine.paths)[0], engine.paths)
    first.use_embedder("tiny-bert")
    remember(first, *TEXTS)
    first.search(QUESTION, 1)
    # Small, so that a few memories are many batches.
    monkeypatch.setattr(module, "MEMORIES_AT_ONCE", 2)
    monkeypatch.setattr(module, "EMBED_BATCH", 2)
    monkeypatch.setattr(renewal, "CLEAR_BATCH", 3)
    return first


def remember(engine: Engine, *texts: str) -> list[Memory]:
    return [done.memory for done in engine.remember(Draft(text) for text in texts)]


def assert_made_by(engine: Engine, name: str) -> None:
    """Check that all vectors that are searched were made by an embedder, of the texts as is."""
    with engine.store() as opened:
        database = opened.database
        assert database.embedder() == name
        feed = database.feed
        assert feed
        rows = [row for row in feed.feed(0) if row.embedding]
        chunks = database.chunks([(row.memory_id, row.ordinal) for row in rows])
        memories = database.memories(sorted({row.memory_id for row in rows}))
        assert len({(row.memory_id, row.ordinal) for row in rows}) == len(rows)
        assert len(rows) == database.counts()["chunk"]
    found = np.array([np.frombuffer(row.embedding or b"", np.float32) for row in rows])
    texts = [embedded_text(memories[chunk.memory_id], chunk) for chunk in chunks]
    assert np.allclose(found, engine.models.embedder(name).embed_passages(texts), atol=1e-4)


def interrupt_at(batch: int, embedder: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let Ctrl-C come with a batch, counted from 1; return the sizes of the batches before."""
    sizes: list[int] = []
    embed_passages: Callable[[Sequence[str]], object] = embedder.embed_passages

    def embed(texts: Sequence[str]) -> object:
        if len(sizes) == batch - 1:
            raise KeyboardInterrupt
        sizes.append(len(texts))
        return embed_passages(texts)

    monkeypatch.setattr(embedder, "embed_passages", embed)
    return sizes


def test_two_tiny_embedders_make_other_vectors(old: Engine) -> None:
    first, second = (old.models.embedder(name) for name in ("tiny-bert", "mean-bert"))
    (one,), (other,) = (model.embed_passages(["a staging port"]) for model in (first, second))
    assert not np.allclose(one, other, atol=0.01)


def test_without_the_agent_it_is_done_when_the_call_ends(old: Engine) -> None:
    old.use_embedder("mean-bert")
    assert_made_by(old, "mean-bert")
    assert old.search(QUESTION, 1)[0].text == TEXTS[0]
    assert not old.workspace.indexes.folder("tiny-bert").exists()
    with old.store() as opened:
        assert not opened.database.renewing.has_leftovers()


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_an_interrupted_call_keeps_what_is_done(
    old: Engine, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    with monkeypatch.context() as interrupted:
        sizes = interrupt_at(batch, old.models.embedder("mean-bert"), interrupted)
        with pytest.raises(KeyboardInterrupt):
            old.use_embedder("mean-bert")
    assert_made_by(old, "tiny-bert")
    assert old.search(QUESTION, 1)[0].text == TEXTS[0]
    facts = old.facts()
    assert (facts["embedder"], facts["next_embedder"]) == ("tiny-bert", "mean-bert")

    rest = interrupt_at(1000, old.models.embedder("mean-bert"), monkeypatch)
    old.use_embedder("mean-bert")
    chunks = old.facts()["chunks"]
    assert sum(sizes) + sum(rest) == chunks
    assert_made_by(old, "mean-bert")


def test_progress_counts_all_memories(old: Engine) -> None:
    heard: list[tuple[str, int, int]] = []
    old.workspace.listener = Progress(heard)
    old.use_embedder("mean-bert")
    reading = [(done, total) for task, done, total in heard if task == "mean-bert reads memories"]
    assert reading == sorted(reading)
    assert reading[0] == (0, 300)
    assert reading[-1] == (300, 300)


class Progress:
    """Hears how far it is."""

    def __init__(self, heard: list[tuple[str, int, int]]) -> None:
        self._heard = heard

    def note(self, text: str, hint: str = "") -> None: ...

    def progress(self, task: str, done: int, total: int) -> None:
        self._heard.append((task, done, total))


def test_settings_may_name_the_embedder_that_is_to_come(
    old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as interrupted:
        interrupt_at(2, old.models.embedder("mean-bert"), interrupted)
        with pytest.raises(KeyboardInterrupt):
            old.use_embedder("mean-bert")
    engine = Engine(replace(old.config, embedder="mean-bert"), old.paths)
    assert engine.search(QUESTION, 1)[0].text == TEXTS[0]
    engine.use_embedder("mean-bert")
    assert engine.search(QUESTION, 1)[0].text == TEXTS[0]


def test_a_search_that_sees_the_switch_begins_again(
    old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = old.models.embedder("tiny-bert")
    embed_query = embedder.embed_query
    other = Engine(old.config, old.paths)
    asked: list[str] = []

    def switch(text: str) -> object:
        asked.append(text)
        other.use_embedder("mean-bert")
        return embed_query(text)

    monkeypatch.setattr(embedder, "embed_query", switch)
    found = old.search(QUESTION, 1)[0]
    # Its scale may be measured in vain.
    assert asked.count(QUESTION) == 1
    second = old.models.embedder("mean-bert")
    with old.store() as opened:
        (chunk,) = opened.database.chunks([(found.memory.id, 0)])
    (passage,) = second.embed_passages([embedded_text(found.memory, chunk)])
    cosine = float(passage @ second.embed_query(QUESTION))
    assert found.meaning == pytest.approx(measure(second).of(cosine), abs=1e-3)


# In the background.


@pytest.fixture
def kept_open(old: Engine) -> Engine:
    """Return an engine as the agent has it; nothing works in the background yet."""
    engine = Engine(old.config, old.paths, stays_open=True)
    engine.search(QUESTION, 1)
    return engine


def test_the_agent_returns_at_once_and_searches_go_on(
    kept_open: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = kept_open
    began: list[str] = []
    seen: list[tuple[str, str]] = []
    second = engine.models.embedder("mean-bert")
    embed_passages = second.embed_passages

    def slowly(texts: Sequence[str]) -> object:
        if not began:
            # Another tells and asks while the model works.
            (told,) = remember(engine, "Winter tyres are in the garage")
            began.append(told.id)
        seen.append((engine.embedder_name(), engine.search(QUESTION, 1)[0].text))
        return embed_passages(texts)

    monkeypatch.setattr(second, "embed_passages", slowly)
    engine.use_embedder("mean-bert")
    assert engine.embedder_name() == "tiny-bert"
    thread = EmbeddingThread(engine)
    engine.workspace.on_waiting = thread.wake
    thread.start()
    thread.wake()
    wait_until(lambda: engine.facts()["next_embedder"] is None and not thread.is_busy)
    thread.stop()
    assert {name for name, _ in seen} == {"tiny-bert"}
    assert {text for _, text in seen} == {TEXTS[0]}
    reopened = Engine(engine.config, engine.paths)
    engine.close()
    assert_made_by(reopened, "mean-bert")
    assert reopened.search("winter tyres garage", 1)[0].memory.id == began[0]
    with reopened.store() as opened:
        assert not opened.database.renewing.has_leftovers()


def test_what_is_told_while_the_next_embedder_works_is_found_with_the_old_one(
    kept_open: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = kept_open
    thread = EmbeddingThread(engine)
    waiting: list[int] = []
    second = engine.models.embedder("mean-bert")
    embed_passages = second.embed_passages

    def tell(texts: Sequence[str]) -> object:
        waiting.append(engine.facts()["waiting_for_vectors"])  # type: ignore[arg-type]
        remember(engine, f"Note {len(waiting)} about a port")
        return embed_passages(texts)

    monkeypatch.setattr(second, "embed_passages", tell)
    engine.use_embedder("mean-bert")
    with pytest.raises(StopIteration):
        # One pass only, or it would go on for as long as something is told.
        engine.workspace.renew(lambda *_: stop(waiting), thread._embed_meanwhile)
    assert set(waiting) == {0}
    assert engine.embedder_name() == "tiny-bert"
    engine.close()


def stop(waiting: list[int]) -> None:
    if len(waiting) == 4:
        raise StopIteration


def test_the_next_embedder_does_without_one_that_is_gone(
    kept_open: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = kept_open
    (told,) = remember(engine, "Winter tyres are in the garage")
    located = engine.models.catalogue["tiny-bert"]
    engine.use_embedder("mean-bert")
    gone = replace(located, path="/nowhere")
    monkeypatch.setitem(engine.models.catalogue, "tiny-bert", gone)
    thread = EmbeddingThread(engine)
    thread._embed()
    assert engine.embedder_name() == "mean-bert"
    assert engine.search("winter tyres garage", 1)[0].memory.id == told.id
    engine.close()
    assert_made_by(engine, "mean-bert")


def test_going_back_ends_what_was_begun(kept_open: Engine) -> None:
    engine = kept_open
    engine.use_embedder("mean-bert")
    with pytest.raises(StopIteration):
        engine.workspace.renew(lambda task, done, _: stop([0] * 4 if done > 100 else []))
    assert engine.facts()["next_embedder"] == "mean-bert"
    engine.use_embedder("tiny-bert")
    assert engine.facts()["next_embedder"] is None
    EmbeddingThread(engine)._embed()
    with engine.store() as opened:
        assert not opened.database.renewing.has_leftovers()
    engine.close()
    assert_made_by(engine, "tiny-bert")


# Killed.

KILLED = """
import os, signal, sys
from tera import pending
from tera.config import load_config
from tera.engine import Engine
from tera.paths import find_paths
from tera.store import renewal
from tera.store.connection import Connection
pending.MEMORIES_AT_ONCE, pending.EMBED_BATCH, renewal.CLEAR_BATCH = 2, 2, 3
paths = find_paths()
engine = Engine(load_config(paths)[0], paths)
engine.models.embedder("mean-bert")
most, is_after = int(sys.argv[1]), sys.argv[2] == "after"
commit, count = Connection.commit, 0
def killing(self, transaction):
    global count
    count += bool(transaction.statements)
    is_last = count == most and transaction.statements
    if is_last and not is_after:
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self, transaction)
    if is_last:
        os.kill(os.getpid(), signal.SIGKILL)
Connection.commit = killing
engine.use_embedder("mean-bert")
print("done")
"""


def test_a_kill_at_any_write_neither_mixes_nor_loses(old: Engine) -> None:
    edited = old.search("meeting week", 1)[0].memory
    outcomes: list[str] = []
    # Each goes on where the one before was killed, at its first write, second write and so on.
    for turn in range(60):
        which = "after" if turn % 2 else "before"
        number = 1 + turn // 2 % 3
        if which == "before" and number == 1:
            number = 2
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(number), which], capture_output=True, check=False
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        outcomes.append(done.stdout.decode().strip())
        if turn == 2:
            assert old.edit(edited, replace(edited, text="Winter tyres are in the garage"))
        name = old.embedder_name()
        old.search(QUESTION, 1)
        assert_made_by(old, name)
        if outcomes[-1]:
            break
    assert outcomes[-1] == "done"
    assert len(outcomes) > 5
    assert old.embedder_name() == "mean-bert"
    with old.store() as opened:
        assert not opened.database.renewing.has_leftovers()
