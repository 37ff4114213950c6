"""The files of the keyword index: tantivy's, which checks no sums itself, and a header."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

FORMAT = 3
PARTS = ("term", "idx", "fast", "fieldnorm", "store", "pos")
_MAGIC = 1337
_END = struct.Struct("<II")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of tantivy's files.

    Attributes:
        sequence: Number of the last row of the feed that was taken.
        languages: How many passages were added in each language.
        meta_checksum: That of tantivy's list of segments; None while it changes.
    """

    format: int = FORMAT
    sequence: int = 0
    languages: dict[str, int] = field(default_factory=dict)
    meta_checksum: int | None = None
    checksum: int = 0


def meta_checksum(folder: Path) -> int:
    """Return the checksum of the list of segments; 0 where there is none."""
    try:
        return zlib.crc32((folder / "meta.json").read_bytes())
    except FileNotFoundError:
        return 0


def are_whole(folder: Path) -> bool:
    """Return whether all files of all segments are there, with the checksums in their ends.

    All is read: 0.1 s for 125 MB, a million passages of 50 words.
    """
    try:
        segments = json.loads((folder / "meta.json").read_bytes())["segments"]
        names = [str(segment["segment_id"]).replace("-", "") for segment in segments]
        files = [folder / f"{name}.{part}" for name in names for part in PARTS]
        files += (file for name in names for file in folder.glob(f"{name}.*.del"))
        return all(_is_whole(file) for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_whole(file: Path) -> bool:
    with file.open("rb") as data:
        size = data.seek(0, 2)
        data.seek(size - _END.size)
        length, magic = _END.unpack(data.read())
        left = size - _END.size - length
        if magic != _MAGIC or left < 0:
            return False
        data.seek(left)
        wanted = json.loads(data.read(length))["crc"]
        data.seek(0)
        crc = 0
        while left and (block := data.read(min(left, _BLOCK_BYTES))):
            crc, left = zlib.crc32(block, crc), left - len(block)
    return bool(not left and crc == wanted)


def open_index(folder: Path, header: Header) -> tantivy.Index | None:
    """Return the index in a folder; None when its files are not as they were written."""
    import tantivy

    if header.meta_checksum not in (None, meta_checksum(folder)) or not are_whole(folder):
        return None
    try:
        return tantivy.Index.open(str(folder))
    except ValueError:
        return None


def is_of_this_format(folder: Path) -> bool:
    """Return whether there is a header that is not of another format.

    Without one it is an index whose beginning was cut short.
    """
    try:
        content = json.loads((folder / "header.json").read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return not isinstance(content, dict) or content.get("format") == FORMAT


def read_header(folder: Path) -> Header | None:
    """Return the header of a folder; None when it is not as it was written."""
    try:
        header = Header(**json.loads((folder / "header.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return header if header.checksum == checksum_of(header) else None


def checksum_of(header: Header) -> int:
    """Return the checksum that a header should have."""
    return zlib.crc32(json.dumps(asdict(replace(header, checksum=0))).encode())
