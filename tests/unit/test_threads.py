from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.llms.cores import usable_cores
from tera.llms.threads import Threads, patient_barriers

Machine = Callable[[int], float]
"""Threads → seconds per token."""


def machine(cores: int, busy: int = 0, *, bandwidth: float = 99.0, penalty: float = 5.0) -> Machine:
    """A machine whose memory feeds `bandwidth` cores, of which others use `busy`.

    With more threads than free cores each step waits for the one that has no core of its own.
    """

    def seconds(threads: int) -> float:
        alone = 0.3 / min(threads, bandwidth, cores)
        return alone if threads <= max(1, cores - busy) else penalty * alone

    return seconds


def run(threads: Threads, on: Machine, tokens: int, *, is_prompt: bool = False) -> float:
    """Return the seconds that so many tokens take; a little noise is in them."""
    total = 0.0
    for token in range(tokens):
        noise = (0.97, 1.01, 1.0, 1.03, 0.99)[token % 5]
        seconds = noise * on(threads.batch_count if is_prompt else threads.count)
        threads.note(seconds, is_prompt)
        total += seconds
    return total


def usual(threads: Threads, on: Machine, *, is_prompt: bool = False) -> int:
    """Return the number that most of the next tokens have; a few try another."""
    counts = []
    for _ in range(20):
        run(threads, on, 1, is_prompt=is_prompt)
        counts.append(threads.batch_count if is_prompt else threads.count)
    return max(set(counts), key=counts.count)


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 6, 8, 16, 64])
@pytest.mark.parametrize("is_prompt", [False, True])
def test_a_quiet_machine_is_used_whole(cores: int, is_prompt: bool) -> None:
    threads = Threads(cores=cores)
    spent = run(threads, machine(cores), 60, is_prompt=is_prompt)
    # One less of very many is as good.
    assert cores - cores // 32 <= usual(threads, machine(cores), is_prompt=is_prompt) <= cores
    assert spent < 1.35 * 60 * machine(cores)(cores)


def test_it_begins_with_half_of_the_cores_and_never_with_all_of_two() -> None:
    begun = {cores: Threads(cores=cores).count for cores in (1, 2, 3, 4, 8, 64)}
    assert begun == {1: 1, 2: 1, 3: 1, 4: 2, 8: 4, 64: 32}


@pytest.mark.parametrize("cores", [2, 4, 8])
def test_beside_another_program_it_is_hardly_slower_than_the_best_number(cores: int) -> None:
    on = machine(cores, busy=1)
    best = min(on(number) for number in range(1, cores + 1))
    threads = Threads(cores=cores)
    run(threads, on, 100)
    assert run(threads, on, 500) < 1.35 * 500 * best


def test_when_a_core_is_taken_it_goes_down_at_once() -> None:
    threads = Threads(cores=2)
    run(threads, machine(2), 20)
    assert threads.count == 2
    run(threads, machine(2, busy=1), 1)
    assert threads.count == 1
    run(threads, machine(2, busy=1), 7)
    assert threads.count == 1


@pytest.mark.parametrize("cores", [2, 4, 8])
def test_when_the_machine_is_quiet_again_it_comes_back_up(cores: int) -> None:
    threads = Threads(cores=cores)
    run(threads, machine(cores), 40)
    run(threads, machine(cores, busy=1), 300)
    assert usual(threads, machine(cores, busy=1)) < cores
    run(threads, machine(cores), 80)
    assert usual(threads, machine(cores)) == cores


def test_when_one_thread_gets_faster_too_it_tries_more_at_once() -> None:
    threads = Threads(cores=2)
    slow = machine(2, busy=1)
    run(threads, lambda number: 2 * slow(number), 300)
    assert usual(threads, lambda number: 2 * slow(number)) == 1
    run(threads, machine(2), 8)
    assert threads.count == 2


def test_threads_that_bring_nothing_are_left_to_others() -> None:
    threads = Threads(cores=8)
    narrow = machine(8, bandwidth=3)
    run(threads, narrow, 100)
    assert [usual(threads, narrow) for _ in range(10)] == [4] * 10


def test_one_slow_token_costs_little() -> None:
    threads = Threads(cores=4)
    run(threads, machine(4), 60)
    threads.note(3.0, False)
    assert run(threads, machine(4), 60) < 1.25 * 60 * machine(4)(4)
    assert usual(threads, machine(4)) == 4


def test_reading_and_writing_are_learnt_apart() -> None:
    threads = Threads(cores=4)
    assert usual(threads, machine(4), is_prompt=True) == 4
    assert threads.count == 2
    assert usual(threads, machine(4, busy=2)) == 2
    assert usual(threads, machine(4), is_prompt=True) == 4


def test_the_file_that_is_read_with_the_first_token_misleads_nobody() -> None:
    threads = Threads(cores=2)
    threads.note(30.0, False)
    run(threads, machine(2), 12)
    assert threads.count == 2


@pytest.mark.parametrize("fixed", [1, 3, 12])
def test_a_number_that_was_asked_for_stays(fixed: int) -> None:
    threads = Threads(fixed, cores=4)
    for busy in (0, 3, 0):
        run(threads, machine(4, busy=busy), 50)
        run(threads, machine(4, busy=busy), 50, is_prompt=True)
        assert (threads.count, threads.batch_count) == (fixed, fixed)


@given(
    st.integers(1, 70),
    st.lists(st.tuples(st.floats(allow_nan=True), st.booleans()), max_size=200),
)
def test_whatever_is_measured_the_number_stays_within_the_cores(
    cores: int, noted: list[tuple[float, bool]]
) -> None:
    threads, same = Threads(cores=cores), Threads(cores=cores)
    for seconds, is_prompt in noted:
        threads.note(seconds, is_prompt)
        same.note(seconds, is_prompt)
        assert 1 <= threads.count <= cores
        assert 1 <= threads.batch_count <= cores
        # Nothing but what was noted counts.
        assert (threads.count, threads.batch_count) == (same.count, same.batch_count)


# What the system says of its cores.


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    numbers = count()

    def build(allowed: int = 8, siblings: int = 1, name: str = "core_cpus_list") -> Path:
        root = tmp_path / str(next(numbers))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
        for number in range(8):
            topology = root / f"sys/devices/system/cpu/cpu{number}/topology"
            topology.mkdir(parents=True)
            (topology / name).write_text(f"{number // siblings}-of-them\n")
        (root / "proc/self").mkdir(parents=True)
        return root

    return build


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("name", ["core_cpus_list", "thread_siblings_list"])
@pytest.mark.parametrize(
    ("allowed", "siblings", "cores"), [(8, 1, 8), (8, 2, 4), (3, 2, 2), (1, 1, 1)]
)
def test_the_physical_cores_of_this_process_count(
    system: Callable[..., Path], allowed: int, siblings: int, cores: int, name: str
) -> None:
    assert usable_cores(system(allowed, siblings, name)) == cores


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("", 8), ("what 1", 8)],
)
def test_a_control_group_may_leave_fewer(
    system: Callable[..., Path], quota: str, cores: int
) -> None:
    root = system()
    write(root / "proc/self/cgroup", "0::/tera/agent\n")
    write(root / "sys/fs/cgroup/tera/cpu.max", quota)
    assert usable_cores(root) == cores


def test_a_container_sees_its_control_group_at_the_top(system: Callable[..., Path]) -> None:
    root = system()
    write(root / "proc/self/cgroup", "0::/../../outside\n")
    write(root / "sys/fs/cgroup/cpu.max", "300000 100000\n")
    assert usable_cores(root) == 3


@pytest.mark.parametrize(("quota", "cores"), [("-1\n", 8), ("300000\n", 3)])
def test_control_groups_of_the_older_kind_count_too(
    system: Callable[..., Path], quota: str, cores: int
) -> None:
    root = system()
    write(root / "proc/self/cgroup", "4:memory:/x\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/\n")
    folder = root / "sys/fs/cgroup/cpu,cpuacct/docker/ab"
    write(folder / "cpu.cfs_quota_us", quota)
    write(folder / "cpu.cfs_period_us", "100000\n")
    assert usable_cores(root) == cores


def test_a_system_that_hides_everything_has_its_cores_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores(tmp_path) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(tmp_path) == 1


def test_this_machine_has_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_threads_wait_asleep_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with patient_barriers():
        assert os.environ["OMP_WAIT_POLICY"] == "passive"
    assert "OMP_WAIT_POLICY" not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    with patient_barriers():
        assert os.environ["OMP_WAIT_POLICY"] == "active"
    assert os.environ["OMP_WAIT_POLICY"] == "active"
