from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.answers.context import (
    LEAST_NOTE_TOKENS,
    MIN_ANSWER_TOKENS,
    Budget,
    Shown,
    fit_passages,
    fit_turns,
    shortened,
)
from tera.answers.disagreements import find_disagreements
from tera.answers.quotes import Quotes
from tera.datatypes import SearchResult, Turn
from tera.llms import LLM
from tera.places import message_line
from tera.prompts import answer_prompt
from tests.answering import MONDAY, TODAY, Saying, load_tiny, ranked, result


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> LLM:
    folder: Path = tmp_path_factory.mktemp("phi2")
    return load_tiny(folder, "Port", " 5433", " [1]", ".", context_tokens=1024)


def fit(
    llm: LLM,
    *results: SearchResult,
    tokens: int = 100,
    wait_s: float = 1000,
    quotes: Quotes | None = None,
    turns: Sequence[Turn] = (),
) -> list[Shown]:
    quotes = quotes or ranked(*results)
    return fit_passages(
        "Why?",
        results,
        llm,
        quotes=quotes,
        today=TODAY,
        budget=Budget(tokens, wait_s),
        turns=turns,
        disagreements=find_disagreements(quotes),
    )


def test_passages_are_numbered_in_their_order(llm: LLM) -> None:
    shown = fit(llm, result("a"), result("b", "m2"), result("c", "m3"), tokens=300)
    assert [(one.citation.number, one.note.text) for one in shown] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_note_has_its_date_and_source(llm: LLM) -> None:
    (shown,) = fit(llm, result("a", title="notes.md"))
    assert (shown.note.when, shown.note.origin) == (MONDAY.astimezone().date(), "notes.md")


def test_a_piped_text_has_no_date(llm: LLM) -> None:
    assert fit(llm, result("a", ""))[0].note.when is None


FILLING = " ".join(f"Number {number} of the list is a tree." for number in range(30))
FACT = "The staging database listens on port 5433."


def test_sentences_that_do_not_matter_are_left_out(llm: LLM) -> None:
    passage = result(f"{FILLING} {FACT} {FILLING}")
    (shown,) = fit(llm, passage, quotes=ranked(passage, first="5433"))
    assert FACT in shown.note.text
    assert shown.note.text.startswith("…\n")
    assert shown.note.text.endswith("\n…")
    assert shown.citation.result == passage


def test_a_fact_in_a_late_passage_is_shown_too(llm: LLM) -> None:
    results = [result(FILLING, f"m{number}") for number in range(3)] + [result(FACT, "last")]
    shown = fit(llm, *results, quotes=ranked(*results, first="5433"))
    assert any(FACT in one.note.text for one in shown)
    assert [one.citation.number for one in shown] == list(range(1, len(shown) + 1))


def test_what_is_shown_of_a_section_has_its_heading(llm: LLM) -> None:
    text = f"# Databases\n\n{FILLING}\n\n## Staging\n\n{FILLING}"
    whole = result(text)
    start = text.index("Number 0", text.index("## Staging"))
    passage = SearchResult(whole.memory, start, len(text), 0.9)
    assert fit(llm, passage)[0].note.text.startswith("## Staging\n")


def test_what_is_shown_of_a_message_says_who_wrote_it(llm: LLM) -> None:
    long = f"{FILLING} {FACT}"
    line = message_line("Anna", datetime(2026, 5, 4, 10), long)
    passage = result(line, type="whatsapp", at=datetime(2026, 5, 4, 10, tzinfo=UTC))
    (shown,) = fit(llm, passage, quotes=ranked(passage, first="5433"), tokens=60)
    assert f"Anna (4 May 2026 10:00): {FACT}" in shown.note.text


def test_what_is_shown_of_a_spoken_line_says_who_spoke(llm: LLM) -> None:
    passage = result(f"Anna: {FILLING} {FACT}")
    (shown,) = fit(llm, passage, quotes=ranked(passage, first="5433"), tokens=60)
    assert f"Anna: {FACT}" in shown.note.text


def test_of_two_that_disagree_the_newer_stands_first(llm: LLM) -> None:
    older = result("The rent is 980 euros a month.", "old", at=MONDAY)
    newer = result("The rent is 990 euros a month.", "new", at=MONDAY + timedelta(days=9))
    shown = fit(llm, older, newer, tokens=300)
    assert [one.citation.result.memory.id for one in shown] == ["new", "old"]


def test_a_best_sentence_that_is_too_long_is_cut(llm: LLM) -> None:
    (shown,) = fit(llm, result("staging " * 1000))
    assert len(shown.note.text) > 20


def test_a_slow_model_reads_less_but_never_nothing() -> None:
    slow = Saying("", context_tokens=4096)
    passage = result(FILLING * 3)
    lengths = [
        slow.count_tokens(fit(slow, passage, tokens=2000, wait_s=wait_s)[0].note.text)
        for wait_s in (200, 40, 0.1)
    ]
    assert lengths[0] > lengths[1] > lengths[2] > LEAST_NOTE_TOKENS / 2
    assert lengths[1] <= 400


def test_the_last_turns_are_kept_without_their_citations(llm: LLM) -> None:
    history = [Turn(f"q{number}", f"Answer {number} [{number}].") for number in range(6)]
    turns = fit_turns(history, "And?", llm, Budget(700, 1000))
    assert [turn.question for turn in turns] == ["q3", "q4", "q5"]
    assert turns[-1].answer == "Answer 5."


def test_a_long_history_leaves_room_for_notes(llm: LLM) -> None:
    history = [Turn("why " * 300, "because " * 300)] * 5
    turns = fit_turns(history, "And?", llm, Budget(300, 1000))
    assert fit(llm, result(FACT), turns=turns, tokens=300)[0].note.text == FACT
    assert sum(llm.count_tokens(turn.question + turn.answer) for turn in turns) <= 75


def test_a_long_question_is_cut_in_its_middle(llm: LLM) -> None:
    asked = shortened("Which port? " + "x " * 5000 + "of staging?", llm, TODAY)
    assert asked.startswith("Which port?")
    assert asked.endswith("of staging?")
    assert llm.count_tokens(asked) <= llm.context_tokens // 2


TEXTS = st.text(min_size=1, max_size=300).filter(str.strip)
PROSE = st.lists(
    st.sampled_from(["The staging ", "database. ", "好。", "🙂", "\n", "5433 ", "zß ", "# A\n\n"]),
    min_size=1,
)


@given(
    st.lists(TEXTS | PROSE.map("".join).filter(str.strip), min_size=1, max_size=6),
    TEXTS,
    st.integers(1, 500),
    st.text(max_size=20),
)
@settings(deadline=None)
def test_the_prompt_always_leaves_room_for_an_answer(
    llm: LLM, passages: list[str], question: str, context_tokens: int, title: str
) -> None:
    results = [result(text, f"m{n}", title=title) for n, text in enumerate(passages)]
    shown = fit_passages(
        question,
        results,
        llm,
        quotes=ranked(*results),
        today=TODAY,
        budget=Budget(context_tokens, 1000),
    )
    frame = llm.prompt_tokens(answer_prompt(question, [], TODAY))
    tokens = llm.prompt_tokens(answer_prompt(question, [one.note for one in shown], TODAY))
    assert tokens <= llm.context_tokens - MIN_ANSWER_TOKENS
    # One sentence is shown even where the setting has no room for its frame.
    assert len(shown) == 1 or tokens - frame <= context_tokens
    assert [one.citation.number for one in shown] == list(range(1, len(shown) + 1))
