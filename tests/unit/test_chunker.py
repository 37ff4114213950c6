from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.chunker import CHUNK_TOKENS, OVERLAP_TOKENS, chunk_memory
from tera.datatypes import Chunk, Memory
from tera.embedders.tokens import TokenCounter
from tera.sentences import paragraphs

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Documents as they come: prose, headings, lists, code, other scripts, and things without spaces.
DOCUMENTS = st.lists(
    st.sampled_from(
        [
            "The staging database listens on port 5433. ",
            "We moved it on Monday, e.g. at 9 a.m. Dr. Smith was there. ",
            "# Heading\n",
            "## 1. Part of it\n\n",
            "### Détail ###\n",
            "1. open\n2. close\n",
            "- a point\n- another\n\n",
            "```sh\n# a comment\nls\n\n# another\n```\n",
            "今天下雨。我们在家。",
            "x" * 300,
            "c3RhZ2luZw" * 30 + " ",
            "🙂🙂 ",
            "a\tb\r\n",
            "\n\n",
            "\n",
            "   ",
        ]
    )
    | st.text(max_size=30),
    max_size=25,
).map("".join)


@pytest.fixture(scope="module")
def count_tokens(bert_folder: Path) -> TokenCounter:
    return TokenCounter(bert_folder)


def chunks_of(
    text: str, count_tokens: TokenCounter, max_tokens: int = CHUNK_TOKENS, type_name: str = ""
) -> list[Chunk]:
    memory = Memory("m1", text, NOW, NOW, type=type_name)
    return chunk_memory(memory, count_tokens, max_tokens=max_tokens)


def texts_of(text: str, count_tokens: TokenCounter, max_tokens: int = CHUNK_TOKENS) -> list[str]:
    return [text[c.start : c.end] for c in chunks_of(text, count_tokens, max_tokens)]


@given(DOCUMENTS, st.integers(8, 60), st.sampled_from(["", "whatsapp"]))
@settings(deadline=None)
def test_chunks_hold_every_character_that_is_not_space_in_order(
    count_tokens: TokenCounter, text: str, max_tokens: int, type_name: str
) -> None:
    chunks = chunks_of(text, count_tokens, max_tokens, type_name)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    covered = 0
    for chunk in chunks:
        assert 0 <= chunk.start < chunk.end <= len(text)
        assert not text[covered : chunk.start].strip()
        assert chunk.end > covered
        covered = chunk.end
    assert not text[covered:].strip()
    assert [c.start for c in chunks] == sorted({c.start for c in chunks})


@given(DOCUMENTS, st.integers(40, 80))
@settings(deadline=None)
def test_no_chunk_has_more_tokens_than_allowed(
    count_tokens: TokenCounter, text: str, max_tokens: int
) -> None:
    # The two halves of a word that had to be cut can have more tokens together than apart.
    is_cut = any(len(word) > 8 for word in text.split(" "))
    texts = texts_of(text, count_tokens, max_tokens)
    for count in count_tokens(texts) if texts else []:
        assert count <= max_tokens * (2 if is_cut else 1)


@given(DOCUMENTS, st.integers(8, 60))
@settings(deadline=None)
def test_chunks_overlap_only_inside_a_paragraph_and_by_little(
    count_tokens: TokenCounter, text: str, max_tokens: int
) -> None:
    chunks = chunks_of(text, count_tokens, max_tokens)
    for before, after in pairwise(chunks):
        overlap = text[after.start : before.end]
        if after.start < before.end:
            # Headings belong to the paragraph below them.
            *above, _ = [overlap[start:end] for start, end in paragraphs(overlap)]
            assert all(part.splitlines()[-1].startswith("#") for part in above)
            assert count_tokens([overlap])[0] <= OVERLAP_TOKENS


def test_a_short_text_is_one_chunk_without_its_outer_space(count_tokens: TokenCounter) -> None:
    assert texts_of("\n  Buy milk.\nCall Anna. \n", count_tokens) == ["Buy milk.\nCall Anna."]


@pytest.mark.parametrize("text", ["", "  ", "\n\n \t\n"])
def test_a_text_of_nothing_but_space_has_no_chunks(text: str, count_tokens: TokenCounter) -> None:
    assert chunks_of(text, count_tokens) == []


def test_a_paragraph_that_is_cut_repeats_its_last_sentences(count_tokens: TokenCounter) -> None:
    text = " ".join(f"This is note number {number} of many." for number in range(60))
    texts = texts_of(text, count_tokens)
    assert len(texts) > 2
    for before, after in pairwise(texts):
        shared = after[: after.index(".") + 1]
        assert before.endswith(shared) or shared in before
        assert after.startswith("This is note")


def test_a_sentence_is_not_cut_when_it_fits(count_tokens: TokenCounter) -> None:
    text = " ".join(f"This is note number {number} of many." for number in range(60))
    for chunk in texts_of(text, count_tokens):
        assert chunk.startswith("This is note")
        assert chunk.endswith("of many.")


def test_a_heading_begins_a_chunk_and_is_its_path(count_tokens: TokenCounter) -> None:
    text = "Before.\n\n# A\nOne.\n\n## B ##\nTwo.\n\n### C\nThree.\n\n## D\nFour.\n\n# E\nFive."
    chunks = chunks_of(text, count_tokens)
    assert [(text[c.start : c.end], c.heading) for c in chunks] == [
        ("Before.", ""),
        ("# A\nOne.", "A"),
        ("## B ##\nTwo.", "A > B"),
        ("### C\nThree.", "A > B > C"),
        ("## D\nFour.", "A > D"),
        ("# E\nFive.", "E"),
    ]


def test_headings_that_follow_each_other_stay_with_the_text_below(
    count_tokens: TokenCounter,
) -> None:
    text = "# A\n\n## B\n\nText of both."
    assert texts_of(text, count_tokens) == [text]


def test_every_chunk_of_a_section_knows_its_heading(count_tokens: TokenCounter) -> None:
    text = "# Rent\n\n" + "We pay the rent on the first of the month. " * 60
    chunks = chunks_of(text, count_tokens)
    assert len(chunks) > 2
    assert {chunk.heading for chunk in chunks} == {"Rent"}


def test_org_has_headings_of_its_own(count_tokens: TokenCounter) -> None:
    text = "* Garden\n\n** Beds\n\nTwo of them.\n# a comment\n"
    (chunk,) = chunks_of(text, count_tokens, type_name="org")
    assert chunk.heading == "Garden"
    assert [c.heading for c in chunks_of(text * 2, count_tokens, type_name="org")] == ["Garden"] * 2
    assert chunks_of("* a point\n", count_tokens, type_name="markdown")[0].heading == ""


def test_a_heading_is_followed_by_a_space(count_tokens: TokenCounter) -> None:
    (chunk,) = chunks_of("#tag and #another\n#!/bin/sh", count_tokens)
    assert chunk.heading == ""


@pytest.mark.parametrize("fence", ["```", "~~~", "````python"])
def test_a_comment_in_code_is_no_heading(fence: str, count_tokens: TokenCounter) -> None:
    text = f"# Setup\n\n{fence}\n# install it\nmake\n\n# and run it\nrun\n{fence[:3]}\n\nDone."
    (chunk,) = chunks_of(text, count_tokens)
    assert chunk.heading == "Setup"


def test_headings_count_again_behind_code(count_tokens: TokenCounter) -> None:
    text = "# A\n```\n# comment\n```\n\n# B\ntext"
    assert [chunk.heading for chunk in chunks_of(text, count_tokens)] == ["A", "B"]


def test_a_list_is_cut_between_its_items(count_tokens: TokenCounter) -> None:
    text = "\n".join(f"{n}. Call person number {n} about the port." for n in range(1, 80))
    for chunk in texts_of(text, count_tokens):
        assert chunk[0].isdigit()
        assert chunk.endswith("about the port.")


def test_chinese_text_is_cut_at_its_own_stops(count_tokens: TokenCounter) -> None:
    text = "今天我们把数据库搬到了另一个端口。" * 40
    texts = texts_of(text, count_tokens)
    assert len(texts) > 2
    assert all(chunk.startswith("今天") and chunk.endswith("。") for chunk in texts)


def test_a_sentence_that_is_too_long_is_cut_between_words(count_tokens: TokenCounter) -> None:
    text = "under " * 1000
    texts = texts_of(text, count_tokens)
    assert all(set(chunk.split()) == {"under"} for chunk in texts)
    assert sum(chunk.count("under") for chunk in texts) >= 1000


@pytest.mark.parametrize("letter", ["a", "好", "🙂", "e\u0301", "-"])
def test_a_huge_word_without_spaces_is_cut_too(letter: str, count_tokens: TokenCounter) -> None:
    text = letter * (200_000 // len(letter))
    began = time.perf_counter()
    texts = texts_of(text, count_tokens)
    assert time.perf_counter() - began < 10
    assert "".join(texts) == text
    assert max(count_tokens(texts)) <= CHUNK_TOKENS
    # A word of over 100 characters is one unknown token; its length is bounded all the same.
    assert max(map(len, texts)) <= 8 * CHUNK_TOKENS


def test_a_line_of_two_megabytes_is_cut_in_time(count_tokens: TokenCounter) -> None:
    text = "word, another word; and so on " * 70_000
    began = time.perf_counter()
    chunks = chunks_of(text, count_tokens)
    assert time.perf_counter() - began < 30
    assert chunks[-1].end >= len(text) - 1


def test_each_message_of_a_chat_is_a_chunk(count_tokens: TokenCounter) -> None:
    messages = [
        f"{'Ann' if n % 2 else 'Bob'} (3 May 2024 14:{n:02}): Message {n}. It has two sentences.\n"
        "  and a second line."
        for n in range(12)
    ]
    text = "\n".join(messages)
    chunks = chunks_of(text, count_tokens, 96, "whatsapp")
    assert [text[chunk.start : chunk.end] for chunk in chunks] == messages


def test_a_chunk_of_a_recording_is_a_window_of_whole_utterances(count_tokens: TokenCounter) -> None:
    said = [f"[0:{n:02}] Sentence {n} of what was said" for n in range(30)]
    text = "\n".join(said)
    chunks = chunks_of(text, count_tokens, 96, "audio")
    assert len(chunks) > 2
    for chunk in chunks:
        lines = text[chunk.start : chunk.end].split("\n")
        assert len(lines) > 1
        assert set(lines) <= set(said)


def test_a_message_that_is_too_long_is_cut(count_tokens: TokenCounter) -> None:
    text = "Ann (3 May 2024 14:02): " + "a long story " * 100 + "\nBob (3 May 2024 14:03): ok"
    chunks = chunks_of(text, count_tokens, 40, "whatsapp")
    assert len(chunks) > 3
    assert "Bob" in text[chunks[-1].start : chunks[-1].end]
