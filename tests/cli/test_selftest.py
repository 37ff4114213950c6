from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tera.agent.launcher import kill
from tera.datatypes import Draft
from tera.engine import Engine
from tera.paths import Paths
from tests.conftest import Run
from tests.unit.test_selftest import FACTS

SHARE = {"share", "low", "high", "count", "of"}


@pytest.fixture
def told(engine: Engine) -> list[str]:
    """Remember the facts; return their ids."""
    return [done.memory.id for done in engine.remember([Draft(fact) for fact in FACTS])]


@pytest.fixture
def agent(tiny_models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Paths]:
    """Let commands use a background agent; none is left behind."""
    monkeypatch.setenv("TERA_AGENT", "on")
    runtime = tmp_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    yield Paths(tiny_models)
    kill(Paths(tiny_models))


@pytest.mark.usefixtures("told")
def test_a_table_says_how_well_what_was_told_is_found_and_the_rest_refused(
    tera: Callable[..., Run],
) -> None:
    run = tera("selftest", "--questions", "12")
    assert run.code == 0
    first, *_ = run.out.splitlines()
    assert first == "14 memories, tiny-bert, 24 questions, seed 1"
    assert max(len(line) for line in run.out.splitlines()) <= 80
    for label in ("memory is found first", "first quote has the answer", "refused, though"):
        assert re.search(rf"^{label}.* \d+ %  +\d+ - \d+ %  +\d+ of 12$", run.out, re.M), run.out
    assert re.search(r"^everyday things: refused .* of 6$", run.out, re.M)
    assert re.search(r"^a name or thing swapped: refused .* of 6$", run.out, re.M)
    for label in ("search", "first quote"):
        assert re.search(rf"^{label} +\S+ m?s +\S+ m?s +of \d+$", run.out, re.M)
    assert "language model" not in run.out


def test_nothing_personal_is_shown_unless_it_is_asked_for(
    tera: Callable[..., Run], told: list[str]
) -> None:
    words = {word for fact in FACTS for word in re.findall(r"[a-z]{6,}", fact)}
    words -= {"memory", "search"}
    for arguments in ((), ("--json",)):
        shown = tera("selftest", "--questions", "12", *arguments).out
        assert not words & set(re.findall(r"[a-z]{6,}", shown))
    shown = tera("selftest", "--questions", "12", "--show").out
    failed = shown.partition("\nfailed\n")[2].splitlines()
    assert failed
    assert any(line.split()[-1].endswith("?") for line in failed)
    assert any(memory_id in line for memory_id in told for line in failed)


def test_json_has_counts_and_intervals_and_the_ids_of_what_failed(
    tera: Callable[..., Run], told: list[str]
) -> None:
    record = json.loads(tera("selftest", "--questions", "12", "--json").out)
    assert (record["memories"], record["questions"], record["asked"]) == (14, 24, 24)
    for name in ("found_first", "found_in_4", "found_in_10", "quoted", "refused"):
        assert record["told"][name].keys() == SHARE
        assert record["told"][name]["of"] == 12
    assert record["never_told"]["everyday_refused"]["of"] == 6
    assert record["seconds"]["search"]["p50"] <= record["seconds"]["search"]["p95"]
    assert record["llm"] is None
    assert {failed["memory"] for failed in record["failed"]} <= {*told, None}
    assert all(failed.keys() == {"how", "kind", "memory"} for failed in record["failed"])
    shown = json.loads(tera("selftest", "--questions", "12", "--json", "--show").out)
    assert all(failed["question"] for failed in shown["failed"])


@pytest.mark.usefixtures("told")
def test_the_same_seed_asks_the_same_and_nothing_is_written(tera: Callable[..., Run]) -> None:
    def failed(seed: str) -> object:
        run = tera("selftest", "--questions", "12", "--json", "--show", "--seed", seed)
        return json.loads(run.out)["failed"]

    before = [tera(*command).out for command in (("log",), ("export",))]
    first = failed("3")
    assert failed("3") == first
    assert failed("4") != first
    assert [tera(*command).out for command in (("log",), ("export",))] == before


@pytest.mark.usefixtures("tiny_models")
def test_a_small_store_is_said_to_be_too_small(tera: Callable[..., Run]) -> None:
    tera("remember", FACTS[0])
    run = tera("selftest")
    assert (run.code, run.out) == (1, "")
    (line,) = run.err.splitlines()
    assert "0 of 1 memories have a sentence to ask for, 10 are needed" in line
    assert tera("selftest", "--questions", "9").code == 2


@pytest.mark.usefixtures("told")
def test_the_language_model_is_measured_when_it_is_asked_for(tera: Callable[..., Run]) -> None:
    run = tera("selftest", "--questions", "12", "--llm", "--json")
    llm = json.loads(run.out)["llm"]
    assert llm["first_words_seconds"]["p50"] <= llm["whole_answer_seconds"]["p50"]
    assert llm["sentences_replaced"].keys() == llm["sentences_withheld"].keys() == SHARE
    assert "language model: whole answer" in tera("selftest", "--questions", "12", "--llm").out


@pytest.mark.usefixtures("told")
def test_without_the_language_model_the_rest_is_measured(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    (tiny_models / "config.toml").write_text('embedder = "tiny-bert"\n')
    run = tera("selftest", "--questions", "12", "--llm")
    assert run.code == 0
    assert "the language model is not on this machine" in run.err
    assert "memory is found first" in run.out


def test_ctrl_c_ends_it_with_what_was_measured_so_far(engine: Engine) -> None:
    chance, words = Random(1), sorted(set(re.findall(r"[a-z]{6,}", " ".join(FACTS))))
    texts = [" ".join([*chance.sample(words, 8), str(number)]) for number in range(1000, 1200)]
    list(engine.remember([Draft(text) for text in texts]))
    engine.search("anything", 1)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tera", "selftest", "--questions", "5000", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    shown = b""
    while not re.search(rb"asking\D.*?[1-9]\d?%", shown):
        piece = os.read(ours, 65536)
        assert piece, shown
        shown += piece
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 130
    record = json.loads(out)
    assert 0 < record["asked"] < record["questions"]


@pytest.mark.usefixtures("agent")
def test_the_agent_measures_the_same(
    tera: Callable[..., Run], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured() -> tuple[object, ...]:
        record = json.loads(tera("selftest", "--questions", "12", "--json", "--show").out)
        return record["told"], record["never_told"], record["failed"]

    # Their vectors are made in the background.
    tera("search", FACTS[0])
    by_agent = measured()
    assert tera("agent", "stop").code == 0
    monkeypatch.setenv("TERA_AGENT", "off")
    assert measured() == by_agent
