"""Options that several commands share, and the filter they make."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tera.datatypes import Filter
    from tera.times import Edge

Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", "-t", metavar="TAG", help="Only with this tag; several: all of them."),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help='Only from then on: 2026-11-01, "last month", "3 days ago".'),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Only up to then, that day, week or month included."),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="WHEN",
        help='As if asked then: what "yesterday" and "last week" are relative to.',
        show_default=False,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="SOURCE", help="Only from this source; a folder means all files in it."
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help='Only where this holds: "sender = Ann and at >= 2024-05".',
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class WrongUsage(typer.BadParameter):
    """The arguments do not go together; said without naming one of them."""

    def format_message(self) -> str:
        """Return the message as it is."""
        return self.message


def moment(text: str, option: str, edge: Edge = "start", now: datetime | None = None) -> datetime:
    """Return the moment that an option names.

    Args:
        text: Its value.
        option: Its name.
        edge: Which end of a day, week or month.
        now: What "yesterday" is relative to; the present without it.

    Raises:
        typer.BadParameter: It is no date.
    """
    from tera.times import parse_moment

    try:
        return parse_moment(text, edge, now)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a date; try 2026-11-21, 2026-11 or 'last week'", param_hint=option
        ) from error


def as_of(text: str | None) -> datetime | None:
    """Return when a question counts as asked; None for the present. Of a day it is the end.

    Raises:
        typer.BadParameter: It is no date.
    """
    return None if text is None else moment(text, "--at", "end")


def make_filter(
    tags: list[str] | None,
    since: str | None,
    until: str | None,
    source: str | None,
    where: list[str] | None,
    now: datetime | None = None,
) -> Filter:
    """Return the filter that the options describe; "last week" is relative to `now`."""
    from tera.datatypes import Filter

    # Files are remembered by their full path, whatever they are called from.
    if source and is_file_name(source):
        source = os.path.abspath(path_of(source))  # noqa: PTH100
    return Filter(
        tags=tuple(clean_tags(tags)),
        since=None if since is None else moment(since, "--since", now=now),
        until=None if until is None else moment(until, "--until", "end", now),
        source=clean_text(source, "--source"),
        where=_condition(where or []),
    )


def _condition(texts: list[str]) -> str:
    """Return conditions as one, that all of them hold.

    Raises:
        typer.BadParameter: One cannot be understood.
    """
    if not texts:
        return ""
    # Those who filter by nothing else need not wait for it.
    from tera.where import EXAMPLE, WhereError, parse

    try:
        for text in texts:
            parse(clean_text(text, "--where") or "")
        together = " and ".join(f"({text})" for text in texts) if len(texts) > 1 else texts[0]
        parse(together)
    except WhereError as error:
        raise typer.BadParameter(
            f'{error}; for example: "{EXAMPLE}"', param_hint="--where"
        ) from error
    return together


def is_text(text: str) -> bool:
    """Return whether a store can hold the text: no NUL, no bytes that are not UTF-8."""
    from tera.readers.plain.text import is_unicode

    return "\0" not in text and is_unicode(text)


def clean_text(text: str | None, option: str) -> str | None:
    """Return an option's text; None when it is empty.

    Raises:
        typer.BadParameter: It has characters that cannot be stored.
    """
    if text and not is_text(text):
        raise typer.BadParameter(f"{text!r} is not valid Unicode text", param_hint=option)
    return text or None


def path_of(text: str) -> Path:
    """Return the path that a name or the URL of a local file stands for."""
    from pathlib import Path

    if text.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        return Path(unquote(urlsplit(text).path))
    return Path(text)


def is_file_name(text: str) -> bool:
    """Return whether there is a file or folder of this name."""
    try:
        # Also a link that leads nowhere: it is no text.
        return bool(text) and os.path.lexists(path_of(text))
    except (OSError, ValueError):
        # Too long for a file name, or with a NUL: it is text.
        return False


def clean_tags(tags: list[str] | None) -> list[str]:
    """Return tags without their `#`, each once.

    Raises:
        typer.BadParameter: A tag is empty, or has white space or broken characters in it.
    """
    cleaned = list(dict.fromkeys(tag.strip().removeprefix("#") for tag in tags or ()))
    for tag in cleaned:
        if len(tag.split()) != 1 or not is_text(tag):
            raise typer.BadParameter(f"{tag!r} is no tag: one word", param_hint="--tag")
    return cleaned
