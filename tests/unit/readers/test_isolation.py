from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tera.datatypes import Draft
from tera.errors import PasswordNeededError, UnreadableFileError
from tera.readers import isolation, types, wire
from tera.readers.document import Attachment, Document, DocumentType, Failure, Note, Progress
from tera.readers.isolation import Readers

BAD_READERS = """
import os, signal, time
from tera.datatypes import Draft
from tera.errors import PasswordNeededError
from tera.readers.document import Progress

def read_well(document):
    print("what a library prints")
    os.write(1, b"also from C")
    yield Progress(1, 2)
    yield Draft(document.path.read_text() + str(os.getpid()))

def read_locked(document):
    yield Draft("first")
    raise PasswordNeededError("locked", hint="say the word")

def read_crashing(document):
    yield Draft("first")
    os.kill(os.getpid(), signal.SIGSEGV)

def read_hanging(document):
    yield Draft("first")
    while True:
        time.sleep(0.1)

def read_greedy(document):
    yield Draft("first")
    data = []
    while True:
        data.append(bytearray(2**24))

def read_wrongly(document):
    yield Draft("first")
    yield {}["a bug"]
"""


@pytest.fixture
def document(tmp_path: Path) -> Document:
    path = tmp_path / "note.bin"
    path.write_text("text ")
    return Document(path, "note.bin", 5, datetime(2024, 5, 3, tzinfo=UTC), tmp_path)


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    """Return readers that misbehave, in processes that find them where Tera's own are."""
    names = ("well", "locked", "crashing", "hanging", "greedy", "wrongly")
    (tmp_path / "bad_readers.py").write_text(BAD_READERS)
    made = ", ".join(f'"{n}": DocumentType("x:read_{n}", memory_mb=512)' for n in names)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, bad_readers\n"
        "from tera.readers import types\n"
        "from tera.readers.document import DocumentType\n"
        f"types.TYPES.update({{{made}}})\n"
        "sys.modules['tera.readers.x'] = bad_readers\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    for name in names:
        monkeypatch.setitem(types.TYPES, name, DocumentType(f"x:read_{name}", memory_mb=512))
    with Readers(silence_s=20) as readers:
        yield readers


def test_drafts_come_from_another_process_which_reads_on(
    readers: Readers, document: Document
) -> None:
    first, second = (list(readers.read("well", document)) for _ in range(2))
    assert first == second
    progress, draft = first
    assert progress == Progress(1, 2)
    assert isinstance(draft, Draft)
    assert draft.text.startswith("text ")
    assert draft.text != f"text {os.getpid()}"


def test_what_a_reader_refuses_is_refused_here(readers: Readers, document: Document) -> None:
    found = readers.read("locked", document)
    assert next(found) == Draft("first")
    with pytest.raises(PasswordNeededError, match="locked") as refusal:
        next(found)
    assert refusal.value.hint == "say the word"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("crashing", r"cannot read note.bin: its reader crashed \(SIGSEGV\)"),
        ("greedy", "takes more than 512 MB of memory"),
        ("wrongly", "its reader failed .*KeyError: 'a bug'"),
    ],
)
def test_a_reader_that_breaks_costs_one_document(
    readers: Readers, document: Document, name: str, says: str
) -> None:
    found = readers.read(name, document)
    assert next(found) == Draft("first")
    with pytest.raises(UnreadableFileError, match=says):
        next(found)
    assert len(list(readers.read("well", document))) == 2


def test_a_reader_that_hangs_is_given_up(
    readers: Readers, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_silence_s", 1.0)
    found = readers.read("hanging", document)
    assert next(found) == Draft("first")
    with pytest.raises(UnreadableFileError, match="came to no end"):
        next(found)
    monkeypatch.setattr(readers, "_silence_s", 20.0)
    assert len(list(readers.read("well", document))) == 2


def test_documents_in_documents_are_read_while_the_outer_one_is(
    readers: Readers, document: Document
) -> None:
    outer = readers.read("well", document)
    assert next(outer) == Progress(1, 2)
    assert len(list(readers.read("well", document))) == 2
    assert isinstance(next(outer), Draft)


def test_no_process_is_left_behind(readers: Readers, document: Document) -> None:
    with Readers() as other:
        begun = other.read("well", document)
        next(begun)
        pids = _children()
        begun.close()
        list(other.read("well", document))
    deadline = time.monotonic() + 20
    while _children() & pids and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _children() & pids


def _children() -> set[str]:
    listed = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "tera.readers.worker"],
        capture_output=True,
        text=True,
        check=False,
    )
    return set(listed.stdout.split())


def test_a_worker_ends_when_nobody_asks_any_more() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "tera.readers.worker", "512"], stdin=subprocess.PIPE
    )
    assert worker.stdin
    worker.stdin.close()
    assert worker.wait(timeout=60) == 0


def test_a_worker_survives_ctrl_c_of_the_terminal(readers: Readers, document: Document) -> None:
    begun = readers.read("well", document)
    next(begun)
    for pid in _children():
        assert os.getsid(int(pid)) == int(pid) != os.getsid(0)
    assert isinstance(next(begun), Draft)
    assert signal.getsignal(signal.SIGINT) is not None


@pytest.mark.parametrize(
    "record",
    [
        Draft("a\u2028b\n\0\ud800", "t", ("x", "y"), "s", datetime(2024, 1, 1, tzinfo=UTC), True),
        Draft("a", type="pdf", part="12", digest="d", parts=("1", "2")),
        Attachment(Path("/tmp/x"), "a/b.txt", datetime(2024, 1, 1, tzinfo=UTC)),
        Document(Path("/x"), "x", 1, None, Path("/y"), "p"),
        Progress(1, 2),
        Note("n", "h"),
        Failure("f"),
    ],
)
def test_every_record_survives_the_wire(record: object) -> None:
    line = wire.to_line(record)  # type: ignore[arg-type]
    assert "\n" not in line
    assert wire.from_line(line) == record


def test_the_longest_draft_fits_a_line() -> None:
    from tera.readers import MAX_BYTES

    worst = wire.to_line(Draft("\U0001f600" * 1000))
    assert len(worst) / 4000 * MAX_BYTES < isolation.LONGEST_LINE


@pytest.mark.parametrize("type_name", ["well", "hanging"])
def test_a_reader_ends_with_the_process_that_asked_and_leaves_nothing_behind(
    readers: Readers, document: Document, tmp_path: Path, type_name: str
) -> None:
    del readers
    document = replace(document, scratch=tmp_path / "scratch")
    document.scratch.mkdir()
    (document.scratch / "unpacked").write_text("private")
    program = (
        "import os, signal, sys\n"
        "from tera.readers import isolation, wire\n"
        f"found = isolation.Readers().read({type_name!r}, wire.from_line(sys.argv[1]))\n"
        "next(found)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, wire.to_line(document)], check=False)
    deadline = time.monotonic() + 20
    while document.scratch.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not document.scratch.exists()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_no_key_and_no_password_is_in_the_environment_of_what_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TERA_LLM_KEY", "TERA_STORE_PASSWORD"):
        monkeypatch.setenv(name, "sesame")
    worker = isolation._Worker(512)
    try:
        environ = Path(f"/proc/{worker._process.pid}/environ").read_bytes()
        assert b"HF_HUB_OFFLINE=1" in environ
        assert b"sesame" not in environ
    finally:
        worker.kill()
