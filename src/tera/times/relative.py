"""Reads times that are relative to now: "last week", "3 weeks ago", "yesterday"."""

from __future__ import annotations

from datetime import timedelta

from tera.times import periods
from tera.times.cursor import PLURALS, Cursor, Read
from tera.times.holidays import holiday
from tera.times.periods import Period, Recurring

_HALVES = {
    "hour": ("minute", 30.0, 30.0),
    "year": ("month", 6.0, 6.0),
    "day": ("hour", 12.0, 12.0),
    "month": ("week", 2.0, 2.0),
    "century": ("year", 50.0, 50.0),
}
"""What half of a unit is."""


class RelativeTimes(Cursor):
    """Reads times that are relative to now."""

    def _away(self, at: int) -> Read | None:
        """Read "3 weeks ago", "vor drei Wochen", "two Fridays ago", "3 days from now"."""
        start = self.skip(at, "ago_before")
        counted = self.count(start)
        if not counted:
            return None
        low, high, end = counted
        unit, weekday = self.word(end, "unit"), self.word(end, "weekday")
        if weekday is None:
            weekday = self.word(end, "weekdays")
        is_past = start > at or self.word(end + 1, "ago") is not None
        is_to_come = self.word(end + 1, "from_now") is not None
        if not (is_past or is_to_come):
            return None
        last = end + 1 + (start == at)
        if isinstance(weekday, int) and low == high and low >= 1:
            kind = periods.every_week(weekday)
            today = periods.midnight(self.now.date())
            found = kind.ended(today) if is_past else kind.following(today + periods.DAY)
            assert found.start
            moved = periods.WEEK * (int(low) - 1) * (-1 if is_past else 1)
            return Read(periods.day((found.start + moved).date()), last)
        if not isinstance(unit, str):
            return None
        if low == 0.5:
            unit, low, high = _HALVES.get(unit, ("", 0.0, 0.0))
            if not unit:
                return None
        direction = -1 if is_past else 1
        found = periods.away(unit, int(low), int(high), self.now, direction, is_exact=self.is_exact)
        return Read(found, last)

    def distance(self, at: int, is_after: bool = False) -> int | None:
        """Return which one "last" (-1), "this" (0) or "next" (1) is, before its noun or after."""
        for kind, distance in (
            ("second_last", -2),
            ("last", -1),
            ("rolling", -1),
            ("this", 0),
            ("next", 1),
        ):
            if self.word(at, f"{kind}_after" if is_after else kind) is not None:
                return distance
        return None

    def _neighbour(self, at: int) -> Read | None:
        """Read "last week", "la semaine dernière", "the week before last", "this March"."""
        at = self.skip(at, "the", "earlier")
        distance = self.distance(at)
        if distance is not None:
            return self._chosen(at + 1, at + 2, distance)
        for side, other, far in (("before", "last", -2), ("after", "next", 2)):
            is_one_further = (
                self.word(at + 1, side) is not None and self.word(at + 2, other) is not None
            )
            if is_one_further and not self._names_a_time(at + 3):
                return self._chosen(at, at + 3, far)
        distance = self.distance(at + 1, is_after=True)
        if distance is not None:
            return self._chosen(at, at + 2, distance)
        return None

    def _names_a_time(self, at: int) -> bool:
        kinds = ("unit", "weekday", "month", "season", "holiday", "part", "number", "vague")
        return any(self.word(at, kind) is not None for kind in kinds)

    def _chosen(self, at: int, end: int, distance: int) -> Read | None:
        """Read which week, Friday, March, summer or evening is the last, this or the next one."""
        unit = self.word(at, "unit")
        if isinstance(unit, str) and unit not in ("second", "minute", "day", "fortnight"):
            found = periods.neighbour(unit, self.now, distance)
            return self._within_unit(Read(found, end))
        part = self.word(at, "part")
        if isinstance(part, str) and distance in (-1, 0, 1):
            return Read(periods.part_of_day(part, self.now.date() + periods.DAY * distance), end)
        kind = self.recurring(at)
        if not kind:
            return None
        recurring, is_day = kind
        return Read(self._nearby(recurring, distance, is_day), end)

    def recurring(self, at: int) -> tuple[Recurring, bool] | None:
        """Return the Friday, March, summer or Christmas that stands there; whether it is a day."""
        weekday = self.word(at, "weekday")
        if weekday is None:
            weekday = self.word(at, "weekday_short")
        if isinstance(weekday, int):
            return periods.every_week(weekday), True
        if isinstance(month := self.word(at, "month"), int):
            return periods.every_year(lambda year: periods.months(year, month, 1, "month")), False
        if isinstance(season := self.word(at, "season"), int):
            return periods.every_year(lambda year: periods.season(season, year)), False
        if isinstance(name := self.word(at, "holiday"), str):
            return holiday(name), False
        if self.word(at, "unit") == "weekend" and self.tokens[at].text[-1:] not in "sS":
            return periods.every_week(5, 2, "weekend"), False
        return None

    def _nearby(self, kind: Recurring, distance: int, is_day: bool) -> Period:
        today = periods.midnight(self.now.date())
        if distance < 0:
            for _ in range(-distance):
                found = kind.ended(today)
                assert found.start
                today = found.start
            return found
        if distance > 0:
            for _ in range(distance):
                found = kind.following(today + periods.DAY)
                assert found.start
                today = found.start
            return found
        if is_day:
            week = periods.week(self.now.date())
            assert week.start
            return kind.following(week.start)
        going_on = kind.going_on_or_next(self.now)
        assert going_on.start
        if going_on.start <= self.now or self.is_future:
            return going_on
        latest = kind.latest(self.now)
        assert latest.start
        return latest if latest.start.year == self.now.year else going_on

    def _within_unit(self, read: Read) -> Read:
        """Read on: "last week on Tuesday", "last year in June"."""
        found = read.time
        assert isinstance(found, Period)
        after = self.skip(read.end, "at", "the")
        if found.grain == "week" and isinstance(weekday := self.word(after, "weekday"), int):
            assert found.start
            return Read(periods.day((found.start + periods.DAY * weekday).date()), after + 1)
        if found.grain == "year":
            if isinstance(month := self.word(after, "month"), int):
                assert found.start
                return Read(periods.months(found.start.year, month, 1, "month"), after + 1)
            if isinstance(season := self.word(after, "season"), int):
                assert found.start
                return Read(periods.season(season, found.start.year), after + 1)
        return read

    def _rolling(self, at: int) -> Read | None:
        """Read "the last 3 days", "past week", "the last week": up to now, or from now on."""
        is_the, is_this = self.word(at, "the") is not None, self.word(at, "this") is not None
        at = self.skip(at, "the", "this")
        counted_first = self.count(at)
        if counted_first and self.distance(counted_first[2]) in (-1, 1):
            # "les trois derniers jours"
            return self._rolled(counted_first[2] + 1, counted_first[:2], counted_first[2])
        direction = self.distance(at)
        if direction not in (-1, 1):
            return None
        if counted := self.count(at + 1):
            return self._rolled(counted[2], counted[:2], at)
        is_rolling = (
            self.word(at, "rolling") is not None
            or (is_the and self.word(at, "rolling_after_the") is not None)
            or is_this
        )
        if not is_rolling or direction > 0:
            return None
        following = self.tokens[at + 1].text.lower() if at + 1 < len(self.tokens) else ""
        return self._rolled(at + 1, (2, 6) if following in PLURALS else (1, 1), at)

    def _rolled(self, at: int, count: tuple[float, float], direction_at: int) -> Read | None:
        unit, direction = self.word(at, "unit"), self.distance(direction_at)
        if not isinstance(unit, str) or direction is None or (unit == "day" and count[1] < 1):
            return None
        if unit == "weekend" and count == (1, 1):
            return Read(periods.neighbour(unit, self.now, direction), at + 1)
        if count[0] == 0.5:
            if unit not in _HALVES:
                return None
            unit, low, high = _HALVES[unit]
            count = (low, high)
        return Read(periods.rolling(unit, int(count[1]), self.now, direction), at + 1)

    def _relative_day(self, at: int) -> Read | None:
        """Read "yesterday evening", "tonight", "earlier today"."""
        at = self.skip(at, "earlier")
        both = self.word(at, "day_and_part")
        if isinstance(both, tuple):
            distance, part = both
            day = self.now.date() + timedelta(days=distance)
            return Read(periods.part_of_day(part, day), at + 1)
        distance = self.word(at, "relative_day")
        if not isinstance(distance, int) or self._is_possessive(at):
            return None
        return Read(periods.day(self.now.date() + timedelta(days=distance)), at + 1)

    def _is_possessive(self, at: int) -> bool:
        following = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        return bool(following and following.gap in ("'", "’") and following.text.lower() == "s")

    def time_of_unit(self, at: int, grain: str) -> Read | None:
        """Read a last, this or next week or month."""
        found = self._neighbour(at)
        if found and isinstance(found.time, Period) and found.time.grain == grain:
            return found
        return None
