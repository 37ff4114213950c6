"""Lines of the journal: an entry as JSON, sealed with the SHA-256 of the line before it.

The SHA-256 is of the digest in the line before, as text, and of the line's own text up to the seal.
Every later format has to keep the seal: it is how a newer line is told from a damaged one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tera.datatypes import JournalEntry
from tera.errors import StoreDamagedError, StoreError

FORMAT = 1
LOST_FORMAT = 2
"""Of lines that say which numbers are lost; what reads only FORMAT would call them damage."""
START = "0" * 64
"""What the first line has for the digest of the line before it."""
_SEAL = b', "sha256": "'
_END = b'"}\n'
_SEAL_LENGTH = len(_SEAL) + 64 + len(_END)
JOURNAL_HINT = "tera doctor --repair mends the journal from the store"


def seal(entry: JournalEntry, previous: str) -> tuple[bytes, str]:
    """Return an entry as a line, and the line's digest; `previous` is that of the line before."""
    record: dict[str, Any] = {
        "v": LOST_FORMAT if entry.operation == "lost" else FORMAT,
        "number": entry.number,
        "clock": entry.clock,
        "device": entry.device,
        "change": entry.change,
        "operation": entry.operation,
        "memory": entry.memory_id,
        "fields": dict(entry.fields),
    }
    if entry.undoes is not None:
        record["undoes"] = entry.undoes
    return seal_body(json.dumps(record, ensure_ascii=False)[:-1].encode(), previous)


def seal_body(body: bytes, previous: str) -> tuple[bytes, str]:
    """Return a line that has this text before its seal, and its digest."""
    digest = digest_of(previous, body)
    return body + _SEAL + digest.encode() + _END, digest


def split(line: bytes) -> tuple[bytes, str]:
    """Return the text before a line's seal and the digest in it, whatever the line holds."""
    return line[:-_SEAL_LENGTH], line[-_SEAL_LENGTH + len(_SEAL) : -len(_END)].decode("latin-1")


def is_sealed(line: bytes, previous: str) -> bool:
    """Return whether a line is as it was written, behind a line with this digest."""
    body, digest = split(line)
    return line == body + _SEAL + digest.encode("latin-1") + _END and digest == digest_of(
        previous, body
    )


def unseal(line: bytes, previous: str | None, where: str) -> tuple[JournalEntry, str]:
    """Return the entry in a line, and the line's digest.

    Args:
        line: The line with its end.
        previous: Digest of the line before, checked where it is known.
        where: Names the line in an error.

    Raises:
        StoreDamagedError: The line is not as it was written.
        StoreError: It was written by a newer Tera.
    """
    body, digest = split(line)
    if not line.endswith(_SEAL + digest.encode("latin-1") + _END):
        raise damaged(where)
    if previous is not None and digest != digest_of(previous, body):
        raise damaged(where)
    return read_body(body, where), digest


def read_body(body: bytes, where: str) -> JournalEntry:
    """Return the entry in the text before a line's seal; see `unseal`."""
    try:
        record = json.loads(body + b"}")
        if record["v"] > LOST_FORMAT:
            raise StoreError(
                f"the journal was written by a newer Tera (format {record['v']}, this one reads"
                f" {LOST_FORMAT})",
                hint="install a newer version of Tera",
            )
        return JournalEntry(
            number=record["number"],
            clock=record["clock"],
            device=record["device"],
            change=record["change"],
            operation=record["operation"],
            memory_id=record["memory"],
            fields=record["fields"],
            undoes=record.get("undoes"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(where) from error


def lost(first: int, last: int, clock: str, device: str) -> JournalEntry:
    """Return an entry that says that those with these numbers could not be read any more.

    It has the number of the last of them.
    """
    return JournalEntry(last, clock, device, first, "lost", "", {"count": last - first + 1})


def first_number(entry: JournalEntry) -> int:
    """Return the first number that an entry stands for: its own, unless it tells of lost ones."""
    return entry.number - int(str(entry.fields["count"])) + 1 if is_lost(entry) else entry.number


def is_lost(entry: JournalEntry) -> bool:
    """Return whether an entry only says that others are lost."""
    return entry.operation == "lost"


def digest_of(previous: str, body: bytes) -> str:
    """Return the digest of a line with this text before its seal."""
    return hashlib.sha256(previous.encode("latin-1") + body).hexdigest()


def damaged(where: str) -> StoreDamagedError:
    """Return the error that names a damaged line."""
    return StoreDamagedError(f"{where} of the journal is damaged", hint=JOURNAL_HINT)
