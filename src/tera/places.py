"""Where in its document a passage stands, told from the marks that readers leave in the text.

A text carries its own marks: a form feed between pages, the time before a spoken sentence, sender
and time before a message. They stay right when the text is edited, exported or merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Literal

from tera.datatypes import Memory, SearchResult

Marks = Literal["pages", "times", "messages", "lines", "rows", "headings", "none"]

MARKS: dict[str, Marks] = {
    "pdf": "pages",
    "image": "pages",
    "audio": "times",
    "video": "times",
    "subtitles": "times",
    "whatsapp": "messages",
    "telegram": "messages",
    "signal": "messages",
    "slack": "messages",
    "text": "lines",
    "markdown": "lines",
    "rst": "lines",
    "org": "lines",
    "code": "lines",
    "json": "lines",
    "jsonl": "lines",
    "csv": "rows",
    "docx": "headings",
    "pptx": "headings",
    "xlsx": "headings",
    "odt": "headings",
    "ods": "headings",
    "odp": "headings",
    "rtf": "headings",
    "epub": "headings",
    "html": "headings",
    "bookmarks": "headings",
}
"""How the text of each type is marked; of a type that is not here, a passage has no place."""

PAGE_BREAK = "\n\f\n"
"""Between two pages, also empty ones, so that pages can be counted."""

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_TIME = re.compile(r"^\[((?:\d+:)?\d?\d:\d\d)\] ", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
_MESSAGE = re.compile(
    rf"^(\S.*?) \((\d?\d (?:{'|'.join(MONTHS)}) \d{{4}} \d\d:\d\d)\): ", re.MULTILINE
)


def is_chat(document_type: str) -> bool:
    """Return whether the text of a type is a list of messages, each with its sender and time."""
    return MARKS.get(document_type) == "messages"


def has_entries(document_type: str) -> bool:
    """Return whether the text of a type is a list of messages, utterances or rows."""
    return MARKS.get(document_type) in ("messages", "times", "rows")


def message_line(sender: str, time: datetime, text: str) -> str:
    """Return a message as the text of a chat has it; lines after its first are indented.

    Args:
        sender: As the export names them.
        time: In the calendar that the reader of the chat lives by.
        text: May have several lines.
    """
    name = " ".join(sender.split()) or "unknown"
    body = "\n  ".join(text.strip().splitlines())
    when = f"{time.day} {MONTHS[time.month - 1]} {time.year} {time:%H:%M}"
    return f"{name} ({when}): {body}"


def message_head(memory: Memory, start: int) -> str:
    """Return sender and time of the message that a passage of a chat begins in, or nothing."""
    found = _before(_MESSAGE, memory.text, start)
    return f"{found[1]} ({found[2]}): " if found else ""


def moment_of(memory: Memory, start: int) -> datetime:
    """Return when a passage was, in the person's own calendar: as its message says, if it is one.

    What is known to the day is at midnight.
    """
    found = _before(_MESSAGE, memory.text, start) if is_chat(memory.type) else None
    if found:
        day, month, year, clock = found[2].split()
        hour, minute = clock.split(":")
        numbers = int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute)
        with suppress(ValueError):
            return datetime(*numbers)
    return memory.at.astimezone().replace(tzinfo=None)


def timed_line(seconds: float, text: str) -> str:
    """Return what is said at a time, as the text of a recording has it: `[3:15] Hello there`."""
    return f"[{_clock(int(seconds))}] {' '.join(text.split())}"


def senders(memory: Memory) -> Iterator[str]:
    """Yield who wrote the messages of a chat, message by message; typed text may be one too."""
    if not memory.type or MARKS.get(memory.type) == "messages":
        yield from (found[1] for found in _MESSAGE.finditer(memory.text))


def place_of(memory: Memory, start: int, end: int) -> str:
    """Return where `memory.text[start:end]` stands: "p. 12", "3:15", "lines 10-14"; or nothing."""
    first = _first(memory)
    text = memory.text
    match MARKS.get(memory.type, "none"):
        case "pages" if memory.type == "image" and "\f" not in text:
            place = ""
        case "pages":
            place = _range("p.", "pp.", first, text, "\f", start, end)
        case "lines":
            place = _range("line", "lines", first, text, "\n", start, end)
        case "rows":
            place = _range("row", "rows", first, text, "\n", start, end)
        case "times":
            found = _before(_TIME, text, start)
            place = found[1] if found else ""
        case "messages":
            found = _before(_MESSAGE, text, start)
            place = found[2] if found else ""
        case "headings":
            found = _before(_HEADING, text, start)
            place = found[1].rstrip(" #") if found else ""
        case "none":
            place = ""
    return place


def with_page_numbers(memory: Memory) -> str:
    """Return the text of a memory with a line between its pages that says which one begins."""
    first, *others = memory.text.split("\f")
    number = _first(memory)
    return first + "".join(f"— p. {number + n} —{page}" for n, page in enumerate(others, start=1))


def cited(result: SearchResult) -> str:
    """Return a passage's origin as a citation names it: "report.pdf p. 12"."""
    memory = result.memory
    place = place_of(memory, result.start, result.end)
    comma = ", " if MARKS.get(memory.type) in ("messages", "headings") else " "
    return memory.headline + (f"{comma}{place}" if place else "")


def _first(memory: Memory) -> int:
    """Return the number of the page, line or row that a memory begins with."""
    return int(memory.part) if memory.part.isascii() and memory.part.isdigit() else 1


def _range(one: str, several: str, first: int, text: str, mark: str, start: int, end: int) -> str:
    begin = first + text.count(mark, 0, start)
    last = begin + text.count(mark, start, max(start, end - 1))
    return f"{one} {begin}" if begin == last else f"{several} {begin}-{last}"


def _before(mark: re.Pattern[str], text: str, start: int) -> re.Match[str] | None:
    """Return the mark that a passage begins with, or the last one before it."""
    place = text.rfind("\n", 0, start) + 1
    while True:
        if found := mark.match(text, place):
            return found
        if not place:
            return None
        place = text.rfind("\n", 0, place - 1) + 1


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
