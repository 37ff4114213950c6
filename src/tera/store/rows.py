"""Records of the database <-> the records that pass between the parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tera.datatypes import Chunk, Filter, Memory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def columns_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the fields of a journal entry into columns of the table."""
    columns: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("at", "remembered_at"):
            columns[name.removesuffix("_at") + "_ms"] = to_ms(datetime.fromisoformat(value))
        elif name == "text":
            columns |= {"text": value, "sha256": text_sha256(value)}
        elif name in ("type", "digest"):
            columns[name] = value or None
        else:
            columns[name] = value
    return columns


def memory_of(row: Mapping[str, Any]) -> Memory:
    """Return the memory that a record holds."""
    return Memory(
        id=row["id"].id,
        text=row["text"],
        title=row.get("title"),
        tags=tuple(row["tags"]),
        source=row.get("source"),
        type=row.get("type") or "",
        part=row.get("part") or "",
        digest=row.get("digest") or "",
        at=_EPOCH + timedelta(milliseconds=row["at_ms"]),
        remembered_at=_EPOCH + timedelta(milliseconds=row["remembered_ms"]),
    )


def chunk_of(row: Mapping[str, Any]) -> Chunk:
    """Return the chunk that a record holds."""
    memory_id, _, ordinal = row["id"].id.partition("_")
    return Chunk(memory_id, int(ordinal), row["span"][0], row["span"][1], row["heading"])


def where_of(chosen: Filter) -> tuple[str, dict[str, Any]]:
    """Return a filter as a WHERE clause, empty when all pass, and its parameters."""
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if chosen.since:
        conditions.append("at_ms >= $since")
        parameters["since"] = to_ms(chosen.since)
    if chosen.until:
        conditions.append("at_ms <= $until")
        parameters["until"] = to_ms(chosen.until)
    for number, tag in enumerate(chosen.tags):
        conditions.append(f"tags CONTAINS $tag{number}")
        parameters[f"tag{number}"] = tag
    if chosen.source:
        conditions.append("(source = $source OR string::starts_with(source ?? '', $source_folder))")
        parameters["source"] = chosen.source
        parameters["source_folder"] = chosen.source.rstrip("/") + "/"
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), parameters


def text_sha256(text: str) -> str:
    """Return the hash by which the same content is known."""
    return hashlib.sha256(text.encode()).hexdigest()


def to_ms(time: datetime) -> int:
    """Return a time in milliseconds since 1970, UTC."""
    return round((time - _EPOCH) / timedelta(milliseconds=1))
