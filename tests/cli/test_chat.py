"""`tera chat` on a terminal, in a pipe, and what it keeps."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tera.paths import Paths
from tests.conftest import Run
from tests.disks import full_disk
from tests.models.endless import add_endless
from tests.terminals import Terminal

Tera = Callable[..., Run]
STAGING = "The staging database listens on port 5433"
PRODUCTION = "The production database listens on port 5434"
QUESTION = "Which port does the staging database use?"
QUOTED = f"“{STAGING}” [1]"


@pytest.fixture
def told(tera: Tera, tiny_models: Path) -> str:
    """Remember two ports, with all vectors made; return the id of the first."""
    memory_id = tera("remember", STAGING, "--at", "2026-11-01").out.strip()
    tera("remember", PRODUCTION, "--at", "2026-11-02")
    tera("search", "port")
    return memory_id


@pytest.fixture
def endless(told: str, tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a language model write the answers that goes on for seconds without repeating itself."""
    add_endless(tiny_models / "models.toml", tmp_path / "endless")
    monkeypatch.setenv("TERA_LLM_MODEL", "endless")
    monkeypatch.setenv("TERA_ASK_MAX_TOKENS", "1500")
    return told


def piped(tera: Tera, *lines: str, options: tuple[str, ...] = ("--no-llm",)) -> Run:
    return tera("chat", *options, stdin="".join(f"{line}\n" for line in lines).encode())


def kept_questions(tera: Tera) -> list[list[str]]:
    listed = tera("chat", "--list", "--json")
    return [record["questions"] for record in json.loads(listed.out)]


# In a pipe.


def test_questions_from_a_pipe_are_answered_line_by_line(tera: Tera, told: str) -> None:
    run = piped(tera, QUESTION, "", "and production?")
    assert run.code == 0, run.err
    first, second = run.out.split(QUOTED)
    assert first == "5433 [1]\n"
    assert f"[1]  {told}  2026-11-01" in second
    assert "5434" in second
    assert "> " not in run.out
    assert "looking for: Which port does the production database use?" in run.err


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([QUESTION], 0),
        (["Who painted Guernica?"], 1),
        (["Who painted Guernica?", QUESTION], 0),
        ([QUESTION, "Who painted Guernica in 1937?"], 1),
        ([QUESTION, "/sorces"], 2),
        ([QUESTION, "\0"], 5),
        (["/quit", "Who painted Guernica?"], 0),
        ([], 1),
    ],
)
def test_the_exit_code_of_a_pipe_is_that_of_its_last_line(
    tera: Tera, told: str, lines: list[str], code: int
) -> None:
    run = piped(tera, *lines)
    assert run.code == code, run.err
    assert "Traceback" not in run.err


def test_what_is_no_text_is_refused_and_the_next_line_is_answered(tera: Tera, told: str) -> None:
    run = tera("chat", "--no-llm", stdin=b"\xff\xfe?\n" + QUESTION.encode() + b"\r\n")
    assert run.code == 0
    assert "error: the question" in run.err
    assert QUOTED in run.out


def test_filters_and_options_are_those_of_ask(tera: Tera, told: str) -> None:
    assert piped(tera, QUESTION, options=("--no-llm", "--until", "2026-10")).code == 1
    one = piped(tera, "Which port does the database use?", options=("--no-llm", "--k", "1"))
    assert one.out.count("[1]") == 3
    assert "[2]" not in one.out
    written = piped(tera, QUESTION, options=("--local",))
    assert "Port 5433 [1], says the note." in written.out


def test_a_model_that_is_missing_is_named_once(tera: Tera, told: str, tiny_models: Path) -> None:
    (tiny_models / "config.toml").write_text('embedder = "tiny-bert"\n')
    run = piped(tera, QUESTION, "and production?", options=())
    assert run.err.count("tera models pull dolphin-2.6-phi-2") == 1


# Commands.


def test_a_command_remembers_as_remember_does(tera: Tera, told: str) -> None:
    run = piped(tera, "/remember The backup runs at noon", "When does the backup run?")
    memory_id = run.out.splitlines()[0]
    assert tera("show", memory_id).out.endswith("The backup runs at noon\n")
    assert "“The backup runs at noon” [1]" in run.out


def test_a_secret_is_not_remembered_unasked(tera: Tera, told: str) -> None:
    run = piped(tera, "/remember password: Tr0ub4dor&3xyz")
    assert run.code == 5
    assert "looks like a secret" in run.err
    assert "password" not in tera("list").out


def test_sources_and_why_tell_what_an_answer_rests_on(tera: Tera, told: str) -> None:
    run = piped(tera, QUESTION, "and production?", "/sources", "/why")
    assert run.code == 0
    assert f"    {PRODUCTION}\n" in run.out
    assert "looked for: Which port does the production database use?" in run.out
    assert "meaning" in run.out
    assert f"best sentence: “{PRODUCTION}”" in run.out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/sorces", "did you mean /sources?"),
        ("/xyzzy", "/help shows the commands"),
        ("/forget", "what is to be forgotten?"),
        ("/remember", "nothing to remember"),
        ("/why", "nothing was asked yet"),
        ("/sources", "nothing was asked yet"),
        ("/save", "nothing was asked yet"),
    ],
)
def test_a_command_that_cannot_be_done_is_one_line(
    tera: Tera, told: str, line: str, says: str
) -> None:
    run = piped(tera, line)
    assert run.code == 2
    assert says in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("line", ["/etc/hosts says what?", "//staging", "/", "/ what is that"])
def test_a_question_may_begin_with_a_slash(tera: Tera, told: str, line: str) -> None:
    run = piped(tera, line)
    assert "there is no /" not in run.err
    assert kept_questions(tera) == [[line.removeprefix("/") if line[:2] == "//" else line]]


def test_save_writes_markdown_and_overwrites_nothing_unasked(
    tera: Tera, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = piped(tera, QUESTION, "and production?", "Who painted Guernica?", "/save", "/save")
    (file,) = tmp_path.glob("*.md")
    assert file.name.endswith("-which-port-does-the-staging-database.md")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"saved: {file.name}" in run.err
    assert f"there is a {file.name} already" in run.err
    text = file.read_text()
    assert text.startswith(f"# {QUESTION}\n")
    assert f"{QUOTED}\n\n- [1] 2026-11-01, {STAGING} (`{told}`)" in text
    assert "*looked for: Which port does the production database use?*" in text
    assert "*nothing in memory answers that*" in text
    assert piped(tera, QUESTION, f"/save {tmp_path}").code == 2
    assert piped(tera, QUESTION, f"/save {tmp_path}/no/such/file").code == 3


def test_new_begins_another_conversation(tera: Tera, told: str) -> None:
    run = piped(tera, QUESTION, "/new", "and production?")
    assert "looking for" not in run.err
    assert sorted(kept_questions(tera)) == [[QUESTION], ["and production?"]]


# What is kept.


def test_a_conversation_goes_on_where_it_was_left(tera: Tera, told: str) -> None:
    piped(tera, QUESTION)
    run = piped(tera, "and production?", "/sources", options=("--no-llm", "--resume"))
    assert run.code == 0
    assert QUESTION in run.err
    assert "looking for: Which port does the production database use?" in run.err
    assert kept_questions(tera) == [[QUESTION, "and production?"]]


def test_a_conversation_is_chosen_by_its_id(tera: Tera, told: str) -> None:
    piped(tera, QUESTION, "/new", "Where is the port?")
    ids = [line.split()[0] for line in tera("chat", "--list").out.splitlines()]
    assert len(ids) == 2
    piped(tera, "why?", options=("--no-llm", "--resume", ids[1]))
    assert kept_questions(tera)[0] == [QUESTION, "why?"]
    assert tera("chat", "--resume", "nonsense").code == 7
    assert tera("chat", ids[0]).code == 2


def test_sources_of_a_resumed_conversation_are_known_by_their_ids(tera: Tera, told: str) -> None:
    piped(tera, QUESTION)
    run = piped(tera, "/sources", "/why", options=("--resume",))
    assert f"[1]  {told}  2026-11-01" in run.out
    assert run.code == 2


def test_conversations_are_private_and_deleted_for_good(
    tera: Tera, told: str, tiny_models: Path
) -> None:
    piped(tera, QUESTION, "/new", QUESTION)
    folder = Paths(tiny_models).chats
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    first = tera("chat", "--list").out.split()[0]
    assert tera("chat", "--delete", first, stdin=b"").code == 2
    assert tera("chat", "--delete", first, "--yes").out == f"{first}\n"
    assert len(list(folder.iterdir())) == 1
    assert tera("chat", "--delete", "all", "--yes").code == 0
    assert list(folder.iterdir()) == []
    assert tera("chat", "--list").code == 1
    assert tera("chat", "--resume").code == 1
    assert tera("chat", "--delete", "all").code == 1


def test_nothing_is_kept_when_that_is_not_wanted(tera: Tera, told: str, tiny_models: Path) -> None:
    piped(tera, QUESTION, "and production?", options=("--no-llm", "--no-keep"))
    assert not Paths(tiny_models).chats.exists()


def test_a_full_disk_is_told_once_and_ends_nothing(
    tera: Tera, told: str, tiny_models: Path
) -> None:
    folder = Paths(tiny_models).chats
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        # Nothing is forbidden to root: a file in the place of the folder is.
        folder.rmdir()
        folder.write_text("")
    else:
        folder.chmod(0o500)
    run = piped(tera, QUESTION, "and production?")
    assert run.code == 0
    assert run.err.count("is not being kept") == 1
    assert "looking for: Which port does the production database use?" in run.err


def test_a_conversation_that_does_not_fit_on_the_disk_is_not_torn(
    tera: Tera, told: str, tiny_models: Path
) -> None:
    piped(tera, QUESTION)
    (file,) = Paths(tiny_models).chats.iterdir()
    before = file.read_bytes()
    with full_disk(len(before) + 10):
        from tera.conversations import Conversations

        kept = Conversations(Paths(tiny_models).chats)
        (conversation,) = kept.all()
        with pytest.raises(OSError, match=r"large|space"):
            kept.append(conversation, conversation.turns[0])
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        ["--list", "--resume"],
        ["--delete", "all", "--list"],
        ["--json"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(tera: Tera, options: list[str]) -> None:
    assert tera("chat", *options).code == 2


# On a terminal.


def test_a_conversation_on_a_terminal(told: str) -> None:
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("Ctrl-D leaves.\n> ")
        assert QUOTED in terminal.ask(QUESTION)
        followed = terminal.ask("and production?")
        assert "looking for: Which port does the production database use?" in followed
        assert "5434" in followed
        assert "/remember TEXT" in terminal.ask("/help")
        terminal.type("\x04")
        assert terminal.exit_code() == 0


def test_ctrl_c_at_the_prompt_says_how_to_leave(told: str) -> None:
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("> ")
        # Once it is echoed, the line editor waits for keys.
        terminal.type("half a question")
        terminal.wait_for("half a question")
        terminal.type("\x03")
        try:
            terminal.wait_for("Ctrl-D or /quit leaves\n", 5)
        except AssertionError:
            # Python's line editor misses a signal in the instant before it waits for keys.
            terminal.type("\x03")
            terminal.wait_for("Ctrl-D or /quit leaves\n")
        terminal.wait_for("> ")
        assert QUOTED in terminal.ask(QUESTION)
        terminal.type("/quit\n")
        assert terminal.exit_code() == 0
        assert "Traceback" not in terminal.text


def test_ctrl_c_stops_an_answer_and_not_the_conversation(endless: str, tera: Tera) -> None:
    with Terminal("chat") as terminal:
        terminal.wait_for("> ")
        terminal.type(f"{QUESTION}\n")
        terminal.wait_for("on and")
        terminal.type("\x03")
        terminal.wait_for("stopped\n")
        terminal.wait_for("> ")
        assert terminal.ask("/help")
        terminal.type("/quit\n")
        assert terminal.exit_code() == 0
        assert "Traceback" not in terminal.text
    assert kept_questions(tera) == [[QUESTION]]
    (file,) = Paths(Path(os.environ["TERA_HOME"])).chats.iterdir()
    assert json.loads(file.read_text().splitlines()[1])["is_stopped"]


def test_the_arrow_keys_bring_back_questions_of_earlier_conversations(
    tera: Tera, told: str
) -> None:
    piped(tera, "Where is the port?", QUESTION)
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("> ")
        assert QUOTED in terminal.ask("\x1b[A")
        assert QUESTION in terminal.text
        assert "port" in terminal.ask("\x1b[A\x1b[A")
        terminal.type("\x04")
        assert terminal.exit_code() == 0
    assert kept_questions(tera)[0][0] == QUESTION


def test_tab_completes_commands_alone(told: str) -> None:
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("> ")
        assert "/remember TEXT" in terminal.ask("/he\t")
        terminal.type("\x04")
        assert terminal.exit_code() == 0


def test_several_lines_that_are_pasted_are_one_question(told: str, tera: Tera) -> None:
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("> ")
        assert "\x1b[?2004h" in terminal.raw, "the terminal is told to mark what is pasted"
        pasted = QUESTION.replace(" staging", "\nstaging")
        assert QUOTED in terminal.ask(f"\x1b[200~{pasted}\x1b[201~")
        terminal.type("\x04")
        assert terminal.exit_code() == 0
    assert kept_questions(tera) == [[pasted]]


def test_forget_asks_and_says_which_conversations_still_quote_it(told: str, tera: Tera) -> None:
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("> ")
        terminal.ask(QUESTION)
        terminal.type("/forget [7]\n")
        terminal.wait_for("the last answer has no source [7]")
        terminal.wait_for("> ")
        terminal.type("/forget 1\n")
        terminal.wait_for("[y/N] ")
        terminal.type("y\n")
        terminal.wait_for("still quoted by a conversation: ")
        terminal.wait_for("tera chat --delete ID")
        terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.exit_code() == 0
    assert tera("show", told).code == 7


def test_a_dumb_terminal_is_sent_no_escapes(told: str) -> None:
    with Terminal("chat", "--no-llm", TERM="dumb") as terminal:
        terminal.wait_for("> ")
        assert QUOTED in terminal.ask(QUESTION)
        terminal.type("\x04")
        assert terminal.exit_code() == 0
        assert "\x1b" not in terminal.raw


@pytest.mark.parametrize("columns", [80, 40])
def test_lines_end_between_words(told: str, columns: int) -> None:
    with Terminal("chat", "--no-llm", columns=columns, TERM="dumb") as terminal:
        terminal.wait_for("> ")
        for line in (QUESTION, "/help", "/sources", "/why", "/sorces"):
            shown = terminal.ask(line)
            # The line editor itself turns a long question over to the next line.
            assert max(map(len, shown.split("\n")[1:])) <= columns, shown
        terminal.type("\x04")
        assert terminal.exit_code() == 0


def test_a_terminal_without_the_line_editor_keeps_the_prompt_off_the_data(
    told: str, tmp_path: Path
) -> None:
    (tmp_path / "readline.py").write_text("raise ImportError\n")
    with Terminal("chat", "--no-llm", PYTHONPATH=_path_with(tmp_path)) as terminal:
        terminal.wait_for("> ")
        assert QUOTED in terminal.ask(QUESTION)
        terminal.type("\x03")
        terminal.wait_for("Ctrl-D or /quit leaves\n")
        terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.exit_code() == 0


def _path_with(folder: Path) -> str:
    import tera as package

    source = Path(package.__file__).parents[1]
    return os.pathsep.join([str(folder), str(source), os.environ.get("PYTHONPATH", "")])


def test_another_process_may_remember_meanwhile(told: str, tera: Tera) -> None:
    with Terminal("chat", "--no-llm") as terminal:
        terminal.wait_for("> ")
        terminal.ask(QUESTION)
        assert tera("remember", "The backup runs at noon").code == 0
        assert "“The backup runs at noon” [1]" in terminal.ask("When does the backup run?")
        terminal.type("\x04")
        assert terminal.exit_code() == 0
