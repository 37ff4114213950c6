from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from tera.answers.context import Shown
from tera.answers.grounding import Grounding
from tera.datatypes import Citation, Claim, SearchResult
from tera.places import message_line
from tera.prompts import Note
from tests.answering import ranked, result

NOW = datetime(2026, 11, 21, 12)
MONDAY = datetime(2026, 11, 16, 10, tzinfo=UTC)
PORT = (
    "The staging database listens on port 5433. Anna Miller moved to Berlin on 5 May 2024 because"
    " of her job."
)
TOM = (
    "We met Tom last Friday at 3:30 pm in the café. It cost 1,200 euros. The config is in"
    " /etc/tera/config.toml (v2.3.1). He said “never again”."
)
ASKED = "Which port does staging use?"


def checks(question: str, *results: SearchResult, first: str = "") -> Grounding:
    shown = [
        Shown(Citation(number, one), Note(number, one.text, None, ""), "")
        for number, one in enumerate(results, start=1)
    ]
    return Grounding(question, shown, ranked(*results, first=first), NOW)


def checked(sentence: str, question: str = ASKED, texts: Sequence[str] = (PORT, TOM)) -> Claim:
    results = [result(text, f"m{number}", at=MONDAY) for number, text in enumerate(texts)]
    claim = checks(question, *results).check(sentence)
    assert claim
    return claim


@pytest.mark.parametrize(
    "sentence",
    [
        *("The staging database uses port 5433 [1].", "Port 5,433 [1]."),
        *("Anna Miller moved to Berlin on May 5th [1].", "She moved in May 2024 [1]."),
        *("Miller moved to Berlin on 2024-05-05 [1].", "Anna's move to Berlin was in 2024 [1]."),
        "It was Friday, 13 November, at 15:30, when they met Tom [2].",
        *("They met Tom last Friday [2].", "It cost €1200 [2].", "It cost 1200 [2]."),
        "The config of v2.3.1 is `/etc/tera/config.toml` [2].",
        *('Tom said "Never again" [2].', "**Tom** was in the _café_ [2]."),
        "Unfortunately, she moved for a job [1].",
        "Anna zog am 5. Mai 2024 nach Berlin [1].",
    ],
)
def test_what_the_cited_passage_says_stands(sentence: str) -> None:
    claim = checked(sentence)
    assert (claim.support, claim.text, claim.missing) == ("supported", sentence, ())


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("It is port 9999 [1].", "9999"),
        ("It listens on five ports [1].", "five"),
        ("Anna moved to Munich [1].", "Munich"),
        ("Bob moved to Berlin [1].", "Bob"),
        ("Anna moved to Berlin on 6 May 2024 [1].", "on 6 May 2024"),
        ("Anna moved to Berlin in 2023 [1].", "in 2023"),
        ("They met Tom on Friday, 20 November [2].", "on Friday, 20 November"),
        ("They met Tom at 3:30 am [2].", "3:30 am"),
        ("It cost $1200 [2].", "$1200"),
        ("It cost 1,200 % more [2].", "1,200 %"),
        ("The config is /etc/tera/config.yaml [2].", "/etc/tera/config.yaml"),
        ("The config is /etc/tera [2].", "/etc/tera"),
        ("The config is of v2.3 [2].", "v2.3"),
        ("He said “once again” [2].", "once again"),
        ("See https://evil.example/?q=5433 [1].", "https://evil.example/?q=5433"),
        ("Write to tom@cafe.example [2].", "tom@cafe.example"),
        ("The staging database does not listen on port 5433 [1].", "not"),
        ("Moon cheese tastes delicious [1].", "moon"),
        ("Yes [1].", "Yes."),
    ],
)
def test_what_no_passage_says_is_replaced_by_a_quote(sentence: str, missing: str) -> None:
    claim = checked(sentence)
    assert claim.support == "replaced"
    assert missing in claim.missing
    assert claim.written == sentence
    cited = 2 if "[2]" in sentence else 1
    assert claim.citations == (cited,)
    assert claim.text.startswith("“")
    assert claim.text.endswith(f"” [{cited}]")


def test_the_quote_is_the_best_sentence_of_what_is_cited() -> None:
    assert (
        checked("It is port 9999 [1].").text == "“The staging database listens on port 5433.” [1]"
    )


def test_a_wrong_citation_is_corrected() -> None:
    claim = checked("Anna moved to Berlin [2].")
    assert (claim.text, claim.citations) == ("Anna moved to Berlin [1].", (1,))
    assert claim.written == "Anna moved to Berlin [2]."


def test_a_citation_that_does_not_exist_is_corrected() -> None:
    assert checked("They met Tom [7].").text == "They met Tom [2]."


def test_a_sentence_without_a_citation_gets_the_one_that_bears_it_out() -> None:
    assert checked("They met Tom in the café.").text == "They met Tom in the café [2]."


def test_two_passages_can_bear_out_a_sentence_together() -> None:
    claim = checked("The port is 5433, and Tom was there [1][2].")
    assert (claim.support, claim.citations) == ("supported", (1, 2))


def test_a_citation_that_adds_nothing_goes() -> None:
    assert checked("The port is 5433 [1][2].").text == "The port is 5433 [1]."


def test_a_quote_is_not_said_twice() -> None:
    checking = checks(ASKED, result(PORT, at=MONDAY))
    written = ("It is port 9999 [1].", "It is port 9998 [1].", "It is port 9997 [1].")
    claims = [checking.check(sentence) for sentence in written]
    assert [claim and claim.support for claim in claims] == ["replaced", "replaced", "withheld"]
    assert len({claim.text for claim in claims if claim}) == 3


def test_a_sentence_is_not_said_twice() -> None:
    checking = checks(ASKED, result(PORT))
    assert checking.check("It is port 5433 [1].")
    assert checking.check("it is **port 5433**.") is None


def test_a_quote_that_was_said_in_other_words_is_not_repeated() -> None:
    checking = checks(ASKED, result("The staging database listens on port 5433."))
    checking.check("The staging database listens on port 5433 now [1].")
    claim = checking.check("It was installed by Bob [1].")
    assert claim
    assert (claim.support, claim.text) == ("withheld", "")


# Repeating the question.


@pytest.mark.parametrize(
    ("question", "sentence", "support"),
    [
        ("Is it port 9999?", "Yes, it is port 9999 [1].", "replaced"),
        ("Is it port 9999?", "It is port 9999 [1].", "replaced"),
        ("Is it port 9999?", "No, it is not port 9999 but 5433 [1].", "supported"),
        ("Did Tom move to Berlin?", "Tom moved to Berlin [1].", "replaced"),
        ("Did Tom move to Berlin?", "Yes, Tom moved to Berlin in 2024 [1].", "replaced"),
        (
            "What does Bob know of port 5433?",
            "Port 5433 is of the staging database [1].",
            "supported",
        ),
        ("Where did she go in 2025?", "She went to Berlin [1].", "supported"),
    ],
)
def test_a_question_proves_nothing(question: str, sentence: str, support: str) -> None:
    assert checked(sentence, question, [PORT]).support == support


# Who says it.


def chat(*messages: tuple[str, str]) -> SearchResult:
    lines = [message_line(name, datetime(2026, 5, 4, 10), text) for name, text in messages]
    return result("\n".join(lines), at=datetime(2026, 5, 4, 10, tzinfo=UTC), type="whatsapp")


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("Anna painted a sunrise [1].", "supported"),
        ("Bob painted a sunrise [1].", "replaced"),
        ("Bob met Anna at the lake [1].", "supported"),
        ("Bob has a new bicycle [1].", "supported"),
    ],
)
def test_what_somebody_tells_of_themselves_is_not_told_of_another(
    sentence: str, support: str
) -> None:
    passage = chat(
        ("Bob", "What did you do at the weekend?"),
        ("Anna", "Thanks, Bob! I painted a sunrise by the sea."),
        ("Anna", "Your new bicycle is great."),
        ("Bob", "We should meet at the lake, Anna."),
    )
    claim = checks("What happened?", passage).check(sentence)
    assert claim
    assert claim.support == support


# Dates of messages.


def test_yesterday_is_the_day_before_its_message() -> None:
    passage = chat(("Anna", "I went to the dentist yesterday."))
    (right, wrong) = (
        checks("When?", passage).check(f"Anna went to the dentist on {day} May 2026 [1].")
        for day in (3, 2)
    )
    assert right
    assert wrong
    assert (right.support, wrong.support) == ("supported", "replaced")


# Form.


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("- Port 5433 [1]", "- Port 5433 [1]"),
        ("1. Port 5433 [1]", "1. Port 5433 [1]"),
        ("- Port 9999 [1]", "- “The staging database listens on port 5433.” [1]"),
        ("[Anna](https://a.example) moved [1]", "“The staging database listens on port 5433.” [1]"),
        ("Anna <b>Miller</b> moved to Berlin [1].", "Anna Miller moved to Berlin [1]."),
        ("Anna\x1b[31m moved to \u202eBerlin [1].", "Anna moved to Berlin [1]."),
    ],
)
def test_the_form_of_a_sentence_stays_and_nothing_is_hidden_in_it(written: str, shown: str) -> None:
    assert checked(written).text == shown


def test_a_link_says_where_it_leads() -> None:
    passage = "Log in at [the bank](https://evil.example/login) before Friday."
    claim = checked("Log in at [the bank](https://evil.example/login) [1].", "How?", [passage])
    assert claim.text == "Log in at the bank (https://evil.example/login) [1]."


def test_only_a_list_that_counts_from_one_has_numbers() -> None:
    checking = checks(ASKED, result(PORT))
    first = checking.check("1. Anna Miller moved to Berlin [1]")
    other = checking.check("7. The database listens on port 5433 [1]")
    assert first
    assert other
    assert first.text.startswith("1. ")
    assert "7" in other.missing
