"""Reads times by their place in the calendar: "5 May 2023", "March", "Friday", "summer 2021"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta

from tera.times import periods
from tera.times.cursor import JOINTS, Read
from tera.times.periods import Period, Recurring
from tera.times.relative import RelativeTimes

_AMBIGUOUS_MONTHS = frozenset(("may", "march", "mar", "jan", "dec", "sep", "apr", "jun"))
"""Words and names of people too."""
_COUNTABLE = """
    words bytes dimensions steps people persons dollars euros pounds km m kg g miles meters metres
    bits characters chars lines rows items files calories kcal points px pixels times mb gb eur usd
    users participants
"""
_COUNTED = frozenset(_COUNTABLE.split())
"""After them a number of four figures is no year."""


class CalendarDates(RelativeTimes):
    """Reads times by their place in the calendar."""

    def _written_date(self, at: int) -> Read | None:
        """Read 2023-05-21, 21.5.2023, 2023-05, 2023-W21, the 7/22 after a word like "on"."""
        if isinstance(day := self.word(at, "date"), date):
            clock = self.word(at, "date_clock")
            found = periods.hour(clock, day) if isinstance(clock, time) else periods.day(day)
            return Read(found, at + 1)
        if isinstance(monday := self.word(at, "date_week"), date):
            return Read(periods.week(monday), at + 1)
        if isinstance(pair := self.word(at, "year_month"), tuple):
            # 7/2024 has no words that would make it a month.
            return Read(periods.months(pair[0], pair[1], 1, "month"), at + 1)
        return None

    def _month_and_day(self, at: int) -> Read | None:
        """Read "May 21st, 2023", "May the fourth", "July 3-12"."""
        pair = self.word(at, "month_and_day")
        if isinstance(pair, tuple):
            return self._dated(
                pair[0], pair[1], at + 1, any(map(str.isalpha, self.tokens[at].text))
            )
        month = self.word(at, "month")
        if not isinstance(month, int):
            return None
        after = self.skip(at + 1, "the")
        if isinstance(span := self.word(after, "days"), tuple):
            return self._dated_span(month, span, after + 1)
        number = self.day_number(after)
        if not number or self.word(after, "year"):
            return None
        # "may 5 people join", "I may second that": the word that is not the month.
        is_certain = self._is_surely_month(at) or (
            self.word(after, "ordinal") is not None and self.word(after, "digits") is not None
        )
        if self.word(number[1], "unit") is not None:
            return None
        return self._dated(month, number[0], number[1], is_certain)

    def _is_surely_month(self, at: int) -> bool:
        token = self.tokens[at]
        word = token.text.lower()
        return word not in _AMBIGUOUS_MONTHS or (token.is_capitalised and at > 0)

    def _day_and_month(self, at: int) -> Read | None:
        """Read "the 21st of May 2023", "5. Mai", "5 to 8 May"."""
        at = self.skip(at, "the")
        if isinstance(span := self.word(at, "days"), tuple):
            after = self.skip(at + 1, "month_glue")
            month = self.word(after, "month")
            return self._dated_span(month, span, after + 1) if isinstance(month, int) else None
        number = self.day_number(at)
        if not number:
            return None
        after = self.skip(number[1], "month_glue", "the", gaps=JOINTS)
        month = self.word(after, "month")
        if not isinstance(month, int):
            return self._day_of_some_month(at, number, after)
        is_certain = (
            after > number[1] or self.word(at, "digits") is not None or self._is_surely_month(after)
        )
        if self.word(at, "ordinal") is None and not self._is_surely_month(after):
            is_certain = False
        return self._dated(month, number[0], after + 1, is_certain)

    def _day_of_some_month(self, at: int, number: tuple[int, int], after: int) -> Read | None:
        """Read "the 5th" at the end of a question, "the 5th of last month"."""
        month = self.time_of_unit(after, "month") if after > number[1] else None
        if month:
            assert isinstance(month.time, Period)
            assert month.time.start
            day = month.time.start.replace(day=1).date() + timedelta(days=number[0] - 1)
            return Read(periods.day(day), month.end)
        following = self.tokens[number[1]] if number[1] < len(self.tokens) else None
        is_last = following is None or following.gap[:1] in (",", "?", ".", "!", ";")
        has_the = at > 0 and self.word(at - 1, "the") is not None
        if (
            self.word(at, "ordinal") is None
            or not self.word(at, "digits")
            or not is_last
            or not has_the
        ):
            return None
        day_of_month = number[0]

        def nth(of: int) -> Period:
            return periods.day(date(of // 12, of % 12 + 1, day_of_month))

        return Read(periods.every_month(nth), number[1], is_certain=False)

    def year_after(self, at: int) -> tuple[int, int] | None:
        """Return the year that a date goes on with, and where that ends."""
        for gaps, skipped in ((JOINTS, at), ((",", *JOINTS), at), (JOINTS, self.skip(at, "of"))):
            year = self.word(skipped, "year", gaps)
            if isinstance(year, int):
                return year, skipped + 1
        short = self.word(at, "short_year", ("", ","))
        if isinstance(short, int):
            return short, at + 1
        after = self.skip(at, "of", "the")
        found = self.time_of_unit(after, "year")
        if found and isinstance(found.time, Period) and found.time.start:
            return found.time.start.year, found.end
        return None

    def _dated(self, month: int, day: int, end: int, is_certain: bool) -> Read | None:
        date(2000, month, day)
        if year := self.year_after(end):
            return Read(periods.day(date(year[0], month, day)), year[1])
        recurring = periods.every_year(lambda year: periods.day(date(year, month, day)))
        return Read(recurring, end, is_certain)

    def _dated_span(self, month: int, span: tuple[int, int], end: int) -> Read | None:
        date(2000, month, span[1])

        def make(year: int) -> Period:
            return periods.days(date(year, month, span[0]), span[1] - span[0] + 1)

        if year := self.year_after(end):
            return Read(make(year[0]), year[1])
        return Read(periods.every_year(make), end)

    def _month(self, at: int) -> Read | None:
        """Read "May 2023", "March"; the latter only after a word like "in"."""
        month = self.word(at, "month")
        if not isinstance(month, int):
            return None
        if year := self.year_after(at + 1):
            return Read(periods.months(year[0], month, 1, "month"), year[1])
        if both := self._two_months(at, month):
            return both
        found = self.recurring(at)
        return Read(found[0], at + 1, is_certain=False) if found else None

    def _year(self, at: int) -> Read | None:
        """Read "the year 2023", "2019-2021", "2023"; without "year" only after a word like "in"."""
        is_certain = self.word(self.skip(at, "the"), "year_word") is not None
        at = self.skip(at, "the", "year_word")
        years, year = self.word(at, "years"), self.word(at, "year")
        if isinstance(years, tuple):
            period = replace(periods.year(years[0]), end=periods.year(years[1]).end)
            return Read(period, at + 1, is_certain)
        if isinstance(year, int) and not self._counts_things(at + 1):
            return Read(periods.year(year), at + 1, is_certain)
        short = self.word(at, "short_year")
        return Read(periods.year(short), at + 1, False) if isinstance(short, int) else None

    def _two_months(self, at: int, first: int) -> Read | None:
        """Read "June/July 1754", "March and April 2023"."""
        second_at = at + 1 if self.word(at + 1, "month", ("/", "-")) else self.skip(at + 1, "and")
        second = self.word(second_at, "month")
        year = self.year_after(second_at + 1) if isinstance(second, int) else None
        if not isinstance(second, int) or not year or second <= first:
            return None
        return Read(periods.months(year[0], first, second - first + 1, "range"), year[1])

    def _counts_things(self, at: int) -> bool:
        """Return whether the number before is followed by what is counted, as in "2000 words"."""
        if self.word(at, "unit") is not None:
            return True
        following = self.tokens[at] if at < len(self.tokens) else None
        return bool(following and following.gap == "" and following.text.lower() in _COUNTED)

    def _weekday(self, at: int) -> Read | None:
        """Read "Friday", "Friday, 5 May", "Tuesday last week", "Sunday the 5th"."""
        # "last Friday on 23 January": that is the one.
        first = at
        at = self.skip(at, "last", "this", "next")
        both = self.word(at, "weekday_part")
        if isinstance(both, tuple):
            return self._weekday_part(both[0], both[1], at + 1)
        is_short = self.word(at, "weekday") is None
        number = self.word(at, "weekday_short" if is_short else "weekday")
        if not isinstance(number, int):
            return None
        if named := self._date_beside(at + 1):
            return named
        if at > first or (is_short and not self.tokens[at].text.istitle()):
            return None
        week = self.time_of_unit(self.skip(at + 1, "of"), "week")
        if week:
            assert isinstance(week.time, Period)
            assert week.time.start
            return Read(periods.day((week.time.start + periods.DAY * number).date()), week.end)
        return Read(periods.every_week(number), at + 1, is_certain=False)

    def _date_beside(self, at: int) -> Read | None:
        """Read the "5 May" of "Friday, 5 May" and "Friday the 5th of May"."""
        gaps = (",", ".", ".,", *JOINTS)
        for start in (at, self.skip(at, "at", gaps=gaps)):
            if self.word(start, "the", gaps) is not None:
                named = self._named_day(start + 1)
            else:
                named = self._named_day(start, gaps)
            if named:
                return replace(named, is_certain=True)
        return None

    def _weekday_part(self, weekday: int, part: str, end: int) -> Read:
        days = periods.every_week(weekday)

        def nth(number: int) -> Period:
            day = days.nth(number).start
            assert day
            return periods.part_of_day(part, day.date())

        return Read(Recurring(nth, days.number_at), end, is_certain=False)

    def _named_day(self, at: int, gaps: Sequence[str] = JOINTS) -> Read | None:
        """Read a date by its month."""
        if not (at < len(self.tokens) and self.tokens[at].gap in gaps):
            return None
        free, self.free = self.free, at
        found = self._first_date(at)
        self.free = free
        return found

    def _first_date(self, at: int) -> Read | None:
        for rule in (self._written_date, self._month_and_day, self._day_and_month):
            try:
                found = rule(at)
            except ValueError:
                continue
            if found and (isinstance(found.time, Recurring) or found.time.is_day):
                return found
        return None

    def _season_or_holiday(self, at: int) -> Read | None:
        """Read "summer 2021", "the winter of 2023/24", "Christmas", "the weekend"."""
        at = self.skip(at, "the")
        found = self.recurring(at)
        if found and self.word(at, "unit") == "weekend":
            return Read(found[0], at + 1, is_certain=False)
        is_season = self.word(at, "season") is not None
        if not found or not (is_season or self.word(at, "holiday") is not None):
            return None
        after = self.skip(at + 1, "of")
        years = self.word(after, "years")
        if isinstance(years, tuple):
            return Read(found[0].nth(years[0]), after + 1)
        if year := self.year_after(at + 1):
            return Read(found[0].nth(year[0]), year[1])
        return Read(found[0], at + 1, is_certain=False)

    def _quarter(self, at: int) -> Read | None:
        """Read "Q3 2024", "2024 Q3", "H1 2024"."""
        if isinstance(pair := self.word(at, "quarter_year"), tuple):
            return Read(periods.quarter(pair[0] * 4 + pair[1] - 1), at + 1)
        year = self.word(at, "year")
        if isinstance(year, int) and isinstance(number := self.word(at + 1, "quarter"), int):
            return Read(periods.quarter(year * 4 + number - 1), at + 2)
        number = self.word(at, "quarter")
        if isinstance(number, int):
            found = self.year_after(at + 1)
            if found:
                return Read(periods.quarter(found[0] * 4 + number - 1), found[1])

            def nth(year: int) -> Period:
                return periods.quarter(year * 4 + number - 1)

            return Read(periods.every_year(nth), at + 1, is_certain=False)
        half = self.word(at, "half_year")
        found = self.year_after(at + 1) if isinstance(half, int) else None
        if isinstance(half, int) and found:
            return Read(periods.months(found[0], 1 if half == 1 else 7, 6, "range"), found[1])
        return None

    def _decade(self, at: int) -> Read | None:
        """Read "the 90s", "the early 1990s"; "the 1600s" are a century."""
        at = self.skip(at, "the")
        number = self.word(at, "decade")
        if not isinstance(number, int):
            return None
        if number < 100:
            # The latest such decade that has begun.
            number += self.now.year // 100 * 100
            number -= 100 * (number > self.now.year)
        found = (
            periods.century(number // 100)
            if number % 100 == 0 and number < 2000
            else periods.decade(number // 10)
        )
        return Read(found, at + 1, is_certain=self.word(at - 1, "the") is not None)
