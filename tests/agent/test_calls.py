from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tera.agent.launcher import running_pid
from tera.paths import Paths
from tests.agent.conftest import pid_of, status_of, wait_until
from tests.conftest import Run
from tests.models.endless import add_endless

Tera = Callable[..., Run]
NOTE = "The staging database listens on port 5433"
QUESTION = "Which port does the staging database use?"


def calls(paths: Paths) -> object:
    return (status_of(paths) or {"calls": 0})["calls"]


@pytest.fixture
def endless(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a language model write the answers that goes on for seconds."""
    add_endless(paths.models_file, tmp_path / "endless")
    monkeypatch.setenv("TERA_LLM_MODEL", "endless")
    monkeypatch.setenv("TERA_ASK_MAX_TOKENS", "1500")


def ask(*more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tera", "ask", QUESTION, *more],
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_every_command_works_through_the_agent(paths: Paths, tera: Tera) -> None:
    memory_id = tera("remember", NOTE, "--tag", "work", "--at", "2026-11-01").out.strip()
    assert tera("show", memory_id[:4]).out.endswith(f"\n{NOTE}\n")
    assert NOTE in tera("search", "staging port").out
    assert NOTE in tera("search", "staging", "--where", "tag = work and at = 2026-11").out
    assert "did you mean tag?" in tera("list", "--where", "tga = work").err
    answer = tera("ask", QUESTION)
    assert answer.out.startswith(f"“{NOTE}”\n    {memory_id}  2026-11-01")
    assert "\n\nPort 5433 [1], says the note.\n\n[1]  " + memory_id in answer.out
    assert tera("ask", QUESTION, "--no-llm").code == 0
    assert tera("search", "x", "--tag", "none").code == 1
    assert tera("edit", memory_id, "--title", "ports").out.strip() == memory_id
    assert tera("remember", NOTE).err == f"already remembered as {memory_id}\n"
    exported = tera("export").out
    assert tera("forget", memory_id, "--yes").code == 0
    assert tera("list").code == 1
    assert tera("import", stdin=exported.encode()).out == "1 new, 0 updated, 0 known\n"
    assert tera("undo").code == 0
    assert tera("undo", "3").code == 0
    assert "ports" in tera("list").out
    assert len(tera("log").out.splitlines()) == 6
    assert '"memories": 1' in tera("status", "--json").out
    assert tera("doctor").code == 0
    assert tera("models", "list").code == 0
    assert tera("show", "zzz").code == 7
    assert tera("remember", " ").code == 5


def test_what_was_just_remembered_is_found_at_once(paths: Paths, tera: Tera) -> None:
    tera("search", "nothing yet")
    for number in range(5):
        memory_id = tera("remember", f"staging note {number}").out.strip()
        assert memory_id in tera("search", f"staging note {number}", "-k", "50").out


def test_vectors_are_made_after_the_reply(paths: Paths, tera: Tera) -> None:
    tera("remember", NOTE)
    wait_until(lambda: '"waiting_for_vectors": 0' in tera("status", "--json").out)


def test_vectors_that_a_killed_agent_left_undone_are_made_by_the_next(
    paths: Paths, tera: Tera
) -> None:
    lines = b"".join(
        b'{"id": "%010d", "text": "note %d", "at": "2026-11-01T00:00:00+00:00"}\n' % (n, n)
        for n in range(2000)
    )
    tera("search", "nothing yet")
    assert tera("import", stdin=lines).code == 0
    os.kill(pid_of(paths), signal.SIGKILL)
    assert '"waiting_for_vectors": 0' not in tera("status", "--json").out
    wait_until(lambda: '"waiting_for_vectors": 0' in tera("status", "--json").out)
    assert "note 1999" in tera("search", "note 1999", "-k", "100").out


@pytest.mark.usefixtures("endless")
def test_ctrl_c_stops_the_answer_in_the_agent(paths: Paths, tera: Tera) -> None:
    tera("remember", NOTE)
    with ask() as asking:
        assert asking.stdout is not None
        # The best sentence comes first, then the model is loaded and writes.
        assert asking.stdout.read(len(NOTE.encode()))
        wait_until(lambda: calls(paths))
        asking.send_signal(signal.SIGINT)
        _, err = asking.communicate(timeout=60)
    assert (asking.returncode, err) == (130, b"")
    wait_until(lambda: not calls(paths), timeout_s=5)
    assert tera("list").code == 0


@pytest.mark.usefixtures("endless")
def test_other_commands_go_on_while_an_answer_is_written(paths: Paths, tera: Tera) -> None:
    tera("remember", NOTE)
    with ask() as asking, ask() as waiting:
        wait_until(lambda: calls(paths) == 2)
        assert tera("remember", "meanwhile").code == 0
        assert "meanwhile" in tera("search", "meanwhile").out
        assert asking.poll() is None
        asking.kill()
        waiting.kill()
    wait_until(lambda: not calls(paths))


@pytest.mark.usefixtures("endless")
def test_stop_lets_a_running_answer_finish(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_ASK_MAX_TOKENS", "500")
    tera("remember", NOTE)
    with ask() as asking:
        assert asking.stdout is not None
        first = asking.stdout.read(2)
        assert tera("agent", "stop").code == 0
        out, err = asking.communicate(timeout=60)
    assert asking.returncode == 0
    assert b"not borne out by the memories" in err
    # No note says what the model wrote, so the notes are quoted.
    shown = (first + out).decode()
    assert shown.count(f"“{NOTE}”") == 2
    assert "[1]" in shown.splitlines()[-1]


@pytest.mark.usefixtures("endless")
def test_an_agent_that_dies_while_it_answers_is_one_clear_error(paths: Paths, tera: Tera) -> None:
    tera("remember", NOTE)
    with ask() as asking:
        assert asking.stdout is not None
        for _ in range(2):
            # Nothing of the answer was heard, so it is tried once more.
            wait_until(lambda: calls(paths))
            os.kill(pid_of(paths), signal.SIGKILL)
            wait_until(lambda: not running_pid(paths))
        _, err = asking.communicate(timeout=60)
    assert asking.returncode == 9
    error, hint = err.decode().splitlines()
    assert error.startswith("error: the background agent died while it answered")
    assert hint == "hint: tera ask --no-llm gives quotes; tera agent logs"
    assert NOTE in tera("list").out


def test_an_agent_that_dies_again_and_again_is_given_up(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", NOTE)
    monkeypatch.setattr("tera.agent.client.MANY_DEATHS", 2)
    deaths: list[int] = []

    def kill_whoever_works() -> None:
        while len(deaths) < 2:
            if calls(paths):
                deaths.append(pid_of(paths))
                os.kill(deaths[-1], signal.SIGKILL)
                wait_until(lambda: not calls(paths))

    killing = threading.Thread(target=kill_whoever_works)
    killing.start()
    done = tera("search", "port")
    killing.join()
    assert done.code == 9
    assert done.err.splitlines() == [
        "error: the background agent died during search, again and again",
        "hint: tera agent logs",
    ]
    assert NOTE in tera("list").out


def test_too_little_memory_for_the_language_model_is_an_error_and_the_agent_lives(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With more, libgomp may need a thread just then, and ends a process that cannot have one.
    monkeypatch.setenv("TERA_ASK_THREADS", "1")
    tera("remember", NOTE)
    tera("search", "port")
    pid = pid_of(paths)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (used, limits[1]))
    done = tera("ask", QUESTION)
    assert done.code in (6, 9)
    assert done.err.startswith("error: ")
    assert "hint: " in done.err
    resource.prlimit(pid, resource.RLIMIT_AS, limits)
    assert NOTE in tera("list").out
    assert running_pid(paths)


def test_a_full_disk_is_an_error_and_the_agent_goes_on_when_there_is_space(
    paths: Paths, tera: Tera
) -> None:
    kept = tera("remember", "one").out.strip()
    pid = pid_of(paths)
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    for most in (0, 3000, 200_000):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, limits[1]))
        done = tera("remember", stdin=b"too much " * 100_000)
        assert (done.code, done.out) == (7, ""), most
        assert "free some space" in done.err
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        memory_id = tera("remember", f"after {most}").out.strip()
        assert memory_id
        kept += " " + memory_id
    listed = [line.split()[0] for line in tera("list").out.splitlines()]
    # Of a text that only the journal had room for, the store has heard since.
    assert set(kept.split()) <= set(listed)
    assert pid_of(paths) == pid
    assert tera("doctor").code == 0


def test_a_long_list_comes_whole(paths: Paths, tera: Tera) -> None:
    lines = b"".join(
        b'{"id": "%010d", "text": "note %d", "at": "2026-11-01T00:00:00+00:00"}\n' % (n, n)
        for n in range(1201)
    )
    assert tera("import", stdin=lines).out == "1201 new, 0 updated, 0 known\n"
    assert len(tera("list").out.splitlines()) == 1201


def test_a_large_text_goes_through(paths: Paths, tera: Tera) -> None:
    text = b"a line of text\n" * 500_000
    memory_id = tera("remember", stdin=text).out.strip()
    assert tera("export").out.count("a line of text") == 500_000
    assert tera("show", memory_id).code == 0


def test_an_error_in_the_agent_is_one_line_and_its_place_is_in_the_log(
    paths: Paths, tera: Tera, other_agent: Callable[[str], None]
) -> None:
    other_agent(
        "from tera.engine import Engine\n"
        "def facts(self) -> dict[str, object]:\n    raise KeyError('b' + 'ug')\n"
        "Engine.facts = facts"
    )
    assert tera("status") == Run(
        9, "", "error: the background agent failed: KeyError: 'bug'\nhint: tera agent logs\n"
    )
    log = paths.agent_log.read_text()
    assert "in facts" in log
    assert "KeyError\n" in log
    # A message may hold what the person told.
    assert "bug" not in log
