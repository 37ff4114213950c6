"""`tera models list|pull|use|verify|remove`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from tera.cli.options import Json, WrongUsage, Yes
from tera.cli.session import confirmed, open_engine, open_settings, output
from tera.cli.status import megabytes
from tera.errors import ModelLoadError

if TYPE_CHECKING:
    from tera.config import Config
    from tera.paths import Paths

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
    endpoint = config.endpoint()
    used = (_embedder_in_use(config), "" if endpoint else config.llm_model, config.search_reranker)
    records: list[dict[str, object]] = []
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
    if endpoint:
        from tera.outgoing import goes_there

        records.append(
            {
                "name": config.llm_model,
                "role": "llm",
                "in_use": True,
                "folder": None,
                "size_bytes": 0,
                "licence": "",
                "summary": f"at {endpoint.name}: {goes_there(endpoint)}",
                "endpoint": endpoint.url,
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
            *(["endpoint"] if "endpoint" in record else _place_and_size(record)),
            str(record["summary"]),
        )


def _place_and_size(record: dict[str, object]) -> list[str]:
    return ["here  " if record["folder"] else "absent", f"{megabytes(record['size_bytes']):>8}"]


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
    in_use = [_embedder_in_use(config), *([] if config.llm_backend else [config.llm_model])]
    for name in names or in_use:
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


def use(
    name: Name,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Where an OpenAI-compatible endpoint has it, such as https://api.example.org/v1.",
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Use a model from now on; another embedder means reading every memory again.

    The background agent does that. Until it is done, searches use the embedder that was used
    before; `tera models use` of that one goes back to it.

    With --url a language model elsewhere writes the answers: question and passages go there.
    `tera models use` of a language model of the list goes back to this machine.
    """
    from tera import hub
    from tera.config import write_setting
    from tera.models import find_model, load_models

    config, paths = open_settings()
    if url is not None:
        _use_endpoint(config, paths, name, url, yes)
        return
    spec = find_model(load_models(paths), name)
    if spec.role == "llm":
        _use_llm(config, paths, name)
    elif spec.role == "reranker":
        paths.create()
        write_setting(paths, "search.reranker", name)
        output.talk(f"{name} now puts what is found in order; to end that, take search.reranker")
        output.talk(f"out of {paths.config_file}")
    if spec.role in ("llm", "reranker"):
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


def _use_llm(config: Config, paths: Paths, name: str) -> None:
    """Let a language model on this machine write the answers, and nothing else."""
    from tera.config import write_settings

    paths.create()
    endpoint_keys = ("llm.backend", "llm.url", "llm.unencrypted", "llm.local_model")
    write_settings(paths, {"llm.model": name, **dict.fromkeys(endpoint_keys)})
    output.talk(f"answers are now written by {name}")
    if (endpoint := config.endpoint()) and not endpoint.is_local:
        output.talk(f"nothing is sent to {endpoint.name} any more")
    _warn_of_variables()


def _use_endpoint(config: Config, paths: Paths, name: str, url: str, yes: bool) -> None:
    """Let a language model at an endpoint write the answers, once the person knows what leaves."""
    from tera.config import ENDPOINT_BACKEND, write_settings
    from tera.endpoint import parse_endpoint
    from tera.llms.keys import find_key, how_to_give
    from tera.outgoing import WHAT_LEAVES, WHAT_STAYS

    endpoint = parse_endpoint(url, "--url")
    goes_open = not (endpoint.is_encrypted or endpoint.is_local)
    if not endpoint.is_local:
        output.talk(f"With every question this goes to {endpoint.name}: {WHAT_LEAVES}.")
        output.talk("Passwords, keys and tokens that are found in it are blacked out.")
        output.talk(f"This stays here: {WHAT_STAYS}. `tera ask --local` sends nothing.")
        if goes_open:
            output.talk(f"http:// is not encrypted: {endpoint.readers} can read all of it.")
        if not confirmed(f"Let {name} at {endpoint.name} write the answers?", yes):
            output.talk("nothing was changed")
            raise typer.Exit(1)
    paths.create()
    here = config.llm_local_model if config.llm_backend else config.llm_model
    write_settings(
        paths,
        {
            "llm.model": name,
            "llm.backend": ENDPOINT_BACKEND,
            "llm.url": url,
            "llm.unencrypted": True if goes_open else None,
            "llm.local_model": here,
        },
    )
    output.talk(f"answers are now written by {name} at {endpoint.name}")
    if endpoint.is_local:
        output.talk("that is on this machine: nothing leaves it")
    elif not find_key(endpoint):
        output.note(f"there is no key for {endpoint.name} yet", how_to_give(endpoint))
    _warn_of_variables()


def _warn_of_variables() -> None:
    """Say which variables go on deciding in place of what was just written."""
    from tera.config import variable_of

    names = [variable_of(f"llm.{name}") for name in ("model", "backend", "url")]
    if found := [name for name in names if name in os.environ]:
        output.note(f"{', '.join(found)} still decides", f"unset {' '.join(found)}")


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
