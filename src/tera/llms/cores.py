"""How many processor cores this process may use, as the system says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def usable_cores(root: Path = ROOT) -> int:
    """Return the physical cores that this process may use at once, at least one.

    The second thread of a core adds nothing to work that waits for the memory. Where the system
    does not tell physical cores from others, all count.

    Args:
        root: Where `proc` and `sys` are.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
    else:
        allowed = set(range(os.cpu_count() or 1))
    cores = {_core(number, root) for number in allowed}
    return max(1, min(len(cores), int(min(_quotas(root), default=len(cores)))))


def _core(number: int, root: Path) -> str:
    """Return what the threads of one core have in common."""
    topology = root / f"sys/devices/system/cpu/cpu{number}/topology"
    # The second name is the one of Linux before 5.2.
    for name in ("core_cpus_list", "thread_siblings_list"):
        with contextlib.suppress(OSError, ValueError):
            return (topology / name).read_text().strip()
    return str(number)


def _quotas(root: Path) -> Iterator[float]:
    """Yield how many processors' time each control group leaves to this process."""
    for folder, limit in _groups(root):
        with contextlib.suppress(OSError, ValueError):
            if limit == "cpu.max":
                quota, period = (folder / limit).read_text().split()[:2]
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text()
                period = (folder / "cpu.cfs_period_us").read_text()
            # "max", or -1 in the older kind, is no limit.
            if float(quota) > 0 and float(period) > 0:
                yield float(quota) / float(period)


def _groups(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders of this process's control groups, and the name of the limit in each."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return
    mount = root / "sys/fs/cgroup"
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            tops, limit = (mount, mount / "unified"), "cpu.max"
        elif "cpu" in controllers.split(","):
            tops, limit = (mount / controllers, mount / "cpu"), "cpu.cfs_quota_us"
        else:
            continue
        for top in tops:
            # A container may see its own group at the top, whatever the path says.
            parts = [part for part in path.split("/") if part not in ("", "..")]
            for depth in range(len(parts), -1, -1):
                yield top.joinpath(*parts[:depth]), limit
