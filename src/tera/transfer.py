"""Memories as JSON lines: what `export` writes and `import` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from tera.datatypes import Memory
from tera.errors import UnreadableFileError

_ID = re.compile(r"[0-9a-z]{10}")


def fields_of(memory: Memory) -> dict[str, Any]:
    """Return a memory's fields as JSON can hold them, without the id."""
    return memory.fields()


def to_line(memory: Memory) -> str:
    """Return a memory as one line of JSON, without the line's end."""
    return json.dumps({"id": memory.id, **fields_of(memory)}, ensure_ascii=False)


def from_lines(lines: Iterable[str]) -> Iterator[Memory]:
    """Read memories from lines of JSON; empty lines are passed over.

    Raises:
        UnreadableFileError: A line is not a memory; it names the line.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _memory(json.loads(line))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise UnreadableFileError(
                f"line {number} is not a memory: {error}",
                hint="import reads what `tera export` writes",
            ) from error


def _memory(record: object) -> Memory:
    if not isinstance(record, dict):
        raise ValueError("a memory has fields")
    title, source, tags = record.get("title"), record.get("source"), record.get("tags") or []
    memory = Memory(
        id=record["id"],
        text=record["text"],
        title=title,
        tags=tuple(tags),
        source=source,
        type=record.get("type") or "",
        part=record.get("part") or "",
        digest=record.get("digest") or "",
        at=_time(record["at"]),
        remembered_at=_time(record.get("remembered_at") or record["at"]),
    )
    if not _ID.fullmatch(memory.id):
        raise ValueError(f"id must be 10 letters and digits, not {memory.id!r}")
    about = (title, source, memory.type, memory.part, memory.digest)
    texts = [memory.text, *tags, *(text for text in about if text is not None)]
    is_text = isinstance(tags, list) and all(isinstance(text, str) for text in texts)
    if not is_text or not memory.text.strip():
        raise ValueError(
            "text, title, tags, source, type, part and digest must be text, and text not empty"
        )
    if any("\0" in text or _has_surrogate(text) for text in texts):
        raise ValueError("there are characters that no text can have")
    return memory


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    time = (time if time.tzinfo else time.astimezone()).astimezone(UTC)
    # As the store keeps it: else importing twice would change it each time.
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
