"""Every sample of `tests/data`, damaged in many ways, gives what is left of it or a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.readers.mutants import mutants, survives

DATA = Path(__file__).parents[2] / "data"
MUTANTS = 100
SLOW = {"image": 5, "locked": 20, "scan": 4}
"""Types, and words in names, of which each copy takes seconds: their damage is the libraries' own;
passwords cost 100,000 rounds of a hash."""
PASSWORDS = {"docx": "lantern", "pdf": "früh"}
RECORDINGS = ("audio", "video")
"""Damaged in the tests of their own: recognising what is said in them takes minutes."""


def samples() -> list[Path]:
    folders = (folder for folder in DATA.iterdir() if folder.is_dir())
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    # The days of an unpacked export are damaged within the packed one.
    left_out = {*RECORDINGS, "slack"}
    packed = [DATA / "slack" / "workspace.zip"]
    return sorted([path for path in files if type_of(path) not in left_out] + packed)


def type_of(path: Path) -> str:
    return path.relative_to(DATA).parts[0]


@pytest.mark.parametrize("path", samples(), ids=lambda path: str(path.relative_to(DATA)))
def test_a_damaged_document_gives_what_is_left_or_an_error(path: Path, tmp_path: Path) -> None:
    type_name = type_of(path)
    name = f"{type_name}/{path.name}"
    count = next((count for word, count in SLOW.items() if word in name), MUTANTS)
    copy = tmp_path / path.name
    for data in mutants(path.read_bytes(), count, seed=len(name)):
        copy.write_bytes(data)
        survives(copy, type_name, PASSWORDS.get(type_name))
