"""Bytes with a named, wrong or unknown character set -> text without stray characters."""

from __future__ import annotations

import codecs
import re

from tera.readers.plain.characters import clean
from tera.readers.plain.encoding import find_encoding

_ALIASES = {
    # Subsets that programs name when they mean the larger set.
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso8859-9": "cp1254",
}
_NAMES = {
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-sjis": "shift_jis",
    "x-gbk": "gbk",
    "ks_c_5601-1987": "cp949",
    "unicode-1-1-utf-7": "utf-7",
    "windows-874": "cp874",
    "utf8mb4": "utf-8",
}
# Of Python's own, no character sets; or slow on long texts.
_REFUSED = frozenset({"unicode-escape", "raw-unicode-escape", "undefined", "idna", "punycode"})
_ANY_BYTES = frozenset({"", "cp1252", "cp1254", "mac-roman", "cp437", "cp850"})
GUESS_BYTES = 64 * 1024
"""Enough of a text to tell its character set from."""
_PADDING = re.compile("(?:[\u034f\u00ad\u200b\u200c\u2007\u2060][ \u00a0]*){3,}")


def decode_text(data: bytes, charset: str) -> str:
    """Decode bytes whose character set is what their document says, or something else.

    Args:
        data: All bytes of the text.
        charset: As the document has it; may be unknown, wrong or empty.
    """
    codec = _codec(charset)
    if not codec and b"\x1b$" in data:
        codec = "iso2022_jp"
    # Almost no text in another set is valid UTF-8 by chance; programs that mislabel it are many.
    for candidate in ("utf-8", codec) if codec in _ANY_BYTES else (codec, "utf-8"):
        if candidate:
            try:
                return data.decode(candidate)
            except (UnicodeError, ValueError, LookupError):
                continue
    beyond_ascii = sum(byte >= 128 for byte in data[:GUESS_BYTES])
    for candidate in ("utf-8",) if codec in _ANY_BYTES else (codec, "utf-8"):
        text = data.decode(candidate, "replace")
        if text[:GUESS_BYTES].count("\ufffd") * 10 <= beyond_ascii:  # a few bytes are damaged
            return text
    return data.decode(find_encoding(data[:GUESS_BYTES]) or "cp1252", "replace")


def clean_text(text: str) -> str:
    """Return a text without control characters, runs of invisible ones, and carriage returns."""
    return _PADDING.sub("", clean(text))


def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower()
    try:
        codec = codecs.lookup(_NAMES.get(name, name)).name if name.isascii() else ""
        b"".decode(codec or "ascii")
    except (LookupError, ValueError):  # unknown; or no character set, as "base64"
        return ""
    return "" if codec in _REFUSED else _ALIASES.get(codec, codec)
