"""`--where`, on real commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tera.chosen import passing
from tera.datatypes import Draft, Filter
from tera.engine import Engine
from tera.places import message_line
from tests.conftest import Run
from tests.unit.test_attributes import NOON

EXAMPLE = "tag = work and at >= 2024-05 and not source ~ '*.log'"
MAIL = """From: Ann Lee <ann@example.org>
To: Bob Stone <bob@example.org>
Date: Fri, 3 May 2024 14:02:11 +0200
Subject: The port
Message-ID: <1@example.org>

The port of the staging database is 5433.
"""


@pytest.fixture
def several(tera: Callable[..., Run], tiny_models: Path, tmp_path: Path) -> Path:
    """Remember two typed texts, a mail, a note, a log and a chat, about ports."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "mail.eml").write_text(MAIL)
    (folder / "todo.md").write_text("---\npriority: 3\nstatus: open\n---\nOpen the port\n")
    (folder / "done.md").write_text("---\npriority: 12\nstatus: done\n---\nClose the port\n")
    (folder / "app.log").write_text("the port was closed\n")
    chat = message_line("Ann Lee", NOON, "which port?") + "\n" + message_line("Zoë", NOON, "22")
    assert tera("remember", "The port is 5432", "--tag", "work", "--at", "2024-04-30").code == 0
    assert tera("remember", "The port is 5433", "--tag", "work", "--at", "2024-05-02").code == 0
    assert tera("remember", str(folder), "--tag", "work").code == 0
    assert tera("remember", "--title", "a chat", stdin=chat.encode()).code == 0
    return folder


def listed(tera: Callable[..., Run], *options: str) -> set[str]:
    run = tera("list", "--json", *options)
    assert run.err == ""
    return {memory["text"].strip().splitlines()[-1] for memory in json.loads(run.out)}


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        (EXAMPLE, {"The port is 5433", "Open the port", "Close the port", MAIL.splitlines()[-1]}),
        ("sender = 'Ann Lee' or recipient = 'Ann Lee'", {"mail", "chat"}),
        ("recipient = bob@example.org", {"mail"}),
        ("sender ~ zoe or sender ~ ZOË", {"chat"}),
        ("subject ~ port and type = email", {"mail"}),
        ("priority > 2", {"Open the port", "Close the port"}),
        ("priority > 2 and priority < 12", {"Open the port"}),
        ("status in (open, waiting)", {"Open the port"}),
        ("has status and not status = open", {"Close the port"}),
        ("source ~ '*.log'", {"the port was closed"}),
        ("at = 2024-04", {"The port is 5432"}),
        (
            "remembered >= today and not has source",
            {"The port is 5432", "The port is 5433", "chat"},
        ),
    ],
)
@pytest.mark.usefixtures("several")
def test_list_chooses_by_a_condition(tera: Callable[..., Run], where: str, texts: set[str]) -> None:
    names = {"mail": MAIL.splitlines()[-1], "chat": "Zoë (3 May 2024 12:00): 22"}
    assert listed(tera, "--where", where) == {names.get(text, text) for text in texts}


@pytest.mark.usefixtures("several")
def test_several_conditions_and_other_filters_must_all_hold(tera: Callable[..., Run]) -> None:
    both = ("--where", "status = open or status = done", "--where", "priority = 12")
    assert listed(tera, *both) == {"Close the port"}
    assert listed(tera, "--tag", "work", "--until", "2024-05-01", "--where", "not has source") == {
        "The port is 5432"
    }
    run = tera("list", "--json", "--limit", "1", "--where", "at < 2024-05-03 and not has type")
    assert [memory["text"] for memory in json.loads(run.out)] == ["The port is 5433"]


@pytest.mark.usefixtures("several")
def test_search_looks_only_at_what_is_chosen(tera: Callable[..., Run]) -> None:
    found = tera("search", "--json", "port", "--where", "priority > 2")
    assert (found.code, found.err) == (0, "")
    assert {result["text"].strip().splitlines()[-1] for result in json.loads(found.out)} == {
        "Open the port",
        "Close the port",
    }
    found = tera("search", "port", "--where", "priority > 200")
    assert (found.code, found.out, found.err) == (1, "", "no memory fits the filter\n")


@pytest.mark.usefixtures("several")
def test_ask_answers_from_what_is_chosen_alone(tera: Callable[..., Run]) -> None:
    answer = tera("ask", "--json", "--no-llm", "The port is 5432", "--where", "at = 2024-04")
    assert answer.code == 0
    cited = json.loads(answer.out)["citations"]
    assert {citation["text"] for citation in cited} == {"The port is 5432"}
    assert tera("ask", "--no-llm", "The port is 5432", "--where", "tag = nobody").code == 1


@pytest.mark.usefixtures("several")
def test_export_and_forget_take_a_condition(tera: Callable[..., Run]) -> None:
    lines = tera("export", "--where", "has priority").out.splitlines()
    assert sorted(json.loads(line)["text"].splitlines()[-1] for line in lines) == [
        "Close the port",
        "Open the port",
    ]
    assert tera("forget", "--yes", "--where", "status = done").code == 0
    assert listed(tera, "--where", "has priority") == {"Open the port"}
    assert tera("undo").code == 0
    assert listed(tera, "--where", "has priority") == {"Open the port", "Close the port"}


@pytest.mark.usefixtures("several")
def test_a_changed_memory_is_chosen_by_what_it_is_now(tera: Callable[..., Run]) -> None:
    (memory,) = json.loads(tera("list", "--json", "--where", "status = open").out)
    tera("edit", memory["id"], "--text", memory["text"].replace("open", "waiting"))
    assert listed(tera, "--where", "status = waiting") == {"Open the port"}
    tera("edit", memory["id"], "--tag", "garden")
    assert listed(tera, "--where", "tag = garden and priority = 3") == {"Open the port"}
    assert listed(tera, "--tag", "garden") == {"Open the port"}


@pytest.mark.usefixtures("several")
def test_a_name_that_no_memory_has_is_told_with_those_that_are_near(
    tera: Callable[..., Run],
) -> None:
    for command in (["list"], ["search", "port"]):
        run = tera(*command, "--where", "sendr = Ann")
        assert (run.code, run.out) == (1, "")
        first, second = run.err.splitlines()
        assert first == "no memory has 'sendr' (hint: did you mean sender?)"
        assert second == "no memory fits the filter"
    run = tera("list", "--where", "qqq = 1 or tag = work")
    assert run.code == 0
    assert run.err.startswith("no memory has 'qqq' (hint: there are at, cc") or (
        "there are at, date" in run.err
    )
    assert tera("list", "--json", "--where", "sendr = Ann").out == "[]\n"


def test_where_nothing_is_remembered_no_name_is_missed(tera: Callable[..., Run]) -> None:
    run = tera("list", "--where", "sendr = Ann")
    assert (run.code, run.out, run.err) == (1, "", "no memory fits the filter\n")


@pytest.mark.parametrize(
    ("where", "mistake"),
    [
        ("tag =", "expected a value after '=' at character 6"),
        ("at > gibberish", "'gibberish' at character 6 is no date"),
        ("(tag = a", "expected ')' after 'a' at character 9"),
        ("", "expected a condition at character 1"),
    ],
)
def test_a_mistake_is_wrong_usage_with_its_place_and_an_example(
    tera: Callable[..., Run], where: str, mistake: str
) -> None:
    for command in (["search", "x"], ["ask", "x"], ["list"], ["export"], ["forget", "--yes"]):
        run = tera(*command, "--where", where)
        assert (run.code, run.out) == (2, "")
        line = run.err.splitlines()[-1]
        assert mistake in line
        assert line.endswith(f'for example: "{EXAMPLE}"')


@pytest.mark.usefixtures("several")
def test_in_pipes_data_and_talk_stay_apart() -> None:
    command = f'{sys.executable} -m tera list --json --where "has priority" | {sys.executable} -c'
    count = "'import json, sys; print(len(json.load(sys.stdin)))'"
    done = subprocess.run(
        f"{command} {count}", shell=True, capture_output=True, text=True, env=os.environ, check=True
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


@pytest.mark.usefixtures("several")
def test_a_damaged_index_is_told_once_and_changes_no_result(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    expected = listed(tera, "--where", "has priority")
    file = tiny_models / "index" / "attributes.sqlite"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"no database" * 1000)
    run = tera("list", "--json", "--where", "has priority")
    assert len(json.loads(run.out)) == len(expected) == 2
    (note,) = run.err.splitlines()
    assert note.startswith("the index of attributes was damaged and is made anew")
    assert listed(tera, "--where", "has priority") == expected


def test_help_fits_a_terminal_of_80_columns(
    tera: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("search", "ask", "list", "export", "forget"):
        run = tera(command, "--help")
        assert "--where CONDITION" in run.out
        assert max(map(len, run.out.splitlines())) <= 80


def test_a_search_fills_its_count_from_the_chosen_however_few_pass(engine: Engine) -> None:
    texts = [f"---\nrank: {n}\n---\nWord {n} of the harbour list" for n in range(60)]
    list(engine.remember(Draft(text) for text in texts))
    for where, count_of in (("rank = 7", 1), ("rank < 6", 6), ("rank >= 6", 54), ("has rank", 60)):
        chosen = Filter(where=where)
        wanted = {memory.id for memory in engine.select(chosen)}
        assert len(wanted) == count_of
        for count in (5, 60):
            found = [result.memory.id for result in engine.search("harbour", count, chosen)]
            assert len(found) == len(set(found)) == min(count, count_of)
            assert set(found) <= wanted


@pytest.mark.usefixtures("several")
def test_what_is_found_by_the_index_is_what_a_server_finds(engine: Engine) -> None:
    for where in ("priority > 2", "sender ~ ann", "not has source", EXAMPLE):
        chosen = Filter(where=where)
        with engine.store() as opened:
            assert engine.select(chosen) == passing(opened.database, chosen, engine.listener)


@pytest.mark.usefixtures("several")
def test_what_is_restored_or_rebuilt_is_what_is_chosen_from(
    tera: Callable[..., Run], tmp_path: Path
) -> None:
    before = listed(tera, "--where", "has priority")
    backup = str(tmp_path / "tera.backup")
    assert tera("backup", backup).code == 0
    assert tera("forget", "--yes", "--where", "status = done").code == 0
    assert len(listed(tera, "--where", "has priority")) == 1
    assert tera("restore", backup, "--yes").code == 0
    assert listed(tera, "--where", "has priority") == before
    assert tera("doctor", "--repair").code == 0
    assert listed(tera, "--where", "has priority") == before
