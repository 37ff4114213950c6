"""Numbers in cells of a workbook -> text, as their number formats show them; dates in ISO."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

BUILTIN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    **dict.fromkeys((5, 6, 37, 38), "#,##0"),
    **dict.fromkeys((7, 8, 39, 40, 43, 44), "#,##0.00"),
    **dict.fromkeys((41, 42), "#,##0"),
    **dict.fromkeys((*range(14, 18), *range(27, 32), 34, 35, 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33), "hh:mm:ss"),
    22: "yyyy-mm-dd hh:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
}
"""Formats that files name by number alone (ECMA-376, 18.8.30); dates are ISO anyway."""
MOST_DECIMALS = 15
"""Digits of a number that Excel keeps."""

_QUOTED = re.compile(r'"([^"]*)"|\\(.)|[_*].', re.DOTALL)
_BRACKETS = re.compile(r"\[(?:\$([^\]-]*)(?:-[^\]]*)?|[^\]]*)\]")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.([#0?]*))?(,*)")


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: str
    before: str = ""
    after: str = ""
    decimals: int = 0
    least_digits: int = 1
    has_thousands: bool = False
    scale: int = 0


def shown(value: float, form: str, *, is_1904: bool = False) -> str:
    """Return a number as a cell with this format shows it.

    Args:
        value: What is stored.
        form: The format's code; "" or "General" for none.
        is_1904: Days are counted from 1904, as old Macs did.
    """
    sections = _sections(form)
    shape = sections[0]
    if value < 0 and len(sections) > 1:
        shape = sections[1]
    elif value == 0 and len(sections) > 2:
        shape = sections[2]
    if shape.kind in ("date", "time", "both", "elapsed"):
        return _dated(value, shape.kind, is_1904=is_1904) or general(value)
    if shape.kind == "general" or abs(value) >= 1e15:
        return general(value)
    # Excel rounds what it would print of the binary number: 1.005 is 1.01 with two decimals.
    digits = Decimal(f"{value:.15g}").scaleb(shape.scale)
    rounded = digits.quantize(Decimal(1).scaleb(-shape.decimals), ROUND_HALF_UP)
    is_negative = rounded < 0
    text = f"{abs(rounded):,f}" if shape.has_thousands else f"{abs(rounded):f}"
    whole, dot, fraction = text.partition(".")
    text = whole.rjust(shape.least_digits, "0") + dot + fraction
    sign = "-" if is_negative and (len(sections) == 1 or shape is sections[0]) else ""
    if is_negative and not sign and "(" not in shape.before and "-" not in shape.before:
        sign = "-"
    return f"{sign}{shape.before}{text}{shape.after}".strip()


def general(value: float) -> str:
    """Return a number without a format: no ".0", no more digits than Excel keeps."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value)}"
    return f"{value:.15g}"


@lru_cache(maxsize=4096)
def _sections(form: str) -> tuple[_Shape, ...]:
    parts = _split(form[:256])
    return tuple(_shape(part) for part in parts[:3]) or (_Shape("general"),)


def _split(form: str) -> list[str]:
    """Divide a format at its semicolons, not at those in quotes."""
    parts = [""]
    for piece in re.findall(r'"[^"]*"?|\\.|;|[^;"\\]+|\\', form, re.DOTALL):
        if piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _shape(section: str) -> _Shape:
    bare = _QUOTED.sub("", section)
    letters = _BRACKETS.sub("", bare)
    has_elapsed = _ELAPSED.search(bare) is not None
    if not section.strip() or "general" in letters.lower() or "@" in letters:
        return _Shape("general")
    has_date = re.search(r"[yd]|m{3,}", letters, re.IGNORECASE) is not None
    has_time = re.search(r"[hs]|am/pm", letters, re.IGNORECASE) is not None
    if has_elapsed:
        return _Shape("elapsed")
    if has_date or has_time:
        return _Shape("both" if has_date and has_time else "date" if has_date else "time")
    if re.fullmatch(r"\s*m+\s*", letters, re.IGNORECASE):
        return _Shape("date")
    text = _BRACKETS.sub(lambda found: found[1] or "", section)
    # Literal characters that look like digits are hidden while the digits are looked for.
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        literal = found[1] if found[1] is not None else found[2] or ""
        hidden.append(literal)
        return chr(0xE000 + len(hidden) - 1) if literal else ""

    text = _QUOTED.sub(hide, text)
    found = _DIGITS.search(text)
    is_plain = found is not None and not re.search(r"[#0?E/]", text[found.end() :])
    if found is None or not is_plain:
        return _Shape("general")

    def literal(part: str) -> str:
        return "".join(
            hidden[ord(sign) - 0xE000] if 0xE000 <= ord(sign) < 0xE000 + len(hidden) else sign
            for sign in part
        )

    before, after = text[: found.start()], text[found.end() :]
    whole = found.group().partition(".")[0]
    # Commas behind the last digit divide by a thousand each.
    thousands = len(whole) - len(whole.rstrip(",")) + len(found[2])
    return _Shape(
        "number",
        literal(before).lstrip(),
        literal(after).rstrip(),
        min(len(found[1] or ""), MOST_DECIMALS),
        min(whole.count("0"), MOST_DECIMALS),
        "," in whole.rstrip(","),
        2 * (before + after).count("%") - 3 * thousands,
    )


def _dated(value: float, kind: str, *, is_1904: bool) -> str:
    if kind == "elapsed":
        seconds = round(abs(value) * 86_400)
        if seconds > 10**9:
            return ""
        sign = "-" if value < 0 else ""
        minutes, second = divmod(seconds, 60)
        return f"{sign}{minutes // 60}:{minutes % 60:02}" + (f":{second:02}" if second else "")
    if not 0 <= value < 2_958_466:  # the year 10000
        return ""
    # Excel has a 29 February 1900: days before it are one off.
    epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30 if value >= 60 else 31)
    time = epoch + timedelta(seconds=round(value * 86_400))
    clock = f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}"
    if kind == "time" and value < 1:
        return clock
    return f"{time:%Y-%m-%d}" if kind == "date" else f"{time:%Y-%m-%d} {clock}"
