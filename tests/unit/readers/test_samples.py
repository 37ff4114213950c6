"""Every sample of `tests/data`, read as `tera remember` reads it, gives what its table says."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tera.datatypes import Memory
from tera.places import place_of
from tera.readers.types import TYPES
from tests.documents import read_paths

DATA = Path(__file__).parents[2] / "data"
KEYS = {
    *("file", "type", "contains", "lacks", "places", "title", "titles", "at", "password"),
    *("memories", "failures", "error", "notes", "skipped"),
}


def samples() -> list[Any]:
    found = []
    for table in sorted(DATA.glob("*.toml")):
        for sample in tomllib.loads(table.read_text("utf-8"))["sample"]:
            name = sample["file"] + (" with a password" if "password" in sample else "")
            found.append(pytest.param({"type": table.stem, **sample}, id=name))
    return found


@pytest.mark.parametrize("sample", samples())
def test_a_sample_gives_what_its_table_says(sample: dict[str, Any]) -> None:
    assert sample.keys() <= KEYS
    # What is not what it should be is not told to be it either.
    forced = sample["type"] if "error" in sample else None
    drafts, heard = read_paths(
        DATA / sample["file"], type_name=forced, password=sample.get("password")
    )
    if "error" in sample:
        (failure,) = heard.failures
        assert sample["error"] in [kind.__name__ for kind in type(failure).__mro__]
        assert drafts == []
        return
    assert len(heard.failures) == sample.get("failures", 0), heard.failures
    own = [draft for draft in drafts if draft.source == str(DATA / sample["file"])]
    assert {draft.type for draft in own} <= {sample["type"]}
    texts = "\n\n".join(draft.text for draft in drafts)
    for wanted in sample.get("contains", ()):
        assert wanted in texts
    for unwanted in sample.get("lacks", ()):
        assert unwanted not in texts
    for passage, place in sample.get("places", {}).items():
        assert place in {place_in(draft, passage) for draft in drafts if passage in draft.text}
    if "title" in sample:
        assert sample["title"] in {draft.title for draft in drafts}
    if "at" in sample:
        assert on_day(sample["at"]) in {on_day(draft.at, sample["at"]) for draft in drafts}
    if "memories" in sample:
        assert len(own) == sample["memories"]


def place_in(draft: Any, passage: str) -> str:
    at = draft.at or datetime.now().astimezone()
    memory = Memory("m", draft.text, at, at, type=draft.type, part=draft.part)
    start = draft.text.index(passage)
    return place_of(memory, start, start + len(passage))


def on_day(at: Any, wanted: Any = None) -> Any:
    """Return a date as exactly as the table names it."""
    if isinstance(at, str):
        return at if len(at) == 10 else f"{datetime.fromisoformat(at).astimezone():%F %R}"
    if len(str(wanted)) == 10:
        return str(at.astimezone().date())
    return f"{at.astimezone():%F %R}"


def test_every_type_has_samples() -> None:
    tables = {path.stem for path in DATA.glob("*.toml")}
    assert tables == set(TYPES) - {"archive"}


def test_every_sample_is_in_a_table() -> None:
    named = {
        sample["file"]
        for table in DATA.glob("*.toml")
        for sample in tomllib.loads(table.read_text("utf-8"))["sample"]
    }
    for path in DATA.rglob("*"):
        name = path.relative_to(DATA).as_posix()
        if path.is_file() and path.suffix != ".toml":
            assert name in named or any(name.startswith(f"{folder}/") for folder in named), name
