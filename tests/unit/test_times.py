from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.times import Edge, parse_moment

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Move this process to a time zone."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    move("Europe/Berlin")
    yield move
    monkeypatch.undo()
    time.tzset()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def midnight(days_ago: int = 0) -> datetime:
    today = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=days_ago)).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "start", "after"),
    [
        ("2026", utc(2025, 12, 31, 23), utc(2026, 12, 31, 23)),
        ("2026-01", utc(2025, 12, 31, 23), utc(2026, 1, 31, 23)),
        ("2024-02", utc(2024, 1, 31, 23), utc(2024, 2, 29, 23)),
        ("2026-11-05", utc(2026, 11, 4, 23), utc(2026, 11, 5, 23)),
        ("2026-1-2", utc(2026, 1, 1, 23), utc(2026, 1, 2, 23)),
        ("20261105", utc(2026, 11, 4, 23), utc(2026, 11, 5, 23)),
        ("2026-W10", utc(2026, 3, 1, 23), utc(2026, 3, 8, 23)),
        ("november 2025", utc(2025, 10, 31, 23), utc(2025, 11, 30, 23)),
        ("12 Nov 2025", utc(2025, 11, 11, 23), utc(2025, 11, 12, 23)),
        ("December 2025", utc(2025, 11, 30, 23), utc(2025, 12, 31, 23)),
        # The clocks change on these days: one has 23 hours, the other 25.
        ("2026-03-29", utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),
        ("2026-10-25", utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),
    ],
)
def test_a_period_has_a_start_and_an_end_in_the_persons_own_zone(
    zone: Callable[[str], None], text: str, start: datetime, after: datetime
) -> None:
    assert parse_moment(text) == start
    assert parse_moment(text, "start") == start
    assert parse_moment(text, "end") == after - MILLISECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01T12:30", utc(2026, 7, 1, 10, 30)),
        ("2026-07-01 12:30:15", utc(2026, 7, 1, 10, 30, 15)),
        ("2026-07-01T12:30Z", utc(2026, 7, 1, 12, 30)),
        ("2026-07-01T12:30-05:00", utc(2026, 7, 1, 17, 30)),
        ("  2026-07-01T12:30Z\n", utc(2026, 7, 1, 12, 30)),
    ],
)
@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_time_of_day_is_one_moment(
    zone: Callable[[str], None], text: str, expected: datetime, edge: Edge
) -> None:
    assert parse_moment(text, edge) == expected


def test_the_same_day_is_another_one_elsewhere(zone: Callable[[str], None]) -> None:
    zone("Asia/Tokyo")
    assert parse_moment("2026-11-05") == utc(2026, 11, 4, 15)
    zone("America/New_York")
    assert parse_moment("2026-11-05") == utc(2026, 11, 5, 5)


@pytest.mark.parametrize(
    ("text", "days_ago"),
    [("today", 0), ("yesterday", 1), ("3 days ago", 3), ("the day before yesterday", 2)],
)
def test_a_phrase_for_a_day_is_the_whole_day(
    zone: Callable[[str], None], text: str, days_ago: int
) -> None:
    assert parse_moment(text) == midnight(days_ago)
    assert parse_moment(text, "end") == midnight(days_ago - 1) - MILLISECOND


def test_last_week_begins_on_monday(zone: Callable[[str], None]) -> None:
    days = datetime.now().weekday() + 7
    assert parse_moment("last week") == midnight(days)
    assert parse_moment("last week", "end") == midnight(days - 7) - MILLISECOND


def test_last_month_and_last_year_are_whole(zone: Callable[[str], None]) -> None:
    now = datetime.now()
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = (month - timedelta(days=1)).replace(day=1)
    assert parse_moment("last month") == before.astimezone(UTC)
    assert parse_moment("last month", "end") == month.astimezone(UTC) - MILLISECOND
    year = month.replace(month=1)
    assert parse_moment("last year") == year.replace(year=now.year - 1).astimezone(UTC)
    assert parse_moment("last year", "end") == year.astimezone(UTC) - MILLISECOND


def test_a_name_of_a_day_or_month_is_the_last_one(zone: Callable[[str], None]) -> None:
    now = datetime.now(UTC)
    assert now - timedelta(days=8) < parse_moment("monday") <= now
    assert now - timedelta(days=366) < parse_moment("november") <= now


@pytest.mark.parametrize("edge", ["start", "end"])
def test_hours_ago_are_counted_from_now(zone: Callable[[str], None], edge: Edge) -> None:
    difference = datetime.now(UTC) - parse_moment("2 hours ago", edge)
    assert abs(difference - timedelta(hours=2)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["this morning", "tonight", "last night", "a decade ago"])
def test_vague_phrases_have_both_edges_too(zone: Callable[[str], None], text: str) -> None:
    assert parse_moment(text) < parse_moment(text, "end")


@pytest.mark.parametrize(
    "text",
    (
        *("", "  ", "nonsense", "2026-13", "2026-00", "2026-01-00", "2026-02-30", "0000", "1e5"),
        *("yesterday foo", "99999 years ago", "2026-07-01T25:00", "\x00", "port 5433"),
    ),
)
@pytest.mark.parametrize("edge", ["start", "end"])
def test_what_is_no_date_is_refused(text: str, edge: Edge) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, edge)


@pytest.mark.parametrize("text", ["0001", "0001-01-01", "9999", "9999-12-31"])
@pytest.mark.parametrize("zone_name", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_the_ends_of_time_are_a_moment_or_refused(
    zone: Callable[[str], None], text: str, zone_name: str
) -> None:
    zone(zone_name)
    for edge in ("start", "end"):
        try:
            assert parse_moment(text, edge).tzinfo is UTC
        except ValueError:
            continue


WORDS = st.sampled_from(
    ["last", "ago", "3", "2026", "days", "weeks", "next", "in", "-", ":", "T", "12", "am", "may"]
)


@given(st.text(max_size=20) | st.lists(WORDS, max_size=5).map(" ".join), st.booleans())
@settings(deadline=None)
def test_whatever_is_typed_is_a_moment_in_utc_or_refused(text: str, is_end: bool) -> None:
    try:
        moment = parse_moment(text, "end" if is_end else "start")
    except ValueError:
        return
    assert moment.tzinfo is UTC
