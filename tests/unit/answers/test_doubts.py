from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tera.answers.doubts import Doubt, doubts
from tera.answers.wanted import wanted
from tera.datatypes import Memory, Quote, SearchResult

NOW = datetime(2023, 7, 15, 12, tzinfo=UTC)


def quote(text: str, kind: str = "", title: str | None = None) -> Quote:
    memory = Memory("m1", text, NOW, NOW, type=kind, title=title)
    return Quote(SearchResult(memory, 0, len(text), 0.9), 0, len(text))


def doubted(question: str, *texts: str, kind: str = "", title: str | None = None) -> list[Doubt]:
    return doubts(
        wanted(question), [(quote(text, kind, title), 3.0 - n) for n, text in enumerate(texts)]
    )


def test_a_sentence_that_answers_is_not_doubted() -> None:
    text = "The staging database listens on port 5433."
    assert doubted("Which port does the staging database use?", text) == []


def test_what_another_person_did_is_doubted() -> None:
    messages = (
        "Tom (8 May 2023 13:57): I bought a bicycle in Lyon",
        "Anna (8 May 2023 13:58): Nice one",
    )
    assert doubted("Where did Anna buy a bicycle?", *messages, kind="whatsapp") == [
        "another person"
    ]
    assert doubted("Where did Tom buy a bicycle?", *messages, kind="whatsapp") == []


def test_what_another_person_says_of_the_one_asked_about_is_not() -> None:
    messages = ("Tom (8 May 2023 13:57): Anna bought a bicycle", "Anna (8 May 2023 13:58): Hi")
    assert doubted("What did Anna buy?", *messages, kind="whatsapp") == []


def test_what_belongs_to_another_is_doubted() -> None:
    text = "Tom's phone number is 123 456."
    other = "Ruth will bring the cake."
    assert doubted("What is Ruth's phone number?", text, other) == ["another person"]
    assert doubted("What is Tom's phone number?", text, other) == []
    assert doubted("What is Ruth's phone number?", "It is 123 456.", title="Ruth") == []


def test_a_name_that_stands_nowhere_is_doubted() -> None:
    text = "Anna took a trip to Rome."
    assert doubted("What did Anna do in Barcelona?", text) == ["unknown name"]
    assert doubted("What did Anna do in Rome?", text) == []


def test_a_name_may_be_spelt_otherwise_or_stand_in_the_title() -> None:
    assert doubted("What did Groner want?", "Mrs Groener wanted to teach.") == []
    assert doubted("What did the Italians want?", "Italian cooks wanted a raise.") == []
    assert doubted("Who leads Zephyr?", "It is led by Ann.", title="Zephyr") == []
    assert doubted("What is Łódź known for?", "Łódź is known for its films.") == []


def test_a_number_that_the_passage_has_not_is_doubted() -> None:
    text = "In 1967 Blum developed an axiomatic theory."
    assert doubted("Who developed a theory in 1974?", text) == ["another number"]
    assert doubted("Who developed a theory in 1967?", text) == []
    assert doubted("How far is 10000 steps?", "It is 7 km for 10,000 steps.") == []


def test_a_question_with_not_is_doubted_where_nothing_is_denied() -> None:
    question, text = "Which ports are not open?", "The ports 80 and 443 are open."
    assert doubted(question, text, title="Ports") == ["not"]
    assert doubted(question, "The ports 81 and 82 cannot be used.", title="Ports") == []


def test_a_note_says_what_must_not_be_without_a_not() -> None:
    assert doubted("What can the dog not eat?", "Rex is allergic to chicken") == []


def test_the_opposite_is_doubted() -> None:
    text = "The largest room is the hall."
    assert doubted("Which is the smallest room?", text) == ["the opposite"]
    assert doubted("Which is the largest room?", text) == []


@given(st.text(max_size=100), st.text(min_size=1, max_size=200), st.sampled_from(["", "whatsapp"]))
def test_any_text_can_be_doubted(question: str, text: str, kind: str) -> None:
    assert isinstance(doubted(question, text, kind=kind), list)


def test_why_something_is_not_so_need_not_be_told_with_a_not() -> None:
    assert doubted("Why doesn't the printer work?", "The printer is out of toner") == []
    assert doubted("Why can't I log in to staging?", "Staging login requires the VPN") == []
    which = "Which printer does not work?"
    assert doubted(which, "The old printer works", title="Office") == ["not"]


def test_a_day_or_month_that_is_asked_about_need_not_stand_in_a_note() -> None:
    note = "dinner with Olaf, he talked about his divorce"
    assert doubted("What did Olaf tell me in September?", note) == []
    assert doubted("What did Olaf tell me on Wednesday?", note) == []
    assert doubted("Which room is Tuesday's standup in?", "Tue standup is in Turing") == []
    assert doubted("What did Olaf tell me in Lisbon?", note) == ["unknown name"]


def test_a_kinship_told_from_its_other_end_is_not_doubted() -> None:
    assert doubted("Who is Mary's brother?", "Mary is John's sister") == []
    assert doubted("Who is Anna's husband?", "Anna is Tom's wife") == []
    assert doubted("Who is Max's older sister?", "Lena's younger brother Max is 6") == []
