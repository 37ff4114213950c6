"""Spots the times in a text: "in May", "since Monday", "from July 3rd to July 12th"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tera.times import periods
from tera.times.cursor import JOINTS, Read
from tera.times.grammar import Grammar
from tera.times.periods import DAY, Period, Recurring
from tera.times.tokens import Token


@dataclass(frozen=True, slots=True)
class Spotted:
    """A time in a text and the characters that name it."""

    period: Period
    start: int
    end: int


def spot(tokens: Sequence[Token], now: datetime, is_future: bool = False) -> Iterator[Spotted]:
    """Yield the times that a text speaks of, in their order.

    Args:
        tokens: The text's words.
        now: Local, without a zone.
        is_future: Whether a Friday without more words is the next.
    """
    clauses = _Clauses(Grammar(tokens, now, is_future=is_future))
    at, last_end = 0, -1
    while at < len(tokens):
        is_listed = last_end >= 0 and (
            (at == last_end and tokens[at].gap == ",")
            or (at == last_end + 1 and "and" in tokens[last_end].kinds)
        )
        found = clauses.read(at, is_listed)
        if found:
            period, first, end = found
            yield Spotted(period, tokens[first].start, tokens[end - 1].end)
            at = last_end = end
        else:
            at += 1


def read_whole(tokens: Sequence[Token], now: datetime) -> Period | None:
    """Return the time that a text is, from its first word to its last; None when it is none."""
    found = _Clauses(Grammar(tokens, now, is_exact=True)).read(0, is_listed=True)
    return found[0] if found and found[1] == 0 and found[2] == len(tokens) else None


class _Clauses:
    """Reads times with the words before them."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.tokens = grammar.tokens

    def read(self, at: int, is_listed: bool) -> tuple[Period, int, int] | None:
        """Return the longest time that begins at a word; its first word and where it ends."""
        best: tuple[Period, int, int] | None = None
        for rule in (self._range, self._offset, self._open, self._neutral):
            try:
                found = rule(at, is_listed)
            except (ValueError, OverflowError):
                # Beyond the calendar.
                continue
            if found and (best is None or found[1] > best[2]):
                best = (found[0], at, found[1])
        return best

    def _neutral(self, at: int, is_listed: bool) -> tuple[Period, int] | None:
        """Read "on July 3rd", "in March", "yesterday"."""
        grammar = self.grammar
        is_led = self._starts(at, "at")
        read = self._time(at + 1) if is_led else None
        if read is None:
            is_led, read = False, self._time(at)
        if read is None:
            return None
        first = at + 1 if is_led else at
        is_named = read.is_certain or (is_led and self._is_enough(at, read)) or is_listed
        if not (is_named or self._stands_alone(at, read)) or self._is_habit(first, read):
            return None
        period = grammar.fixed(read.time)
        if is_led and self.tokens[at].text.lower() in ("from", "van", "vom"):
            after = grammar.word(read.end, "onward")
            if after is not None:
                return replace(period, end=None, grain="open"), read.end + 1
        return period, read.end

    def _time(self, at: int) -> Read | None:
        if at >= len(self.tokens):
            return None
        found = self.grammar.time(at)
        if found is None and "the" in self.tokens[at].kinds and at + 1 < len(self.tokens):
            found = self.grammar.time(at + 1)
        return found

    def _starts(self, at: int, kind: str) -> bool:
        """Return whether a word of that kind stands there and the next one belongs to it."""
        return (
            kind in self.tokens[at].kinds
            and at + 1 < len(self.tokens)
            and self.tokens[at + 1].gap in ("", "'", "’", "'’", "‘")
        )

    def _is_enough(self, at: int, read: Read) -> bool:
        """Return whether "in" and the like make a time of a word that may be none."""
        token = self.tokens[at]
        first = self._first_of(at + 1)
        following = self.tokens[read.end] if read.end < len(self.tokens) else None
        is_followed = following is not None and following.gap == ""
        if "quantity" in token.kinds and "year" in first.kinds:
            # "for 2000 people"; but "the act of 1998".
            return not is_followed or token.text.lower() == "of"
        has_the = first is not self.tokens[at + 1]
        is_in_name = is_followed and following is not None and following.is_capitalised
        if isinstance(read.time, Recurring) and has_the and is_in_name:
            # "the November Uprising", "the Spring Fling".
            return False
        if "season" in first.kinds or first.kinds.get("unit") == "weekend":
            is_plan = token.text.lower() == "for"
            return not (is_plan or (is_followed and following and "of" in following.kinds))
        return True

    def _first_of(self, at: int) -> Token:
        return self.tokens[min(at + ("the" in self.tokens[at].kinds), len(self.tokens) - 1)]

    def _stands_alone(self, at: int, read: Read) -> bool:
        """Return whether a weekday without a word before it is one: "What happened Friday?"."""
        token = self.tokens[at]
        if not token.kinds.keys() & {"weekday", "weekday_part"} or read.end != at + 1:
            return False
        before = self.tokens[at - 1] if at else None
        if (
            before
            and token.gap == ""
            and ("the" in before.kinds or (before.is_capitalised and at > 1))
        ):
            return False
        following = self.tokens[read.end] if read.end < len(self.tokens) else None
        return following is None or following.gap != ""

    def _is_habit(self, first: int, read: Read) -> bool:
        """Return whether it is every such day: "on Sunday mornings", "every Friday"."""
        if self.grammar.word(read.end, "parts") is not None:
            return True
        before = self.tokens[first - 1] if first else None
        return bool(
            before
            and isinstance(read.time, Recurring)
            and "every" in before.kinds
            and "at" not in before.kinds
            and self.tokens[first].gap == ""
        )

    def _open(self, at: int, _is_listed: bool) -> tuple[Period, int] | None:
        """Read "since Monday", "before Christmas 2023", "by the end of May"."""
        for kind in ("since", "after", "before", "until"):
            if not self._starts(at, kind):
                continue
            read = self._time(at + 1) or (self._duration(at + 1) if kind == "since" else None)
            if read is None or not self._is_enough(at, read) or self._is_habit(at + 1, read):
                continue
            period = self.grammar.fixed(read.time)
            edges = {
                "since": (period.start, None),
                "after": (period.end, None),
                "before": (None, period.start),
                "until": (None, period.end),
            }
            return Period(*edges[kind], "open"), read.end
        return None

    def _duration(self, at: int) -> Read | None:
        """Read the "three weeks" of "seit drei Wochen"."""
        counted = self.grammar.count(self.grammar.skip(at, "ago_before"))
        if not counted or counted[0] < 1:
            return None
        unit = self.grammar.word(counted[2], "unit")
        if not isinstance(unit, str):
            return None
        count = int(counted[1])
        return Read(periods.rolling(unit, count, self.grammar.now, -1), counted[2] + 1)

    def _range(self, at: int, _is_listed: bool) -> tuple[Period, int] | None:
        """Read "from May 8th to May 30th", "between 5 and 8 May", "2019 to 2021"."""
        opener = next((k for k in ("between", "from", "at") if self._starts(at, k)), None)
        starts = [at + 1, at] if opener else [at]
        for start in starts:
            is_led = start > at
            if found := self._from_day(start, opener if is_led else None):
                return found
            first = self._time(start)
            if first and (first.is_certain or is_led):
                joint = self._joint(first.end, opener if is_led else None)
                second = self._time(joint) if joint else None
                if joint and second:
                    return self._between(first.time, second.time), second.end
                if joint and (found := self._until_day(first, joint)):
                    return found
        return None

    def _joint(self, at: int, opener: str | None) -> int | None:
        """Return where the end of a range begins."""
        if at >= len(self.tokens):
            return None
        token = self.tokens[at]
        if token.gap in ("-", "–", "—") and opener != "between":
            return at
        kind = "and" if opener == "between" else "to"
        if kind in token.kinds and token.gap in ("", ",", ".") and at + 1 < len(self.tokens):
            return at + 1
        return None

    def _until_day(self, first: Read, at: int) -> tuple[Period, int] | None:
        """Read the 8 of "from May 5 to 8"."""
        begun = self.grammar.fixed(first.time)
        number = self.grammar.day_number(at)
        if not number or begun.grain != "day" or not begun.start:
            return None
        if self.grammar.word(number[1], "unit") is not None or number[0] <= begun.start.day:
            return None
        last = begun.start.replace(day=number[0])
        return Period(begun.start, last + DAY, "range"), number[1]

    def _from_day(self, at: int, opener: str | None) -> tuple[Period, int] | None:
        """Read the 5 of "between 5 and 8 May"."""
        at = self.grammar.skip(at, "the", gaps=("", *JOINTS))
        number = self.grammar.day_number(at)
        joint = self._joint(number[1], opener) if number else None
        second = self._time(joint) if joint else None
        if not (number and second):
            return None
        last = self.grammar.fixed(second.time)
        if last.grain != "day" or not last.start or number[0] >= last.start.day:
            return None
        return Period(last.start.replace(day=number[0]), last.end, "range"), second.end

    def _between(self, first: Period | Recurring, second: Period | Recurring) -> Period:
        if isinstance(first, Recurring) and isinstance(second, Period):
            if second.start is None:
                raise ValueError("no beginning")
            begun, ended = first.latest(second.start), second
        else:
            begun = self.grammar.fixed(first)
            if begun.start is None:
                raise ValueError("no beginning")
            ended = second if isinstance(second, Period) else second.following(begun.start)
        if not (begun.start and ended.end and begun.end and ended.start):
            raise ValueError("no range")
        return Period(min(begun.start, ended.start), max(ended.end, begun.end), "range")

    def _offset(self, at: int, _is_listed: bool) -> tuple[Period, int] | None:
        """Read "two days after 5 May", "the week before Christmas", "the Sunday before that"."""
        grammar = self.grammar
        start = at
        if self._starts(at, "at") and not grammar.count(at):
            start += 1
        start = grammar.skip(start, "the", gaps=(self.tokens[start].gap, *JOINTS))
        start = grammar.skip(
            start, "last", gaps=(self.tokens[min(start, len(self.tokens) - 1)].gap,)
        )
        counted = grammar.count(start)
        low, high, end = counted or (1, 1, start)
        unit, weekday = grammar.word(end, "unit"), grammar.word(end, "weekday")
        if unit is None and weekday is None:
            return None
        is_after = grammar.word(end + 1, "after") is not None
        if not is_after and grammar.word(end + 1, "before") is None:
            return None
        read = self._time(end + 2)
        if read is None or (unit is not None and at == start and not counted):
            return None
        reference = grammar.fixed(read.time)
        sign = 1 if is_after else -1
        edge = reference.end if is_after else reference.start
        if edge is None:
            return None
        if isinstance(weekday, int):
            kind = periods.every_week(weekday)
            return (kind.following(edge) if is_after else kind.ended(edge)), read.end
        assert isinstance(unit, str)
        day = (edge - DAY if is_after else edge).date()
        return self._moved(unit, (int(low), int(high)), sign, day, bool(counted)), read.end

    def _moved(
        self, unit: str, count: tuple[int, int], sign: int, day: date, is_counted: bool
    ) -> Period:
        near, far = sorted((sign * count[0], sign * count[1]))
        if unit == "weekend":
            kind = periods.every_week(5, 2, "weekend")
            moment = periods.midnight(day)
            return kind.following(moment + DAY) if sign > 0 else kind.ended(moment)
        if unit == "week" and not is_counted:
            first = day + DAY if sign > 0 else day - timedelta(days=7)
            return periods.days(first, 7, "week")
        first, last = periods.shifted(unit, near, day), periods.shifted(unit, far, day)
        if unit == "day":
            return Period(
                periods.midnight(first),
                periods.midnight(last) + DAY,
                "day" if near == far else "range",
            )
        if unit in ("week", "fortnight"):
            around = timedelta(days=periods.ABOUT_WEEKS_DAYS)
            return Period(
                periods.midnight(first - around), periods.midnight(last + around) + DAY, "week"
            )
        numbering = periods.counted("month")
        assert numbering
        make, number_at = numbering
        return replace(make(number_at(first)), end=make(number_at(last)).end)
