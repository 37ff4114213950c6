"""Records <-> JSON, by the types of their fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def encode(value: object) -> Any:
    """Return a value as JSON can hold it."""
    if dataclasses.is_dataclass(value):
        return {name: encode(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: Any, value: Any) -> Any:
    """Return what `encode` made of a value of this type.

    Raises:
        ValueError: The value is not of the type.
        KeyError: A field is missing.
    """
    origin = get_origin(kind)
    if origin is not None:
        return _decode_generic(origin, get_args(kind), value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        given = _checked(dict, value)
        return kind(**{name: decode(hint, given[name]) for name, hint in hints_of(kind).items()})
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is Path:
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    return value if kind in (Any, object) else _checked(kind, value)


@cache
def hints_of(kind: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a record's fields, or of a function's arguments and result."""
    return get_type_hints(kind)


def _decode_generic(origin: Any, inner: tuple[Any, ...], value: Any) -> Any:
    if origin in (Union, UnionType):
        wanted = next(option for option in inner if option is not type(None))
        return None if value is None else decode(wanted, value)
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"{value!r:.50} is none of {inner}")
        return value
    if origin in (dict, Mapping):
        return {name: decode(inner[1], item) for name, item in _checked(dict, value).items()}
    items = _checked(list, value)
    if origin is tuple:
        # tuple[X, ...], or one type for each place.
        kinds = inner[:1] * len(items) if inner[-1] is Ellipsis else inner
        return tuple(decode(kind, item) for kind, item in zip(kinds, items, strict=True))
    assert origin in (list, Sequence), f"no way to decode {origin}"
    return [decode(inner[0], item) for item in items]


def _checked(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r:.50} is not of type {kind.__name__}")
    return value
