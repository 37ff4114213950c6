"""`tera models list|pull|use|verify|remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json, WrongUsage, Yes
from tera.cli.session import confirmed, open_engine, open_settings, output
from tera.cli.status import megabytes
from tera.errors import ModelLoadError

if TYPE_CHECKING:
    from tera.config import Config

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
    from tera.models import load_models

    config, paths = open_settings()
    used = (_embedder_in_use(config), config.llm, config.search_reranker)
    records = []
    for spec in load_models(paths).values():
        folder = hub.locate(spec, paths)
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
    from tera.models import find_model, load_models

    config, paths = open_settings()
    catalogue = load_models(paths)
    folders = {}
    for name in names or [_embedder_in_use(config), config.llm]:
        spec = find_model(catalogue, name)
        folder = hub.locate(spec, paths)
        if folder is None:
            output.talk(f"fetching {name} ({megabytes(spec.size_bytes)}, licence: {spec.licence})")
            folder = hub.pull(spec, paths, output.progress)
            output.end_progress()
        folders[name] = str(folder)
        if not json:
            output.data(str(folder))
    if json:
        output.json(folders)


def use(name: Name, yes: Yes = False) -> None:
    """Use a model from now on; another embedder means reading every memory again.

    The background agent does that. Until it is done, searches use the embedder that was used
    before; `tera models use` of that one goes back to it.
    """
    from tera import hub
    from tera.config import write_setting
    from tera.models import find_model, load_models

    _, paths = open_settings()
    spec = find_model(load_models(paths), name)
    if spec.role in ("llm", "reranker"):
        paths.create()
        write_setting(paths, "llm" if spec.role == "llm" else "search.reranker", name)
        if spec.role == "llm":
            output.talk(f"answers are now written by {name}")
        else:
            output.talk(
                f"{name} now puts what is found in order; to end that, take search.reranker"
            )
            output.talk(f"out of {paths.config_file}")
        if hub.locate(spec, paths) is None:
            output.note(f"{name} is not on this machine yet", f"tera models pull {name}")
        return
    if spec.role == "speech":
        raise WrongUsage(f"{name} is used as soon as it is here: tera models pull {name}")
    facts = open_engine().facts()
    current, count = facts["embedder"], facts["memories"]
    if current and name not in (current, facts["next_embedder"]) and count:
        question = f"Read {count} memories again with {name} instead of {current}?"
        if not confirmed(question, yes):
            output.talk(f"{current} stays in use")
            raise typer.Exit(1)
    # Loaded before anything is thrown away: it may not be had.
    open_engine().load_embedder(name)
    write_setting(paths, "embedder", name)
    # With the new settings.
    engine = open_engine()
    engine.use_embedder(name)
    after = engine.facts()
    if after["embedder"] == name:
        output.talk(f"vectors are now made by {name}")
        return
    output.talk(
        f"{name} reads {after['memories']} memories in the background; {after['embedder']} stays"
        " in use until that is done"
    )
    output.talk("how far it is: tera status")


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Default: those here.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Compare model files with their checksums."""
    from tera import hub
    from tera.models import find_model, load_models

    _, paths = open_settings()
    catalogue = load_models(paths)
    here = [spec.name for spec in catalogue.values() if hub.locate(spec, paths)]
    if not names and not here:
        output.talk("no models on this machine")
    problems, hints = {}, {}
    for name in names or here:
        spec = find_model(catalogue, name)
        problems[name] = hub.verify(spec, paths, output.progress)
        hints[name] = f"tera models remove {name} && tera models pull {name}"
        if not problems[name]:
            problems[name] = hub.verify_network(spec, paths, output.progress)
            hints[name] = f"it is made anew: rm -r {paths.network(name)}"
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
    from tera.models import find_model, load_models

    _, paths = open_settings()
    spec = find_model(load_models(paths), name)
    if not confirmed(f"Delete the files of {name}?", yes):
        output.talk("nothing was deleted")
        raise typer.Exit(1)
    output.talk(f"{megabytes(hub.remove(spec, paths))} freed")


def _embedder_in_use(config: Config) -> str:
    """Return the store's embedder; for a store without vectors, the one it would begin with."""
    from tera.models import DEFAULT_EMBEDDER

    return open_engine().embedder_name() or config.embedder or DEFAULT_EMBEDDER
