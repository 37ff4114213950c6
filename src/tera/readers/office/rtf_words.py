"""Words of rich text: what they show, and which groups show nothing."""

from __future__ import annotations

import codecs
import re

_CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "cp936",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
SIGNS = {
    "tab": "\t",
    "line": "\n",
    "softline": "\n",
    "lquote": "‘",
    "rquote": "’",
    "bullet": "•",
    "ldblquote": "“",
    "rdblquote": "”",
    "emdash": "—",
    "endash": "–",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "qmspace": "\u2005",
    "zwj": "\u200d",
    "zwnj": "\u200c",
    "ltrmark": "\u200e",
    "rtlmark": "\u200f",
}
SYMBOLS = {"~": "\xa0", "_": "‑", "{": "{", "}": "}", "\\": "\\", "\t": "\t"}
_HIDDEN_WORDS = (
    "colortbl pict object objdata info filetbl fontemb generator template themedata datastore "
    "colorschememapping latentstyles listtable listoverridetable revtbl rsidtbl pgdsctbl "
    "xmlnstbl pn bkmkstart bkmkend tc tcn xe nonshppict footnotesep ftnsep ftnsepc ftncn "
    "aftnsep aftnsepc aftncn sn docvar userprops sp shprslt datafield ffdeftext ffname "
    "ffformat mmathPict"
)
_SHOWN_WORDS = (
    "do shptxt shpinst annotation fldinst nesttableprops atnauthor ud moMath moMathPara mmath "
    "fldrslt footnote listtext pntext dptxbxtext"
)
_HEADERS_WORDS = "header headerl headerr headerf footer footerl footerr footerf"
# Groups whose text is not shown. Those that begin with \* are not either, unless they stand below.
HIDDEN = frozenset(_HIDDEN_WORDS.split())
SHOWN = frozenset(_SHOWN_WORDS.split())
HEADERS = frozenset(_HEADERS_WORDS.split())
ENDS = frozenset({"par", "sect", "page", "column"})
PAGE_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")


def level_of_style(name: str) -> int:
    """Return the level of the headings that a style is for; 0 if it is for none."""
    found = re.match(r"\s*(?:(?:heading|überschrift|titre) ?([1-9])\b|title\s*;)", name, re.I)
    return int(found[1] or 1) if found else 0


def codec(code_page: int) -> str:
    """Return the name of the codec for a code page; one for Western Europe if it is unknown."""
    special = {65001: "utf-8", 10000: "mac_roman", 708: "iso8859_6"}
    return _known(special.get(code_page, f"cp{code_page}"))


def codec_of_charset(charset: int) -> str | None:
    """Return the name of the codec for a font; None for one that says nothing."""
    return _known(_CHARSETS[charset]) if charset in _CHARSETS else None


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
