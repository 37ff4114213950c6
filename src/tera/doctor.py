"""`tera doctor`: looks at every part, says what is wrong and what would mend it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from tera import hub
from tera.datatypes import Finding, Memory
from tera.engine import Engine
from tera.errors import StoreError, TeraError
from tera.store.history import states
from tera.store.journal import Journal
from tera.store.opened import OpenStore, check_journal, connected, own_home
from tera.transfer import fields_of


def examine(engine: Engine) -> Iterator[Finding]:
    """Look at settings, home folder, journal, store, index and models, one after the other."""
    yield Finding("settings", True, str(engine.paths.config_file))
    yield _home(engine)
    try:
        with engine.store() as opened:
            yield from _guarded("journal", lambda: _journal(opened))
            yield from _guarded("store", lambda: _store(opened))
            yield from _guarded("vectors", lambda: _vectors(engine, opened))
    except TeraError as error:
        yield Finding("store", False, error.message, error.hint)
    yield from _guarded("embedder", lambda: _embedder(engine))
    yield from _guarded("llm", lambda: _llm(engine))


def repair(engine: Engine) -> Iterator[Finding]:
    """Set the embedded store and the index aside and build them anew from the journal.

    Raises:
        StoreError: The journal is damaged or lost, or another process uses the store; nothing was
            done.
    """
    paths = engine.paths
    stamp = time.strftime("%Y%m%d-%H%M%S")
    with own_home(engine.config, paths):
        # A store must not go before it is certain that the journal can bring it back.
        journal = Journal(paths.journal)
        for _ in journal.entries():
            pass
        _check_journal(engine, journal)
        for part, folder in (("store", paths.store), ("index", paths.index)):
            if folder.exists() and not (part == "store" and engine.config.store_url):
                aside = folder.with_name(f"{folder.name}.damaged-{stamp}")
                folder.rename(aside)
                yield Finding(part, True, f"set aside as {aside}")
    with engine.store() as opened:
        count = opened.database.counts()["memory"]
    yield Finding("store", True, f"{count} memories brought back from the journal")


def _check_journal(engine: Engine, journal: Journal) -> None:
    """Refuse to set aside a store that has applied what the journal does not hold."""
    if engine.config.store_url or not engine.paths.store.exists():
        return
    try:
        with connected(engine.config, engine.paths) as database:
            applied = database.positions()
    except StoreError:
        # What cannot be read cannot be asked, and is what a repair is for.
        return
    check_journal(journal, applied)


def _guarded(part: str, look: Callable[[], Finding]) -> Iterator[Finding]:
    try:
        yield look()
    except TeraError as error:
        yield Finding(part, False, error.message, error.hint)


def _home(engine: Engine) -> Finding:
    home = engine.paths.home
    engine.paths.create()
    mode = stat.S_IMODE(home.stat().st_mode)
    if not os.access(home, os.W_OK):
        return Finding("home", False, f"{home} cannot be written", f"chmod u+w {home}")
    if mode & 0o077:
        return Finding("home", False, f"{home} can be read by others", f"chmod 700 {home}")
    return Finding("home", True, f"{home}, private")


def _journal(opened: OpenStore) -> Finding:
    count = sum(1 for _ in opened.journal.entries())
    torn = opened.journal.torn_bytes
    aside = f"; {torn} bytes of a line that was cut short were set aside" if torn else ""
    return Finding("journal", True, f"{count} changes, every checksum right{aside}")


def _store(opened: OpenStore) -> Finding:
    expected = states(entry for entry, _ in opened.journal.entries())
    found = opened.database.memories(list(expected))
    if missing := len(expected) - len(found):
        says = f"{missing} of {len(expected)} memories in the journal are not in the store"
        return Finding("store", False, says, "tera doctor --repair")
    # A server also has what other devices have told it.
    if opened.database.feed and (unknown := opened.database.counts()["memory"] - len(found)):
        says = f"{unknown} memories in the store are not in the journal"
        remedy = "tera export --to memories.jsonl saves them; then tera doctor --repair"
        return Finding("store", False, says, remedy)
    if altered := sum(not _is_same(found[key], fields) for key, fields in expected.items()):
        says = f"{altered} of {len(expected)} memories in the store are not as in the journal"
        return Finding("store", False, says, "tera doctor --repair")
    return Finding("store", True, f"{len(found)} memories, as in the journal")


def _is_same(memory: Memory, fields: Mapping[str, object]) -> bool:
    return all(
        fields.get(name) == value or _is_same_moment(name, str(value), str(fields.get(name)))
        for name, value in fields_of(memory).items()
    )


def _is_same_moment(name: str, one: str, other: str) -> bool:
    """Compare as times: an entry may name them in any time zone."""
    is_time = name in ("at", "remembered_at")
    return is_time and datetime.fromisoformat(one) == datetime.fromisoformat(other)


def _vectors(engine: Engine, opened: OpenStore) -> Finding:
    counts = opened.database.counts()
    name = opened.database.embedder()
    if not name:
        return Finding("vectors", True, "none yet: made by the first search")
    waiting = f", {counts['pending']} memories wait" if counts["pending"] else ""
    feed = opened.database.feed
    if feed is None:
        return Finding("vectors", True, f"{counts['chunk']} chunks on the server{waiting}")
    from tera.indexes.vector import VectorIndex

    spec = engine.models.spec(name)
    index = VectorIndex(engine.models.index_folder(name), name, spec.dim)
    index.follow(feed.feed, feed.last_number())
    wrong = index.compare(feed.feed)
    if wrong:
        return Finding(
            "vectors",
            False,
            f"{wrong} vectors in the index differ from the store",
            f"rm -r {engine.models.index_folder(name)}",
        )
    return Finding("vectors", True, f"{index.size} chunks in the index, as in the store{waiting}")


def _embedder(engine: Engine) -> Finding:
    with engine.store() as opened:
        recorded = opened.database.embedder()
    name = engine.models.choose_embedder(recorded)
    spec = engine.models.spec(name)
    if hub.locate(spec, engine.paths) is None:
        return Finding(
            "embedder", False, f"{name} is not on this machine", f"tera models pull {name}", True
        )
    return Finding("embedder", True, f"{name}, on this machine")


def _llm(engine: Engine) -> Finding:
    name = engine.config.llm
    if not engine.models.has_llm():
        says = f"{name} is not on this machine: answers are quotes"
        return Finding("llm", False, says, f"tera models pull {name}", True)
    return Finding("llm", True, f"{name}, on this machine")
