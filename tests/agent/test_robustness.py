"""What went wrong once, in the hands of a person who tried to break it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tera.agent.address import read_address
from tera.agent.codec import encode
from tera.agent.launcher import ensure, kill, leave, running_pid
from tera.datatypes import Filter
from tera.paths import Paths
from tests.agent.conftest import pid_of, status_of, wait_until
from tests.conftest import Run

Tera = Callable[..., Run]
OtherAgent = Callable[[str], None]
TERA = [sys.executable, "-m", "tera"]


@pytest.fixture
def copied(paths: Paths) -> Paths:
    """Return the place of a second home; its agent is not left behind."""
    return Paths(paths.home.with_name("copied"))


def test_a_copied_home_has_an_agent_of_its_own(
    paths: Paths, copied: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    shutil.copytree(paths.home, copied.home)
    monkeypatch.setenv("TERA_HOME", str(copied.home))
    try:
        assert tera("remember", "only in the copy").code == 0
        assert "one" in tera("list").out
        assert pid_of(copied) != pid_of(paths)
    finally:
        kill(copied)
    monkeypatch.setenv("TERA_HOME", str(paths.home))
    assert "only in the copy" not in tera("list").out


def test_a_home_that_is_moved_takes_its_memories_along(
    paths: Paths, copied: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    paths.home.rename(copied.home)
    monkeypatch.setenv("TERA_HOME", str(copied.home))
    try:
        assert tera("remember", "two").code == 0
        assert len(tera("list").out.splitlines()) == 2
    finally:
        kill(copied)
    assert not paths.journal.exists()


def test_arguments_that_are_no_text_are_refused_and_such_names_of_files_work(
    paths: Paths, tera: Tera, tmp_path: Path
) -> None:
    tera("remember", "one")
    for command in ("search", "ask", "show"):
        assert tera(command, "caf\udce9").code in (5, 7)
    file = tmp_path / "caf\udce9.backup"
    assert tera("backup", str(file), "--json").code == 0
    assert file.exists()


def test_a_broken_catalogue_is_an_error_and_not_a_loop(paths: Paths, tera: Tera) -> None:
    paths.models_file.write_text("x =\n")
    for arguments in (["list"], ["agent", "start"]):
        done = tera(*arguments)
        assert done.code == 4
        assert done.err.startswith("error: cannot use ")


def test_where_no_agent_can_live_the_work_is_done_without(
    paths: Paths, tera: Tera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ImportError('half of an upgrade')\n")
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{before}")
    done = tera("remember", "one")
    assert done.code == 0
    (note,) = done.err.splitlines()
    assert "half of an upgrade: working without it" in note
    assert "one" in tera("list").out
    assert tera("agent", "start").code == 9


def test_a_full_disk_keeps_nobody_from_reading(paths: Paths, tera: Tera) -> None:
    tera("remember", "one")
    kill(paths)
    done = subprocess.run(
        [*TERA, "list"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert done.returncode == 0, done.stderr
    assert "one" in done.stdout


def test_a_lost_address_is_written_down_again(paths: Paths, tera: Tera) -> None:
    tera("remember", "one")
    pid = pid_of(paths)
    paths.agent_address.unlink()
    wait_until(lambda: read_address(paths))
    assert pid_of(paths) == pid
    paths.agent_address.unlink()
    assert tera("agent", "stop").code == 0
    assert running_pid(paths) is None


def test_an_agent_that_is_starting_hears_stop(paths: Paths) -> None:
    for _ in range(3):
        starting = threading.Thread(target=ensure, args=(paths, lambda: None))
        starting.start()
        wait_until(lambda: running_pid(paths) is not None)
        assert leave(paths, lambda: None)
        starting.join(timeout=60)
        leave(paths, lambda: None)
        assert running_pid(paths) is None


def test_sigterm_lets_a_call_finish_while_others_wait_for_the_next_agent(
    paths: Paths, tera: Tera, other_agent: OtherAgent
) -> None:
    other_agent(
        "import time\nfrom tera.agent.operations import OPERATIONS\n"
        "def facts(self) -> dict[str, object]:\n"
        "    time.sleep(4)\n    return {'memories': 7}\n"
        "OPERATIONS['facts'] = facts"
    )
    first = pid_of(paths)
    code = (
        "from tera.cli.session import open_remote_engine\n"
        "print(open_remote_engine().facts()['memories'])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as working:
        wait_until(lambda: (status_of(paths) or {}).get("calls"))
        os.kill(first, signal.SIGTERM)
        assert tera("remember", "one").code == 0
        assert working.communicate(timeout=60)[0] == b"7\n"
    assert pid_of(paths) != first


def test_a_client_that_takes_nothing_does_not_hold_up_the_end(
    paths: Paths, tera: Tera, other_agent: OtherAgent
) -> None:
    other_agent("import tera.agent.app as app\napp.STALLED_S = 0.3")
    tera("remember", "--text", "a line\n" * 1_000_000)
    address = read_address(paths)
    assert address is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address.socket)
        call = json.dumps({"chosen": encode(Filter())})
        client_headers = "\r\n".join(
            f"{name}: {value}" for name, value in _headers_of(paths).items()
        )
        connection.sendall(
            f"POST /call/select HTTP/1.0\r\n{client_headers}\r\n"
            f"Content-Length: {len(call)}\r\n\r\n{call}".encode()
        )
        wait_until(lambda: (status_of(paths) or {}).get("calls"))
        assert leave(paths, lambda: None)


def _headers_of(paths: Paths) -> dict[str, str]:
    from tera.agent.client import RemoteEngine
    from tera.config import load_config
    from tera.model_loader import SilentListener

    return RemoteEngine(load_config(paths)[0], paths, SilentListener())._headers


def test_force_kills_nobody_else(paths: Paths, tera: Tera) -> None:
    tera("remember", "one")
    with subprocess.Popen(["sleep", "60"]) as innocent:
        record = json.loads(paths.agent_address.read_text())
        paths.agent_address.write_text(json.dumps({**record, "pid": innocent.pid}))
        assert tera("agent", "stop", "--force").code == 0
        assert innocent.poll() is None
        innocent.kill()
    assert running_pid(paths) is None


def test_what_goes_with_each_call_does_not_replace_the_agent(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    pid = pid_of(paths)
    monkeypatch.setenv("TERA_SEARCH_K", "3")
    monkeypatch.setenv("TERA_ASK_K", "3")
    assert tera("search", "one").code == 0
    assert pid_of(paths) == pid
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    assert tera("search", "one").code == 0
    assert pid_of(paths) != pid


def test_a_relative_runtime_folder_is_ignored(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "run")
    assert tera("remember", "one").code == 0
    address = read_address(paths)
    assert address is not None
    assert Path(address.socket).parent.name == f"tera-{os.getuid()}"


def test_ctrl_c_before_anything_has_begun_is_quiet(paths: Paths) -> None:
    for wait_s in (0.03, 0.05, 0.07, 0.09, 0.12, 0.2):
        with subprocess.Popen([*TERA, "list"], stderr=subprocess.PIPE) as process:
            time.sleep(wait_s)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        # 1: there was nothing to list.
        assert process.returncode in (130, -signal.SIGINT, 1)
        # While Python imports what the first lines of ours name, it answers itself.
        assert b"in main" not in err


def test_a_socket_that_is_named_by_a_folder_of_another_home_is_not_used(
    paths: Paths, tera: Tera
) -> None:
    tera("remember", "one")
    record = json.loads(paths.agent_address.read_text())
    paths.agent_address.write_text(json.dumps({**record, "home": "1:2:/other"}))
    assert read_address(paths) is None
    wait_until(lambda: read_address(paths))
    assert "one" in tera("list").out


def test_an_agent_that_differs_and_does_not_leave_is_an_error(
    paths: Paths, tera: Tera, other_agent: OtherAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_agent(
        "import tera; tera.__version__ = '0.0.1'\n"
        "from tera.agent.app import Agent\nAgent.stop = lambda self: None\n"
        "Agent.is_stopping = property(lambda self: False, lambda self, value: None)"
    )
    monkeypatch.setattr("tera.agent.client.MOST_ROUNDS", 3)
    done = tera("list")
    assert done.code == 9
    assert "of another version" in done.err
    assert "hint: tera agent stop" in done.err
