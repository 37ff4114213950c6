"""Bytes -> the encoding that they are text in; told only where it is sure, else nothing.

UTF-8 proves itself. The encodings of old notes do not: any bytes are valid cp1252. They are told by
the letters that come out: every one of them must be of one language, and no other encoding may
give another text that is as good. (charset-normalizer 3.5 reads Portuguese cp1252 as cp1250, "não"
as "năo", and Hebrew as Cyrillic.)
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

HEAD_BYTES = 1 << 20
"""How much of a file is looked at."""
MAX_CONTROL_SHARE = 0.02
"""Logs have a bell or an escape here and there; binary files have control bytes everywhere."""
MAX_STRAY_SHARE = 0.002
"""So few bytes that fit no encoding are damage; they are read as cp1252, and that is said."""
HOLE_BYTES = 512
"""A crashed machine leaves whole disk sectors of zeros in its logs."""

_BOMS = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_HOLES = re.compile(rb"\0{%d,}" % HOLE_BYTES)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_WESTERN = "äöüßéèêëàâçîïôùûñáíóúåæøœìò"
_LATIN = {
    # The DOS and Mac ones are only thought of when the first does not fit.
    "cp1252": (_WESTERN, "áâãàçéêíóôõúü", "äöüõšžé", "áéíóúýðþæö"),
    "cp1250": (
        "ąćęłńóśźżéü",
        "áčďéěíňóřšťúůýžöü",
        "áäčďéíľňóôšťúýž",
        "áéíóöőúüűä",
        "ăâîşţ",
        "čćđšž",
    ),
    "iso8859_2": ("ąćęłńóśźżéü", "áčďéěíňóřšťúůýžöü", "áäčďéíľňóôšťúýž", "áéíóöőúüűä"),
    "cp1254": ("çğıöşüâîûi̇",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž"),
}
_OLD_LATIN = {"mac_roman": (_WESTERN, "áâãàçéêíóôõúü"), "cp850": (_WESTERN,)}
# The letters that make up most of a text of the language; accents are left out.
_ALPHABETS = {
    "cp1251": ("CYRILLIC", "оеаинтсрвлкмді"),
    "koi8_r": ("CYRILLIC", "оеаинтсрвлкмді"),
    "cp866": ("CYRILLIC", "оеаинтсрвлкмді"),
    "cp1253": ("GREEK", "αοιετσςνηυρπκμλ"),
    "cp1255": ("HEBREW", "יוהלאמרתבשנכ"),
    "cp1256": ("ARABIC", "اليمنورتبةعدسفهك"),
}
_MIXED = re.compile(r"[A-Za-z](?=[^\W\d_A-Za-z])|[^\W\d_A-Za-z](?=[A-Za-z])")
_COMMON_SHARE = 0.62
"""In a language the letters above are 0.67 to 0.85 of all; read in a wrong encoding, about half."""
_MARGIN = 0.1
_LEAST_LETTERS = 12
_HAN = (
    "的一是在不了有和人这這中大为為上个個国國我以要他时時来來用们們生到作地于於出就分对對成会會可主发發年动動"
    "同工也能下过過子说說产產种種面而方后後多定行学學法所民得经經十三之进進着著等部度家电電力里如水化高自二"
    "理起小现現物实實加量都两兩体體当當使点點从從业業本去把性好应應开開它合还還因由其些然前外天政四日那社"
    "今明早请請午晚月号號点點"
)
_HAN_SHARE = 0.2
_CJK = re.compile(
    "[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uff60\uffe0-\uffe6\u2010-\u2026●○■□◆◇★☆※→←↑↓①-⑳×÷°§α-ωА-я]"
)
_KANA = re.compile("[\u3041-\u30fe]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_SYMBOLS = frozenset("“”„‘’‚–—…•€£«»‹›°§©®™·¿¡½¼¾²³µ×÷±ªº´¨\xa0\xad№،؛؟־")
_IN_WORDS = frozenset("’‘´·\xad–")


def find_encoding(head: bytes, *, is_whole: bool = False) -> str | None:
    """Return the encoding of a text, by the name that Python knows it by; None if it is unsure.

    Args:
        head: The beginning of a file; HEAD_BYTES are enough.
        is_whole: The file has no more bytes than these.

    Returns:
        "utf-8" also for a text of which a few bytes are something else.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            text = _decoded(head, name, is_whole=False)
            return name if text is not None and not _is_noise(text) else None
    if b"\0" in head:
        # Of nothing but holes one byte is left, which is no text.
        head = _HOLES.sub(b"", head) or b"\0"
    if b"\0" in head:
        return _wide(head)
    text = head.decode("utf-8", "surrogateescape")
    if not is_whole:
        text = re.sub("[\udc80-\udcff]{1,3}$", "", text)
    if _is_noise(re.sub("[\udc80-\udcff]+", "", text)):
        return None
    odd = sum("\udc80" <= character <= "\udcff" for character in _NOT_ASCII.findall(text))
    # Text of another encoding is hardly ever valid UTF-8 by chance.
    if not odd or len(_NOT_ASCII.findall(text)) - odd >= max(2, odd):
        return "utf-8"
    # A text that proves nothing has no control characters but by mistake.
    if _is_noise(text, least=0):
        return None
    found = _old(_telling(head), is_whole=is_whole)
    return found or ("utf-8" if odd <= MAX_STRAY_SHARE * len(text) else None)


def _is_noise(text: str, least: int = 3) -> bool:
    return len(_CONTROL.findall(text)) > max(least, MAX_CONTROL_SHARE * len(text))


def _wide(head: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of European text is zero."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[first::2].count(0) > 0.6 * (len(head) // 2):
            text = _decoded(head, name, is_whole=False)
            if text and not _CONTROL.search(text) and not _is_odd(text):
                return name
    return None


def _is_odd(text: str) -> bool:
    return sum(not character.isascii() for character in text) > len(text) * 0.4


def _telling(head: bytes) -> bytes:
    """Return the lines that are not ASCII, as far as they are needed."""
    lines: list[bytes] = []
    size = 0
    for line in re.split(rb"[\r\n]+", head):
        if not line.isascii():
            lines.append(line)
            size += len(line)
        if size > 100_000:
            break
    return b"\n".join(lines)


def _old(data: bytes, *, is_whole: bool) -> str | None:
    found: dict[str, str] = {}
    for name, languages in _LATIN.items():
        text = _decoded(data, name, is_whole=is_whole)
        if text and any(_is_of(text, letters) for letters in languages):
            found.setdefault(text, name)
    shares = {
        text: (_share(name, text), name)
        for name in _ALPHABETS
        if (text := _decoded(data, name, is_whole=is_whole))
    }
    best = max((share for share, _ in shares.values()), default=0.0)
    for text, (share, name) in shares.items():
        if share and share > best - _MARGIN:
            found.setdefault(text, name)
    for name in _MULTIBYTE:
        text = _decoded(data, name, is_whole=is_whole)
        if text and _cjk_fits(name, text):
            found.setdefault(text, name)
    if not found:
        for name, languages in _OLD_LATIN.items():
            text = _decoded(data, name, is_whole=is_whole)
            if text and any(_is_of(text, letters) for letters in languages):
                found.setdefault(text, name)
    return next(iter(found.values())) if len(found) == 1 else None


def _decoded(data: bytes, name: str, *, is_whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)().decode(data, is_whole)
    except UnicodeDecodeError:
        return None


def _is_of(text: str, letters: str) -> bool:
    """Whether what is not ASCII is letters of a language, or signs where signs stand."""
    found = list(_NOT_ASCII.finditer(text))
    strange = 0
    for match in found:
        character = match[0]
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        if character in _SYMBOLS:
            is_in_word = before.isalpha() and after.isalpha()
            strange += is_in_word and character not in _IN_WORDS
        else:
            strange += character.lower() not in letters or (
                character.isupper() and before.islower()
            )
    # A rare letter or a foreign name in a long text.
    return strange <= len(found) // 100


def _share(name: str, text: str) -> float:
    """Return the share of the common letters, or 0 if other things do not fit."""
    script, common = _ALPHABETS[name]
    letters = [character for character in text if not character.isascii() and character.isalpha()]
    rest = [
        character
        for character in _NOT_ASCII.findall(text)
        if not character.isalpha() and not unicodedata.combining(character)
    ]
    if len(letters) < _LEAST_LETTERS or any(character not in _SYMBOLS for character in rest):
        return 0.0
    if any(not unicodedata.name(letter, "").startswith(script) for letter in set(letters)):
        return 0.0
    # What is read in a wrong encoding has capitals and Latin letters in the middle of its words.
    strange = len(_MIXED.findall(text)) + _inner_capitals(text)
    bare = [unicodedata.normalize("NFD", letter.lower())[0] for letter in letters]
    share = sum(letter in common for letter in bare) / len(bare)
    shouted = sum(letter.isupper() for letter in letters) > 0.5 * len(letters)
    is_fit = share >= _COMMON_SHARE and not shouted and strange <= 0.05 * len(letters)
    return share if is_fit else 0.0


def _inner_capitals(text: str) -> int:
    return sum(before.islower() and after.isupper() for before, after in pairwise(text))


_MULTIBYTE: Iterable[str] = ("cp932", "euc_jp", "cp949", "gb18030", "cp950")


def _cjk_fits(name: str, text: str) -> bool:
    characters = _NOT_ASCII.findall(text)
    if len(characters) < 4 or len(_CJK.findall(text)) < 0.98 * len(characters):
        return False
    if name in ("cp932", "euc_jp"):
        return len(_KANA.findall(text)) >= 0.25 * len(characters)
    if name == "cp949":
        return len(_HANGUL.findall(text)) >= 0.8 * len(characters)
    han = [character for character in characters if "\u4e00" <= character <= "\u9fff"]
    return bool(han) and sum(character in _HAN for character in han) >= _HAN_SHARE * len(han)
