"""`tera doctor`: looks at every part, says what is wrong and what would mend it.

Opening the store already mends what shows there: see `tera.store.mend`. Here all is compared.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from tera import hub
from tera.datatypes import Finding, Memory
from tera.engine import Engine
from tera.errors import StoreDamagedError, TeraError
from tera.store.disk import aside_of
from tera.store.history import changes, states
from tera.store.mend import mend
from tera.store.opened import OpenStore, own_home
from tera.store.probe import can_be_read_again
from tera.transfer import fields_of

REPAIR = "tera doctor --repair"


def examine(engine: Engine) -> Iterator[Finding]:
    """Look at settings, home folder, journal, store, index and models, one after the other.

    The store may be open in this process already; then its files are read again.
    """
    yield Finding("settings", True, str(engine.paths.config_file))
    yield _home(engine)
    try:
        with engine.store() as opened:
            yield from (Finding("mended", True, note) for note in opened.notes)
            yield from _guarded("journal", lambda: _journal(opened))
            yield from _guarded("files", lambda: _files(engine, opened))
            yield from _guarded("store", lambda: _store(opened))
            yield from _guarded("vectors", lambda: _vectors(engine, opened))
    except TeraError as error:
        yield Finding("store", False, error.message, error.hint)
    yield from _set_aside(engine)
    yield from _guarded("embedder", lambda: _embedder(engine))
    yield from _guarded("llm", lambda: _llm(engine))


def repair(engine: Engine) -> Iterator[Finding]:
    """Mend journal, store and index from what is whole; what is damaged is set aside.

    The store must not be open in this process.

    Raises:
        StoreError: There is no space, the store is used by another process, or journal and store
            are not of one home; nothing was done.
    """
    try:
        with engine.store() as opened:
            yield from (Finding("store", True, note) for note in opened.notes)
            looks: tuple[Callable[[], Finding], ...] = (
                lambda: _journal(opened),
                lambda: _store(opened),
                lambda: _feed(opened),
            )
            is_well = all(finding.is_well for look in looks for finding in _guarded("", look))
    except StoreDamagedError:
        is_well = False
    if not is_well:
        with own_home(engine.config, engine.paths):
            note = mend(engine.config, engine.paths, rebuild=True)
        yield Finding("store", True, note)
    with engine.store() as opened:
        index = [*_guarded("vectors", lambda: _vectors(engine, opened))]
    if not index[0].is_well and engine.paths.index.exists():
        for earlier in engine.paths.home.glob("index.damaged-*"):
            shutil.rmtree(earlier, ignore_errors=True)
        aside = engine.paths.index.rename(aside_of(engine.paths.index))
        yield Finding("vectors", True, f"the index was set aside as {aside.name} and is read anew")
    elif is_well:
        yield Finding("store", True, "nothing to mend")


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
    entries = [entry for entry, _ in opened.journal.entries()]
    torn = opened.journal.torn_bytes
    aside = f"; {torn} bytes of a line that was cut short were set aside" if torn else ""
    lost = sum(change.lost for change in changes(entries))
    gone = f"; {lost:,} earlier changes are lost, and cannot be undone" if lost else ""
    device = opened.journal.folder / "device"
    if not device.exists() or device.read_bytes().strip() != opened.journal.device.encode():
        says = "journal/device is not what was written to it"
        return Finding("journal", False, says, "the next command that opens the store mends it")
    return Finding("journal", True, f"{len(entries)} changes, every checksum right{aside}{gone}")


def _files(engine: Engine, opened: OpenStore) -> Finding:
    if opened.database.feed is None:
        return Finding("files", True, f"on a server: {engine.config.store_url}")
    try:
        is_whole = can_be_read_again(engine.config, engine.paths)
    except OSError as error:
        says = f"its files were not read again: {error.strerror or error}"
        return Finding("files", False, says, "free some space", is_optional=True)
    if not is_whole:
        return Finding("files", False, "its files are damaged on the disk", REPAIR)
    return Finding("files", True, "its files can be read from beginning to end")


def _store(opened: OpenStore) -> Finding:
    expected = states(entry for entry, _ in opened.journal.entries())
    found = opened.database.memories(list(expected))
    if missing := len(expected) - len(found):
        says = f"{missing} of {len(expected)} memories in the journal are not in the store"
        return Finding("store", False, says, REPAIR)
    # A server also has what other devices have told it.
    if opened.database.feed and (unknown := opened.database.counts()["memory"] - len(found)):
        says = f"{unknown} memories in the store are not in the journal"
        return Finding("store", False, says, f"{REPAIR} writes them to the journal")
    if altered := sum(not _is_same(found[key], fields) for key, fields in expected.items()):
        says = f"{altered} of {len(expected)} memories in the store are not as in the journal"
        return Finding("store", False, says, REPAIR)
    return Finding("store", True, f"{len(found)} memories, as in the journal")


def _feed(opened: OpenStore) -> Finding:
    feed = opened.database.feed
    if feed and (lost := feed.lost()):
        return Finding("vectors", False, f"{lost} chunks in the store lost their vectors", REPAIR)
    return Finding("vectors", True, "every chunk that was embedded has its vector")


def _set_aside(engine: Engine) -> Iterator[Finding]:
    for path in sorted(engine.paths.home.glob("*.damaged-*")):
        says = f"{path.name} is what was damaged; nothing needs it"
        yield Finding("set aside", False, says, f"rm -r {path}", is_optional=True)


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
    if not (lost := _feed(opened)).is_well:
        return lost
    index = engine.workspace.index(opened, engine.models.spec(name))
    assert index is not None
    if wrong := index.compare(feed.feed):
        says = f"{wrong} vectors in the index differ from the store"
        return Finding("vectors", False, says, REPAIR)
    mended = "".join(f"; {note}" for note in index.notes)
    says = f"{index.size} chunks in the index, as in the store{waiting}{mended}"
    return Finding("vectors", True, says)


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
