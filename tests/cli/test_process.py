from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.sockets import COMMANDS, ONLY_UNIX

TERA = [sys.executable, "-m", "tera"]
ON_A_SMALL_DISK = """
import resource, sys
from tera.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.exit(main())
"""


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*TERA, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Unbuffered, Python does not notice that the reader has left in the middle of a line.
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )


def test_ctrl_c_stops_at_once_and_keeps_what_was_said_to_be_kept(
    tera: Callable[..., Run], tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number}.txt").write_text(f"note number {number}")
    with start("remember", str(folder)) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(rb"stopped after .*; the same command goes on from there\n", err)
    said = (first + out).decode().split()
    kept = {line[:10] for line in tera("list").out.splitlines()}
    assert 0 < len(said) < 3000
    assert kept >= set(said)
    assert tera("remember", "afterwards").code == 0


def test_ctrl_c_while_it_waits_for_a_pipe(tera: Callable[..., Run]) -> None:
    with start("remember", "one", "-") as process:
        # No telling from outside when it reads; by then it has long caught the signal.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == b""
    # What it had been told by then is kept.
    assert tera("list").out.endswith("one\n")


def test_a_reader_that_leaves_early_causes_no_traceback(tera: Callable[..., Run]) -> None:
    tera("remember", stdin=b"a line\n" * 100_000)
    for command in ("export", "list --json"):
        with start(*command.split()) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
        assert process.returncode == 141


def test_processes_that_remember_at_the_same_time_all_do(tera: Callable[..., Run]) -> None:
    processes = [start("remember", f"thought {number}") for number in range(3)]
    ids = set()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
        ids.add(out.decode().strip())
    assert {line[:10] for line in tera("list").out.splitlines()} == ids
    assert len(ids) == 3


def test_arguments_that_are_not_utf8_are_refused(tera: Callable[..., Run]) -> None:
    done = subprocess.run([*TERA, "remember", b"caf\xe9"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"error: the text is not valid Unicode text\nhint: ")
    assert tera("list").code == 1


@pytest.mark.usefixtures("tiny_models")
def test_remember_search_and_ask_open_no_socket() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONLY_UNIX + COMMANDS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Port 5433 [1]" in done.stdout


def test_a_full_disk_loses_nothing(tera: Callable[..., Run]) -> None:
    memory_id = tera("remember", "one").out.strip()
    done = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, "remember", "-"],
        input=b"too much " * 100_000,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, b""), done.stderr
    error, hint = done.stderr.decode().splitlines()
    assert error.startswith("error: ")
    assert "free some space" in hint
    assert [line[:10] for line in tera("list").out.splitlines()] == [memory_id]
    assert tera("remember", "two").code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_output_that_cannot_be_written_is_an_error_and_the_memory_is_kept(
    tera: Callable[..., Run],
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*TERA, "remember", "one"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    error, hint = done.stderr.decode().splitlines()
    assert error == "error: cannot write: No space left on device"
    assert hint.startswith("hint: ")
    assert tera("list").code == 0


def test_closed_streams_do_no_harm(tera: Callable[..., Run]) -> None:
    script = '"$0" -m tera remember "one two" <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", script, sys.executable], check=False).returncode == 0
    assert "one two" in tera("list").out
    script = '"$0" -m tera show zzz <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", script, sys.executable], check=False).returncode == 7


def test_a_terminal_without_unicode_gets_what_it_can_show(
    tera: Callable[..., Run], tera_process: Callable[..., Run]
) -> None:
    tera("remember", "Grüße")
    listed = tera_process("list", PYTHONIOENCODING="ascii")
    assert (listed.code, listed.err) == (0, "")
    assert "Gr\\xfc\\xdfe" in listed.out


@pytest.mark.usefixtures("tiny_models")
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ('(sleep 1; echo "The staging database listens on port 5433") | %s', ""),
        ("sleep 5 | %s", "nothing came through the pipe"),
        ("%s < /dev/null", ""),
    ],
)
def test_a_pipe_is_waited_for_and_never_silently_ignored(script: str, says: str) -> None:
    ask = '"$0" -m tera ask --no-llm "Which port does the staging database use?"'
    done = subprocess.run(
        ["sh", "-c", script % ask, sys.executable], capture_output=True, text=True, check=False
    )
    assert ("[1]  piped text" in done.stdout) == ("echo" in script)
    assert ("nothing came through the pipe" in done.stderr) == bool(says)


def test_an_error_that_nobody_hears_keeps_its_exit_code() -> None:
    with start("show", "zzz") as process:
        assert process.stderr is not None
        process.stderr.close()
    assert process.returncode == 7


def test_files_are_private(tera_process: Callable[..., Run], home: Path) -> None:
    assert tera_process("models", "use", "qwen2.5-1.5b-instruct").code == 0
    assert (home / "config.toml").stat().st_mode & 0o077 == 0
