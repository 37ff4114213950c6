"""What a document says of itself at its beginning: title, date and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from tera.datatypes import Draft
from tera.readers.dates import parse_date
from tera.structure import front_fields

MAX_TAGS = 50
MAX_TITLE_CHARACTERS = 300


def front_matter(text: str) -> tuple[Draft, int]:
    """Return what YAML or TOML at the beginning of a text says of it, and where that ends.

    Returns:
        A draft without text, and the first character after the front matter; 0 if there is none.
    """
    fields, end = front_fields(text)
    if fields is None:
        return Draft(""), 0
    taxonomies = fields.get("taxonomies")
    if isinstance(taxonomies, dict):
        fields = {**taxonomies, **fields}
    date = fields.get("date")
    if isinstance(date, datetime):
        fields = {**fields, "date": date.isoformat()}
    return described(fields), end


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
