from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.store.clock import tick, time_of


def test_a_tick_is_now() -> None:
    assert abs(time_of(tick("")) - datetime.now(UTC)) < timedelta(seconds=5)


def test_ticks_go_on_when_the_machine_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = tick("")
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)

    second = tick(first)
    third = tick(second)

    assert first < second < third
    assert time_of(third) - time_of(first) < timedelta(milliseconds=2)


@given(st.integers(0, 10**13 - 2), st.integers(0, 9999))
def test_a_tick_sorts_behind_the_one_before_it(milliseconds: int, counter: int) -> None:
    last = f"{milliseconds:013d}-{counter:04d}"
    assert tick(last) > last
    assert len(tick(last)) == len(last)
