"""Characters of the fonts Symbol and Wingdings, which have no code page, as Unicode."""

from __future__ import annotations

_SYMBOL = {
    **dict(zip("abcdefghijklmnopqrstuvwxyz", "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
    **dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
    **dict(zip("\xa3\xb3\xb9\xbb\xb0\xb1\xb4\xb8\xa5\xd6", "≤≥≠≈°±×÷∞√", strict=True)),
    **dict(zip("\xac\xad\xae\xaf\xab\xde\xdc\xb7\xb6\xe5", "←↑→↓↔⇒⇐•∂∑", strict=True)),
    **dict(zip("\xc7\xc8\xcc\xcd\xce\xcf\x22\x24\xf2\xd5", "∩∪⊂⊆∈∉∀∃∫∏", strict=True)),
}
_WINGDINGS = dict(
    zip("\xfc\xfb\xfe\xfd\xa8\x6f\xe0\xdf\xf0\xd8\xa7\xb7\x4a\x4c", "✓✗☑☒☐☐→←⇨➢••☺☹", strict=True)
)


def symbol(code: int, font: str) -> str:
    """Return a character of a symbol font; one that no table has is left as it is, or out.

    Args:
        code: Of the character; Office adds 0xF000 to it.
        font: Its name.
    """
    sign = chr(code & 0xFF if 0xF000 <= code <= 0xF0FF else code)
    name = font.casefold()
    if name == "symbol":
        return _SYMBOL.get(sign, sign)
    if name.startswith(("wingdings", "webdings")):
        return _WINGDINGS.get(sign, "")
    return sign
