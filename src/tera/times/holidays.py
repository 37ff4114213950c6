"""Holidays that people date things by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tera.times.periods import Grain, Period, Recurring, days, every_year, months, nth_weekday


def holiday(name: str) -> Recurring:
    """Return a holiday by its name in `tera.times.languages`."""
    make = _BY_RULE.get(name)
    if make:
        return every_year(make)
    month, day, count = _FIXED[name]
    return every_year(
        lambda year: days(date(year, month, day), count, "day" if count == 1 else "range")
    )


_FIXED = {
    "new year": (1, 1, 1),
    "valentine": (2, 14, 1),
    "halloween": (10, 31, 1),
    "sinterklaas": (12, 5, 1),
    "christmas": (12, 24, 3),
    "christmas eve": (12, 24, 1),
    "christmas day": (12, 25, 1),
    "boxing day": (12, 26, 1),
    "new year's eve": (12, 31, 1),
}
"""Month, day, and how many days."""


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    epact = (
        19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _around_easter(from_sunday: int, count: int = 1) -> Callable[[int], Period]:
    grain: Grain = "day" if count == 1 else "range"
    return lambda year: days(easter_sunday(year) + timedelta(days=from_sunday), count, grain)


_BY_RULE: dict[str, Callable[[int], Period]] = {
    "easter": _around_easter(-2, 4),
    "good friday": _around_easter(-2),
    "easter sunday": _around_easter(0),
    "easter monday": _around_easter(1),
    "pentecost": _around_easter(49, 2),
    "thanksgiving": lambda year: nth_weekday(3, 3, months(year, 11, 1, "month")),
}
