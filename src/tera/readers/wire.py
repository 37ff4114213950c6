"""What a reader yields <-> lines of JSON, between the process that reads and the one that asked."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from tera import errors
from tera.datatypes import Draft
from tera.readers.document import Attachment, Document, Failure, Item, Note, Progress

_RECORDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Draft, Attachment, Document, Failure, Note, Progress)
}
_TIMES = frozenset({"at", "modified"})
_PATHS = frozenset({"path", "scratch"})
_LISTS = frozenset({"tags", "parts"})


def to_line(record: Item | Document | errors.TeraError) -> str:
    """Return a record or an error as a line of JSON, without its end."""
    if isinstance(record, errors.TeraError):
        fields_of = {"message": record.message, "hint": record.hint}
        return json.dumps({"error": type(record).__name__, **fields_of})
    values: dict[str, Any] = {"record": type(record).__name__}
    for field in fields(record):
        value = getattr(record, field.name)
        is_plain = value is None or not isinstance(value, Path | datetime)
        values[field.name] = value if is_plain else str(value)
    return json.dumps(values)


def from_line(line: str) -> Any:
    """Return what `to_line` made a line of."""
    values: dict[str, Any] = json.loads(line)
    if "error" in values:
        return getattr(errors, values["error"])(values["message"], hint=values["hint"])
    kind = _RECORDS[values.pop("record")]
    return kind(**{name: _value(name, value) for name, value in values.items()})


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _TIMES:
        return datetime.fromisoformat(value)
    if name in _PATHS:
        return Path(value)
    return tuple(value) if name in _LISTS else value
