from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tera.paths import Paths
from tests.agent.conftest import pid_of
from tests.conftest import Run
from tests.syncs import STRACE, assert_synced_before_reply, read_calls, tracing

WATCHED = """
import os
log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def record(name, real):
    def call(descriptor, *rest):
        done = real(descriptor, *rest)
        os_write(log, f"{{name}} {{os.readlink(f'/proc/self/fd/{{descriptor}}')}}\\n".encode())
        return done
    return call
os_write = os.write
os.pwrite, os.fsync = record("write", os.pwrite), record("sync", os.fsync)
from tera.agent.conversation import Conversation
put = Conversation._put
def reply(self, line):
    if line and b'"result"' in line:
        os_write(log, b"reply\\n")
    put(self, line)
Conversation._put = reply
"""


def test_the_journal_is_on_the_disk_before_the_agent_replies(
    paths: Paths, other_agent: Callable[[str], None], tera: Callable[..., Run], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    other_agent(WATCHED.format(log=str(log)))
    for number in range(3):
        before = len(log.read_text().splitlines()) if log.exists() else 0
        assert tera("remember", f"thought {number}").code == 0
        calls = log.read_text().splitlines()[before:]
        told = calls.index("reply")
        wrote = [c for c in calls[:told] if c.startswith("write ") and "/journal/" in c]
        assert wrote
        for call in wrote:
            assert call.replace("write", "sync") in calls[calls.index(call) : told]
        if not number:
            assert f"sync {paths.journal}" in calls[:told]


def test_the_database_and_the_journal_are_on_the_disk_before_the_id_leaves_the_agent(
    paths: Paths, tera: Callable[..., Run], tmp_path: Path
) -> None:
    tera("remember", "one")
    if not STRACE:
        # The test above shows the journal, which is what makes a write durable.
        return
    log = tmp_path / "calls"
    with tracing(pid_of(paths), log):
        ids = [tera("remember", f"thought {number}").out.strip() for number in range(5)]
    calls = read_calls(log)
    for memory_id in ids:
        assert_synced_before_reply(calls, paths.journal, memory_id)
    told = next(n for n, c in enumerate(calls) if c.name == "sendto" and ids[0] in c.arguments)
    database = [c for c in calls[:told] if "/store/clog/" in c.path and (c.is_write or c.is_sync)]
    assert database[-1].is_sync
