"""Hybrid logical clock: orders changes by time, even when a machine's clock goes backwards.

Kulkarni, Demirbas, Madappa, Avva & Leone, "Logical Physical Clocks", OPODIS 2014. Written
`milliseconds-counter`, both padded, so that comparing the strings compares the times.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def tick(last: str) -> str:
    """Return a time that is after `last` and not before this machine's clock."""
    now_ms = time.time_ns() // 1_000_000
    last_ms, counter = (int(part) for part in (last or "0-0").split("-"))
    if now_ms > last_ms:
        return f"{now_ms:013d}-{0:04d}"
    # Four digits hold no more, and a longer counter would sort before a shorter one.
    carry, counter = divmod(counter + 1, 10_000)
    return f"{last_ms + carry:013d}-{counter:04d}"


def time_of(clock: str) -> datetime:
    """Return the time that a clock value stands for, to the millisecond, in UTC."""
    return datetime.fromtimestamp(int(clock.split("-", maxsplit=1)[0]) / 1000, UTC)
