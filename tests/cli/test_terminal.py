from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from fcntl import ioctl
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.conftest import Run

COLUMNS = 80
NASTY = "\x1b]0;owned\x07\x1b[31mred\x1b[0m \x9b31m \x7f \u202egnp.exe\u202c"
"""Sets a title, colours (with a C1 control too), deletes, and turns the reading order round."""
SEVERAL = """
import json, sys
from tera.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["tera", *arguments]
    code = main()
sys.exit(code)
"""


def on_terminal(
    *commands: Sequence[str], keys: bytes = b"", interrupt: bool = False, **environ: str
) -> Run:
    """Run commands in one process on a terminal of 80 columns.

    Args:
        commands: The arguments of each.
        keys: Typed when a question is asked.
        interrupt: Send SIGINT when a question is asked.
        environ: Variables; NO_COLOR and COLUMNS are not set without.

    Returns:
        The last exit code and all that the terminal was sent.
    """
    ours, theirs = pty.openpty()
    ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    hidden = ("NO_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    process = subprocess.Popen(
        [sys.executable, "-c", SEVERAL, json.dumps(commands)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=kept | {"TERM": "xterm-256color"} | environ,
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux: nobody has the terminal open any more.
            break
        if not piece:
            break
        received += piece
        if received.endswith(b"[y/N] "):
            os.write(ours, keys)
            if interrupt:
                process.send_signal(signal.SIGINT)
            received += b"\0"  # Not asked again.
    os.close(ours)
    return Run(process.wait(timeout=60), received.decode().replace("\0", ""), "")


def assert_fits(run: Run) -> None:
    for line in run.out.replace("\r\n", "\n").split("\n"):
        assert cell_len(line) <= COLUMNS, line
        assert not any(ord(character) < 32 and character != "\t" for character in line), line


@pytest.fixture
def memory_id(tera: Callable[..., Run]) -> str:
    """Remember a text that tries to drive the terminal; return its id."""
    return tera("remember", f"Text {NASTY}", "--title", f"Title {NASTY}").out.strip()


@pytest.mark.usefixtures("memory_id")
def test_lists_fit_eighty_columns_and_nothing_in_a_memory_drives_the_terminal(
    tera: Callable[..., Run],
) -> None:
    tera("remember", "word " * 100, "--tag", "a" * 100)
    tera("remember", "日本語のテキスト" * 30)
    tera("remember", "tabs\tand\ttabs\t" * 10)
    run = on_terminal(["list"], ["log"], ["models", "list"], ["config", "show"], ["undo"])
    assert_fits(run)
    assert r"Title \u001b]0;owned\u0007\u001b[31mred" in run.out
    for harmful in ("\x9b", "\x7f", "\u202e"):
        assert harmful not in run.out
    assert "日本語" in run.out


def test_show_and_json_show_control_characters_and_do_not_obey_them(memory_id: str) -> None:
    shown = on_terminal(["show", memory_id])
    assert r"Text \u001b]0;owned\u0007\u001b[31mred\u001b[0m \u009b31m \u007f" in shown.out
    assert "\x1b" not in shown.out
    (record,) = json.loads(on_terminal(["show", "--json", memory_id]).out)
    assert record["text"] == f"Text {NASTY}"


def test_search_and_answers_break_lines_between_words(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    tera("remember", "The staging database uses port 5433, " * 4 + NASTY)
    tera("remember", "日本語のテキスト staging " * 20)
    # A dumb terminal has no progress display.
    run = on_terminal(
        ["search", "staging database port"],
        ["ask", "--no-llm", "Which port does the staging database use?"],
        TERM="dumb",
    )
    assert run.code == 0, run.out
    assert_fits(run)
    assert "“The staging database" in run.out
    assert r"\u009b31m" in run.out
    assert set(run.out.split()) >= {"staging", "database", "5433,", "日本語のテキスト"}
    assert not re.search(r"\b(stagi|databa)\b", run.out)


def test_progress_is_shown_on_a_terminal_and_taken_away(home: Path) -> None:
    folder = home / "models" / "m"
    folder.mkdir(parents=True)
    model = (
        '[m]\nrole = "llm"\nbackend = "llama-cpp"\nrepo = "someone/m"\nfiles = {"m.gguf" = ""}\n'
    )
    (home / "models.toml").write_text(model)
    digest = hashlib.sha256(b"\0" * 5_000_000).hexdigest()
    (folder / "m.gguf").write_bytes(b"\0" * 5_000_000)
    (folder / "tera.json").write_text(json.dumps({"files": {"m.gguf": digest}}))
    run = on_terminal(["models", "verify", "m"])
    assert "\x1b[?25l" in run.out, "the cursor is hidden"
    assert "\x1b[?25h" in run.out, "and comes back"
    assert run.out.endswith("ok  m\r\n")


@pytest.mark.parametrize(
    ("keys", "is_forgotten"),
    [(b"y\n", True), (b"YES\n", True), (b"n\n", False), (b"\n", False), (b"\x04", False)],
    ids=["y", "YES", "n", "Enter", "Ctrl-D"],
)
def test_forget_asks_and_only_yes_is_yes(
    tera: Callable[..., Run], memory_id: str, keys: bytes, is_forgotten: bool
) -> None:
    run = on_terminal(["forget", memory_id], keys=keys)
    assert f"Forget {memory_id}" in run.out
    assert "\x1b" not in run.out
    assert run.code == (0 if is_forgotten else 1)
    assert ("nothing was forgotten" in run.out) != is_forgotten
    assert tera("list").code == (1 if is_forgotten else 0)


def test_ctrl_c_at_a_question_forgets_nothing(tera: Callable[..., Run], memory_id: str) -> None:
    run = on_terminal(["forget", memory_id], interrupt=True)
    assert run.code == 130
    assert "Traceback" not in run.out
    assert tera("list").code == 0


def test_an_error_is_red_unless_colour_is_not_wanted() -> None:
    command = ["show", "zzz"]
    assert on_terminal(command).out.startswith("\x1b[31merror: ")
    assert on_terminal(command, NO_COLOR="1").out.startswith("error: ")
    assert on_terminal(command, TERM="dumb").out.startswith("error: ")


def test_nothing_but_text_is_written_when_it_is_no_terminal(
    tera_process: Callable[..., Run], memory_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR")
    forced = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm-256color"}
    for command in (["log", "--json"], ["show", "zzz"], ["-h"], ["nonsense"]):
        run = tera_process(*command, **forced)
        assert "\x1b" not in run.out + run.err, command
    assert NASTY in tera_process("show", memory_id, **forced).out
