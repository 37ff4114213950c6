from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tera.answers.disagreements import find_disagreements, newer_first
from tera.answers.quotes import Quotes, quote_answer
from tera.datatypes import SearchResult
from tera.places import message_line
from tests.answering import Hearer, ranked, result

FIRST = datetime(2026, 1, 5, 10, tzinfo=UTC)


def told(*texts: str) -> list[SearchResult]:
    """Return memories, each a day later than the one before."""
    return [
        result(text, f"m{day}", at=FIRST + timedelta(days=day)) for day, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (
            "The staging database listens on port 5433.",
            "The staging database now listens on port 5440.",
        ),
        ("The rent is 980 euros a month.", "The rent is 1,020 euros a month."),
        (
            "The wifi password of the office is hunter2.",
            "The wifi password of the office is fish9.",
        ),
        ("Anna's birthday is on 5 May.", "Anna's birthday is on 6 May."),
        ("The flight to Rome leaves at 10:30.", "The flight to Rome leaves at 11:15."),
        ("The maintainer of tera is Anna.", "The maintainer of tera is Bob."),
        ("The config lies in /etc/tera.toml.", "The config lies in /home/a/tera.toml."),
        ("Der Server lauscht auf Port 80.", "Der Server lauscht jetzt auf Port 81."),
    ],
)
def test_two_memories_that_say_different_values_of_the_same_disagree(
    older: str, newer: str
) -> None:
    for results in (told(older, newer), told(older, newer)[::-1]):
        (found,) = find_disagreements(ranked(*results))
        assert (found.newer.text, found.older.text) == (newer, older)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The rent is 1020 euros a month.", "The rent is 1,020 euros a month."),
        ("Anna's birthday is on 5 May.", "Anna's birthday is on May 5th."),
        ("Room 5 has 20 seats.", "Room 6 has 20 seats."),
        ("Anna likes green tea a lot.", "Bob likes green tea a lot."),
        ("I ran 5 km on 3 May.", "I ran 6 km on 10 May."),
        ("The staging database listens on port 5433.", "The live database listens on port 80."),
        ("Does the staging database listen on 5433?", "Does the staging database listen on 5440?"),
        ("The database listens on port 5433.", "The database does not listen on port 5440."),
        ("We met at the lake.", "We met at the sea."),
        ("5", "6"),
    ],
)
def test_what_is_of_other_things_or_the_same_does_not_disagree(one: str, other: str) -> None:
    assert not find_disagreements(ranked(*told(one, other)))


def test_the_sentences_of_one_text_do_not_disagree() -> None:
    text = "The staging database listens on port 5433. The staging database listens on port 5440."
    assert not find_disagreements(ranked(*told(text)))


def chat(*messages: tuple[str, str]) -> SearchResult:
    lines = [
        message_line(name, datetime(2026, 5, day, 10), text)
        for day, (name, text) in enumerate(messages, start=1)
    ]
    return result("\n".join(lines), type="whatsapp")


def test_the_messages_of_one_person_disagree_and_those_of_two_do_not() -> None:
    texts = "My new flat has number 12 in Elm Street.", "My new flat has number 14 in Elm Street."
    assert find_disagreements(ranked(chat(("Anna", texts[0]), ("Anna", texts[1]))))
    assert not find_disagreements(ranked(chat(("Anna", texts[0]), ("Bob", texts[1]))))


def test_only_what_fits_the_question_counts() -> None:
    results = told("The rent is 980 euros a month.", "The rent is 990 euros a month.", "Milk.")
    found = ranked(*results)
    low = Quotes(((found.ranked[2][0], 1.0), *((one, 0.2) for one, _ in found.ranked[:2])))
    assert not find_disagreements(low)


def test_an_extractive_answer_quotes_both_the_newer_first() -> None:
    results = told(
        "The rent is 980 euros a month.", "Milk is out.", "The rent is 990 euros a month."
    )
    quotes = ranked(*results)
    both = newer_first(quotes, find_disagreements(quotes))
    answer = quote_answer("How much is the rent?", both, Hearer())
    assert answer.text.splitlines()[:2] == [
        "“The rent is 990 euros a month.” [1]",
        "“The rent is 980 euros a month.” [2]",
    ]
    assert len(both.ranked) == len(quotes.ranked)


def test_the_shortest_words_of_what_is_no_longer_the_best_go() -> None:
    results = told("The rent is 980 euros a month.", "The rent is 990 euros a month.")
    quotes = ranked(*results, short="980 euros")
    assert newer_first(quotes, find_disagreements(quotes)).short == ""
    assert newer_first(quotes, ()).short == "980 euros"


def test_of_three_the_newest_is_first() -> None:
    results = told(*(f"The rent is {rent} euros a month." for rent in (960, 980, 990)))
    quotes = ranked(*results)
    found = find_disagreements(quotes)
    assert len(found) == 3
    times = [one.result.memory.at for one, _ in newer_first(quotes, found).ranked]
    assert times[0] == max(times)
    assert len(times) == 3
    assert all(first != second for first, second in pairwise(times))


def test_without_sentences_nothing_disagrees() -> None:
    assert find_disagreements(Quotes((), is_answer=False)) == ()
