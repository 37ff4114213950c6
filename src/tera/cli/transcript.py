"""A conversation as Markdown, with sources and dates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from tera.cli.output.terminal import day, minute
from tera.conversations import KeptTurn

NAME_WORDS = 6
"""Words of the first question in the name of the file."""


def as_markdown(turns: Sequence[KeptTurn]) -> str:
    """Return a conversation as a Markdown document."""
    return "\n\n".join(_parts(turns)) + "\n"


def file_name(turns: Sequence[KeptTurn]) -> str:
    """Return a name for the document: the date and the first question."""
    question = unicodedata.normalize("NFC", turns[0].question.lower())
    words = re.findall(r"[^\W_]+", question)[:NAME_WORDS]
    name = "-".join(words)[:60] or "conversation"
    return f"{day(turns[0].at)}-{name}.md"


def _parts(turns: Sequence[KeptTurn]) -> Iterator[str]:
    yield f"# {_line(turns[0].question)}"
    yield f"A conversation with Tera, {minute(turns[0].at)}"
    for turn in turns:
        yield f"## {_line(turn.question)}"
        if turn.looked_for:
            yield f"*looked for: {_line(turn.looked_for)}*"
        if turn.answer:
            yield turn.answer.strip()
        if turn.is_stopped:
            yield "*stopped here*"
        elif not turn.answer:
            yield "*nothing in memory answers that*"
        if turn.sources:
            yield "\n".join(
                f"- [{source.number}] {day(source.at)}, {_line(source.name)} (`{source.memory_id}`)"
                for source in turn.sources
            )


def _line(text: str) -> str:
    return " ".join(text.split())
