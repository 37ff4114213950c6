from __future__ import annotations

import itertools
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tera.answers.pieces import MAX_PIECE_CHARACTERS, pieces, pieces_of, said
from tera.datatypes import Memory, SearchResult

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANNA = "Anna (8 May 2023 13:56): "


def passage(text: str, kind: str = "", start: int = 0, end: int | None = None) -> SearchResult:
    memory = Memory("m1", text, NOW, NOW, type=kind)
    return SearchResult(memory, start, len(text) if end is None else end, 0.5)


def texts(result: SearchResult) -> list[str]:
    return [quote.text for quote in pieces_of(result)]


def test_a_short_message_is_one_piece_with_its_sender() -> None:
    chat = f"{ANNA}Hi. I went to Lyon.\nTom (8 May 2023 13:57): Nice!\n  Really nice"
    assert texts(passage(chat, "whatsapp")) == [
        f"{ANNA}Hi. I went to Lyon.",
        "Tom (8 May 2023 13:57): Nice! Really nice",
    ]


def test_of_a_long_message_each_sentence_is_said_by_its_sender() -> None:
    long = f"{ANNA}I went to Lyon for a week. " + "We saw very many things there together. " * 8
    quotes = pieces_of(passage(long, "whatsapp"))
    assert len(quotes) > 2
    assert said(quotes[0]).startswith(f"{ANNA}I went")
    assert said(quotes[1]) == f"{ANNA}… We saw very many things there together."


def test_a_passage_that_begins_within_a_message_is_said_by_its_sender() -> None:
    chat = f"{ANNA}I went to Lyon.\nIt was good."
    start = chat.index("It was")
    (quote,) = pieces_of(passage(chat, "whatsapp", start))
    assert said(quote) == f"{ANNA}… It was good."


def test_a_row_of_a_table_is_a_piece_and_its_rules_are_none() -> None:
    table = (
        "| name | port |\n|------|------|\n| staging database | 5433 |\n| live database | 5432 |"
    )
    found = texts(passage(table))
    assert found == ["| staging database | 5433 |", "| live database | 5432 |"]
    assert not any(set(piece) <= set("|- ") for piece in found)


def test_the_head_of_a_mail_is_one_piece() -> None:
    mail = "From: Ann <ann@example.com>\nTo: Tom\nSubject: Wedding\n\nIt is on 12 September, Tom."
    assert texts(passage(mail, "email")) == [
        "From: Ann <ann@example.com> To: Tom Subject: Wedding",
        "It is on 12 September, Tom.",
    ]


def test_each_line_of_a_log_is_a_piece() -> None:
    log = "2026-11-20 03:14:09 ERROR disk is full\n2026-11-20 03:15:00 INFO the job begins again"
    assert texts(passage(log)) == log.split("\n")


def test_what_has_no_sentences_is_cut_to_readable_pieces() -> None:
    row = "; ".join(f"column {n}: value {n}" for n in range(100))
    found = texts(passage(row))
    assert max(map(len, found)) <= MAX_PIECE_CHARACTERS
    assert all(piece.startswith("column") for piece in found)


def test_sentences_without_spaces_are_pieces_of_their_own() -> None:
    assert texts(passage("会議は金曜日に行われます。場所は三階の会議室です。")) == [
        "会議は金曜日に行われます。",
        "場所は三階の会議室です。",
    ]


def test_no_more_pieces_are_returned_than_are_wanted() -> None:
    text = "One sentence of some length. " * 30
    assert len(pieces([passage(text), passage(text)], 7)) == 7


@given(
    st.text(max_size=900).filter(str.strip),
    st.sampled_from(["", "whatsapp", "markdown", "csv", "code"]),
)
def test_pieces_are_words_of_the_passage_in_its_order(text: str, kind: str) -> None:
    quotes = pieces_of(passage(text, kind))
    assert quotes
    assert all(0 <= quote.start < quote.end <= len(text) for quote in quotes)
    assert all(one.end <= two.start for one, two in itertools.pairwise(quotes))
    assert all(said(quote) is not None for quote in quotes)


def test_lines_of_fenced_code_are_quoted_one_by_one() -> None:
    code = (
        "tera remember 'the staging database listens on port 5433'\n"
        "tera remember notes.md report.pdf chat.zip and more\n"
    )
    text = f"How it is used:\n```sh\n{code}```\nThat is all there is to it."
    assert [piece.text for piece in pieces_of(passage(text))] == [
        "How it is used:",
        *code.splitlines(),
        "That is all there is to it.",
    ]
    # A passage may begin within the code.
    inside = passage(text, start=text.index("tera remember notes"))
    assert next(piece.text for piece in pieces_of(inside)) == code.splitlines()[1]
