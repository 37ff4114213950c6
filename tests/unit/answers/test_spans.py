from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.answers.spans import best_short, shorts
from tera.answers.wanted import wanted
from tera.datatypes import Memory, Quote, SearchResult

NOW = datetime(2023, 7, 15, 12, tzinfo=UTC)


def quote(text: str, kind: str = "", title: str | None = None) -> Quote:
    memory = Memory("m1", text, NOW, NOW, type=kind, title=title)
    return Quote(SearchResult(memory, 0, len(text), 0.9), 0, len(text))


def short(question: str, *texts: str, kind: str = "", title: str | None = None) -> str:
    ranked = [(quote(text, kind, title), 3.0 - place) for place, text in enumerate(texts)]
    found = best_short(wanted(question), ranked)
    return found.text if found else ""


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("Who founded the company?", "The company was founded by Ruth Adler.", "Ruth Adler"),
        ("When was it signed?", "The treaty was signed on 11 July 1934.", "11 July 1934"),
        ("How many rooms has the house?", "The house has 12 rooms and 3 doors.", "12"),
        ("How long is the trip?", "The trip takes four hours by train.", "four hours"),
        ("How much is the rent?", "Our rent is 980 euros, heating not included.", "980 euros"),
        ("Where does the ferry land?", "The ferry lands in Calais.", "Calais"),
        ("Which port does staging use?", "The staging database listens on port 5433.", "5433"),
        (
            "Which port does the staging database use?",
            "The staging database is PostgreSQL 16 and listens on port 5433, as 5432 was taken.",
            "5433",
        ),
        ("Which gate does it leave from?", "The flight LH 1234 leaves from gate B14 at 9.", "B14"),
        ("What is Tom's phone number?", "Tom has +49 30 1234567 as his number.", "+49 30 1234567"),
        ("Which version do we run?", "The server runs version 3.12.4 since May.", "3.12.4"),
        (
            "What is the path of the log?",
            "The log is at /var/log/tera.log now.",
            "/var/log/tera.log",
        ),
        ("What timeout has the client?", "return Client(host, timeout=30)", "30"),
        ("Which status has it?", "name: staging; status: broken; port: 5433", "broken"),
        ("What is the book called?", 'The book is called "The Left Hand".', "The Left Hand"),
    ],
)
def test_the_shortest_words_that_answer_are_found(question: str, text: str, answer: str) -> None:
    assert short(question, text, title="Notes") == answer


def test_a_day_told_by_its_distance_is_a_date() -> None:
    assert short("When did I see the dentist?", "I saw the dentist yesterday.") == "14 July 2023"


def test_of_a_document_a_day_is_shown_as_it_is_written() -> None:
    text = "The report was due yesterday."
    assert short("When was the report due?", text, kind="pdf") == "yesterday"


def test_a_message_without_a_time_tells_of_its_day() -> None:
    text = "Anna (8 May 2023 13:56): I bought a bicycle"
    assert short("When did Anna buy a bicycle?", text, kind="whatsapp") == "8 May 2023"


def test_an_article_without_a_time_tells_none() -> None:
    assert short("When was the bridge built?", "The bridge was built.", title="Bridges") == ""


def test_when_something_is_told_in_a_mail_is_not_when_the_mail_was_written() -> None:
    head = "From: Ann\nSubject: The wedding\nDate: Tue, 3 Mar 2026 10:00:00 +0000"
    assert short("When is the wedding?", head, kind="email") == ""
    assert "2026" in short("When was the mail of the wedding sent?", head, kind="email")


def test_words_of_the_question_are_no_answer() -> None:
    found = shorts(wanted("Who is Anna Berg?"), [(quote("Anna Berg met Tom Hill."), 3.0)])
    assert "Anna Berg" not in {one.text for one in found}
    assert "Tom Hill" in {one.text for one in found}


def test_how_often_is_seldom_told_in_a_message() -> None:
    text = "Anna (8 May 2023 13:56): I have won the second game of 3 today"
    assert short("How many tournaments has Anna won?", text, kind="whatsapp") == ""


@pytest.mark.parametrize("question", ["Why did it rain?", "Warum regnet es?", "何ですか"])
def test_other_questions_have_no_short_answer(question: str) -> None:
    assert short(question, "It rained because of the wind from the sea in Calais.") == ""


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=100))
@settings(deadline=None)
def test_short_words_are_found_in_any_text(text: str, question: str) -> None:
    for asked in (question, f"Which {question}?", "When was it?", "Who?", "How many?"):
        found = best_short(wanted(asked), [(quote(text), 1.0)])
        assert found is None or found.text


def test_the_day_of_a_note_answers_only_when_something_was() -> None:
    assert short("When did I sell the bike?", "I sold the bike to Peter") == "15 July 2023"
    assert short("When are the bins emptied?", "The bins are emptied on workdays") == ""
    assert short("When does the contract end?", "The contract ends with the year") == ""


def test_the_day_of_a_note_that_names_a_year_is_no_answer() -> None:
    assert short("When was Luna born?", "Luna is our cat, born 2020") == ""
