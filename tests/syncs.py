"""What a program had on the disk when it answered: its system calls, as `strace` shows them.

Where there is no strace, a hook in the program's own Python records its calls: enough for the
journal, which is what makes a write durable, but not for the embedded database.

For a process that runs already: `with tracing(pid, file): ...`, then `read_calls(file)`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STRACE = shutil.which("strace")
_CALLS = "fsync,fdatasync,write,pwrite64,openat,sendto,sendmsg,writev"
_OPTIONS = ("-f", "-y", "-s", "200", "-e", f"trace={_CALLS}")
_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_PLACE = re.compile(r"(\d+)<([^>]*)>")
_HOOK = """
import os, runpy, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def path(fd):
    return os.readlink(f"/proc/self/fd/{fd}") if isinstance(fd, int) else ""
def record(name, real):
    def call(fd, *rest):
        data = str(bytes(rest[0]))[2:-1] if rest and not isinstance(rest[0], int) else ""
        done = real(fd, *rest)
        os_write(log, f'1 {name}({fd}<{path(fd)}>, "{data[:200]}") = 0\\n'.encode())
        return done
    return call
os_write = os.write
for name in ("fsync", "fdatasync", "pwrite", "write"):
    setattr(os, name, record(name.replace("pwrite", "pwrite64"), getattr(os, name)))
class Watched:
    def __init__(self, stream): self._stream = stream
    def __getattr__(self, name): return getattr(self._stream, name)
    def write(self, text):
        os_write(log, f'1 write(1<stdout>, "{text.strip()}") = 0\\n'.encode())
        return self._stream.write(text)
sys.stdout = Watched(sys.stdout)
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Call:
    """A system call that succeeded, in the order in which they ended."""

    name: str
    descriptor: int
    path: str
    arguments: str

    @property
    def is_sync(self) -> bool:
        """It waited for the disk."""
        return self.name in ("fsync", "fdatasync")

    @property
    def is_write(self) -> bool:
        """It wrote to a file, a pipe or a socket."""
        return self.name in ("write", "pwrite64", "writev", "sendto", "sendmsg")


def trace_module(module: str, arguments: Sequence[str], log: Path) -> tuple[str, list[Call]]:
    """Run a Python module as a program; return its standard output and its calls."""
    if STRACE:
        command = [STRACE, *_OPTIONS, "-o", str(log), sys.executable, "-m", module, *arguments]
    else:
        command = [sys.executable, "-c", _HOOK, str(log), module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
    return done.stdout, read_calls(log)


@contextmanager
def tracing(pid: int, log: Path) -> Iterator[None]:
    """Trace a process that runs, with all its threads, for the block; needs strace."""
    assert STRACE, "install strace"
    tracer = subprocess.Popen(
        [STRACE, *_OPTIONS, "-o", str(log), "-p", str(pid)], stderr=subprocess.PIPE
    )
    assert tracer.stderr
    try:
        assert b"attached" in tracer.stderr.readline()
        yield
        time.sleep(0.2)  # for what is still on its way through the tracer
    finally:
        tracer.terminate()
        tracer.wait(timeout=10)
        tracer.stderr.close()


def read_calls(log: Path) -> list[Call]:
    """Return the calls in a file that strace wrote, those that failed left out."""
    begun: dict[str, str] = {}
    calls: list[Call] = []
    for line in log.read_text(errors="replace").splitlines():
        if found := _BEGUN.match(line):
            begun[found[1]] = found[3]
            continue
        if found := _ENDED.match(line):
            pid, name, arguments, result = found.groups()
            arguments = begun.pop(pid, "") + arguments
        elif found := _WHOLE.match(line):
            _, name, arguments, result = found.groups()
        else:
            continue
        place = _PLACE.search(arguments)
        if int(result) >= 0 and place:
            calls.append(Call(name, int(place[1]), place[2], arguments))
    return calls


def assert_synced_before_reply(calls: Sequence[Call], folder: Path, memory_id: str) -> None:
    """Assert that the journal had a memory on the disk before its id was told to anyone.

    Args:
        calls: Of the process that owns the store.
        folder: The journal.
        memory_id: The id in the reply.
    """
    told = next(
        place
        for place, call in enumerate(calls)
        if call.is_write
        and memory_id in call.arguments
        and str(folder) not in call.path
        and not call.path.startswith(str(folder.parent))
    )
    wrote = [
        place
        for place, call in enumerate(calls[:told])
        if call.name == "pwrite64" and call.path.startswith(f"{folder}/")
    ]
    assert wrote, "nothing was written to the journal before the reply"
    for place in wrote:
        synced = {call.path for call in calls[place:told] if call.is_sync}
        assert calls[place].path in synced, "the journal was not on the disk before the reply"
        if ", 0)" in f"{calls[place].arguments})":
            assert str(folder) in synced, "the new segment had no name on the disk"
