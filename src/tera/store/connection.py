"""One connection to SurrealDB, embedded or server, with every statement's status checked."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tera.errors import StoreDamagedError, StoreError, StoreUnreachableError

_SILENCE = threading.Lock()
_CONNECT_TIMEOUT_S = 5.0
_NO_SPACE = re.compile(rf"os error ({errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\b")
_SYSTEM = re.compile(rf"os error (?!({errno.ENOENT}|{errno.ENOTDIR}|{errno.EISDIR})\b)\d")
_NOT_EXECUTED = re.compile("(failed|cancelled) transaction|not executed")


@dataclass(slots=True)
class Transaction:
    """Statements that happen together or not at all.

    No record may be written or deleted twice in one. After UPSERT or ON DUPLICATE KEY UPDATE, which
    set savepoints, SurrealKV (2.3) reads the older form back when it opens again; a server (3.0)
    neither creates nor inserts what the same transaction has deleted.
    """

    statements: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    def add(self, statement: str, **parameters: object) -> None:
        """Add a statement; its `$names` are its own, whatever other statements call theirs."""
        number = len(self.statements)
        for name, value in parameters.items():
            unique = f"{name}_{number}"
            statement = re.sub(rf"\${name}\b", f"${unique}", statement)
            self.parameters[unique] = value
        self.statements.append(statement)

    def set_last(self, statement: str, **parameters: object) -> None:
        """Add a statement once; each further call only gives its parameters other values.

        Its `$names` are those of the whole transaction.
        """
        if statement not in self.statements:
            self.statements.append(statement)
        self.parameters |= parameters


def record(table: str, key: str) -> Any:
    """Return a record id as a parameter: portable where building one in a query is not."""
    from surrealdb import RecordID

    return RecordID(table, key)


class Connection:
    """A SurrealDB session in one namespace and database."""

    def __init__(
        self, url: str, *, namespace: str, database: str, user: str = "", password: str = ""
    ) -> None:
        """Connect.

        Args:
            url: `surrealkv://FOLDER`, `ws://HOST:PORT/rpc` or `wss://...`.
            namespace: The namespace to use.
            database: The database to use.
            user: Name to sign in with, of the database, the namespace or the whole server; empty
                for none.
            password: The user's password.

        Raises:
            StoreUnreachableError: No server answers at the URL, or it refuses the user.
            StoreDamagedError: The embedded database cannot be opened.
        """
        # SurrealKV reads this when it opens: only the literal "true" makes each commit fsync.
        os.environ["SURREAL_SYNC_DATA"] = "true"
        self.url = url
        self.is_server = url.startswith(("ws://", "wss://"))
        self.has_failed = False
        from surrealdb import Surreal

        try:
            if self.is_server:
                _probe(url)
            with nullcontext() if self.is_server else _silenced():
                session: Any = Surreal(url)
                if not self.is_server:
                    session.connect()
                if user:
                    _sign_in(session, namespace, database, user, password)
                session.use(namespace, database)
        except Exception as error:
            raise self._cannot_open(error) from error
        self._session = session

    def query(self, statement: str, **parameters: object) -> Any:
        """Run one statement and return its result.

        Raises:
            StoreError: The database refused it.
        """
        return self._run(statement, parameters)[-1]

    def commit(self, transaction: Transaction) -> None:
        """Run a transaction; on the embedded database it is on disk when this returns.

        Raises:
            StoreError: A statement failed, so nothing was changed.
        """
        if transaction.statements:
            script = "BEGIN; " + "; ".join(transaction.statements) + "; COMMIT;"
            self._run(script, transaction.parameters)

    def close(self) -> None:
        """Close the connection; the embedded database writes what it still holds."""
        try:
            self._session.close()
        except Exception as error:
            raise StoreError(
                f"the store did not close: {_line(error)}", hint="tera doctor"
            ) from error

    def _run(self, script: str, parameters: Mapping[str, object]) -> list[Any]:
        try:
            return self._results(script, parameters)
        except StoreError:
            self.has_failed = True
            raise

    def _results(self, script: str, parameters: Mapping[str, object]) -> list[Any]:
        try:
            reply = self._session.query_raw(script, dict(parameters))
        except Exception as error:
            if self.is_server:
                raise self._unreachable(error) from error
            raise _refused(error) from error
        if reply.get("error"):
            raise _refused(reply["error"])
        results: Sequence[Mapping[str, Any]] = reply["result"]
        failures = [str(result["result"]) for result in results if result["status"] != "OK"]
        if failures:
            # The statements around the one that failed only say that the transaction did.
            cause = next((f for f in failures if not _NOT_EXECUTED.search(f)), failures[0])
            raise _refused(next((f for f in failures if _NO_SPACE.search(f)), cause))
        return [result["result"] for result in results]

    def _cannot_open(self, error: Exception) -> StoreError:
        if self.is_server:
            return self._unreachable(error)
        folder = Path(self.url.partition("://")[2])
        if not os.access(folder.parent, os.W_OK):
            return StoreError(
                f"cannot write to {folder.parent}",
                hint="set TERA_HOME to a folder that you can write to",
            )
        if _NO_SPACE.search(str(error)):
            return _refused(error)
        if _SYSTEM.search(str(error)):
            # What the system refuses is no damage: nothing must be set aside for it.
            return StoreError(
                f"the store cannot be opened: {_line(error)}",
                hint=f"make the files in {folder} readable and writable, then try again",
            )
        return StoreDamagedError(
            f"the store cannot be opened: {_line(error)}", hint="tera doctor --repair"
        )

    def _unreachable(self, error: Exception) -> StoreUnreachableError:
        return StoreUnreachableError(
            f"no answer from the SurrealDB server at {self.url}: {_line(error)}",
            hint="check store.url, store.user and store.password: tera config show",
        )


def _probe(url: str) -> None:
    """Fail within seconds where nothing listens; the client itself would wait much longer."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_TIMEOUT_S).close()


def _sign_in(session: Any, namespace: str, database: str, user: str, password: str) -> None:
    """Sign in as a user of the database, else of the namespace, else of the whole server."""
    from surrealdb.errors import NotAllowedError

    name = {"username": user, "password": password}
    for level in ({"namespace": namespace, "database": database}, {"namespace": namespace}):
        try:
            session.signin({**level, **name})
        except NotAllowedError:
            continue
        return
    session.signin(name)


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep SurrealKV's own words away from stdout and stderr: it prints when it repairs a file.

    What a repair lost is told when the journal brings it back.
    """
    # Two at once would take each other's silence for what was there before.
    with _SILENCE:
        saved = {stream: os.dup(stream) for stream in (1, 2)}
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            for stream in saved:
                os.dup2(nowhere, stream)
            yield
        finally:
            os.close(nowhere)
            for stream, copy in saved.items():
                os.dup2(copy, stream)
                os.close(copy)


def _refused(error: object) -> StoreError:
    if _NO_SPACE.search(str(error)):
        return StoreError(
            f"there is no space for the store: {_line(error)}",
            hint="free some space; the journal brings back what the store could not take",
        )
    return StoreError(f"the store refused: {_line(error)}", hint="tera doctor")


def _line(error: object) -> str:
    text = error.get("message", error) if isinstance(error, Mapping) else error
    return " ".join(str(text).split())[:300] or type(error).__name__
