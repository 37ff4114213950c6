"""Plain text and source code, kept line by line; and the checks of what is piped or typed."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tera.datatypes import Draft
from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers import check_size

if TYPE_CHECKING:
    # Typed text needs none of it, and comes every few seconds.
    from tera.readers.document import Document, Item


def read_text(document: Document) -> Iterator[Item]:
    """Read a text file or a log of any size; it is known by its name.

    Args:
        document: In UTF-8, or another encoding that can be told for sure.

    Yields:
        Drafts of whole lines; a Note if the encoding was guessed.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """
    from tera.readers.plain.lines import drafts_of, read_lines

    title = document.name
    yield from drafts_of(read_lines(document), document, lambda _: Draft("", title=title))


def is_text(head: bytes) -> bool:
    """Return whether these bytes begin a text in an encoding that can be told."""
    from tera.readers.plain.encoding import find_encoding

    return find_encoding(head) is not None


def decode(data: bytes, name: str) -> str:
    """Turn bytes into text, every character kept.

    Raises:
        UnsupportedFormatError: The bytes are not text.
        UnreadableFileError: The text is not valid UTF-8, or there is none.
    """
    encoding = "utf-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise UnsupportedFormatError(f"{name} is a binary file", hint=_TEXT_ONLY) from error
        raise UnreadableFileError(
            f"{name} is not valid UTF-8 (byte {error.start})",
            hint="if it is Latin-1: iconv -f latin1 -t utf-8 FILE | tera remember",
        ) from error
    return checked(text, name)


def checked(text: str, name: str) -> str:
    """Return the text if it can be remembered.

    Raises:
        UnsupportedFormatError: There is a NUL character in it.
        UnreadableFileError: It is empty, too large, or has characters that no UTF-8 text can have.
    """
    if "\0" in text:
        raise UnsupportedFormatError(f"{name} has NUL bytes: a binary file", hint=_TEXT_ONLY)
    if not text.strip():
        raise UnreadableFileError(f"{name} is empty", hint="there must be at least one letter")
    if not is_unicode(text):
        raise UnreadableFileError(
            f"{name} is not valid Unicode text", hint="check the terminal's encoding: locale"
        )
    check_size(len(text.encode()), name)
    return text


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can hold the text: no halves of surrogate pairs in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_TEXT_ONLY = "if it is a document: tera remember --as TYPE FILE"
