"""`tera status` and `tera doctor`."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json
from tera.cli.session import open_engine, open_settings, output
from tera.errors import StoreError

if TYPE_CHECKING:
    from tera.config import Config


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(status)
    app.command()(doctor)


def status(json: Json = False) -> None:
    """Show how much is remembered, with which models, and where."""
    from tera import __version__

    config, paths = open_settings()
    size, models = size_of(paths.home), size_of(paths.models)
    facts = {
        "version": __version__,
        **open_engine().facts(),
        "home": str(paths.home),
        "store": config.store_url or str(paths.store),
        "size_bytes": size - models,
        "models_size_bytes": models,
    }
    if json:
        output.json(facts)
        return
    count = facts["waiting_for_vectors"]
    waiting = f", {count} not yet read" if count else ""
    output.data(f"memories:  {facts['memories']}{waiting}")
    output.data(f"changes:   {facts['changes']}")
    output.data(f"embedder:  {facts['embedder'] or 'chosen at the first search'}")
    if name := facts["next_embedder"]:
        read = f"{facts['read_by_next_embedder']} of {facts['memories']} memories"
        output.data(f"next:      {name} has read {read}")
    output.data(f"llm:       {facts['llm']}{_where(config, bool(facts['llm_on_this_machine']))}")
    output.data(f"home:      {paths.home}, {megabytes(facts['size_bytes'])}")
    if config.store_url:
        output.data(f"store:     {config.store_url}")


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Build store and index anew from the journal.")
    ] = False,
    json: Json = False,
) -> None:
    """Look at every part, and say what would mend it."""
    engine = open_engine()
    findings = [*(engine.repair() if repair else []), *engine.examine()]
    if json:
        output.json([asdict(finding) for finding in findings])
    for finding in findings:
        mark = "ok" if finding.is_well else "note" if finding.is_optional else "BAD"
        if not json:
            output.data(f"{mark:<5} {finding.part:<9} {finding.says}")
            if finding.remedy:
                output.data(f"{'':15} hint: {finding.remedy}")
    if not all(finding.is_well or finding.is_optional for finding in findings):
        raise typer.Exit(StoreError.exit_code)


def _where(config: Config, is_here: bool) -> str:
    """Return what is to be said of the language model besides its name."""
    if endpoint := config.endpoint():
        from tera.outgoing import goes_there

        return f" at {endpoint.name} ({goes_there(endpoint)})"
    return "" if is_here else " (not on this machine)"


def size_of(folder: Path) -> int:
    """Return the bytes in a folder's files, without those that vanish meanwhile."""
    size_bytes = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size_bytes += Path(place, name).stat().st_size
    return size_bytes


def megabytes(size: object) -> str:
    """Return a size in bytes as a person reads it."""
    megabyte = int(str(size)) / 1_000_000
    return f"{megabyte:,.1f} MB" if megabyte < 10 else f"{megabyte:,.0f} MB"
