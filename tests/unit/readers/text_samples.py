"""Samples of text formats, whole and damaged, and files written for one test."""

from __future__ import annotations

from pathlib import Path

from tera.datatypes import Draft
from tera.readers.document import Item, Note
from tests.documents import items

DATA = Path(__file__).parents[2] / "data"


def samples(type_name: str) -> list[Path]:
    """Return the sample files of a type."""
    return sorted((DATA / type_name).iterdir())


def read(folder: Path, name: str, data: bytes | str, type_name: str) -> list[Item]:
    """Return what is said of a file with these bytes."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(items(path, type_name))


def only(found: list[Item]) -> Draft:
    """Return the one draft there is."""
    (draft,) = [item for item in found if isinstance(item, Draft)]
    return draft


def notes(found: list[Item]) -> list[str]:
    """Return what the person is told."""
    return [item.text for item in found if isinstance(item, Note)]
