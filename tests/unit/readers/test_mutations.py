"""Damaged samples, told and read as what they look like then.

That the reader of their own type survives them is in its own tests.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tera.datatypes import Draft
from tera.errors import TeraError
from tera.readers.detect import type_of
from tera.readers.types import TYPES
from tests.documents import items

DATA = Path(__file__).parents[2] / "data"
SAMPLES = sorted(path for path in DATA.glob("*/**/*") if path.is_file())
SNAGS = (
    *(b"", b"\0", b"\xff\xfe", b"PK\x03\x04", b"%PDF-", b"{\\rtf", b"From a@b Mon\n", b"<html>"),
    *(b"BEGIN:VCARD\n", b'{"messages":[', b"[2024-05-03, 14:02] ", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a"),
)
"""Other types begin with these."""


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return bytes that may begin as another type, with some changed, or the end cut off."""
    broken = bytearray(dice.choice(SNAGS) + data[dice.choice((0, 0, 1, 20)) :])
    for _ in range(dice.choice((0, 1, 20)) if broken else 0):
        broken[dice.randrange(len(broken))] = dice.randrange(256)
    return bytes(broken[: dice.choice((len(broken), dice.randrange(len(broken) + 1)))])


def mutants(path: Path, count: int) -> Iterator[bytes]:
    dice = random.Random(path.name)
    for _ in range(count):
        yield damaged(path.read_bytes(), dice)


def survives(path: Path, own_type: str) -> None:
    """Tell what type a file is of, and read it if that is another: items or an error come out."""
    found = type_of(path, path.name)
    if found in (None, own_type):
        return
    assert found in TYPES
    try:
        for item in items(path, found):
            assert not isinstance(item, Draft) or item.text.strip()
    except TeraError as error:
        assert error.hint
        assert not error.message.endswith(".")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.relative_to(DATA).as_posix())
def test_a_damaged_file_is_read_as_what_it_looks_like(path: Path, tmp_path: Path) -> None:
    target = tmp_path / path.name
    for data in mutants(path, 5):
        target.write_bytes(data)
        survives(target, path.relative_to(DATA).parts[0])


@pytest.mark.parametrize("ending", sorted({path.suffix for path in SAMPLES} | {""}))
def test_a_damaged_file_may_have_the_ending_of_any_type(ending: str, tmp_path: Path) -> None:
    dice = random.Random(ending)
    target = tmp_path / f"x{ending}"
    for path in dice.sample(SAMPLES, 5):
        target.write_bytes(damaged(path.read_bytes(), dice))
        survives(target, path.relative_to(DATA).parts[0])


@pytest.mark.parametrize("name", ["users.json", "channels.json", "general/2024-05-03.json"])
def test_a_folder_with_a_damaged_file_is_still_an_export(name: str, tmp_path: Path) -> None:
    whole = DATA / "slack" / "workspace"
    for data in mutants(whole / name, 30):
        folder = tmp_path / "workspace"
        shutil.copytree(whole, folder, dirs_exist_ok=True)
        (folder / name).write_bytes(data)
        assert type_of(folder, folder.name) == "slack"
        survives(folder, "no other")
