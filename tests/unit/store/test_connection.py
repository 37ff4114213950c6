from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tera.errors import StoreDamagedError, StoreError, StoreUnreachableError
from tera.store.connection import Connection, Transaction, record


def connect(folder: Path) -> Connection:
    return Connection(f"surrealkv://{folder}", namespace="test", database="test")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    connection = connect(tmp_path / "store")
    yield connection
    connection.close()


def test_a_statement_that_fails_says_why_in_one_line(connection: Connection) -> None:
    with pytest.raises(StoreError, match=r"the store refused: .*Parse error") as refusal:
        connection.query("SELEKT * FROM x")
    assert "\n" not in refusal.value.message


def test_a_later_statement_that_fails_is_not_passed_over(connection: Connection) -> None:
    with pytest.raises(StoreError, match="too many"):
        connection.query("CREATE one; THROW 'too many'; CREATE two")


def test_a_transaction_happens_as_a_whole(connection: Connection) -> None:
    transaction = Transaction()
    transaction.add("CREATE $id SET value = $value", id=record("thing", "a"), value=1)
    transaction.add("CREATE $id SET value = $value", id=record("thing", "b"), value=2)
    connection.commit(transaction)
    assert connection.query("SELECT VALUE value FROM thing") == [1, 2]


def test_a_transaction_that_fails_changes_nothing_and_says_why(connection: Connection) -> None:
    transaction = Transaction()
    transaction.add("CREATE $id", id=record("thing", "a"))
    transaction.add("THROW $why", why="the third is missing")
    transaction.add("CREATE $id", id=record("thing", "b"))

    with pytest.raises(StoreError, match="the third is missing"):
        connection.commit(transaction)

    assert connection.query("SELECT * FROM thing") == []


def test_parameters_of_one_statement_do_not_reach_another() -> None:
    transaction = Transaction()
    transaction.add("CREATE $id SET ids = $ids", id=1, ids=[2])
    transaction.add("DELETE $id", id=3)

    assert transaction.statements == ["CREATE $id_0 SET ids = $ids_0", "DELETE $id_1"]
    assert transaction.parameters == {"id_0": 1, "ids_0": [2], "id_1": 3}


def test_a_statement_that_is_set_last_is_there_once_with_its_last_values() -> None:
    transaction = Transaction()
    for number in (1, 2):
        transaction.set_last("UPDATE state SET last = $last", last=number)
        transaction.add("CREATE $id", id=number)

    assert transaction.statements[0] == "UPDATE state SET last = $last"
    assert transaction.parameters == {"last": 2, "id_1": 1, "id_2": 2}


def test_an_empty_transaction_is_none(connection: Connection) -> None:
    connection.commit(Transaction())


@pytest.mark.parametrize("file", ["clog", "manifest"])
def test_a_database_that_cannot_be_opened_names_the_repair(tmp_path: Path, file: str) -> None:
    connection = connect(tmp_path / "store")
    connection.query("CREATE one")
    connection.close()
    (part,) = (tmp_path / "store" / file).iterdir()
    part.write_bytes(b"\xff" * 300)

    with pytest.raises(StoreDamagedError, match="the store cannot be opened") as refusal:
        connect(tmp_path / "store")
    assert refusal.value.hint == "tera doctor --repair"


def test_a_repair_of_the_database_is_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    connection = connect(tmp_path / "store")
    connection.query("CREATE one")
    connection.close()
    (log,) = (tmp_path / "store" / "clog").iterdir()
    log.write_bytes(log.read_bytes()[:-10])

    connection = connect(tmp_path / "store")
    os.write(1, b"stdout is back\n")
    connection.close()

    assert capfd.readouterr() == ("stdout is back\n", "")


def test_a_server_that_does_not_answer_is_unreachable_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/rpc"
        started = time.monotonic()
        with pytest.raises(StoreUnreachableError, match="no answer from") as refusal:
            Connection(url, namespace="test", database="test")
    assert url in refusal.value.message
    assert "tera config" in refusal.value.hint
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("url", ["ws://127.0.0.1:notaport/rpc", "ws:///rpc", "ws://127.0.0.1:1"])
def test_a_url_that_leads_nowhere_is_unreachable(url: str) -> None:
    with pytest.raises(StoreUnreachableError):
        Connection(url, namespace="test", database="test")


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")  # how surrealdb uses websockets
def test_statements_that_fail_on_a_server_say_why(surreal_server: str) -> None:
    connection = Connection(surreal_server, namespace="test", database="connection")
    connection.query("DEFINE TABLE thing")
    transaction = Transaction()
    transaction.add("CREATE $id", id=record("thing", "a"))
    transaction.add("THROW $why", why="the third is missing")
    with pytest.raises(StoreError, match="the third is missing"):
        connection.commit(transaction)
    assert connection.query("SELECT * FROM thing") == []
    connection.close()


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
@pytest.mark.parametrize("level", ["DATABASE", "NAMESPACE", "ROOT"])
def test_users_of_every_level_sign_in_with_their_password_alone(
    surreal_server: str, level: str
) -> None:
    def sign_in(password: str) -> Connection:
        return Connection(
            surreal_server, namespace="test", database="db", user="me", password=password
        )

    owner = Connection(surreal_server, namespace="test", database="db")
    owner.query(f"DEFINE USER me ON {level} PASSWORD 'right' ROLES EDITOR")

    connection = sign_in("right")
    connection.query("DEFINE TABLE thing; CREATE thing")
    with pytest.raises(StoreUnreachableError, match="authentication"):
        sign_in("wrong")
    connection.close()
    owner.close()
