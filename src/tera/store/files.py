"""What the database knows of the files that memories were read from."""

from __future__ import annotations

from tera.datatypes import NOTHING_READ, Memory, ReadBefore
from tera.store.connection import Connection
from tera.store.rows import memory_of


class StoredFiles:
    """Questions about files, asked of one database."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection; nothing is asked yet."""
        self._connection = connection

    def find(self, source: str, part: str) -> Memory | None:
        """Return the memory that was read from a part of a file."""
        # Without LIMIT: with it SurrealDB 3 looks at the first row of the source alone.
        rows = self._connection.query(
            "SELECT * FROM memory WHERE source = $source AND part = $part AND type != NONE",
            source=source,
            part=part,
        )
        return memory_of(rows[0]) if rows else None

    def parts(self, source: str) -> dict[str, str]:
        """Return the memories that were read from a file, by id, and the part that each holds."""
        rows = self._connection.query(
            "SELECT record::id(id) AS key, part FROM memory "
            "WHERE source = $source AND type != NONE",
            source=source,
        )
        return {row["key"]: row["part"] or "" for row in rows}

    def read_before(self, source: str, digest: str) -> ReadBefore:
        """Return what was read of a file to its end with this content.

        Of a file that was not read it is what was read of another with the same content.
        """
        if not digest:
            return NOTHING_READ
        rows = self._connection.query(
            "SELECT record::id(id) AS key, source FROM memory WHERE digest = $digest", digest=digest
        )
        if not rows:
            return NOTHING_READ
        own = tuple(self.parts(source))
        if any(row["source"] == source for row in rows):
            return ReadBefore(source, own)
        if own:
            return NOTHING_READ
        return ReadBefore(rows[0]["source"] or "", tuple(row["key"] for row in rows))
