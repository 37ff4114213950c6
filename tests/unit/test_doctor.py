from __future__ import annotations

import os
import shutil

import pytest

from tera.config import Config
from tera.datatypes import Draft, Filter, Finding
from tera.doctor import examine, repair
from tera.engine import Engine
from tera.errors import StoreDamagedError, StoreLockedError
from tera.store.lock import exclusive_lock
from tera.store.opened import open_database


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
    return {part for part, finding in findings(engine).items() if not finding.is_well}


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
    assert list(found) == ["settings", "home", "journal", "store", "vectors", "embedder", "llm"]


def test_a_home_that_others_can_read_is_found(used: Engine) -> None:
    used.paths.home.chmod(0o755)
    finding = findings(used)["home"]
    assert not finding.is_well
    assert finding.remedy == f"chmod 700 {used.paths.home}"


def test_a_damaged_journal_line_is_found(used: Engine) -> None:
    segment = used.paths.journal / "000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"port 1", b"port 7"))
    finding = findings(used)["journal"]
    assert not finding.is_well
    assert finding.says == "entry 2 of the journal is damaged"
    assert "backup" in finding.remedy


def test_a_torn_line_that_was_set_aside_is_told(used: Engine) -> None:
    with (used.paths.journal / "000001.jsonl").open("ab") as file:
        file.write(b'{"v": 1, "numb')
    assert "14 bytes of a line that was cut short were set aside" in findings(used)["journal"].says


def test_memories_missing_from_the_store_are_found(used: Engine) -> None:
    memory = used.select(Filter())[0]
    query(used, f"DELETE memory:⟨{memory.id}⟩")
    finding = findings(used)["store"]
    assert not finding.is_well
    assert finding.says == "1 of 3 memories in the journal are not in the store"
    assert finding.remedy == "tera doctor --repair"


def test_memories_that_only_the_store_has_are_found(used: Engine) -> None:
    query(used, "CREATE memory:extra CONTENT (SELECT * OMIT id FROM ONLY memory LIMIT 1)")
    finding = findings(used)["store"]
    assert not finding.is_well
    assert finding.says == "1 memories in the store are not in the journal"
    assert "tera export" in finding.remedy


def test_a_lost_journal_is_found_and_repair_leaves_the_store(used: Engine) -> None:
    shutil.rmtree(used.paths.journal)
    finding = findings(used)["store"]
    assert not finding.is_well
    assert "part of the journal is missing" in finding.says

    with pytest.raises(StoreDamagedError, match="part of the journal is missing"):
        list(repair(used))

    assert list(used.paths.home.glob("*.damaged-*")) == []
    with open_database(used.config, used.paths) as database:
        assert database.counts()["memory"] == 3


def test_memories_altered_in_the_store_are_found(used: Engine) -> None:
    query(used, "UPDATE memory SET text = 'altered' WHERE text = 'port 1'")
    assert findings(used)["store"].says == "1 of 3 memories in the store are not as in the journal"


def test_a_damaged_index_is_found_and_the_remedy_mends_it(used: Engine) -> None:
    vectors = used.models.index_folder("tiny-bert") / "vectors.f32"
    data = bytearray(vectors.read_bytes())
    data[40] ^= 1
    vectors.write_bytes(data)

    finding = findings(used)["vectors"]

    assert not finding.is_well
    assert finding.says == "1 vectors in the index differ from the store"
    assert os.system(finding.remedy) == 0
    assert ill(used) == set()


def test_memories_that_wait_for_vectors_are_told(used: Engine) -> None:
    list(used.remember([Draft("told later")]))
    assert findings(used)["vectors"].says.endswith("as in the store, 1 memories wait")


def test_a_store_that_cannot_be_opened_is_found_and_repaired(used: Engine) -> None:
    (manifest,) = (used.paths.store / "manifest").iterdir()
    manifest.write_bytes(b"\xff" * 300)
    finding = findings(used)["store"]
    assert not finding.is_well
    assert finding.remedy == "tera doctor --repair"

    done = list(repair(used))

    assert done[-1].says == "3 memories brought back from the journal"
    aside = {path.name.rsplit("-", 2)[0] for path in used.paths.home.glob("*.damaged-*")}
    assert aside == {"store.damaged", "index.damaged"}
    assert ill(used) == set()
    assert len(used.search("port", 3)) == 3


def test_altered_memories_are_repaired(used: Engine) -> None:
    query(used, "UPDATE memory SET text = 'altered'")
    list(repair(used))
    assert {memory.text for memory in used.select(Filter())} == {"port 0", "port 1", "port 2"}
    assert ill(used) == set()


def test_repair_leaves_a_store_that_the_journal_could_not_bring_back(used: Engine) -> None:
    segment = used.paths.journal / "000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"port 1", b"port 7"))

    with pytest.raises(StoreDamagedError, match="entry 2"):
        list(repair(used))

    assert list(used.paths.home.glob("*.damaged-*")) == []
    assert len(used.select(Filter())) == 3


def test_repair_waits_for_its_turn(used: Engine) -> None:
    impatient = Engine(Config(store_lock_timeout_s=0), used.paths)
    with exclusive_lock(used.paths.lock, 1), pytest.raises(StoreLockedError):
        list(repair(impatient))
    assert used.paths.store.exists()


def test_a_model_that_is_not_here_is_optional(used: Engine) -> None:
    engine = Engine(Config(llm="dolphin-2.6-phi-2"), used.paths)
    finding = findings(engine)["llm"]
    assert (finding.is_well, finding.is_optional) == (False, True)
    assert finding.remedy == "tera models pull dolphin-2.6-phi-2"
