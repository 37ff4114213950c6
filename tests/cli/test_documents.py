from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tera.cli import documents
from tera.readers.document import Document
from tests.conftest import Run

Tera = Callable[..., Run]

CHAT = """\
03/05/2024, 14:02 - Ann: Shall we go to the lake on Sunday?
03/05/2024, 14:03 - Ben: Yes, I bring the green tent.
13/05/2024, 09:15 - Ann: The tent was wet.
"""


def listed(tera: Tera) -> list[dict[str, Any]]:
    memories: list[dict[str, Any]] = json.loads(tera("list", "--json").out)
    return memories


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of 50 notes, three of which are broken."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(47):
        (folder / f"{number:02}.md").write_text(f"# Note {number}\n\nThe text of note {number}.\n")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 nothing else")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 10)
    (folder / "torn.pdf").write_bytes(b"%PDF-1.7\nnothing else")
    return folder


def test_bad_files_are_listed_with_reasons_and_the_others_remembered(
    tera: Tera, notes: Path
) -> None:
    told = tera("remember", str(notes))
    assert told.code == 5
    assert len(set(told.out.split())) == 47
    assert "50 files: 47 new, 3 not read" in told.err
    for name in ("broken.zip", "binary.txt", "torn.pdf"):
        assert sum(name in line for line in told.err.splitlines() if "error: " in line) == 1
    assert "Traceback" not in told.err


def test_a_folder_read_twice_is_not_read_again_and_says_so(tera: Tera, notes: Path) -> None:
    for name in ("broken.zip", "binary.txt", "torn.pdf"):
        (notes / name).unlink()
    first = tera("remember", str(notes))
    log = tera("log").out
    again = tera("remember", str(notes))
    assert again.code == 0
    assert "47 files unchanged since the last time: nothing is read again" in again.err
    assert sorted(again.out.split()) == sorted(first.out.split())
    assert tera("log").out == log
    records = json.loads(tera("remember", str(notes), "--json").out)
    assert {record["status"] for record in records} == {"known"}
    assert len(records) == 47


def test_a_tag_is_given_to_what_has_not_changed_too(tera: Tera, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The port is 5433.\n")
    first = tera("remember", str(tmp_path / "a.md"))
    again = tera("remember", str(tmp_path / "a.md"), "--tag", "work")
    assert again.out == first.out
    assert listed(tera)[0]["tags"] == ["work"]
    assert "1 file unchanged" in tera("remember", str(tmp_path / "a.md")).err


def test_only_what_changed_in_a_folder_is_brought_up_to_date(tera: Tera, notes: Path) -> None:
    tera("remember", str(notes), "--include", "*.md")
    (notes / "03.md").write_text("# Note 3\n\nAnother text.\n")
    (notes / "new.md").write_text("# New\n")
    again = tera("remember", str(notes), "--include", "*.md")
    assert "48 files: 1 new, 1 brought up to date, 46 unchanged" in again.err


def test_what_vanished_from_a_file_is_forgotten_and_can_be_taken_back(
    tera: Tera, tmp_path: Path
) -> None:
    file = tmp_path / "people.vcf"
    card = "BEGIN:VCARD\nVERSION:3.0\nUID:{0}\nFN:{0} Example\nTEL:+41 44 000 00 0{1}\nEND:VCARD\n"
    file.write_text("".join(card.format(name, n) for n, name in enumerate(("Ann", "Ben", "Eve"))))
    tera("remember", str(file))
    assert {memory["title"] for memory in listed(tera)} == {
        "Ann Example",
        "Ben Example",
        "Eve Example",
    }
    file.write_text("".join(card.format(name, 7) for name in ("Ann", "Eve")))
    told = tera("remember", str(file))
    assert "1 file: 2 brought up to date, 1 forgotten (no longer in their file)" in told.err
    assert {memory["title"] for memory in listed(tera)} == {"Ann Example", "Eve Example"}
    tera("undo")
    assert {memory["title"] for memory in listed(tera)} == {
        "Ann Example",
        "Ben Example",
        "Eve Example",
    }


def test_an_edit_of_a_person_outlives_the_unchanged_file(tera: Tera, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("The port is 5433.\n")
    key = tera("remember", str(file)).out.strip()
    tera("edit", key, "--text", "The port is 5434.")
    tera("remember", str(file))
    assert listed(tera)[0]["text"] == "The port is 5434."


def test_a_chat_in_a_zip_is_remembered_with_who_and_when(tera: Tera, tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat with Ann.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("WhatsApp Chat with Ann.txt", CHAT)
    tera("remember", str(path))
    memories = listed(tera)
    assert {memory["title"] for memory in memories} == {"chat with Ann"}
    assert {memory["type"] for memory in memories} == {"whatsapp"}
    texts = "\n".join(memory["text"] for memory in memories)
    assert "Ben (3 May 2024 14:03): Yes, I bring the green tent." in texts
    assert "Ann (13 May 2024 09:15): The tent was wet." in texts


def test_dry_run_says_what_would_be_read_and_reads_nothing(tera: Tera, notes: Path) -> None:
    (notes / "program.exe").write_bytes(bytes(range(256)))
    (notes / "empty.md").touch()
    tera("remember", str(notes / "00.md"))
    told = tera("remember", str(notes), "--dry-run")
    assert told.code == 0
    lines = told.out.splitlines()
    assert f"unchanged  markdown   {notes / '00.md'}" in lines
    assert f"to read    markdown   {notes / '01.md'}" in lines
    assert f"to read    pdf        {notes / 'torn.pdf'}" in lines
    assert f"left out   -          {notes / 'program.exe'}" in lines
    assert f"empty      markdown   {notes / 'empty.md'}" in lines
    assert len(listed(tera)) == 1
    records = json.loads(tera("remember", str(notes), "--dry-run", "--json").out)
    assert {
        "path": str(notes / "00.md"),
        "type": "markdown",
        "bytes": 30,
        "state": "unchanged",
    } in (records)


def test_a_type_is_forced_and_an_unknown_one_refused(tera: Tera, tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_text(CHAT)
    tera("remember", str(tmp_path / "chat.txt"), "--as", "text")
    assert listed(tera)[0]["text"] == CHAT
    told = tera("remember", str(tmp_path / "chat.txt"), "--as", "word")
    assert told.code == 2
    assert "no type 'word'; the types are archive, audio" in told.err


def test_the_url_of_a_local_file_is_the_file(tera: Tera, tmp_path: Path) -> None:
    file = tmp_path / "my note.md"
    file.write_text("The port is 5433.\n")
    tera("remember", file.as_uri())
    (memory,) = listed(tera)
    assert memory["source"] == str(file)
    assert tera("list", "--source", file.as_uri()).code == 0


def test_a_document_is_read_from_a_pipe(tera: Tera, tmp_path: Path) -> None:
    mail = (
        b"From: Ann Lee <ann@example.org>\r\nTo: ben@example.org\r\nSubject: The lake\r\n"
        b"Date: Fri, 3 May 2024 14:02:00 +0200\r\nMessage-ID: <1@example.org>\r\n\r\nOn Sunday?\r\n"
    )
    assert tera("remember", "--tag", "mail", stdin=mail).code == 0
    (memory,) = listed(tera)
    assert (memory["title"], memory["type"], memory["tags"]) == ("The lake", "email", ["mail"])
    assert memory["at"].startswith("2024-05-03T12:02:00")
    assert memory["source"] is None
    forced = tera("remember", "--as", "csv", stdin=b"name,age,city\nAnn,40,Bern\nBen,50,Bonn\n")
    assert forced.code == 0
    assert listed(tera)[0]["text"].startswith("name: Ann; age: 40")


def test_a_pipe_of_any_length_is_kept(tera: Tera) -> None:
    lines = b"".join(b"line %d of a long log\n" % number for number in range(900_000))
    told = tera("remember", stdin=lines)
    assert told.code == 0
    memories = listed(tera)
    assert len(memories) > 10
    assert sum(len(memory["text"]) for memory in memories) >= len(lines) - len(memories)
    assert "1" in {memory["part"] for memory in memories}


def test_a_password_is_asked_for_on_a_terminal_only(
    tera: Tera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.readers.test_archive import LOCKED

    path = tmp_path / "locked.zip"
    path.write_bytes(bytes.fromhex(LOCKED))
    told = tera("remember", str(path))
    assert told.code == 5
    assert "locked.zip is encrypted" in told.err
    assert "--password" in told.err
    assert tera("remember", str(path), "--password", "secret").code == 0
    tera("undo")
    asked: list[str] = []
    replies: list[str] = []

    def reply(prompt: str, stream: object) -> str:
        del stream
        asked.append(prompt)
        if not replies:
            raise EOFError
        return replies.pop()

    monkeypatch.setattr(documents, "can_ask", lambda: True)
    monkeypatch.setattr("getpass.getpass", reply)
    # Ctrl-D: they have none.
    assert tera("remember", str(path)).code == 5
    replies.append("secret")
    del asked[:]
    assert tera("remember", str(path)).code == 0
    assert asked == ["locked.zip is encrypted; its password: "]
    assert listed(tera)[0]["text"] == "locked away\n"


def test_a_missing_library_is_an_error_of_its_own(
    tera: Tera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    find_spec = util.find_spec
    monkeypatch.setattr(
        util,
        "find_spec",
        lambda name, *rest: None if name == "x_missing" else find_spec(name, *rest),
    )
    from tera.readers import reading
    from tera.readers.document import require

    def read(document: Document) -> Any:
        require("pdf", "x_missing")
        yield

    monkeypatch.setattr(reading, "find_reader", lambda _: read)
    (tmp_path / "a.txt").write_text("text")
    told = tera("remember", str(tmp_path / "a.txt"))
    assert told.code == 10
    assert told.err.splitlines()[-1] == "hint: pip install 'tera[pdf]'"
    (tmp_path / "b.txt").write_text("more text")
    told = tera("remember", str(tmp_path))
    assert told.code == 10
    assert told.err.splitlines()[-2:] == [
        "error: this needs the Python package x_missing, which is not installed (2 files)",
        "hint: pip install 'tera[pdf]'",
    ]


def test_a_hint_that_errors_share_is_given_once(tera: Tera, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.zip").write_bytes(b"PK\x03\x04 nothing else")
    told = tera("remember", str(tmp_path))
    assert told.err.count("error: ") == 3
    assert told.err.count("hint: ") == 1


def test_a_line_every_few_seconds_tells_how_far_it_is(
    tera: Tera, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "SECONDS_BETWEEN_LINES", 0.0)
    told = tera("remember", str(notes), "--include", "*.md")
    first, *others = [line for line in told.err.splitlines() if " of 47 files" in line]
    assert first == "0 of 47 files"
    assert all(re.search(r"about \d+:\d\d left$", line) for line in others[1:])


def test_ctrl_c_keeps_what_is_done_and_the_next_time_goes_on(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number:04}.md").write_text(f"note number {number}\n")
    command = [sys.executable, "-m", "tera", "remember", str(folder)]
    reading = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reading.stdout
    assert reading.stderr
    first = reading.stdout.readline()
    os.kill(reading.pid, signal.SIGINT)
    rest, says = reading.communicate(timeout=120)
    assert reading.returncode == 130
    assert "stopped after " in says
    assert "goes on from there" in says
    done = {first.strip(), *rest.split()}
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(set(again.stdout.split())) == 3000
    assert done <= set(again.stdout.split())
    assert " unchanged" in again.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_is_ended_leaves_nothing_in_the_temporary_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    packed = tmp_path / "notes.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(3000):
            archive.writestr(f"{n}.txt", f"note number {n}")
    command = [sys.executable, "-m", "tera", "remember", str(packed)]
    reading = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reading.stdout
    reading.stdout.readline()
    assert list(temporary.iterdir())
    reading.send_signal(number)
    reading.communicate(timeout=120)
    assert reading.returncode == 128 + number
    assert not list(temporary.iterdir())


def test_a_file_that_gave_its_name_to_another_is_not_lost(tera: Tera, tmp_path: Path) -> None:
    """As logs are rotated."""
    folder = tmp_path / "notes"
    folder.mkdir()
    plan, old = folder / "plan.txt", folder / "plan.old.txt"
    plan.write_text("We go north")
    tera("remember", str(folder))
    plan.rename(old)
    assert "1 file unchanged" in tera("remember", str(folder)).err
    plan.write_text("We go south")
    tera("remember", str(folder))
    assert {memory["text"] for memory in listed(tera)} == {"We go north", "We go south"}
    assert "2 files unchanged" in tera("remember", str(folder)).err


def test_documents_of_one_name_in_an_archive_do_not_replace_each_other(
    tera: Tera, tmp_path: Path
) -> None:
    packed = tmp_path / "notes.zip"
    names = ["a.txt", "b.txt"]
    for texts in (["We go north"], ["We go south", "We go north"]):
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in zip(names, texts, strict=False):
                archive.writestr(name, text)
        assert tera("remember", str(packed)).code == 0
    assert {memory["text"] for memory in listed(tera)} == {"We go north", "We go south"}


def test_a_link_that_leads_nowhere_is_no_text(tera: Tera, tmp_path: Path) -> None:
    (tmp_path / "note").symlink_to(tmp_path / "gone")
    told = tera("remember", str(tmp_path / "note"))
    assert told.code == 5
    assert "No such file" in told.err


def test_bytes_of_no_known_type_are_refused_from_a_pipe(tera: Tera) -> None:
    told = tera("remember", stdin=b"\0" * 17_000_000)
    assert told.code == 5
    assert told.err.startswith("error: piped data is a binary file\n")
