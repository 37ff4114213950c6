"""Which type a text without a telling name is of; "text" unless it is sure."""

from __future__ import annotations

import json
import re
from typing import Literal

from tera.readers.plain.encoding import find_encoding
from tera.readers.plain.front_matter import front_matter
from tera.readers.plain.tables import is_table

HEAD_BYTES = 65_536

_JSON = re.compile(r'\s*(?:\{\s*"(?:[^"\\]|\\.){0,500}"\s*:|\[\s*(?:[\[{"\d-]|\]))')
# Of these, "# " begins a heading in Markdown alone, but a comment in many other languages.
_HEADING = re.compile(r"(?:\A|\n[ \t]*\n)#{1,6} \S[^\n]*\n[ \t]*\n")
_OTHER_MARKS = re.compile(
    r"^(?:```|~~~)|^[-*+] \S|^\d+\. \S|\*\*\w|"
    r"\[[^\]\n]{1,200}\]\((?:https?:|/|\.|#)[^)\n]{0,500}\)",
    re.MULTILINE,
)
_CODE = re.compile(
    r"\A#!|^\s*(?:import |from \w+ import |def |class |function |export |set |if \[|#include|<\w+)|"
    r"^[\w.-]+\s*[:=] ?\S.*$|[;{]$",
    re.MULTILINE,
)

TextType = Literal["markdown", "json", "jsonl", "csv", "text"]


def guess_text_type(head: bytes) -> TextType:
    """Return the type of a text by what it begins with.

    Args:
        head: At most HEAD_BYTES are looked at.
    """
    data = head[:HEAD_BYTES]
    is_whole = len(head) < HEAD_BYTES
    encoding = find_encoding(data, is_whole=is_whole)
    if encoding is None:
        return "text"
    text = data.decode(encoding, "ignore").replace("\r\n", "\n")
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text
    if kind := _json_type(text, is_whole):
        return kind
    if _is_markdown(text):
        return "markdown"
    return "csv" if is_table(text) else "text"


def _json_type(text: str, is_whole: bool) -> Literal["json", "jsonl"] | None:
    if not _JSON.match(text):
        return None
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and all(line[0] in "{[" and _is_json(line) for line in lines[:20]):
        return "jsonl"
    if is_whole:
        return "json" if _is_json(text) else None
    # The rest of it is out of sight.
    return "json" if len(re.findall(r'"\s*:|[\]}],', text)) > len(text) // 500 else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_markdown(text: str) -> bool:
    _, start = front_matter(text)
    rest = text[start:].lstrip("\n")
    if start and _HEADING.search(rest):
        return True
    has_marks = len(_HEADING.findall(rest)) and len(_OTHER_MARKS.findall(rest)) >= 2
    fenced = re.sub(r"^(```|~~~).*?^\1", "", rest, flags=re.MULTILINE | re.DOTALL)
    return bool(has_marks) and len(_CODE.findall(fenced)) <= len(rest.splitlines()) // 20
