"""`tera agent start|stop|status|logs`."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import Annotated

import typer

from tera.cli.options import Json
from tera.cli.session import open_settings, output
from tera.errors import AgentError


def add_to(app: typer.Typer) -> None:
    """Register the group of commands."""
    group = typer.Typer(
        name="agent",
        help="The background agent, which keeps the store open and the models loaded.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command()(start)
    group.command()(stop)
    group.command()(status)
    group.command()(logs)
    app.add_typer(group)


def start() -> None:
    """Start it now, rather than with the first command that needs it."""
    from tera.agent.address import read_address
    from tera.agent.launcher import CannotStartError, ensure

    _, paths = open_settings()
    try:
        ensure(paths, lambda: output.progress("the background agent finishes its work", 0, 0))
    except CannotStartError as problem:
        raise problem.error from problem
    address = read_address(paths)
    output.talk(f"the background agent runs as process {address.pid if address else '?'}")


def stop(
    force: Annotated[
        bool, typer.Option("--force", help="Kill it. What it has acknowledged is safe.")
    ] = False,
) -> None:
    """Let it finish its work and end. The next command starts another."""
    from tera.agent.launcher import kill, leave

    _, paths = open_settings()
    if force:
        was_there = kill(paths)
    else:
        was_there = leave(
            paths, lambda: output.progress("the background agent finishes its work", 0, 0)
        )
    output.talk("the background agent has ended" if was_there else "no background agent is running")


def status(json: Json = False) -> None:
    """Show whether it runs, and what it is doing.

    The exit code is 1 when it does not run.
    """
    from tera.agent.address import read_address
    from tera.agent.exchange import request

    _, paths = open_settings()
    address = read_address(paths)
    facts = request(address, "GET", "/status")
    if json:
        output.json(facts)
    if not facts or not address:
        if not json:
            output.talk("no background agent is running")
        raise typer.Exit(1)
    if json:
        return
    leaving = ", leaves when that is done" if facts["stopping"] else ""
    output.data(f"process:   {facts['pid']}, for {timedelta(seconds=facts['running_s'])}")
    output.data(f"version:   {facts['version']}, protocol {facts['protocol']}")
    output.data(f"work:      {facts['calls']} calls{leaving}")
    if facts["background"]:
        output.data(f"meanwhile: {facts['background']}")
    output.data(f"idle for:  {timedelta(seconds=facts['idle_s'])}")
    output.data(f"memory:    {facts['memory_bytes'] / 1_000_000:,.0f} MB")
    output.data(f"socket:    {address.socket}")
    output.data(f"log:       {paths.agent_log}")


def logs(
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="COUNT", help="Most lines.")
    ] = 20,
) -> None:
    """Show the end of its log, which names operations, never what was told or asked.

    The exit code is 1 when there is none.
    """
    _, paths = open_settings()
    try:
        with paths.agent_log.open(encoding="utf-8", errors="replace") as file:
            lines = deque(file, maxlen=limit)
    except FileNotFoundError:
        output.talk("there is no log yet")
        raise typer.Exit(1) from None
    except OSError as error:
        raise AgentError(
            f"cannot read {paths.agent_log}: {error.strerror or error}",
            hint=f"ls -l {paths.agent_log}",
        ) from error
    for line in lines:
        output.data(line.rstrip("\n"))
