"""Numbers of lists and headings as they are shown: "3.", "(b)", "iv", "5.2"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

MOST_LEVELS = 10
"""OpenDocument has ten, Word nine."""
_HIGHEST_ROMAN = 4_000
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


@dataclass(frozen=True, slots=True)
class Level:
    """How one level of a list is numbered.

    Attributes:
        style: "decimal", "zero", "letter", "LETTER", "roman", "ROMAN", "bullet" or "none".
        pattern: "%1.%2" stands for the numbers of the first and second level.
        start: The first number.
        restarts: Whether it begins again below each item of a level above.
    """

    style: str = "bullet"
    pattern: str = ""
    start: int = 1
    restarts: bool = True
    is_legal: bool = False


@dataclass(slots=True)
class Counter:
    """Counts the items of one list."""

    levels: dict[int, Level]
    _counts: dict[int, int] = field(default_factory=dict)

    def next(self, level: int) -> str:
        """Count an item of a level (from 0) and return what stands before it; "" for a bullet."""
        level = min(max(level, 0), MOST_LEVELS - 1)
        shape = self.levels.get(level, Level())
        self._counts[level] = self._counts.get(level, shape.start - 1) + 1
        for deeper in [other for other in self._counts if other > level]:
            if self.levels.get(deeper, Level()).restarts:
                del self._counts[deeper]
        if shape.style in ("bullet", "none"):
            return "" if shape.style == "bullet" else re.sub(r"%\d", "", shape.pattern).strip()

        def number(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            other = self.levels.get(at, Level("decimal"))
            if shape.is_legal:
                other = replace(other, style="decimal")
            return numeral(self._counts.get(at, other.start), other.style)

        return re.sub(r"%(\d+)", number, shape.pattern).strip()

    def restart(self, level: int, number: int) -> None:
        """Have the next item of a level take this number."""
        self._counts[level] = number - 1


def numeral(number: int, style: str) -> str:
    """Return a number as letters, Roman digits or digits."""
    if number > 0 and style in ("letter", "LETTER"):
        text = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 9)
    elif 0 < number < _HIGHEST_ROMAN and style in ("roman", "ROMAN"):
        text, left = "", number
        for value, sign in _ROMAN:
            text += sign * (left // value)
            left %= value
    else:
        return f"{number:02}" if style == "zero" else f"{number}"
    return text.upper() if style.isupper() else text


def item(number: str, text: str, depth: int) -> str:
    """Return an item of a list as a line: indented by its depth, "- " where it has no number."""
    lines = text.strip("\n").splitlines() or [""]
    indent = "  " * min(depth, MOST_LEVELS)
    inner = "\n" + indent + "  "
    return f"{indent}{number or '-'} {inner.join(line.strip() for line in lines)}"
