from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.answers.wanted import wanted


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who founded the company?", "person"),
        ("Which king built it?", "person"),
        ("When did we move?", "time"),
        ("It appeared when?", "time"),
        ("Wann haben wir das besprochen?", "time"),
        ("How many turtles does Nate have?", "number"),
        ("How much rent do we pay?", "amount"),
        ("How long did the trip take?", "duration"),
        ("Where is the key?", "place"),
        ("In which city does Ann live?", "place"),
        ("Which song did Ann sing?", "name"),
        ("Which port does the staging database use?", "code"),
        ("What is the wifi password?", "code"),
        ("What is the key difference between them?", "thing"),
        ("Why did the build fail?", "other"),
        ("What did Tom do when it rained?", "other"),
        ("When the commission failed, what happened?", "thing"),
        ("Welcher Port ist es?", "other"),
        ("会議はいつですか", "other"),
    ],
)
def test_a_question_wants_a_kind_of_words(question: str, kind: str) -> None:
    assert wanted(question).kind == kind


def test_what_is_asked_for_by_a_word_is_known() -> None:
    assert wanted("How many turtles does Nate have?").noun == "turtles"
    assert wanted("Which port does staging use?").noun == "port"


def test_names_and_numbers_of_a_question_are_known() -> None:
    assert wanted("Where did Anna's brother meet Tom Berg in 1974?").names == (
        "Anna",
        "Tom Berg",
        "1974",
    )
    assert wanted("Who wrote “the blue book”?").names == ("the blue book",)


@given(st.text(max_size=200))
def test_any_text_can_be_asked(question: str) -> None:
    assert wanted(question).question == question
    assert wanted(question).names is not None
