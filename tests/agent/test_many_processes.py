from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tera.agent.address import read_address
from tera.paths import Paths
from tests.conftest import Run

Tera = Callable[..., Run]

PROCESSES = 16
EACH = 50
KILLS = 40

WORKER = """
import os, random, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from tera.cli import main

def tera(*arguments):
    sys.argv = ["tera", *arguments]
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main()
    return code, out.getvalue(), err.getvalue()

number, each = int(sys.argv[1]), int(sys.argv[2])
chance = random.Random(number)
for count in range(each):
    code, out, err = tera("remember", f"thought {count} of process {number}")
    print("remembered", code, out.strip(), repr(err), flush=True)
    kept = out.strip()
    if chance.random() < 0.1:
        code, out, err = tera("search", f"thought {count}")
        print("searched", code, len(out.splitlines()), repr(err), flush=True)
    if chance.random() < 0.1:
        code, out, err = tera("forget", kept, "--yes")
        print("forgotten", code, out.strip() or kept, repr(err), flush=True)
"""


def work(each: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(number), str(each)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]


def lines_of(workers: list[subprocess.Popen[str]]) -> list[list[str]]:
    lines: list[list[str]] = []
    for worker in workers:
        out, err = worker.communicate(timeout=400)
        assert (worker.returncode, err) == (0, "")
        lines += [line.split(maxsplit=3) for line in out.splitlines()]
    return lines


def ids_in(home: Paths, tera: Tera) -> Counter[str]:
    return Counter(line.split()[0] for line in tera("list").out.splitlines())


def test_sixteen_processes_lose_nothing_and_keep_nothing_twice(paths: Paths, tera: Tera) -> None:
    tera("search", "anything")
    lines = lines_of(work(EACH))
    # No word on stderr but what `forget` says to the person.
    talk = {(kind, code, err) for kind, code, _, err in lines}
    assert {(kind, code) for kind, code, _ in talk} == {
        ("remembered", "0"),
        ("searched", "0"),
        ("forgotten", "0"),
    }
    assert {err for kind, _, err in talk if kind != "forgotten"} == {"''"}
    kept = [word for kind, _, word, _ in lines if kind == "remembered"]
    forgotten = {word for kind, _, word, _ in lines if kind == "forgotten"}
    assert len(set(kept)) == len(kept) == PROCESSES * EACH
    assert ids_in(paths, tera) == Counter(set(kept) - forgotten)
    texts = Counter(line.partition("thought")[2] for line in tera("list").out.splitlines())
    assert set(texts.values()) == {1}
    assert tera("doctor").code == 0


def test_every_id_that_was_printed_is_there_after_forty_kills(paths: Paths, tera: Tera) -> None:
    tera("search", "anything")
    workers = work(EACH)
    chance = random.Random(7)
    killed: list[int] = []

    def kill_at_random() -> None:
        while len(killed) < KILLS:
            time.sleep(chance.uniform(0.0, 1.2))
            address = read_address(paths)
            if address and address.pid not in killed and Path(f"/proc/{address.pid}").exists():
                os.kill(address.pid, signal.SIGKILL)
                killed.append(address.pid)
            elif all(worker.poll() is not None for worker in workers):
                # Some kills are left over: of an agent that has just started, or answers.
                tera("remember", f"one more after {len(killed)} kills")

    killing = threading.Thread(target=kill_at_random)
    killing.start()
    lines = lines_of(workers)
    killing.join(timeout=200)
    assert len(killed) == KILLS
    printed = {word for kind, code, word, _ in lines if (kind, code) == ("remembered", "0")}
    # Whether a forget that was cut short has happened is for `tera log` to tell: it says so.
    forgotten = {word for kind, _, word, _ in lines if kind == "forgotten"}
    there = ids_in(paths, tera)
    assert set(there) >= printed - forgotten
    assert not set(there) & {
        word for kind, code, word, _ in lines if (kind, code) == ("forgotten", "0")
    }
    assert set(there.values()) == {1}
    texts = Counter(line.partition("thought")[2] for line in tera("list").out.splitlines())
    assert {count for text, count in texts.items() if text} == {1}
    assert {code for kind, code, _, _ in lines if kind != "forgotten"} <= {"0", "9"}
    assert tera("doctor").code == 0
