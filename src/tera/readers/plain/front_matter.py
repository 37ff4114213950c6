"""What a document says of itself at its beginning: title, date and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from tera.datatypes import Draft
from tera.readers.dates import parse_date

MAX_CHARACTERS = 20_000
"""Longer front matter is taken for text: YAML is read at about 100 kB a second."""
MAX_TAGS = 50
MAX_TITLE_CHARACTERS = 300

_YAML = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\+\+\+[ \t]*\n(.*?\n)?\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)


def front_matter(text: str) -> tuple[Draft, int]:
    """Return what YAML or TOML at the beginning of a text says of it, and where that ends.

    Returns:
        A draft without text, and the first character after the front matter; 0 if there is none.
    """
    head = text[:MAX_CHARACTERS]
    if found := _YAML.match(head):
        fields = _yaml(found[1] or "")
    elif found := _TOML.match(head):
        fields = _toml(found[1] or "")
    else:
        return Draft(""), 0
    # A rule at the beginning of a text is no front matter.
    return (described(fields), found.end()) if fields is not None else (Draft(""), 0)


def described(fields: Mapping[str, object]) -> Draft:
    """Return a draft without text of fields by their names in any case."""
    known = {str(name).lower(): value for name, value in fields.items()}
    title = known.get("title")
    date = next((known[name] for name in ("date", "created", "published") if known.get(name)), None)
    tags = next((known[name] for name in ("tags", "tag", "keywords") if known.get(name)), None)
    return Draft(
        "",
        title=clean_title(title) if isinstance(title, (str, int, float)) else None,
        at=date if isinstance(date, datetime) else parse_date(str(date or "")),
        tags=clean_tags(tags),
    )


def clean_title(title: object) -> str | None:
    """Return a title on one line; None when there is nothing in it."""
    return " ".join(str(title).split())[:MAX_TITLE_CHARACTERS] or None


def clean_tags(tags: object) -> tuple[str, ...]:
    """Return tags of one word each: "machine learning" becomes "machine-learning"."""
    if isinstance(tags, str):
        tags = re.split(r"[,;]", tags) if re.search(r"[,;]", tags) else tags.split()
    if not isinstance(tags, (list, tuple)):
        return ()
    words = (
        "-".join(str(tag).strip(" #[]\"'").split())
        for tag in tags
        if isinstance(tag, (str, int, float))
    )
    return tuple(dict.fromkeys(word[:100] for word in words if word))[:MAX_TAGS]


def _yaml(text: str) -> Mapping[str, object] | None:
    import yaml

    try:
        # Every value is a string: no dates that do not exist, no objects.
        fields = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError):
        # Most notes have one field a line, also those that are no YAML: "title: Port: the end".
        found = re.findall(r"^(\w+):[ \t]*(.*)$", text, re.MULTILINE)
        fields = {name: value.strip("\"' ") for name, value in found}
        fields = {name: _listed(value) for name, value in fields.items()} or None
    return fields if isinstance(fields, dict) else None


def _listed(value: str) -> object:
    is_list = value.startswith("[") and value.endswith("]")
    return [part.strip("\"' ") for part in value[1:-1].split(",")] if is_list else value


def _toml(text: str) -> Mapping[str, object] | None:
    import tomllib

    try:
        fields = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None
    taxonomies = fields.get("taxonomies")
    if isinstance(taxonomies, dict):
        fields = {**taxonomies, **fields}
    date = fields.get("date")
    if isinstance(date, datetime):
        fields["date"] = date.isoformat()
    return fields
