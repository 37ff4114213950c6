"""Stretches of the calendar: a day, the week of a day, the March before last, three months ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

# fmt: off
Grain = Literal[
    "hour", "part of day", "day", "weekend", "week", "month", "season", "quarter", "year", "decade",
    "century", "range", "open",
]
# fmt: on

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
ABOUT_WEEKS_DAYS = 3
"""What was "two weeks ago" is this far from the 14th day before: in the evidence of LongMemEval's
questions the calendar week of that day misses one of six, this none."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in the person's own calendar."""

    start: datetime | None
    """Without a zone, local; None for open."""
    end: datetime | None
    """The first moment that is no longer in it."""
    grain: Grain
    moment: datetime | None = None
    """The exact time of day, where one was named."""

    @property
    def is_day(self) -> bool:
        """Whether it is one day or less."""
        return self.grain in ("hour", "part of day", "day")


@dataclass(frozen=True, slots=True)
class Recurring:
    """What comes again: a Friday, a March, a 5 May; without a word about which."""

    nth: Callable[[int], Period]
    """Numbered in the order of time; ValueError where one is left out, like a 29 February."""
    number_at: Callable[[date], int]
    """The number of one near that day."""

    def latest(self, until: datetime) -> Period:
        """Return the last one that begins by a moment."""
        return self._first(until, -1, lambda start, _: start <= until)

    def ended(self, by: datetime) -> Period:
        """Return the last one that is over by a moment."""
        return self._first(by, -1, lambda _, end: end <= by)

    def going_on_or_next(self, at: datetime) -> Period:
        """Return the first one that is not over at a moment."""
        return self._first(at, 1, lambda _, end: end > at)

    def following(self, at: datetime) -> Period:
        """Return the first one that begins at a moment or later."""
        return self._first(at, 1, lambda start, _: start >= at)

    def _first(
        self, near: datetime, step: int, fits: Callable[[datetime, datetime], bool]
    ) -> Period:
        number = self.number_at(near.date()) - 2 * step
        # Of leap days two may be eight years apart.
        for _ in range(14):
            try:
                found = self.nth(number)
            except ValueError:
                found = None
            if found and found.start and found.end and fits(found.start, found.end):
                return found
            number += step
        raise ValueError("there is none")


def midnight(day: date) -> datetime:
    """Return the first moment of a day."""
    return datetime.combine(day, time())


def days(first: date, count: int, grain: Grain = "range") -> Period:
    """Return as many days from one on."""
    return Period(midnight(first), midnight(first + timedelta(days=count)), grain)


def day(of: date) -> Period:
    """Return a day."""
    return days(of, 1, "day")


def week(of: date) -> Period:
    """Return the week of a day, from Monday."""
    return days(of - timedelta(days=of.weekday()), 7, "week")


def weekend(of: date) -> Period:
    """Return the Saturday and Sunday of the week of a day."""
    return days(of - timedelta(days=of.weekday() - 5), 2, "weekend")


def months(year: int, month: int, count: int, grain: Grain) -> Period:
    """Return as many months from one on; months beyond 12 are of later years."""
    first, after = year * 12 + month - 1, year * 12 + month - 1 + count
    return Period(
        datetime(first // 12, first % 12 + 1, 1), datetime(after // 12, after % 12 + 1, 1), grain
    )


def month(number: int) -> Period:
    """Return a month by its number since the year 0."""
    return months(number // 12, number % 12 + 1, 1, "month")


def quarter(number: int) -> Period:
    """Return a quarter by its number since the year 0."""
    return months(number // 4, number % 4 * 3 + 1, 3, "quarter")


def year(number: int) -> Period:
    """Return a year."""
    return months(number, 1, 12, "year")


def decade(number: int) -> Period:
    """Return a decade, counted from the year 0."""
    return months(number * 10, 1, 120, "decade")


def century(number: int) -> Period:
    """Return a century from its first year; the 19th is that of 1800 to 1899, as people say it."""
    return months(number * 100, 1, 1200, "century")


def season(which: int, of_year: int) -> Period:
    """Return a northern season, 0 for spring; a winter is of the year in which it begins."""
    return months(of_year, 3 + 3 * which, 3, "season")


def every_year(make: Callable[[int], Period]) -> Recurring:
    """Return what there is once a year."""
    return Recurring(make, lambda near: near.year)


def every_month(make: Callable[[int], Period]) -> Recurring:
    """Return what there is once a month; `make` takes the number since the year 0."""
    return Recurring(make, lambda near: near.year * 12 + near.month - 1)


def every_week(weekday: int, count: int = 1, grain: Grain = "day") -> Recurring:
    """Return a day of the week, or some days from it on."""
    # Day 1 of the calendar was a Monday.
    return Recurring(
        lambda number: days(date.fromordinal(number * 7 + weekday + 1), count, grain),
        lambda near: near.toordinal() // 7,
    )


def counted(unit: str) -> tuple[Callable[[int], Period], Callable[[date], int]] | None:
    """Return how the periods of a unit are numbered; None for hours and minutes."""
    return {
        "day": (lambda number: day(date.fromordinal(number)), date.toordinal),
        "week": (
            lambda number: week(date.fromordinal(number * 7 + 1)),
            lambda near: (near.toordinal() - 1) // 7,
        ),
        "weekend": (
            lambda number: weekend(date.fromordinal(number * 7 + 1)),
            lambda near: (near.toordinal() - 1) // 7,
        ),
        "month": (month, lambda near: near.year * 12 + near.month - 1),
        "quarter": (quarter, lambda near: near.year * 4 + (near.month - 1) // 3),
        "year": (year, lambda near: near.year),
        "decade": (decade, lambda near: near.year // 10),
        "century": (century, lambda near: near.year // 100),
    }.get(unit)


def neighbour(unit: str, now: datetime, distance: int) -> Period:
    """Return this month (0), the last (-1), the one before that (-2), the next (1); any unit.

    Raises:
        ValueError: The unit has no place in the calendar, or it is too far away.
    """
    if unit == "hour":
        start = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=distance)
        return Period(start, start + timedelta(hours=1), "hour")
    numbering = counted(unit)
    if not numbering:
        raise ValueError(f"no {unit} of the calendar")
    make, number_at = numbering
    today = now.date()
    if unit == "weekend" and now < _start(weekend(today)):
        # From Monday to Friday the last weekend is that of the week before, which is over.
        return make(number_at(today) + distance - (distance > 0))
    return make(number_at(today) + distance)


def away(
    unit: str, low: int, high: int, now: datetime, direction: int, *, is_exact: bool = False
) -> Period:
    """Return the time that is some units away from now, as people mean it.

    Days ago is a day, months ago a month of the calendar; weeks ago is about that day. More than a
    week of days ago is also what was so many times 24 hours ago, as programs count it.

    Args:
        unit: Its name; "fortnight" too.
        low: How many at least.
        high: How many at most; more than `low` for "a few".
        now: Where to count from.
        direction: -1 for the past.
        is_exact: Whether days and weeks ago are one day of the calendar.
    """
    near, far = sorted((direction * low, direction * high))
    if unit in ("second", "minute", "hour"):
        length = timedelta(**{f"{unit}s": 1})
        around = max(length / 2, timedelta(minutes=5))
        moment = now + length * direction * low
        return Period(
            now + length * near - around,
            now + length * far + around,
            "hour",
            moment if low == high else None,
        )
    if is_exact and unit in ("week", "fortnight"):
        first, last = (shifted(unit, count, now.date()) for count in (near, far))
        return Period(midnight(first), midnight(last) + DAY, "day")
    if unit in ("week", "fortnight"):
        length = WEEK * (2 if unit == "fortnight" else 1)
        first = now.date() + length * near - timedelta(days=ABOUT_WEEKS_DAYS)
        last = now.date() + length * far + timedelta(days=ABOUT_WEEKS_DAYS)
        return Period(midnight(first), midnight(last + DAY), "week")
    if unit == "day" and direction < 0 and low > WEEK.days and not is_exact:
        near -= 1
    first_period, last_period = neighbour(unit, now, near), neighbour(unit, now, far)
    return replace(first_period, end=last_period.end)


def shifted(unit: str, count: int, of: date) -> date:
    """Return the day that is some units later or earlier; of a longer month's end the last day.

    Raises:
        ValueError: It is not a matter of days, or too far away.
    """
    if unit in ("day", "week", "fortnight"):
        return of + timedelta(days={"day": 1, "week": 7, "fortnight": 14}[unit] * count)
    if unit not in ("month", "quarter", "year", "decade", "century"):
        raise ValueError(f"no days in a {unit}")
    months_of = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}[unit]
    number = of.year * 12 + of.month - 1 + months_of * count
    last = month(number).end
    assert last
    return date(number // 12, number % 12 + 1, min(of.day, (last - DAY).day))


def rolling(unit: str, count: int, now: datetime, direction: int) -> Period:
    """Return the last units up to now ("the last three days"), or the next ones from now on."""
    if unit in ("second", "minute", "hour"):
        other = now + timedelta(**{f"{unit}s": 1}) * count * direction
        return Period(min(now, other), max(now, other), "hour")
    today = now.date()
    if unit == "weekend":
        return replace(
            neighbour(unit, now, -count if direction < 0 else 1),
            end=neighbour(unit, now, -1 if direction < 0 else count).end,
            grain="range",
        )
    first, last = sorted((today, shifted(unit, count * direction, today)))
    return Period(midnight(first), midnight(last + DAY), "range")


PARTS = {
    "morning": (0, 12),
    "noon": (11, 14),
    "afternoon": (12, 18),
    "evening": (17, 24),
    "night": (20, 30),
}
"""Hours. What was said at two in the morning was said this morning, and last night."""


def part_of_day(which: str, of: date) -> Period:
    """Return the morning, ... of a day; its night goes on into the next day."""
    first, after = PARTS[which]
    start = midnight(of)
    return Period(start + timedelta(hours=first), start + timedelta(hours=after), "part of day")


def hour(at: time, of: date) -> Period:
    """Return the hour that begins at a time of a day."""
    start = datetime.combine(of, at)
    return Period(start, start + timedelta(hours=1), "hour", start)


def third(which: int, of: Period) -> Period:
    """Return the beginning, the middle or the end of a period: a third, in whole days or months."""
    start, end = _start(of), _end(of)
    if of.is_day:
        return of
    count = (end.year - start.year) * 12 + end.month - start.month
    if count > 1:
        each = round(count / 3)
        first_month = _start(months(start.year, start.month + each * which, 1, "month"))
        after = _start(months(start.year, start.month + each * (which + 1), 1, "month"))
        return Period(first_month, end if which == 2 else after, of.grain)
    length = (end - start).days // 3 * DAY
    first = start + length * which
    return Period(first, end if which == 2 else first + length, of.grain)


def half(which: int, of: Period) -> Period:
    """Return the first or second half of a period, in whole days or months."""
    start, end = _start(of), _end(of)
    count = (end.year - start.year) * 12 + end.month - start.month
    if count > 1 and count % 2 == 0:
        middle = _start(months(start.year, start.month + count // 2, 1, "month"))
    else:
        middle = start + (end - start).days // 2 * DAY
    return Period(start, middle, "range") if which == 0 else Period(middle, end, "range")


def nth_within(unit: str, which: int, of: Period) -> Period:
    """Return the first week of a month, the third month of a year, the last (-1) day of either.

    Raises:
        ValueError: There is none.
    """
    start, end = _start(of), _end(of)
    if unit == "week" and of.grain == "month":
        first = end - WEEK if which < 0 else start + WEEK * which
        found = Period(first, min(first + WEEK, end), "week")
    else:
        numbering = counted(unit)
        if not numbering:
            raise ValueError(f"no {unit} is counted in it")
        make, number_at = numbering
        if which < 0:
            number = number_at((end - DAY).date())
            # A weekend may reach beyond the month.
            found = next(p for n in (number, number - 1) if (p := make(n)).end and p.end <= end)
        else:
            number = number_at(start.date())
            if _start(make(number)) < start:
                number += 1
            found = make(number + which)
    if not (found.start and start <= found.start < end):
        raise ValueError("there is none")
    return found


def nth_weekday(weekday: int, which: int, of: Period) -> Period:
    """Return the first Monday of a month, or the last (-1).

    Raises:
        ValueError: There is none.
    """
    start, end = _start(of), _end(of)
    kind = every_week(weekday)
    found = _start(kind.ended(end) if which < 0 else kind.following(start))
    found += WEEK * max(which, 0)
    if not start <= found < end:
        raise ValueError("there is none")
    return day(found.date())


def _start(of: Period) -> datetime:
    if of.start is None:
        raise ValueError("it has no beginning")
    return of.start


def _end(of: Period) -> datetime:
    if of.end is None:
        raise ValueError("it has no end")
    return of.end
