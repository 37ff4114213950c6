"""`tera models list|pull|use|verify|remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json, Yes
from tera.cli.session import confirmed, open_engine, output
from tera.cli.status import megabytes
from tera.errors import ModelLoadError

if TYPE_CHECKING:
    from tera.engine import Engine

Name = Annotated[str, typer.Argument(help="A name of `tera models list`.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the group of commands."""
    group = typer.Typer(
        name="models",
        help="The ML models: what there is, what is here, which are used.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(list_models)
    group.command()(pull)
    group.command()(use)
    group.command()(verify)
    group.command()(remove)
    app.add_typer(group)


def list_models(json: Json = False) -> None:
    """List the models; * marks those in use."""
    from tera import hub

    engine = open_engine()
    used = (_embedder_in_use(engine), engine.config.llm)
    records = []
    for spec in engine.models.catalogue.values():
        folder = hub.locate(spec, engine.paths)
        records.append(
            {
                "name": spec.name,
                "role": spec.role,
                "in_use": spec.name in used,
                "folder": str(folder) if folder else None,
                "size_bytes": spec.size_bytes,
                "licence": spec.licence,
                "summary": spec.summary,
            }
        )
    if json:
        output.json(records)
        return
    wide = max(len(str(record["name"])) for record in records)
    for record in records:
        output.row(
            "*" if record["in_use"] else " ",
            f"{record['name']:<{wide}}",
            f"{record['role']:<8}",
            "here  " if record["folder"] else "absent",
            f"{megabytes(record['size_bytes']):>8}",
            str(record["summary"]),
        )


def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Default: the models in use.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Fetch models from the Hugging Face hub, going on where an earlier try stopped."""
    from tera import hub

    engine = open_engine()
    folders = {}
    for name in names or [_embedder_in_use(engine), engine.config.llm]:
        spec = engine.models.spec(name)
        folder = hub.locate(spec, engine.paths)
        if folder is None:
            output.talk(f"fetching {name} ({megabytes(spec.size_bytes)}, licence: {spec.licence})")
            folder = hub.pull(spec, engine.paths, output.progress)
            output.end_progress()
        folders[name] = str(folder)
        if not json:
            output.data(str(folder))
    if json:
        output.json(folders)


def use(name: Name, yes: Yes = False) -> None:
    """Use a model from now on; another embedder means reading every memory again."""
    from tera import hub
    from tera.config import write_setting

    engine = open_engine()
    spec = engine.models.spec(name)
    if spec.role == "llm":
        engine.paths.create()
        write_setting(engine.paths, "llm", name)
        output.talk(f"answers are now written by {name}")
        if hub.locate(spec, engine.paths) is None:
            output.note(f"{name} is not on this machine yet", f"tera models pull {name}")
        return
    with engine.store() as opened:
        current, count = opened.database.embedder(), opened.database.counts()["memory"]
    if current and current != name and count:
        question = f"Read {count} memories again with {name} instead of {current}?"
        if not confirmed(question, yes):
            output.talk(f"{current} stays in use")
            raise typer.Exit(1)
    # Loaded before anything is thrown away: it may not be had.
    engine.models.embedder(name)
    write_setting(engine.paths, "embedder", name)
    engine.use_embedder(name)
    output.talk(f"vectors are now made by {name}")


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Default: those here.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Compare model files with their checksums."""
    from tera import hub

    engine = open_engine()
    here = [s.name for s in engine.models.catalogue.values() if hub.locate(s, engine.paths)]
    if not names and not here:
        output.talk("no models on this machine")
    problems, hints = {}, {}
    for name in names or here:
        spec = engine.models.spec(name)
        problems[name] = hub.verify(spec, engine.paths, output.progress)
        hints[name] = f"tera models remove {name} && tera models pull {name}"
        if not problems[name]:
            problems[name] = hub.verify_network(spec, engine.paths, output.progress)
            hints[name] = f"it is made anew: rm -r {engine.paths.network(name)}"
        output.end_progress()
        if not problems[name] and not json:
            output.data(f"ok  {name}")
    if json:
        output.json(problems)
    wrong = [name for name in problems if problems[name]]
    for name in wrong:
        output.error(ModelLoadError(problems[name][0], hint=hints[name]))
    if wrong:
        raise typer.Exit(ModelLoadError.exit_code)


def remove(name: Name, yes: Yes = False) -> None:
    """Delete the files of a model that was fetched."""
    from tera import hub

    engine = open_engine()
    spec = engine.models.spec(name)
    if not confirmed(f"Delete the files of {name}?", yes):
        output.talk("nothing was deleted")
        raise typer.Exit(1)
    output.talk(f"{megabytes(hub.remove(spec, engine.paths))} freed")


def _embedder_in_use(engine: Engine) -> str:
    """Return the store's embedder; for a store without vectors, the one it would begin with."""
    from tera.models import DEFAULT_EMBEDDER

    with engine.store() as opened:
        recorded = opened.database.embedder()
    return recorded or engine.config.embedder or DEFAULT_EMBEDDER
