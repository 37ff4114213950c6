"""Question sets as people would have them in memory: a home folder for each scope."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from question_sets import Item
from samples import Heard, read

from tera.chunker import chunk_memory
from tera.config import Config
from tera.datatypes import Draft, Filter, Memory, SearchResult
from tera.engine import Engine
from tera.passages import embedded_text
from tera.paths import Paths
from tera.places import message_line

CHATS = ("locomo", "tmd")
"""Sets that are chats: each scope is read from an export of WhatsApp."""
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
"""When items without a time were remembered; every run has the same."""
_SEEN_MEMORIES = 64
_ITEMS = "items.json"

Spans = Mapping[str, Sequence[tuple[int, int, str]]]
"""By memory id, the characters of each item, in the order of the text."""


@contextmanager
def open_store(
    folder: Path, set_name: str, items: Sequence[Item], embedder: str
) -> Iterator[tuple[Engine, Spans]]:
    """Have an engine on a scope's home for the block, with all vectors, made if not there yet.

    Args:
        folder: Keeps the homes of all sets, with the files that all share.
        set_name: The items' set.
        items: All of one scope.
        embedder: The model that makes the vectors.
    """
    home = folder / set_name / items[0].scope
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    models = folder / "models"
    models.mkdir(exist_ok=True)
    if not (home / "models").exists():
        (home / "models").symlink_to(models.absolute(), target_is_directory=True)
    engine = Engine(Config(embedder=embedder), Paths(home.absolute()), stays_open=True)
    try:
        if not (home / _ITEMS).exists():
            _remember_all(engine, set_name, items, embedder)
        kept = json.loads((home / _ITEMS).read_text("utf-8"))
        if kept["made_of"] != _made_of(engine, items, embedder):
            raise SystemExit(
                f"{home} has other items or passages than are made now: remove it, or --keep"
                " another folder"
            )
        # Of what an interrupted run has left too.
        engine.workspace.embed(embedder, lambda task, done, total: None)
        yield engine, {key: [tuple(span) for span in kept["spans"][key]] for key in kept["spans"]}
    finally:
        engine.close()


def unrolled(results: Iterable[SearchResult], spans: Spans) -> list[str]:
    """Return the items of passages, best first, each once; within a passage as the text has them.

    An item is in a passage that holds its middle character, or that lies within the item.
    """
    ranked: dict[str, None] = {}
    for result in results:
        for start, end, item in spans.get(result.memory.id, ()):
            holds = result.start <= (start + end) // 2 < result.end
            if holds or (start <= result.start and result.end <= end):
                ranked[item] = None
    return list(ranked)


def _remember_all(engine: Engine, set_name: str, items: Sequence[Item], embedder: str) -> None:
    home = engine.paths.home
    for entry in home.iterdir():
        # What an interrupted run has left.
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
    if set_name in CHATS:
        with tempfile.TemporaryDirectory() as exported:
            memories = _remember(engine, _read_chat(items, Path(exported)))
        spans = _message_spans(memories, items)
    else:
        memories = _remember(engine, [_draft(item) for item in items])
        spans = {
            memory.id: [(0, len(memory.text), item.id)]
            for memory, item in zip(memories, items, strict=True)
        }
        assert len(spans) == len(items)
    kept = {"made_of": _made_of(engine, items, embedder), "spans": spans}
    (home / _ITEMS).write_text(json.dumps(kept), "utf-8")


def _remember(engine: Engine, drafts: Iterable[Draft]) -> list[Memory]:
    return [done.memory for done in engine.remember(drafts)]


def _draft(item: Item) -> Draft:
    # An abstract begins with its title.
    text = item.text.removeprefix(item.title).lstrip("\n") or item.text
    at = item.time.astimezone() if item.time else UNDATED
    return Draft(text, title=item.title or None, at=at)


def _read_chat(items: Sequence[Item], folder: Path) -> list[Draft]:
    """Return what Tera reads from the export of a chat on the telephone of who writes first."""
    people = list(dict.fromkeys(item.speaker for item in items))
    file = folder / f"WhatsApp Chat with {people[1]}.txt"
    notice = "\u200eMessages and calls are end-to-end encrypted."
    lines = [f"{_stamp(items[0])} {people[1]}: {notice}\n"]
    lines += [f"{_stamp(item)} {item.speaker}: {item.text}\n" for item in items]
    file.write_text("".join(lines), "utf-8")
    heard = Heard()
    drafts = list(read([file], heard))
    assert not heard.failures, heard.failures
    assert all(draft.type == "whatsapp" for draft in drafts)
    return drafts


def _stamp(item: Item) -> str:
    assert item.time
    return f"[{item.time:%Y-%m-%d, %H:%M:%S}]"


def _message_spans(
    memories: Sequence[Memory], items: Sequence[Item]
) -> dict[str, list[tuple[int, int, str]]]:
    """Find the messages in the memories of their chat, in order."""
    spans: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    place = position = 0
    for item in items:
        assert item.time
        line = message_line(item.speaker, item.time, item.text)
        while (found := memories[place].text.find(line, position)) < 0:
            # An error here would say that a message is in no memory.
            place, position = place + 1, 0
        position = found + len(line)
        spans[memories[place].id].append((found, position, item.id))
    return dict(spans)


def _made_of(engine: Engine, items: Sequence[Item], embedder: str) -> str:
    """Return a digest of the items and of passages as they would be embedded now."""
    digest = hashlib.sha256(repr([(item.id, item.text) for item in items]).encode())
    counter = engine.models.token_counter(embedder)
    assert counter is not None
    for memory in engine.select(Filter(), _SEEN_MEMORIES):
        for chunk in chunk_memory(memory, counter):
            digest.update(embedded_text(memory, chunk).encode())
    return digest.hexdigest()
