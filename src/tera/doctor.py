"""`tera doctor`: looks at every part, says what is wrong and what would mend it.

Opening the store already mends what shows there: see `tera.store.mend`. Here all is compared.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tera import hub
from tera.datatypes import Finding, Memory
from tera.endpoint import Endpoint
from tera.engine import Engine
from tera.errors import StoreDamagedError, TeraError
from tera.llms import connect_llm
from tera.outgoing import goes_there
from tera.store.disk import aside_of
from tera.store.history import changes, is_same_value, states
from tera.store.mend import mend
from tera.store.opened import OpenStore, own_home
from tera.store.probe import can_be_read_again, file_sizes
from tera.store.surreal import MEMORY_BATCH
from tera.transfer import fields_of

REPAIR = "tera doctor --repair"
TURN_S = 0.001
"""Between two turns with the store: without it, whoever waits is passed over."""


def examine(engine: Engine) -> Iterator[Finding]:
    """Look at settings, home folder, journal, store, index and models, one after the other.

    The store may be open in this process already; then its files are read again. Where it stays
    open, others may use it meanwhile; elsewhere between the parts.
    """
    yield Finding("settings", True, str(engine.paths.config_file))
    yield _home(engine)
    try:
        with _kept_open(engine):
            with engine.store() as opened:
                notes = opened.notes
            yield from (Finding("mended", True, note) for note in notes)
            yield _looked("journal", engine, _journal)
            yield _looked("files", engine, _files)
        with _kept_open(engine):
            yield _looked("store", engine, _store)
        with _kept_open(engine):
            yield _looked("vectors", engine, _vectors)
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
            looks = (_journal, _store, _feed)
            is_well = all(_looked("", engine, look).is_well for look in looks)
    except StoreDamagedError:
        is_well = False
    if not is_well:
        with own_home(engine.config, engine.paths):
            note = mend(engine.config, engine.paths, rebuild=True)
        yield Finding("store", True, note)
    with engine.store():
        index = _looked("vectors", engine, _vectors)
    if not index.is_well and engine.paths.index.exists():
        for earlier in engine.paths.home.glob("index.damaged-*"):
            shutil.rmtree(earlier, ignore_errors=True)
        aside = engine.paths.index.rename(aside_of(engine.paths.index))
        yield Finding("vectors", True, f"the index was set aside as {aside.name} and is read anew")
    elif is_well:
        yield Finding("store", True, "nothing to mend")


def _kept_open(engine: Engine) -> AbstractContextManager[object]:
    """Keep the store from being opened many times, where it does not stay open by itself."""
    return nullcontext() if engine.workspace.stays_open else engine.store()


@contextmanager
def _turn(engine: Engine) -> Iterator[OpenStore]:
    """Have the store for a part of a look; others have their turn before the next."""
    with engine.store() as opened:
        yield opened
    time.sleep(TURN_S)


def _looked(part: str, engine: Engine, look: Callable[[Engine], Finding]) -> Finding:
    """Look while others write; what seems wrong is looked at again while nobody does."""
    (finding,) = _guarded(part, lambda: look(engine))
    if not finding.is_well:
        with engine.store():
            (finding,) = _guarded(part, lambda: look(engine))
    return finding


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


def _journal(engine: Engine) -> Finding:
    with engine.store() as opened:
        journal, end = opened.journal, opened.journal.end
    entries = [entry for entry, _ in journal.entries(until=end)]
    torn = journal.torn_bytes
    aside = f"; {torn} bytes of a line that was cut short were set aside" if torn else ""
    lost = sum(change.lost for change in changes(entries))
    gone = f"; {lost:,} earlier changes are lost, and cannot be undone" if lost else ""
    device = journal.folder / "device"
    if not device.exists() or device.read_bytes().strip() != journal.device.encode():
        says = "journal/device is not what was written to it"
        return Finding("journal", False, says, "the next command that opens the store mends it")
    return Finding("journal", True, f"{len(entries)} changes, every checksum right{aside}{gone}")


def _files(engine: Engine) -> Finding:
    if engine.config.store_url:
        return Finding("files", True, f"on a server: {engine.config.store_url}")
    try:
        with engine.store():
            sizes = file_sizes(engine.paths)
        is_whole = can_be_read_again(engine.config, engine.paths, sizes)
    except OSError as error:
        says = f"its files were not read again: {error.strerror or error}"
        return Finding("files", False, says, "free some space", is_optional=True)
    if not is_whole:
        return Finding("files", False, "its files are damaged on the disk", REPAIR)
    return Finding("files", True, "its files can be read from beginning to end")


def _store(engine: Engine) -> Finding:
    with engine.store() as opened:
        journal, end = opened.journal, opened.journal.end
    expected = states(entry for entry, _ in journal.entries(until=end))
    ids = list(expected)
    open_ids: list[str] = []
    for start in range(0, len(ids), MEMORY_BATCH):
        batch = ids[start : start + MEMORY_BATCH]
        with _turn(engine) as opened:
            found = opened.database.memories(batch)
        open_ids += [
            key for key in batch if key not in found or not _is_same(found[key], expected[key])
        ]
    with engine.store() as opened:
        # What was written meanwhile is in the journal too.
        later = [entry for entry, _ in opened.journal.entries(after=end)]
        expected = states(later, expected)
        compared = {*open_ids, *(entry.memory_id for entry in later)} & expected.keys()
        found = opened.database.memories(sorted(compared))
        is_embedded = opened.database.feed is not None
        count = opened.database.counts()["memory"]
    there = len(expected) - len(compared) + len(found)
    if missing := len(compared) - len(found):
        says = f"{missing} of {len(expected)} memories in the journal are not in the store"
        return Finding("store", False, says, REPAIR)
    # A server also has what other devices have told it.
    if is_embedded and (unknown := count - there):
        says = f"{unknown} memories in the store are not in the journal"
        return Finding("store", False, says, f"{REPAIR} writes them to the journal")
    if altered := sum(not _is_same(memory, expected[key]) for key, memory in found.items()):
        says = f"{altered} of {len(expected)} memories in the store are not as in the journal"
        return Finding("store", False, says, REPAIR)
    return Finding("store", True, f"{there} memories, as in the journal")


def _feed(engine: Engine) -> Finding:
    last, lost, is_first = "", 0, True
    while last or is_first:
        with _turn(engine) as opened:
            feed = opened.database.feed
            more, last = feed.lost(last) if feed else (0, "")
        lost, is_first = lost + more, False
    if lost:
        return Finding("vectors", False, f"{lost} chunks in the store lost their vectors", REPAIR)
    return Finding("vectors", True, "every chunk that was embedded has its vector")


def _set_aside(engine: Engine) -> Iterator[Finding]:
    for path in sorted(engine.paths.home.glob("*.damaged-*")):
        says = f"{path.name} is what was damaged; nothing needs it"
        yield Finding("set aside", False, says, f"rm -r {path}", is_optional=True)


def _is_same(memory: Memory, fields: Mapping[str, object]) -> bool:
    return all(
        is_same_value(name, value, fields.get(name)) for name, value in fields_of(memory).items()
    )


def _vectors(engine: Engine) -> Finding:
    with engine.store() as opened:
        counts = opened.database.counts()
        name = opened.database.embedder()
        is_embedded = opened.database.feed is not None
    if not name:
        return Finding("vectors", True, "none yet: made by the first search")
    waiting = f", {counts['pending']} memories wait" if counts["pending"] else ""
    if not is_embedded:
        return Finding("vectors", True, f"{counts['chunk']} chunks on the server{waiting}")
    if not (lost := _feed(engine)).is_well:
        return lost
    from tera.indexes.comparison import Comparison

    comparison, rows = Comparison(), None
    while rows is None or rows:
        with _turn(engine) as opened:
            index = engine.workspace.indexes.vectors(opened, engine.models.spec(name))
            feed = opened.database.feed
            assert index and feed
            if rows := feed.feed(comparison.sequence):
                comparison.take(index, rows)
            else:
                wrong = comparison.wrong + comparison.unmatched(index)
    assert index
    if wrong:
        says = f"{wrong} vectors in the index differ from the store"
        return Finding("vectors", False, says, REPAIR)
    mended = "".join(f"; {note}" for note in index.notes)
    says = f"{index.size} chunks in the index, as in the store{waiting}{mended}"
    return Finding("vectors", True, says)


def _embedder(engine: Engine) -> Finding:
    name = engine.models.choose_embedder(*engine.workspace.embedders())
    spec = engine.models.spec(name)
    if hub.locate(spec, engine.paths) is None:
        return Finding(
            "embedder", False, f"{name} is not on this machine", f"tera models pull {name}", True
        )
    return Finding("embedder", True, f"{name}, on this machine")


def _llm(engine: Engine) -> Finding:
    name, endpoint = engine.models.llm_name(), engine.config.endpoint()
    if endpoint:
        return _endpoint(engine, name, endpoint)
    if not engine.models.has_llm():
        says = f"{name} is not on this machine: answers are quotes"
        return Finding("llm", False, says, f"tera models pull {name}", True)
    return Finding("llm", True, f"{name}, on this machine")


def _endpoint(engine: Engine, name: str, endpoint: Endpoint) -> Finding:
    """Ask an endpoint for the names of its models, which tells it nothing."""
    try:
        models = connect_llm(name, endpoint, engine.listener).models
    except TeraError as error:
        return Finding("llm", False, error.message, error.hint, True)
    says = f"{name} at {endpoint.name}: {goes_there(endpoint)}"
    if models and name not in models:
        listed = ", ".join(models[:8])
        return Finding("llm", False, f"{endpoint.name} does not list {name}", f"has {listed}", True)
    return Finding("llm", True, says)
