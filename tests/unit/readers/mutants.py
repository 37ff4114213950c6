"""Damaged copies of documents, and what has to come of them."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tera.datatypes import Draft
from tera.errors import TeraError
from tests.documents import items

SNAGS = (
    *(b"\0", b"\xff", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud83d", b'"', b"<", b"<!--", b"\x1b["),
    *(b"{" * 50, b"}", b"[", b"]", b"[" * 2000, b"<table>" * 5, b"---\n", b": ", b"\\", b"\\x0"),
    *(b"\r\n", b"\n", b"\r", b"9" * 400, b"-1", b"1e999", b"null", b"\xe2\x80\x8e"),
)
"""What parsers stumble over."""


def mutants(data: bytes, count: int, seed: int = 1) -> Iterator[bytes]:
    """Yield a file damaged in as many ways, the same for a seed; zip files also in a part."""
    chance = random.Random(seed)
    parts: dict[str, bytes] = {}
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    for number in range(count):
        if parts and number % 2:
            # Checksums would hide what a reader makes of a broken part.
            name = chance.choice(sorted(parts))
            with io.BytesIO() as packed:
                with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                    for other, inner in parts.items():
                        damaged = _damaged(inner, chance) if other == name else inner
                        archive.writestr(other, damaged)
                yield packed.getvalue()
        else:
            yield _damaged(data, chance)


def _damaged(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    if chance.random() < 0.2:
        return bytes(damaged[: chance.randrange(len(damaged) + 1)])
    for _ in range(chance.choice((1, 3, 10, 50))):
        place = chance.randrange(len(damaged) + 1)
        match chance.randrange(5):
            case 0 | 1:
                damaged[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                del damaged[place : place + chance.randint(1, 40)]
            case 3:
                damaged[place:place] = damaged[place : place + chance.randint(1, 400)] * 2
            case _:
                damaged[place:place] = chance.choice(SNAGS)
    return bytes(damaged)


def survives(path: Path, type_name: str, password: str | None = None) -> None:
    """Read a document: drafts that can be remembered come of it, or an error for people."""
    try:
        for item in items(path, type_name, password):
            if isinstance(item, Draft):
                assert item.text.strip()
                assert item.title
                assert item.at is None or item.at.tzinfo
    except TeraError as error:
        assert path.name in error.message
        assert not error.message.endswith(".")
