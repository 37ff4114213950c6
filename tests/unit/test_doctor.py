from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from tera import doctor as module
from tera.config import Config
from tera.datatypes import Draft, Filter, Finding, Memory
from tera.doctor import examine, repair
from tera.engine import Engine
from tera.errors import StoreLockedError
from tera.store.lock import exclusive_lock


@pytest.fixture
def used(engine: Engine) -> Engine:
    """Return an engine whose home has three memories, all of them embedded."""
    list(engine.remember(Draft(f"port {number}") for number in range(3)))
    engine.search("port", 1)
    return engine


def findings(engine: Engine) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for finding in examine(engine):
        if finding.part not in found or not finding.is_well:
            found[finding.part] = finding
    return found


def ill(engine: Engine) -> set[str]:
    found = findings(engine).items()
    return {part for part, finding in found if not (finding.is_well or finding.is_optional)}


def mended(engine: Engine) -> str:
    return findings(engine)["mended"].says


def query(engine: Engine, statement: str) -> None:
    with engine.store() as opened:
        opened.database._connection.query(statement)


def test_a_new_home_is_well(engine: Engine) -> None:
    found = findings(engine)
    assert [part for part, finding in found.items() if not finding.is_well] == []
    assert found["vectors"].says == "none yet: made by the first search"


def test_a_used_home_is_well_and_says_how_much_there_is(used: Engine) -> None:
    found = findings(used)
    assert ill(used) == set()
    assert found["journal"].says == "3 changes, every checksum right"
    assert found["store"].says == "3 memories, as in the journal"
    assert found["vectors"].says == "3 chunks in the index, as in the store"
    assert list(found) == [
        *("settings", "home", "journal", "files", "store", "vectors", "embedder", "llm")
    ]


def test_a_home_that_others_can_read_is_found(used: Engine) -> None:
    used.paths.home.chmod(0o755)
    finding = findings(used)["home"]
    assert not finding.is_well
    assert finding.remedy == f"chmod 700 {used.paths.home}"


def test_a_damaged_journal_line_is_mended_from_the_store_and_told(used: Engine) -> None:
    segment = used.paths.journal / "000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"port 1", b"port 7"))
    assert "1 changes could not be read, but no memory is lost" in mended(used)
    found = findings(used)
    assert found["journal"].says.endswith("; 1 earlier changes are lost, and cannot be undone")
    assert found["set aside"].remedy.startswith("rm -r ")
    assert ill(used) == set()


def test_a_journal_line_that_rots_while_the_store_is_open_is_found_and_mended(
    used: Engine,
) -> None:
    segment = used.paths.journal / "000001.jsonl"
    with used.store():
        segment.write_bytes(segment.read_bytes().replace(b"port 1", b"port 7"))
        finding = findings(used)["journal"]
    assert (finding.is_well, finding.says) == (False, "entry 2 of the journal is damaged")
    assert finding.remedy.startswith("tera doctor --repair")
    assert "no memory is lost" in next(iter(repair(used))).says
    assert ill(used) == set()
    assert {memory.text for memory in used.select(Filter())} == {"port 0", "port 1", "port 2"}


def test_files_that_rot_while_the_store_is_open_are_found_and_mended(used: Engine) -> None:
    (log,) = (used.paths.store / "clog").iterdir()
    with used.store():
        data = bytearray(log.read_bytes())
        data[len(data) // 2] ^= 1
        log.write_bytes(data)
        finding = findings(used)["files"]
    assert (finding.is_well, finding.says) == (False, "its files are damaged on the disk")
    assert finding.remedy == "tera doctor --repair"
    assert "the store was damaged and has been rebuilt" in next(iter(repair(used))).says
    assert ill(used) == set()
    assert {memory.text for memory in used.select(Filter())} == {"port 0", "port 1", "port 2"}


def test_a_device_file_that_was_altered_while_the_store_is_open_is_found(used: Engine) -> None:
    with used.store():
        (used.paths.journal / "device").write_text("0000zzzz")
        assert "device" in findings(used)["journal"].says
    assert "device was damaged" in mended(used)
    assert ill(used) == set()


def test_a_torn_line_that_was_set_aside_is_told(used: Engine) -> None:
    with (used.paths.journal / "000001.jsonl").open("ab") as file:
        file.write(b'{"v": 1, "numb')
    assert "14 bytes of a line that was cut short were set aside" in findings(used)["journal"].says


def test_memories_missing_from_the_store_are_found(used: Engine) -> None:
    memory = used.select(Filter())[0]
    with used.store() as opened:
        opened.database.connection.query(f"DELETE memory:⟨{memory.id}⟩")
        finding = findings(used)["store"]
    assert not finding.is_well
    assert finding.says == "1 of 3 memories in the journal are not in the store"
    assert finding.remedy == "tera doctor --repair"
    assert "rebuilt from the journal: 3 memories" in mended(used)


def test_memories_that_only_the_store_has_are_written_to_the_journal(used: Engine) -> None:
    extra = "CREATE memory:extra CONTENT (SELECT * OMIT id FROM ONLY memory LIMIT 1)"
    with used.store() as opened:
        opened.database.connection.query(extra)
        finding = findings(used)["store"]
    assert not finding.is_well
    assert finding.says == "1 memories in the store are not in the journal"
    assert "tera doctor --repair" in finding.remedy
    list(repair(used))
    assert ill(used) == set()
    assert len(used.select(Filter())) == 4


def test_a_lost_journal_is_written_anew_from_the_store(used: Engine) -> None:
    before = used.select(Filter())
    shutil.rmtree(used.paths.journal)
    assert mended(used) == (
        "the journal was missing and has been written anew from the store: 3 memories"
    )
    assert used.select(Filter()) == before
    assert ill(used) == set()


def test_chunks_that_lost_their_vectors_are_found_and_repaired(used: Engine) -> None:
    query(used, "DELETE vector:2")
    finding = findings(used)["vectors"]
    assert finding.says == "1 chunks in the store lost their vectors"
    list(repair(used))
    assert len(used.search("port", 3)) == 3
    assert ill(used) == set()


def test_memories_altered_in_the_store_are_found(used: Engine) -> None:
    query(used, "UPDATE memory SET text = 'altered' WHERE text = 'port 1'")
    assert findings(used)["store"].says == "1 of 3 memories in the store are not as in the journal"


def test_a_damaged_index_is_set_aside_and_read_anew(used: Engine) -> None:
    folder = used.workspace.indexes.folder("tiny-bert")
    data = bytearray((folder / "vectors.f32").read_bytes())
    data[40] ^= 1
    (folder / "vectors.f32").write_bytes(data)

    assert "the vector index was damaged" in findings(used)["vectors"].says
    assert len([*used.paths.index.glob("tiny-bert.damaged-*")]) == 1
    assert ill(used) == set()


def test_an_index_that_differs_from_the_store_is_repaired(used: Engine) -> None:
    query(used, "UPDATE vector:1 SET embedding = (SELECT VALUE embedding FROM ONLY vector:2)")
    finding = findings(used)["vectors"]
    assert not finding.is_well
    assert finding.says == "1 vectors in the index differ from the store"
    assert finding.remedy == "tera doctor --repair"
    (done,) = repair(used)
    assert "index was set aside as index.damaged-" in done.says
    assert len(used.search("port", 3)) == 3
    assert ill(used) == set()


def test_repair_of_what_is_well_changes_nothing(used: Engine) -> None:
    (done,) = repair(used)
    assert (done.is_well, done.says) == (True, "nothing to mend")
    assert list(used.paths.home.glob("*.damaged-*")) == []


@pytest.fixture
def open_engine(used: Engine) -> Iterator[Engine]:
    """Return an engine that keeps that home's store open, as the agent does."""
    opened = Engine(used.config, used.paths, stays_open=True)
    yield opened
    opened.close()


def meanwhile(work: Callable[[], object]) -> None:
    """Let another thread do something to its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it has to wait"


def change_everything(engine: Engine) -> None:
    one, two, _ = engine.select(Filter())
    engine.forget([one])
    engine.edit(two, replace(two, text="another port"))
    list(engine.remember([Draft("told meanwhile")]))


@pytest.mark.parametrize("part", ["files", "store"])
def test_others_write_during_the_long_looks_and_that_is_no_damage(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    engine = open_engine
    name = {"files": "can_be_read_again", "store": "_is_same"}[part]
    real: Callable[..., object] = getattr(module, name)
    seen: list[str] = []

    def look(*arguments: object) -> object:
        if not seen:
            seen.append(part)
            meanwhile(lambda: change_everything(engine))
        return real(*arguments)

    monkeypatch.setattr(module, name, look)
    assert ill(engine) == set()
    assert seen
    assert findings(engine)["store"].says == "3 memories, as in the journal"


def test_what_is_altered_is_found_while_others_write(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine
    query(engine, "UPDATE memory SET text = 'altered' WHERE text = 'port 1'")
    real = module._is_same
    seen: list[object] = []

    def look(memory: Memory, fields: Mapping[str, object]) -> bool:
        if not seen:
            seen.append(memory)
            meanwhile(lambda: list(engine.remember([Draft("told meanwhile")])))
        return real(memory, fields)

    monkeypatch.setattr(module, "_is_same", look)
    says = findings(engine)["store"].says
    assert says == "1 of 4 memories in the store are not as in the journal"


def test_all_is_well_while_others_write_and_embed(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine
    monkeypatch.setattr(module, "MEMORY_BATCH", 2)
    monkeypatch.setattr("tera.store.vectors.FEED_BATCH", 2)
    is_over = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            while not is_over.is_set():
                change_everything(engine)
                engine.workspace.embed("tiny-bert", lambda *_: None)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(5):
        assert ill(engine) == set()
    is_over.set()
    thread.join()
    assert failures == []
    assert ill(engine) == set()


def test_memories_that_wait_for_vectors_are_told(used: Engine) -> None:
    list(used.remember([Draft("told later")]))
    assert findings(used)["vectors"].says.endswith("as in the store, 1 memories wait")


def test_a_store_that_cannot_be_opened_is_rebuilt(used: Engine) -> None:
    (manifest,) = (used.paths.store / "manifest").iterdir()
    manifest.write_bytes(b"\xff" * 300)

    (done, nothing) = repair(used)

    assert "rebuilt from the journal: 3 memories; the damaged files are in store.dam" in done.says
    assert nothing.says == "nothing to mend"
    (aside,) = used.paths.home.glob("store.damaged-*")
    assert (aside / "manifest" / manifest.name).read_bytes() == b"\xff" * 300
    assert ill(used) == set()
    assert len(used.search("port", 3)) == 3


def test_altered_memories_are_repaired(used: Engine) -> None:
    query(used, "UPDATE memory SET text = 'altered'")
    list(repair(used))
    assert {memory.text for memory in used.select(Filter())} == {"port 0", "port 1", "port 2"}
    assert ill(used) == set()


def test_repair_waits_for_its_turn(used: Engine) -> None:
    impatient = Engine(Config(store_lock_timeout_s=0), used.paths)
    with exclusive_lock(used.paths.lock, 1), pytest.raises(StoreLockedError):
        list(repair(impatient))
    assert used.paths.store.exists()


def test_a_model_that_is_not_here_is_optional(used: Engine) -> None:
    engine = Engine(Config(llm_model="dolphin-2.6-phi-2"), used.paths)
    finding = findings(engine)["llm"]
    assert (finding.is_well, finding.is_optional) == (False, True)
    assert finding.remedy == "tera models pull dolphin-2.6-phi-2"
