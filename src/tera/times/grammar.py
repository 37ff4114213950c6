"""Reads words as one time: "the first week of June", "last Friday evening"."""

from __future__ import annotations

import datetime as calendar
from collections.abc import Callable, Sequence
from datetime import date, datetime

from tera.times import periods
from tera.times.calendar_dates import CalendarDates
from tera.times.cursor import JOINTS, PLURALS, Read
from tera.times.periods import Period
from tera.times.tokens import Token


class Grammar(CalendarDates):
    """Reads the longest time that begins at a word."""

    def __init__(
        self,
        tokens: Sequence[Token],
        now: datetime,
        *,
        is_future: bool = False,
        is_exact: bool = False,
    ) -> None:
        """Prepare; see `Cursor`."""
        super().__init__(tokens, now, is_future=is_future, is_exact=is_exact)
        self._read: dict[int, Read | None] = {}

    def time(self, at: int) -> Read | None:
        """Read the longest time that begins there, whatever stands before it."""
        if at not in self._read:
            self._read[at] = self._longest(at)
        return self._read[at]

    def _longest(self, at: int) -> Read | None:
        best: Read | None = None
        free, self.free = self.free, at
        for rule in self._rules():
            try:
                read = rule(at)
            except (ValueError, OverflowError):
                # The 31st of June, or a year beyond the calendar.
                continue
            if read and (best is None or read.end > best.end):
                best = read
        self.free = free
        return self._with_part_of_day(best) if best else None

    def _rules(self) -> tuple[Callable[[int], Read | None], ...]:
        return (
            self._away,
            self._rolling,
            self._neighbour,
            self._relative_day,
            self._written_date,
            self._month_and_day,
            self._day_and_month,
            self._month,
            self._year,
            self._weekday,
            self._season_or_holiday,
            self._within,
            self._part_first,
            self._week_of,
            self._quarter,
            self._decade,
        )

    def _within(self, at: int) -> Read | None:
        """Read "the first week of June", "early March", "the last day of May", "mid-May"."""
        at = self.skip(at, "the")
        if isinstance(which := self.word(at, "third"), int):
            return self._third(at, which)
        if self.word(at, "finish") is not None or self.word(at, "last") is not None:
            place, end = -1, at + 1
        elif number := self.ordinal(at):
            place, end = number[0] - 1, number[1]
        else:
            return None
        if self.word(end, "half") is not None and place in (0, 1):
            whole = self._whole(end + 1)
            return Read(periods.half(place, self.fixed(whole.time)), whole.end) if whole else None
        return self._numbered(end, place) or self._counted_within(end, place)

    def _numbered(self, at: int, place: int) -> Read | None:
        """Read the century of "the 19th century", the quarter of "the third quarter of 2024"."""
        unit = self.word(at, "unit")
        if unit == "century" and 0 < place < 30:
            return Read(periods.century(place), at + 1)
        year = self.year_after(at + 1) if unit == "quarter" and 0 <= place < 4 else None
        return Read(periods.quarter(year[0] * 4 + place), year[1]) if year else None

    def _counted_within(self, at: int, place: int) -> Read | None:
        """Read the "week of June" after "the first"."""
        unit, weekday = self.word(at, "unit"), self.word(at, "weekday")
        whole = self._whole(at + 1) if unit is not None or weekday is not None else None
        if not whole:
            return None
        period = self.fixed(whole.time)
        if isinstance(weekday, int):
            return Read(periods.nth_weekday(weekday, place, period), whole.end)
        if not isinstance(unit, str) or period.is_day:
            return None
        return Read(periods.nth_within(unit, place, period), whole.end)

    def _third(self, at: int, which: int) -> Read | None:
        after = self.skip(at + 1, "of", "the")
        whole = self._decade(after) or self._of_unit(after) or self.time(after)
        if not whole:
            return None
        if isinstance(unit := self.word(after, "unit"), str) and whole.end == after + 1:
            is_plural = self.tokens[after].text.lower() in PLURALS
            if is_plural or unit in ("second", "minute", "hour", "day", "weekend"):
                return None
        period = self.fixed(whole.time)
        if period.is_day:
            return None
        return Read(periods.third(which, period), whole.end)

    def _of_unit(self, at: int) -> Read | None:
        """Read "the year" after "the start of": this one."""
        unit = self.word(at, "unit")
        if isinstance(unit, str) and unit in ("week", "month", "year", "quarter"):
            return Read(periods.neighbour(unit, self.now, 0), at + 1)
        return None

    def _whole(self, at: int) -> Read | None:
        """Read the "of June" after "the first week"."""
        after = self.skip(at, "of")
        if after == at and self.word(at, "month") is None:
            return None
        after = self.skip(after, "the")
        return self._of_unit(after) or self.time(after)

    def _part_first(self, at: int) -> Read | None:
        """Read "the evening of 7 July", "at 3 pm on Tuesday", "in the morning yesterday"."""
        at = self.skip(at, "the")
        at = self.skip(at, "third", "earlier")
        part, end = self.word(at, "part"), at + 1
        clock = self.clock(at)
        if clock:
            end = clock[1]
        if not isinstance(part, str) and not clock:
            return None
        after = self.skip(end, "at", "the", gaps=(*JOINTS, ","))
        day = self.time(after) if after < len(self.tokens) else None
        if day and (after > end or self.tokens[after].gap in JOINTS):
            try:
                whole = self.fixed(day.time)
            except ValueError:
                return None
            if whole.grain == "day" and whole.start and not self._is_habit(after, end):
                return Read(self._of_day(whole.start.date(), part, clock), day.end)
        is_today = any(self.word(at - back, "earlier") is not None for back in (2, 3))
        if is_today and isinstance(part, str):
            return Read(periods.part_of_day(part, self.now.date()), end)
        return None

    def _is_habit(self, after: int, end: int) -> bool:
        # "in the morning Monday" needs its comma or "on".
        return after == end and self.word(end, "weekday") is not None

    def _of_day(self, day: date, part: object, clock: tuple[calendar.time, int] | None) -> Period:
        if clock:
            return periods.hour(clock[0], day)
        assert isinstance(part, str)
        return periods.part_of_day(part, day)

    def _with_part_of_day(self, read: Read) -> Read:
        """Read on after a day: "yesterday evening", "on 5 May at 3 pm", "gestern Abend"."""
        try:
            whole = self.fixed(read.time)
        except ValueError:
            return read
        if whole.grain != "day" or whole.start is None:
            return read
        after = self.skip(read.end, "at", "at_clock", "the", "third", "earlier")
        after = self.skip(after, "the")
        clock, part = self.clock(after), self.word(after, "part")
        if clock is None and isinstance(self.word(after, "clock"), int) and after > read.end:
            clock = calendar.time(12 if self.word(after, "clock") == 12 else 0), after + 1
        if not clock and not isinstance(part, str):
            return read
        end = clock[1] if clock else after + 1
        found = self._of_day(whole.start.date(), part, clock)
        return Read(found, end)

    def _week_of(self, at: int) -> Read | None:
        """Read "the week of 5 May", "week 47 of 2024", "KW 12"."""
        at = self.skip(at, "the")
        number = self.word(at, "week_of_year")
        end = at + 1
        if not isinstance(number, int) and self.word(at, "week_number") is not None:
            number, end = self.word(at + 1, "number"), at + 2
            if not self.word(at + 1, "digits"):
                number = None
        if isinstance(number, int):
            if year := self.year_after(end):
                return Read(periods.week(date.fromisocalendar(year[0], number, 1)), year[1])

            def nth(year: int) -> Period:
                return periods.week(date.fromisocalendar(year, number, 1))

            following = self.tokens[end] if end < len(self.tokens) else None
            is_last = following is None or following.gap != "" or not self.word(end, "of")
            return Read(periods.every_year(nth), end, is_certain=False) if is_last else None
        unit = self.word(at, "unit")
        if unit in ("week", "weekend", "month") and self.word(at + 1, "of") is not None:
            whole = self.time(self.skip(at + 2, "the"))
            day = self.fixed(whole.time) if whole else None
            if whole and day and day.is_day and day.start:
                make = periods.counted(str(unit))
                assert make
                return Read(make[0](make[1](day.start.date())), whole.end)
        return None
