"""Plain text: UTF-8, or UTF-16 with a byte order mark. Anything else is refused, not guessed."""

from __future__ import annotations

import codecs

from tera.datatypes import Draft
from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers import check_size


def read_text(data: bytes, name: str) -> Draft:
    """Read a text file; it is known by its name."""
    return Draft(text=decode(data, name), title=name)


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


_TEXT_ONLY = "tera remembers text and Markdown; convert the file to text first"
