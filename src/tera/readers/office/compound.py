"""OLE files: office documents with a password are decrypted, what came before 2007 is refused."""

from __future__ import annotations

import io
import struct
from typing import IO

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Document, locked, require

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_SPINS = 1_000_000
"""Rounds that turn a password into a key; Office makes 100,000, and 10 million take a minute."""

# Names of streams -> what the file is, and what Tera reads instead of it.
_OLD = {
    "WordDocument": ("an old Word file", "docx"),
    "Workbook": ("an old Excel file", "xlsx"),
    "Book": ("an old Excel file", "xlsx"),
    "PowerPoint Document": ("an old PowerPoint file", "pptx"),
    "__properties_version1.0": ("an Outlook message", "eml"),
}


def is_compound(head: bytes) -> bool:
    """Return whether a file is an OLE file, by its first bytes."""
    return head.startswith(MAGIC)


def decrypted(document: Document, file: IO[bytes]) -> IO[bytes]:
    """Return the zip package inside of an OLE file, decrypted with the document's password.

    Raises:
        PasswordNeededError: The password is missing or wrong.
        UnsupportedFormatError: There is no package inside: it is of another format.
        UnreadableFileError: It is broken or encrypted in a way that cannot be undone.
    """
    name = document.name
    if not _has_stream(file, "EncryptedPackage"):
        raise _refusal(name, file)
    if not document.password:
        raise locked(document)
    require("office", "msoffcrypto")
    from msoffcrypto.exceptions import InvalidKeyError
    from msoffcrypto.format.ooxml import OOXMLFile

    package = io.BytesIO()
    try:
        office = OOXMLFile(file)
        if office.info.get("spinValue", 0) > MOST_SPINS:
            raise UnreadableFileError(
                f"{name} asks for too many rounds of its cipher", hint=_SAVE_PLAIN
            )
        office.load_key(password=document.password, verify_password=True)
        office.decrypt(package)
    except InvalidKeyError as error:
        raise locked(document) from error
    except UnreadableFileError:
        raise
    # The library checks little of what it reads: a broken file can make it raise anything.
    except Exception as error:
        raise UnreadableFileError(
            f"{name} is encrypted in a way that cannot be undone", hint=_SAVE_PLAIN
        ) from error
    package.seek(0)
    return package


def _refusal(name: str, file: IO[bytes]) -> UnsupportedFormatError:
    for stream, (what, instead) in _OLD.items():
        if _has_stream(file, stream):
            return UnsupportedFormatError(
                f"{name} is {what}, which Tera does not read",
                hint=f"open it and save it as .{instead}",
            )
    return UnsupportedFormatError(
        f"{name} is an OLE file of an unknown kind", hint="save it as a text or office file"
    )


def _has_stream(file: IO[bytes], name: str) -> bool:
    """Return whether an OLE file has a stream of this name; only entries of streams are matched."""
    # An entry: 64 bytes for the name in UTF-16, the length of the name, the type of the entry (2).
    encoded = name.encode("utf-16-le")
    entry = encoded.ljust(64, b"\0") + struct.pack("<HB", len(encoded) + 2, 2)
    file.seek(0)
    before = b""
    while data := file.read(2**20):
        if entry in before + data:
            file.seek(0)
            return True
        before = data[-len(entry) :]
    file.seek(0)
    return False


_SAVE_PLAIN = "open it with the program that wrote it and save it without a password"
