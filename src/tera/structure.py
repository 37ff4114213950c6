"""The named fields that a text states of itself: front matter, JSON, YAML, heads, rows of tables.

Texts are kept as they were read, so whatever a document says of itself still stands in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from tera.datatypes import Memory

MAX_FRONT_CHARACTERS = 20_000
"""Longer front matter is taken for text: YAML is read at about 100 kB a second."""
MAX_CHARACTERS = 1_200_000
"""Of JSON or TOML: above the size of the parts that long documents are divided into."""
MAX_YAML_CHARACTERS = 200_000
"""Of YAML: the parser written in C takes 0.2 s for that, the one in Python ten times as long."""
MAX_FIELDS = 50_000
"""Values of one memory; a few lines of YAML can name billions."""
MAX_DEPTH = 20
"""Of fields within fields."""

Field = tuple[str, str]
"""A name, with dots between those of fields within fields, and one of its values."""

_YAML = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\+\+\+[ \t]*\n(.*?\n)?\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_HEAD = re.compile(r"([^\s:][^:\n]{0,60}): (\S.*)")
_KIND = re.compile(r"(.+?) \((.+)\)")
_CELL = re.compile(r"(?:\A|; )([^\s:;|][^:;|]{0,120}?): ")
_PROPERTY = re.compile(r"^[ \t]*(?:#\+|:)([\w-]+):[ \t]+(\S.*)$", re.MULTILINE)
_MEMBER = re.compile(r"(?:[^,\"(<]|\"[^\"]*\"|\([^)]*\)|<[^>]*>)+")
_LISTS = frozenset({"from", "to", "cc", "bcc", "with", "categories", "attachments", "filetags"})
_MAIL = ("email", "mbox")
_HEADED = frozenset({*_MAIL, "calendar", "contacts"})
_TABLES = frozenset({"csv", "xlsx", "ods"})
_NOTES = frozenset({"", "markdown", "text", "html"})


def fields_of(memory: Memory) -> list[Field]:
    """Return what a memory's text states of itself; nothing where it cannot be read."""
    found: list[Field] = []
    for field in _fields(memory):
        found.append(field)
        if len(found) == MAX_FIELDS:
            break
    return found


def _fields(memory: Memory) -> Iterator[Field]:
    text, kind = memory.text, memory.type
    # What was typed or piped in has no type: it says itself what it is.
    is_plain = kind in _NOTES
    ending = (memory.source or "").lower().rpartition(".")[2]
    if is_plain and text.startswith(("---", "+++")):
        yield from _flat(front_fields(text)[0] or {})
    elif kind == "json" or (not kind and text.lstrip()[:1] in ("{", "[")):
        yield from _flat(_json(text)) or _lines_of_json(text)
    elif kind == "jsonl":
        yield from _lines_of_json(text)
    elif kind == "code" and ending in ("yaml", "yml"):
        yield from _flat(_documents(text))
    elif kind == "code" and ending == "toml":
        yield from _flat(_toml(text) or {})
    elif kind in _HEADED:
        yield from _head(text, has_title=kind == "calendar")
    elif kind in _TABLES:
        yield from _rows(text)
    elif kind in ("org", "rst"):
        for name, value in _PROPERTY.findall(text[:MAX_FRONT_CHARACTERS]):
            yield from ((name, one) for one in _members(name, value))


def front_fields(text: str) -> tuple[Mapping[str, object] | None, int]:
    """Return the fields of YAML or TOML at the beginning of a text, and where that ends.

    Returns:
        None and 0 where there is none; a rule at the beginning of a text is no front matter.
    """
    head = text[:MAX_FRONT_CHARACTERS]
    if found := _YAML.match(head):
        fields = _yaml_or_lines(found[1] or "")
    elif found := _TOML.match(head):
        fields = _toml(found[1] or "")
    else:
        return None, 0
    return (fields, found.end()) if fields is not None else (None, 0)


def _yaml_or_lines(text: str) -> Mapping[str, object] | None:
    fields = next(iter(_documents(text)), None)
    if fields is None and text.strip():
        # Most notes have one field a line, also those that are no YAML: "title: Port: the end".
        found = re.findall(r"^(\w+):[ \t]*(.*)$", text, re.MULTILINE)
        lines = {name: value.strip("\"' ") for name, value in found}
        fields = {name: _listed(value) for name, value in lines.items()} or None
    return fields if isinstance(fields, dict) else None


def _documents(text: str) -> list[object]:
    """Return the documents of YAML; nothing where one of them is broken."""
    import yaml

    if len(text) > MAX_YAML_CHARACTERS:
        return []
    # Every value is a string: no dates that do not exist, no objects.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return list(yaml.load_all(text, Loader=loader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return []


def _listed(value: str) -> object:
    is_list = value.startswith("[") and value.endswith("]")
    return [part.strip("\"' ") for part in value[1:-1].split(",")] if is_list else value


def _toml(text: str) -> Mapping[str, object] | None:
    import tomllib

    try:
        return tomllib.loads(text[:MAX_CHARACTERS])
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None


def _json(text: str) -> object:
    """Return what JSON says, its numbers as they are spelt; None where it is broken."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _lines_of_json(text: str) -> Iterator[Field]:
    for line in text.splitlines():
        if line.lstrip()[:1] in ("{", "["):
            yield from _flat(_json(line))


def _flat(value: object, name: str = "", depth: int = 0) -> list[Field]:
    """Return the fields of a value and those within it; the items of a list have its name."""
    found: list[Field] = []
    # The longest of what is left is on top, so that few wait at a time.
    waiting: list[tuple[object, str, int]] = [(value, name, depth)]
    seen = 0
    while waiting and seen < MAX_FIELDS:
        one, path, level = waiting.pop()
        seen += 1
        if isinstance(one, Mapping) and level < MAX_DEPTH:
            inner = [
                (item, f"{path}.{key}" if path else str(key), level + 1)
                for key, item in one.items()
            ]
            waiting += reversed(inner[:MAX_FIELDS])
        elif isinstance(one, list | tuple) and level < MAX_DEPTH:
            waiting += [(item, path, level + 1) for item in reversed(one[:MAX_FIELDS])]
        elif path and one is not None and not isinstance(one, Mapping | list | tuple):
            shown = str(one).lower() if isinstance(one, bool) else str(one)
            found.append((path, shown))
    return found


def _head(text: str, *, has_title: bool) -> Iterator[Field]:
    """Yield the "Name: value" lines that a text begins with, up to the first other line."""
    lines = text[:MAX_CHARACTERS].split("\n")
    for number, line in enumerate(lines):
        field = _HEAD.fullmatch(line)
        if not field and number == 0 and has_title:
            continue
        if not field and line.startswith("  "):
            continue
        if not field:
            return
        name, value = field.groups()
        if kind := _KIND.fullmatch(name):
            # "Phone (mobile)" is a phone too.
            yield kind[1], value
            yield f"{kind[1]}.{kind[2]}", value
        else:
            yield from ((name, one) for one in _members(name, value))


def _members(name: str, value: str) -> Iterable[str]:
    """Return the members of what is a list by its name: people, categories, files."""
    if name.lower() not in _LISTS:
        return (value,)
    if name.lower() == "filetags":
        return [tag for tag in value.split(":") if tag.strip()]
    members = [found[0].strip() for found in _MEMBER.finditer(value)]
    return [member for member in members if member]


def _rows(text: str) -> Iterator[Field]:
    """Yield the cells of the rows of a table: "Name: cell; Name: cell"."""
    for line in text.split("\n"):
        names = list(_CELL.finditer(line))
        for number, found in enumerate(names, start=1):
            end = names[number].start() if number < len(names) else len(line)
            yield found[1], line[found.end() : end]


def is_mail(memory: Memory) -> bool:
    """Return whether a memory is a mail, by its type."""
    return memory.type in _MAIL
