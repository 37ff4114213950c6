"""Brings a database's schema up to date, one numbered migration after the other."""

from __future__ import annotations

from importlib.resources import files

from tera.errors import StoreError
from tera.store.connection import Connection, Transaction


def migrate(connection: Connection) -> None:
    """Apply the migrations that a database has not seen yet.

    Raises:
        StoreError: The database was written by a newer Tera.
    """
    kind = "server" if connection.is_server else "embedded"
    scripts = {
        int(file.name[:4]): file
        for file in files("tera.store.migrations").iterdir()
        if file.name.endswith(".surql") and file.name.split(".")[1] in ("surql", kind)
    }
    # On a server this also shows whether the user may write: other writes of one who may not are
    # answered OK and do nothing.
    connection.query("DEFINE TABLE IF NOT EXISTS meta SCHEMALESS")
    current = int(connection.query("SELECT VALUE format FROM ONLY meta:state") or 0)
    newest = max(scripts)
    if current > newest:
        raise StoreError(
            f"the store was written by a newer Tera (format {current}, this one knows {newest})",
            hint="install a newer version of Tera",
        )
    for number in range(current + 1, newest + 1):
        transaction = Transaction()
        script = scripts[number].read_text(encoding="utf-8")
        lines = [line for line in script.splitlines() if not line.startswith("--")]
        for statement in "\n".join(lines).split(";"):
            if statement.strip():
                transaction.add(statement.strip())
        transaction.add("UPSERT meta:state MERGE { format: $number } RETURN NONE", number=number)
        connection.commit(transaction)
