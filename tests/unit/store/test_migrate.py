from __future__ import annotations

from pathlib import Path

import pytest

from tera.errors import StoreError
from tera.store.connection import Connection
from tera.store.migrate import migrate
from tests.entries import opened, remember


def connect(home: Path) -> Connection:
    return Connection(f"surrealkv://{home / 'store'}", namespace="tera", database="tera")


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    migrate(connection)
    before = connection.query("INFO FOR DB")
    migrate(connection)
    assert connection.query("INFO FOR DB") == before
    assert connection.query("SELECT VALUE format FROM ONLY meta:state") == 4
    connection.close()


def test_a_migration_that_was_cut_short_is_done_again(home: Path) -> None:
    with opened(home) as store:
        store.commit([remember("a", "kept")])
    connection = connect(home)
    connection.query("UPDATE meta:state SET format = 0")
    connection.close()

    with opened(home) as store:
        assert store.database.memories(["a"])["a"].text == "kept"
        assert store.database.find("kept")


def test_a_store_of_a_newer_tera_is_refused_with_the_way_out(home: Path) -> None:
    with opened(home):
        pass
    connection = connect(home)
    connection.query("UPDATE meta:state SET format = 99")
    connection.close()

    with pytest.raises(StoreError, match="format 99, this one knows 4") as refusal, opened(home):
        pass
    assert refusal.value.hint == "install a newer version of Tera"
