"""An answer as Markdown of which nothing is lost: what people store is full of `_`, `*` and `<`."""

from __future__ import annotations

import re

_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*\*(?![\w*])")
_SPECIAL = re.compile(r"[\\_*<&~|]|\[(?!\d+\])|`")
_MARKED = re.compile(r"(?m)^[ \t]*(?:[-*+][ \t]|#{1,6}[ \t]|\d{1,2}[.)][ \t])")


def shown(text: str) -> str:
    """Return the Markdown that shows a text with its lists, headings, bold words and code.

    Everything else that Markdown would take for markup is escaped: "__init__.py", "a < b",
    "2 * 3 * 4", "<port>". Lines stay lines.
    """
    return "".join(
        part if number % 2 else _escaped(part) for number, part in enumerate(_CODE.split(text))
    )


def _escaped(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(_line(line, number < len(lines) - 1) for number, line in enumerate(lines))


def _line(line: str, has_next: bool) -> str:
    mark = ""
    if found := _MARKED.match(line):
        mark = found[0].replace("*", "-")
        line = line[found.end() :]
    else:
        line = line.lstrip(" \t")
    bold = _BOLD.split(line)
    line = "**".join(_SPECIAL.sub(lambda special: "\\" + special[0], part) for part in bold)
    if not mark and re.match(r"[-+>=#]|\d+[.)]", line):
        line = re.sub(r"^(\d*)([-+>=#.)])", r"\1\\\2", line)
    # "[1]: text" would be the address of a link.
    line = re.sub(r"^(\[\d+\]):", r"\1\\:", line)
    # Two spaces at the end keep a line break.
    return mark + line + ("  " if has_next and (mark or line) else "")
