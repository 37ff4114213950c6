from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tera.agent import exchange
from tera.agent.address import Address, identity_of, read_address, runtime_folder, write_address
from tera.agent.launcher import kill, running_pid
from tera.paths import Paths
from tests.agent.conftest import pid_of, status_of, wait_until
from tests.conftest import Run

Tera = Callable[..., Run]
OtherAgent = Callable[[str], None]


def test_the_first_command_starts_an_agent_that_the_next_ones_use(paths: Paths, tera: Tera) -> None:
    assert tera("agent", "status") == Run(1, "", "no background agent is running\n")
    memory_id = tera("remember", "The staging database listens on port 5433").out.strip()
    pid = pid_of(paths)
    assert pid != os.getpid()
    assert memory_id in tera("list").out
    assert pid_of(paths) == pid
    shown = tera("agent", "status").out
    assert f"process:   {pid}" in shown
    assert "0 calls" in shown


def test_the_socket_and_the_log_are_private_and_the_agent_has_no_terminal(
    paths: Paths, tera: Tera
) -> None:
    tera("remember", "one")
    address = read_address(paths)
    assert address is not None
    file = Path(address.socket)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(paths.agent_log.stat().st_mode) == 0o600
    assert os.getsid(address.pid) != os.getsid(0)
    fields = Path(f"/proc/{address.pid}/stat").read_text().rpartition(")")[2].split()
    terminal = int(fields[4])
    assert terminal == 0


def test_the_log_names_operations_and_no_words_of_the_person(paths: Paths, tera: Tera) -> None:
    tera("remember", "a private thought about the dentist")
    tera("search", "dentist")
    wait_until(lambda: "search: " in paths.agent_log.read_text())
    log = paths.agent_log.read_text()
    assert "remember_batch: " in log
    assert "dentist" not in log
    assert tera("agent", "logs", "-n", "1").out in log


def test_stop_ends_it_and_the_next_command_starts_another(paths: Paths, tera: Tera) -> None:
    tera("remember", "one")
    first = pid_of(paths)
    assert tera("agent", "stop").err == "the background agent has ended\n"
    assert not running_pid(paths)
    assert not paths.agent_address.exists()
    assert tera("agent", "stop").err == "no background agent is running\n"
    assert "one" in tera("list").out
    assert pid_of(paths) != first


def test_start_is_needed_by_nobody_and_harmless_twice(paths: Paths, tera: Tera) -> None:
    assert tera("agent", "start").code == 0
    pid = pid_of(paths)
    assert tera("agent", "start").err == f"the background agent runs as process {pid}\n"


def test_a_killed_agent_leaves_a_stale_socket_that_does_no_harm(paths: Paths, tera: Tera) -> None:
    memory_id = tera("remember", "one").out.strip()
    address = read_address(paths)
    assert address is not None
    os.kill(address.pid, signal.SIGKILL)
    wait_until(lambda: not running_pid(paths))
    assert Path(address.socket).exists()
    assert memory_id in tera("list").out
    assert pid_of(paths) != address.pid


def test_a_file_in_place_of_the_address_does_no_harm(paths: Paths, tera: Tera) -> None:
    paths.agent_address.write_text("not an address")
    assert tera("remember", "one").code == 0


def test_processes_that_start_at_once_share_one_agent(paths: Paths) -> None:
    command = [sys.executable, "-m", "tera", "remember"]
    processes = [
        subprocess.Popen([*command, f"thought {n}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(8)
    ]
    ids = set()
    for process in processes:
        out, err = process.communicate(timeout=100)
        assert (process.returncode, err) == (0, b"")
        ids.add(out)
    assert len(ids) == 8
    assert paths.agent_log.read_text().count("listens on") == 1


def test_an_idle_agent_ends(paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERA_AGENT_IDLE_S", "1")
    tera("remember", "one")
    wait_until(lambda: not running_pid(paths))
    assert not paths.agent_address.exists()
    assert "leaves" in paths.agent_log.read_text()
    assert "one" in tera("list").out


def test_an_agent_whose_socket_is_gone_ends(paths: Paths, tera: Tera) -> None:
    tera("remember", "one")
    address = read_address(paths)
    assert address is not None
    Path(address.socket).unlink()
    assert "one" in tera("list").out
    assert pid_of(paths) != address.pid


def test_sigterm_lets_it_finish_and_leave(paths: Paths, tera: Tera) -> None:
    tera("remember", "one")
    os.kill(pid_of(paths), signal.SIGTERM)
    wait_until(lambda: not running_pid(paths))
    assert not paths.agent_address.exists()
    assert "one" in tera("list").out


def test_changed_settings_replace_the_agent(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    first = pid_of(paths)
    monkeypatch.setenv("TERA_ASK_MAX_TOKENS", "7")
    assert "one" in tera("list").out
    assert pid_of(paths) != first


def test_an_agent_of_another_version_is_replaced_after_it_has_finished(
    paths: Paths, tera: Tera, other_agent: OtherAgent
) -> None:
    other_agent(
        "import time, tera; tera.__version__ = '0.0.1'\n"
        "from tera.engine import Engine\n"
        "slow = Engine.facts\n"
        "Engine.facts = lambda self: (time.sleep(3), slow(self))[1]\n"
        "Engine.facts.__annotations__ = {'return': dict}"
    )
    old = pid_of(paths)
    status = status_of(paths)
    assert status is not None
    assert status["version"] == "0.0.1"
    code = (
        "import tera; tera.__version__ = '0.0.1'\n"
        "from tera.cli.session import open_remote_engine\n"
        "print(open_remote_engine().facts()['memories'])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as working:
        wait_until(lambda: (status_of(paths) or {}).get("calls"))
        assert tera("remember", "one").code == 0
        assert working.communicate(timeout=60)[0] == b"0\n"
    assert pid_of(paths) != old
    status = status_of(paths)
    assert status is not None
    assert status["version"] != "0.0.1"


def test_another_user_is_turned_away(paths: Paths, other_agent: OtherAgent) -> None:
    other_agent(
        "import os; uid = os.getuid()\nimport tera.agent.address as address\n"
        "address.peer_uid = lambda connection: uid + 1"
    )
    address = read_address(paths)
    with pytest.raises(exchange.NotStartedError):
        list(exchange.converse(address, "/call/facts", {}, {}))
    assert "another user was turned away" in paths.agent_log.read_text()


def test_a_socket_of_another_user_is_not_trusted(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    monkeypatch.setattr("tera.agent.exchange.peer_uid", lambda _: os.getuid() + 1)
    done = tera("list")
    assert done.code == 9
    assert done.err.startswith("error: another user listens on ")


def test_an_agent_that_hangs_is_an_error_and_can_be_killed(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    pid = pid_of(paths)
    os.kill(pid, signal.SIGSTOP)
    with monkeypatch.context() as impatient:
        impatient.setattr(exchange, "ANSWER_TIMEOUT_S", 0.5)
        done = tera("list")
    assert done.code == 9
    assert done.err.splitlines() == [
        f"error: the background agent (process {pid}) does not answer",
        "hint: tera agent stop --force",
    ]
    assert tera("agent", "stop", "--force").code == 0
    assert "one" in tera("list").out


def test_without_the_agent_the_store_is_refused_while_one_runs(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    tera("remember", "one")
    monkeypatch.setenv("TERA_AGENT", "off")
    monkeypatch.setenv("TERA_STORE_LOCK_TIMEOUT_S", "0.1")
    done = tera("list")
    assert done.code == 7
    assert "in use by the background agent" in done.err
    assert "hint: tera agent stop" in done.err
    kill(paths)
    assert "one" in tera("list").out


def test_tera_agent_has_two_values(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERA_AGENT", "maybe")
    assert tera("list") == Run(
        4, "", "error: TERA_AGENT must be on or off, not 'maybe'\nhint: unset TERA_AGENT\n"
    )


def test_settings_that_cannot_be_used_are_told_by_the_command(paths: Paths, tera: Tera) -> None:
    paths.config_file.write_text("nonsense = 1\n")
    assert tera("list").code == 4


def test_an_agent_listens_where_it_can(
    paths: Paths, tera: Tera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("long" * 40)))
    file = tmp_path / "run" / "tera"
    file.write_text("in the way")
    taken = Path(f"/tmp/tera-{os.getuid()}")
    assert tera("remember", "one").code == 0
    address = read_address(paths)
    assert address is not None
    assert Path(address.socket).parent == taken
    kill(paths)
    Path(address.socket).unlink(missing_ok=True)


def test_a_runtime_folder_that_others_can_enter_is_closed_or_not_used(
    paths: Paths, tmp_path: Path
) -> None:
    folder = tmp_path / "run" / "tera"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert runtime_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert runtime_folder() != folder


def test_paths_of_sockets_are_short(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 120)))
    assert len(os.fsencode(runtime_folder())) + len("/0123456789ab.sock") <= 103


def test_something_else_at_the_socket_is_no_agent(paths: Paths, tera: Tera, tmp_path: Path) -> None:
    file = tmp_path / "run" / "s.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(file))
        write_address(paths, Address(str(file), os.getpid(), identity_of(paths)))
    # Nobody listens there any more: the connection is refused.
    assert tera("remember", "one").code == 0
    assert pid_of(paths) != os.getpid()
