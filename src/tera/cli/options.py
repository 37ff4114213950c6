"""Options that several commands share, and the filter they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from tera.datatypes import Filter
    from tera.times import Edge

Tags = Annotated[
    list[str] | None, typer.Option("--tag", "-t", help="Only with this tag; several: all of them.")
]
Since = Annotated[
    str | None, typer.Option(help='Only from then on: 2026-11-01, "last month", "3 days ago".')
]
Until = Annotated[str | None, typer.Option(help="Only up to then, that day included.")]
Source = Annotated[
    str | None, typer.Option(help="Only from this source; a folder means all files in it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def moment(text: str, option: str, edge: Edge = "start") -> datetime:
    """Return the moment that an option names.

    Raises:
        typer.BadParameter: It is no date.
    """
    from tera.times import parse_moment

    try:
        return parse_moment(text, edge)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r} is not a date; try 2026-11-21, 2026-11 or 'last week'", param_hint=option
        ) from error


def make_filter(
    tags: list[str] | None, since: str | None, until: str | None, source: str | None
) -> Filter:
    """Return the filter that the options describe."""
    from pathlib import Path

    from tera.datatypes import Filter

    # Files are remembered by their full path, whatever they are called from.
    if source and Path(source).exists():
        source = str(Path(source).absolute())
    return Filter(
        tags=tuple(clean_tags(tags)),
        since=moment(since, "--since") if since else None,
        until=moment(until, "--until", "end") if until else None,
        source=source,
    )


def clean_tags(tags: list[str] | None) -> list[str]:
    """Return tags without their `#`, each once.

    Raises:
        typer.BadParameter: A tag is empty or has white space in it.
    """
    cleaned = list(dict.fromkeys(tag.strip().removeprefix("#") for tag in tags or ()))
    for tag in cleaned:
        if not tag or len(tag.split()) != 1:
            raise typer.BadParameter(f"{tag!r} is no tag: one word", param_hint="--tag")
    return cleaned
