"""What the tests of chat readers share: messages told from drafts, and damaged files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings

from tera.datatypes import Draft
from tera.places import MONTHS
from tera.readers.document import Item
from tests.documents import items
from tests.unit.readers import mutants

UNHURRIED = settings(deadline=None, max_examples=50)
"""For properties that write a file for each example."""
DATA = Path(__file__).parent / "data"
_MESSAGE = re.compile(
    rf"^(\S.*?) \((\d+) ({'|'.join(MONTHS)}) (\d+) (\d\d):(\d\d)\): ((?:.*)(?:\n  .*)*)",
    re.MULTILINE,
)


def messages_of(drafts: Iterable[Item]) -> list[tuple[str, datetime, str]]:
    """Return sender, time and text of all messages in drafts."""
    return [
        (
            found[1],
            datetime(
                int(found[4]),
                MONTHS.index(found[3]) + 1,
                int(found[2]),
                int(found[5]),
                int(found[6]),
            ),
            found[7].replace("\n  ", "\n"),
        )
        for draft in drafts
        if isinstance(draft, Draft)
        for found in _MESSAGE.finditer(draft.text)
    ]


def read_bytes(data: bytes, type_name: str, name: str = "sample") -> list[Item]:
    """Return what the reader of a type says of a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return list(items(path, type_name))


def local(utc: datetime) -> datetime:
    """Return a time as a chat shows it."""
    return utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None, second=0, microsecond=0)


def survives(data: bytes, type_name: str, name: str) -> None:
    """Read a file with these bytes: see `mutants.survives`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        mutants.survives(path, type_name)
