"""`tera selftest`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tera.cli.options import Json
from tera.cli.session import open_engine, output, uses_agent

if TYPE_CHECKING:
    from tera.agent.client import RemoteEngine
    from tera.selftest import Plan
    from tera.selftest.figures import Figures, Share, Times
    from tera.selftest.trials import Trial, WrittenTrial
    from tera.upkeep import Keeper

WRITTEN_QUESTIONS = 5
"""A language model takes a minute for each on a slow machine."""
LABEL = 40
"""Columns of a row's name; a row has at most 78."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(selftest)


def selftest(
    questions: Annotated[
        int,
        typer.Option(
            min=10,
            max=10_000,
            metavar="COUNT",
            help="Most questions for what you told; as many for what you did not.",
        ),
    ] = 100,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Another one makes other questions.")
    ] = 1,
    llm: Annotated[
        bool,
        typer.Option("--llm", help="Let the language model answer 5 of them too; takes minutes."),
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="List the questions that failed, with their memories.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure on your own store how well Tera finds, answers and refuses.

    It makes questions of some of your memories by leaving words out, and asks
    them as `tera search` and `tera ask --no-llm` would; it asks as many for
    things that you never told. Nothing is written. The shares come with 95 %
    intervals. Ctrl-C ends it with what was measured so far.

    The exit code is 0 whatever the shares are, and 1 when too little is
    remembered.
    """
    from tera.selftest import FEWEST_QUESTIONS
    from tera.selftest.figures import figures

    engine = open_engine()
    trials: list[Trial] = []
    written: list[WrittenTrial] = []
    with ExitStack() as stack:
        if not uses_agent():
            # Else it would be opened anew for each question.
            stack.enter_context(engine.store())  # type: ignore[union-attr]
        plan = engine.selftest_plan(questions, seed)
        if not plan.probes:
            output.talk(
                f"too little is remembered: {plan.askable} of {plan.memories:,} memories have a"
                f" sentence to ask for, {FEWEST_QUESTIONS} are needed"
            )
            raise typer.Exit(1)
        is_interrupted = not _try_all(engine, plan, trials, written, llm=llm)
    output.end_progress()
    if trials:
        found = figures(plan, trials, written)
        if json:
            output.json(_record(plan, found, len(trials), seed, shows=show))
        else:
            _print(plan, found, len(trials), seed, shows=show)
    if is_interrupted:
        raise KeyboardInterrupt


def _try_all(
    engine: Keeper | RemoteEngine,
    plan: Plan,
    trials: list[Trial],
    written: list[WrittenTrial],
    *,
    llm: bool,
) -> bool:
    """Try the questions of a plan; False when Ctrl-C came before the end."""
    from tera.selftest.trials import try_probes, try_written

    try:
        output.progress("asking", 0, len(plan.probes))
        for trial in try_probes(engine, plan.probes):
            trials.append(trial)
            output.progress("asking", len(trials), len(plan.probes))
        if llm and not engine.facts()["llm_on_this_machine"]:
            output.note("the language model is not on this machine", "tera models list")
        elif llm:
            told = [probe for probe in plan.probes if probe.kind == "told"][:WRITTEN_QUESTIONS]
            for tried in try_written(engine, told):
                written.append(tried)
    except KeyboardInterrupt:
        return False
    return True


def _print(plan: Plan, found: Figures, tried: int, seed: int, *, shows: bool) -> None:
    of_all = "" if tried == len(plan.probes) else f" of {len(plan.probes)}, interrupted"
    output.data(
        f"{plan.memories:,} memories, {plan.embedder}, {tried} questions{of_all}, seed {seed}"
    )
    _heading("asked for what you told", "share", "95 %")
    _share("memory is found first", found.first)
    _share("memory is among the first 4", found.first_4)
    _share("memory is among the first 10", found.first_10)
    _share("first quote has the answer", found.quoted)
    if found.short.of:
        _share("short answer is right, where there is one", found.short)
    _share("refused, though it is there", found.wrongly_refused)
    _heading("asked for what you never told", "share", "95 %")
    _share("everyday things: refused", found.everyday)
    _share("a name or thing swapped: refused", found.swapped)
    _heading("time", "half", "95 % within")
    _times("search", found.search)
    _times("first quote", found.quote)
    if found.written:
        _times("language model: first words", found.written.first_words)
        _times("language model: whole answer", found.written.whole)
        _heading("what the language model wrote", "share", "95 %")
        _share("sentences replaced by a quote", found.written.replaced)
        _share("sentences withheld", found.written.withheld)
    if shows and found.failed:
        output.data("\nfailed")
        for how, trial in found.failed:
            output.row(f"{how:<10}", trial.probe.memory_id or "-", trial.probe.question)
    for text, hint in found.hints:
        output.note(text, hint)


def _heading(title: str, first: str, second: str) -> None:
    output.data(f"\n{title:<{LABEL}}{first:>8}{second:>14}")


def _share(label: str, share: Share) -> None:
    if share.share is not None:
        interval = f"{100 * share.low:.0f} - {100 * share.high:.0f} %"
        counts = f"{share.hits} of {share.of}"
        output.data(f"{label:<{LABEL}}{100 * share.share:>6.0f} %{interval:>14}{counts:>16}")


def _times(label: str, times: Times | None) -> None:
    if times:
        row = f"{label:<{LABEL}}{_seconds(times.p50):>8}{_seconds(times.p95):>14}"
        output.data(f"{row}{f'of {times.of}':>16}")


def _seconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def _record(plan: Plan, found: Figures, tried: int, seed: int, *, shows: bool) -> dict[str, Any]:
    written = found.written
    return {
        "memories": plan.memories,
        "waiting_for_vectors": plan.waiting,
        "embedder": plan.embedder,
        "seed": seed,
        "questions": len(plan.probes),
        "asked": tried,
        "told": {
            "found_first": _share_record(found.first),
            "found_in_4": _share_record(found.first_4),
            "found_in_10": _share_record(found.first_10),
            "quoted": _share_record(found.quoted),
            "short_is_right": _share_record(found.short),
            "refused": _share_record(found.wrongly_refused),
        },
        "never_told": {
            "everyday_refused": _share_record(found.everyday),
            "swapped_refused": _share_record(found.swapped),
        },
        "seconds": {
            "search": _times_record(found.search),
            "first_quote": _times_record(found.quote),
        },
        "llm": {
            "first_words_seconds": _times_record(written.first_words),
            "whole_answer_seconds": _times_record(written.whole),
            "sentences_replaced": _share_record(written.replaced),
            "sentences_withheld": _share_record(written.withheld),
        }
        if written
        else None,
        "failed": [
            {"how": how, "kind": trial.probe.kind, "memory": trial.probe.memory_id or None}
            | ({"question": trial.probe.question} if shows else {})
            for how, trial in found.failed
        ],
        "hints": [{"says": text, "hint": hint} for text, hint in found.hints],
    }


def _share_record(share: Share) -> dict[str, float | int | None]:
    rounded = None if share.share is None else round(share.share, 4)
    return {
        "share": rounded,
        "low": round(share.low, 4),
        "high": round(share.high, 4),
        "count": share.hits,
        "of": share.of,
    }


def _times_record(times: Times | None) -> dict[str, float | int] | None:
    return (
        None
        if times is None
        else {"p50": round(times.p50, 4), "p95": round(times.p95, 4), "of": times.of}
    )
