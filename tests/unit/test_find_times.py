from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.times import (
    TimeSpan,
    asks_when,
    find_times,
    is_only_time,
    parse_moment,
    whole_days,
    without_times,
)
from tera.times.questions import MOST_TIMES

# A Saturday.
NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let this process be in Greenwich, or move it."""
    for name in ("LC_ALL", "LC_TIME", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    move("UTC")
    yield move
    monkeypatch.undo()
    time.tzset()


def shown(span: TimeSpan) -> str:
    """Return a span as `first..last` day, or with its hours where it is less than a day."""
    if span.start and span.end and span.end - span.start < timedelta(hours=23):
        return f"{span.start:%Y-%m-%d %H:%M}..{span.end + MILLISECOND:%H:%M}"
    start = f"{span.start:%Y-%m-%d}" if span.start else ""
    end = f"{span.end:%Y-%m-%d}" if span.end else ""
    return start if start == end else f"{start}..{end}"


def found(question: str, now: datetime = NOW) -> list[str]:
    return [shown(span) for span in find_times(question, now)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        # Relative to now.
        ("What did we do today?", "2026-11-21"),
        ("What happened yesterday?", "2026-11-20"),
        ("what was the day before yesterday", "2026-11-19"),
        ("What did we do last week?", "2026-11-09..2026-11-15"),
        ("What did we do the week before last?", "2026-11-02..2026-11-08"),
        ("Where were we the weekend before last?", "2026-11-07..2026-11-08"),
        ("Which shoes did I clean last month?", "2026-10-01..2026-10-31"),
        ("What did we say this month?", "2026-11-01..2026-11-30"),
        ("how many weddings this year", "2026-01-01..2026-12-31"),
        ("What did John do last summer?", "2026-06-01..2026-08-31"),
        ("plans of this summer", "2026-06-01..2026-08-31"),
        ("What did we discuss last Friday?", "2026-11-20"),
        ("What did we discuss last Saturday?", "2026-11-14"),
        ("What happened last March?", "2026-03-01..2026-03-31"),
        ("What did I get last Christmas?", "2025-12-24..2025-12-26"),
        ("What did we discuss 6 days ago?", "2026-11-15"),
        ("What did we discuss a month ago?", "2026-10-01..2026-10-31"),
        ("What did we discuss 8 months ago?", "2026-03-01..2026-03-31"),
        ("Where did we live four years ago?", "2022-01-01..2022-12-31"),
        ("a couple of days ago", "2026-11-18..2026-11-20"),
        ("two Fridays ago", "2026-11-13"),
        ("What did I cook over the last 3 days?", "2026-11-18..2026-11-21"),
        ("What did we discuss over the last week?", "2026-11-14..2026-11-21"),
        ("How many plants in the past two months?", "2026-09-21..2026-11-21"),
        ("Monday last week", "2026-11-09"),
        ("in June of last year", "2025-06-01..2025-06-30"),
        ("What is on next Tuesday?", "2026-11-24"),
        ("What is planned for next week?", "2026-11-23..2026-11-29"),
        ("what to do 3 days from now", "2026-11-24"),
        # Parts of days.
        ("yesterday evening", "2026-11-20 17:00..00:00"),
        ("What did we discuss earlier this morning?", "2026-11-21 00:00..12:00"),
        ("What was on TV last night?", "2026-11-20 20:00..06:00"),
        ("on the evening of 7 July, 2023", "2023-07-07 17:00..00:00"),
        ("late in the evening on 2012/05/01", "2012-05-01 17:00..00:00"),
        ("Who came at 3 pm on Tuesday?", "2026-11-17 15:00..16:00"),
        ("on 5 May 2023 at 15:30", "2023-05-05 15:30..16:30"),
        ("2 hours ago", "2026-11-21 12:30..13:30"),
        # Dates.
        ("what did I eat on 2006/12/22?", "2006-12-22"),
        ("in 2023-05", "2023-05-01..2023-05-31"),
        ("during my trip to Rome on 2002/09?", "2002-09-01..2002-09-30"),
        ("on December 1,2023", "2023-12-01"),
        ("on 8th December, 2023", "2023-12-08"),
        ("on the 22nd of December 2006", "2006-12-22"),
        ("on Dec. 22nd, 2006", "2006-12-22"),
        ("in July 2022", "2022-07-01..2022-07-31"),
        ("Tell me what we discussed February seventh.", "2026-02-07"),
        ("on Friday, 5 May 2023", "2023-05-05"),
        ("last Friday on 23 January, 2022", "2022-01-23"),
        ("on the 5th?", "2026-11-05"),
        ("before the 7/22 trip", "..2026-07-21"),
        ("in March", "2026-03-01..2026-03-31"),
        ("What did we do in December?", "2025-12-01..2025-12-31"),
        ("What did we do on Monday?", "2026-11-16"),
        ("What happened Friday?", "2026-11-20"),
        ("in 1066", "1066-01-01..1066-12-31"),
        ("revenue in Q3 2024", "2024-07-01..2024-09-30"),
        ("in the third quarter of 2024", "2024-07-01..2024-09-30"),
        ("music in the 90s", "1990-01-01..1999-12-31"),
        ("in the 19th century", "1800-01-01..1899-12-31"),
        ("in summer 2021", "2021-06-01..2021-08-31"),
        ("in the winter of 2023/24", "2023-12-01..2024-02-29"),
        ("on Valentine's Day", "2026-02-14"),
        ("over Easter 2024", "2024-03-29..2024-04-01"),
        ("on Thanksgiving 2024", "2024-11-28"),
        ("in June/July 1754", "1754-06-01..1754-07-31"),
        ("in week 47 of 2024", "2024-11-18..2024-11-24"),
        # Within, around and between others.
        ("the first week of June", "2026-06-01..2026-06-07"),
        ("in the second week of November 2023", "2023-11-08..2023-11-14"),
        ("the last day of May 2023", "2023-05-31"),
        ("on the first Monday of May 2023", "2023-05-01"),
        ("in the beginning of November 2022", "2022-11-01..2022-11-10"),
        ("mid-May", "2026-05-11..2026-05-20"),
        ("at the end of 2023", "2023-09-01..2023-12-31"),
        ("the first half of September 2022", "2022-09-01..2022-09-15"),
        ("two days after 5 May 2023", "2023-05-07"),
        ("the week before August 3, 2023", "2023-07-27..2023-08-02"),
        ("two weeks before August 11, 2023", "2023-07-25..2023-07-31"),
        ("on the Sunday before October 25, 2022", "2022-10-23"),
        ("last weekend before April 10, 2023", "2023-04-08..2023-04-09"),
        ("the week of 5 May 2023", "2023-05-01..2023-05-07"),
        ("between February twenty-first and February twenty-eighth", "2026-02-21..2026-02-28"),
        ("July sixth through July fifteenth", "2026-07-06..2026-07-15"),
        ("between December 17th and January 1st", "2025-12-17..2026-01-01"),
        ("between August 11 and August 15 2023", "2023-08-11..2023-08-15"),
        ("from 5 to 8 May 2023", "2023-05-05..2023-05-08"),
        ("on May 5–8", "2026-05-05..2026-05-08"),
        ("from July to October", "2026-07-01..2026-10-31"),
        ("between 1763 and 1775", "1763-01-01..1775-12-31"),
        ("since Monday", "2026-11-16.."),
        ("before Christmas 2023", "..2023-12-23"),
        ("after May 2023", "2023-06-01.."),
        ("by July 10, 2022", "..2022-07-10"),
        ("until yesterday", "..2026-11-20"),
        ("from 2019 on", "2019-01-01.."),
    ],
)
def test_a_phrase_is_a_span_of_time(question: str, expected: str) -> None:
    assert found(question) == [expected]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Was haben wir letzte Woche besprochen?", "2026-11-09..2026-11-15"),
        ("Was ist vor drei Tagen passiert?", "2026-11-18"),
        ("Was war gestern Abend?", "2026-11-20 17:00..00:00"),
        ("Was habe ich am 5. Mai 2023 gegessen?", "2023-05-05"),
        ("Was war am Freitagabend?", "2026-11-20 17:00..00:00"),
        ("Was war zwischen dem 3. und 7. Mai?", "2026-05-03..2026-05-07"),
        ("Was war letztes Jahr im März?", "2025-03-01..2025-03-31"),
        ("vor Weihnachten", "..2025-12-23"),
        ("De quoi avons-nous parlé la semaine dernière ?", "2026-11-09..2026-11-15"),
        ("Qu'est-ce que j'ai fait hier soir ?", "2026-11-20 17:00..00:00"),
        ("Qu'avons-nous dit il y a 3 jours ?", "2026-11-18"),
        ("J'ai mangé quoi le 1er mai 2020 ?", "2020-05-01"),
        ("ces trois derniers jours", "2026-11-18..2026-11-21"),
        ("¿Qué hicimos la semana pasada?", "2026-11-09..2026-11-15"),
        ("¿Qué pasó el 5 de mayo de 2023?", "2023-05-05"),
        ("¿De qué hablamos hace 3 meses?", "2026-08-01..2026-08-31"),
        ("¿Qué hice ayer por la tarde?", "2026-11-20 12:00..18:00"),
        ("Cosa abbiamo fatto la settimana scorsa?", "2026-11-09..2026-11-15"),
        ("Cosa è successo tre giorni fa?", "2026-11-18"),
        ("Cosa ho fatto dal 3 al 7 maggio?", "2026-05-03..2026-05-07"),
        ("O que fizemos na semana passada?", "2026-11-09..2026-11-15"),
        ("O que fiz em março de 2022?", "2022-03-01..2022-03-31"),
        ("O que aconteceu sexta-feira passada?", "2026-11-20"),
        ("Wat hebben we vorige week besproken?", "2026-11-09..2026-11-15"),
        ("Wat is er gisteravond gebeurd?", "2026-11-20 17:00..00:00"),
        ("Wat deed ik op 5 mei 2023?", "2023-05-05"),
    ],
)
def test_other_languages_have_their_phrases(question: str, expected: str) -> None:
    assert found(question) == [expected]


@pytest.mark.parametrize(
    "question",
    [
        "",
        "which port does staging use?",
        "may I ask a second question?",
        "How many people may 5 teams have?",
        "march on with the plan",
        "What did April say to May?",
        "who sat down on the sun lounger",
        "port 5433, room 1205 and version 2.5.1",
        "192.168.10.12 and 10.0.0.1:8080 and v2023.5",
        "the 10 best of them, now and then, in a second",
        "for 2000 people in 1024 dimensions",
        "support is there 24/7",
        "what does today's list say",
        "what do I do in the mornings, on Sunday mornings, on a Sunday and on Mondays?",
        "the 5th floor, 1st place, twenty-first birthday",
        "a 5-day trip, a week-long visit, his one-year-old child",
        "an object on a spring scale in the fall of the empire",
        "the Spring Fling Market and the November Uprising",
        "Wann waren wir hier?",
        "How many weeks before the meeting did I start?",
        "src/2023/05/notes.md and https://example.org/2023/05/05",
        "error 2023, code 1999",
        "on 31 June and on 2023-13-45",
    ],
)
def test_what_is_no_time_is_not_found(question: str) -> None:
    assert found(question) == []


def test_several_times_stand_in_their_order() -> None:
    assert found("the novels of January and March, and what I read yesterday") == [
        *("2026-01-01..2026-01-31", "2026-03-01..2026-03-31", "2026-11-20")
    ]


def test_a_span_knows_its_words_and_their_place() -> None:
    question = "What did Anna cook on 5 May 2023 for lunch?"
    (span,) = find_times(question, NOW)
    assert span.phrase == "on 5 May 2023"
    assert question[span.at :].startswith(span.phrase)
    assert span.grain == "day"
    assert without_times(question, [span]) == "What did Anna cook for lunch?"


def test_weeks_ago_are_the_days_around_that_day() -> None:
    assert found("two weeks ago") == ["2026-11-04..2026-11-10"]


def test_many_days_ago_may_be_counted_by_the_clock() -> None:
    # At three o'clock, what was said at five 167 days and 22 hours before was said 168 days ago.
    assert found("167 days ago") == ["2026-06-06..2026-06-07"]


def test_a_question_about_the_future_means_the_next_one() -> None:
    assert found("What will we do on Friday?") == ["2026-11-27"]
    assert found("Where are we going to be in March?") == ["2027-03-01..2027-03-31"]
    assert found("What did we say on Friday that we will do?") == ["2026-11-20"]


def test_days_are_those_of_the_persons_own_zone(zone: Callable[[str], None]) -> None:
    zone("Asia/Tokyo")
    (span,) = find_times("yesterday", datetime(2026, 11, 21, 20, tzinfo=UTC))
    # There it is the 22nd already.
    assert span.start == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert span.end == datetime(2026, 11, 21, 15, tzinfo=UTC) - MILLISECOND


def test_a_part_of_a_day_can_be_widened_to_the_day(zone: Callable[[str], None]) -> None:
    zone("Europe/Berlin")
    (span,) = find_times("late in the evening on 2012/05/01", NOW)
    assert span.start == datetime(2012, 5, 1, 15, tzinfo=UTC)
    widened = whole_days(span)
    assert widened.start == datetime(2012, 4, 30, 22, tzinfo=UTC)
    assert widened.end == datetime(2012, 5, 1, 22, tzinfo=UTC) - MILLISECOND
    (span,) = find_times("since Monday", NOW)
    assert whole_days(span) == span


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("", "2023-03-04"), ("en_US.UTF-8", "2023-03-04"), ("de_DE.UTF-8", "2023-04-03")],
)
def test_an_ambiguous_date_follows_the_locale(
    monkeypatch: pytest.MonkeyPatch, locale: str, expected: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert found("on 03/04/2023") == [expected]
    assert found("on 13/04/2023") == ["2023-04-13"]
    assert found("on 03.04.2023") == ["2023-04-03"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did we discuss 167 days ago?", True),
        ("What happened last Friday?", True),
        ("Tell me the sorts of things we talked about in May.", True),
        ("Was haben wir letzte Woche besprochen?", True),
        ("What did Anna say last Friday?", False),
        ("what did I eat on 2006/12/22?", False),
        ("What did we discuss?", False),
    ],
)
def test_a_question_may_be_only_a_time(question: str, expected: bool) -> None:
    assert is_only_time(question, find_times(question, NOW)) is expected


@pytest.mark.parametrize(
    "question",
    [
        *("When did Anna move?", "what date was the wedding", "How long ago was the trip?"),
        *("since when do I run?", "In which year was it?", "How many weeks ago did we meet?"),
        *("Wann war die Feier?", "Seit wann wohne ich hier?", "Quand ai-je déménagé ?"),
        *("¿Cuándo nos vimos?", "Quando ci siamo visti?", "Wanneer was het feest?"),
    ],
)
def test_some_questions_ask_when(question: str) -> None:
    assert asks_when(question)


@pytest.mark.parametrize(
    "question",
    ["What did I say when we met?", "Which port is it?", "How many days was I there?", ""],
)
def test_other_questions_do_not_ask_when(question: str) -> None:
    assert not asks_when(question)


def ordinal(number: int) -> str:
    suffix = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
SPANISH = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
STYLES: list[Callable[[date], str]] = [
    lambda day: f"What did I eat on {day:%Y-%m-%d}?",
    lambda day: f"what did I eat on {day:%Y/%m/%d}",
    lambda day: f"what happened on {day.year}/{day.month}/{day.day}?",
    lambda day: f"What did we do on {day:%B} {day.day}, {day.year}?",
    lambda day: f"On {day:%B} {ordinal(day.day)} {day.year}, who was there?",
    lambda day: f"{day.day} {day:%B} {day.year}",
    lambda day: f"who came on the {ordinal(day.day)} of {day:%B} {day.year}",
    lambda day: f"on {day:%b} {day.day} {day.year}, I think",
    lambda day: f"on {day:%A}, {day.day} {day:%B} {day.year}",
    lambda day: f"on {day:%A} the {ordinal(day.day)} of {day:%B}, {day.year}",
    lambda day: f"on {day.day}.{day.month}.{day.year}",
    lambda day: f"on {day:%m/%d/%Y}",
    lambda day: f"the call ({day:%d-%b-%Y})",
    lambda day: f"Was habe ich am {day.day}. {GERMAN.split()[day.month - 1]} {day.year} gemacht?",
    lambda day: f"¿Qué hice el {day.day} de {SPANISH.split()[day.month - 1]} de {day.year}?",
]


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.sampled_from(STYLES))
@settings(deadline=None)
def test_a_date_is_its_day_in_whatever_style(day: date, style: Callable[[date], str]) -> None:
    assert found(style(day)) == [f"{day}"]


@given(st.dates(date(1990, 1, 1), date(2026, 11, 21)))
@settings(deadline=None)
def test_a_date_without_its_year_is_the_latest_until_now(day: date) -> None:
    (span,) = find_times(f"What did we do on {day:%B} {day.day}?", NOW)
    assert span.start
    assert (span.start.month, span.start.day) == (day.month, day.day)
    assert NOW - timedelta(days=365 * 8 + 2) <= span.start <= NOW


_WORDS = (
    "last next this the first week weeks of in on at since before after until between and to from"
    " May june friday sun second early mid late end half past few a 3 12 21 30 2023 2023-05 5/7 90s"
    " 7pm ago day days month year century quarter Q3 summer fall christmas morning evening today"
    " vor letzte Woche hier il y a derniers 1er de enero fa scorso há gisteren , . - ' ( 9999 0001"
    " hundred twenty third weekend Montag bis years decade now 99999 0 00/00 31 february 29"
)
WORDS = st.sampled_from(_WORDS.split())
TEXTS = st.text(max_size=40) | st.lists(WORDS, max_size=9).map(" ".join)
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))


@given(TEXTS, MOMENTS)
@settings(deadline=None, max_examples=400)
def test_whatever_is_asked_has_ordered_spans_inside_it(text: str, now: datetime) -> None:
    spans = find_times(text, now)
    last = 0
    for span in spans:
        assert span.phrase
        assert span.at >= last
        last = span.at + len(span.phrase)
        assert text[span.at : last] == span.phrase
        assert span.start or span.end
        for edge in (span.start, span.end):
            assert edge is None or edge.tzinfo is UTC
        assert not (span.start and span.end) or span.start <= span.end
        widened = whole_days(span)
        assert not (span.start and widened.start) or widened.start <= span.start
        assert not (span.end and widened.end) or widened.end >= span.end
    assert isinstance(is_only_time(text, spans), bool)
    assert isinstance(asks_when(text), bool)
    assert len(without_times(text, spans)) <= len(text) + len(spans)


@pytest.mark.parametrize(
    "phrase",
    [
        *("last week", "in March", "yesterday evening", "2023-05", "last Friday", "Q3 2024"),
        *("between February 21 and February 28", "the weekend before last", "this summer"),
        *("two days after 5 May 2023", "in the 90s", "the first week of June", "letzte Woche"),
        *("la semaine dernière", "hace 3 meses", "ieri sera", "em março de 2022", "vorige maand"),
        *("hier", "May", "2019", "Friday", "christmas 2023", "past two weeks", "KW 12 2024"),
    ],
)
def test_options_understand_what_questions_do(phrase: str) -> None:
    start, end = parse_moment(phrase, "start", NOW), parse_moment(phrase, "end", NOW)
    assert start <= end
    for span in find_times(phrase, NOW):
        assert (span.start, span.end) == (start, end)


def test_options_take_weeks_and_days_ago_as_one_day() -> None:
    for phrase in ("2 weeks ago", "14 days ago", "vor zwei Wochen"):
        assert parse_moment(phrase, "start", NOW) == datetime(2026, 11, 7, tzinfo=UTC)
        assert parse_moment(phrase, "end", NOW) == datetime(2026, 11, 8, tzinfo=UTC) - MILLISECOND


def test_an_open_span_has_only_one_edge() -> None:
    assert parse_moment("since Monday", "start", NOW) == datetime(2026, 11, 16, tzinfo=UTC)
    with pytest.raises(ValueError, match="has no end"):
        parse_moment("since Monday", "end", NOW)
    with pytest.raises(ValueError, match="has no start"):
        parse_moment("before 2024", "start", NOW)


def test_a_long_text_is_read_in_one_pass() -> None:
    many = "early in the first week of the last month of May and Monday, " * 300
    assert find_times(many, NOW)


def test_of_a_pasted_table_only_the_first_times_count() -> None:
    dates = [f"{day} May {year}" for year in range(1950, 2010) for day in range(1, 29)]
    found = find_times(f"what did I do on {', '.join(dates)}", NOW)
    assert len(found) == MOST_TIMES
    assert found[-1].phrase.endswith(dates[MOST_TIMES - 1])
    assert not is_only_time(", ".join(dates), found)


def test_finding_times_loads_no_library_for_dates() -> None:
    code = (
        "import sys; from datetime import UTC, datetime; from tera.times import find_times;"
        "assert find_times('what did we do last week?', datetime.now(UTC));"
        "print('dateparser' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
