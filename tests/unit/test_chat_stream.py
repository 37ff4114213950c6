from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.llms.chat_stream import NotAnAnswerError, Piece, WithoutThoughts, read_piece, said_in
from tests.endpoints import delta


def shown(pieces: list[str]) -> str:
    without = WithoutThoughts()
    return "".join([*map(without.take, pieces), without.rest()])


@pytest.mark.parametrize(
    ("event", "piece"),
    [
        (delta("Port"), Piece("Port")),
        (delta("", "stop"), Piece(finish="stop")),
        ({"choices": [{"message": {"content": "Port"}}]}, Piece("Port")),
        ({"choices": [{"delta": {"role": "assistant"}}]}, Piece()),
        ({"choices": [{"delta": {"content": None}}]}, Piece()),
        ({"choices": [], "usage": {"total_tokens": 7}}, Piece()),
        ({"choices": [{"delta": {"reasoning_content": "Hm"}}]}, Piece(is_thought=True)),
        ({"choices": [{"delta": {"reasoning": "Hm", "content": ""}}]}, Piece(is_thought=True)),
        (
            {"choices": [{"delta": {"content": [{"type": "thinking", "thinking": []}]}}]},
            Piece(),
        ),
        ({"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]}, Piece("a")),
    ],
)
def test_an_event_holds_words_of_the_answer_or_none(event: object, piece: Piece) -> None:
    assert read_piece(json.dumps(event)) == piece


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("<html>", "something else than JSON"),
        ("[1]", "something else than an answer"),
        ('{"choices": [{"delta": 3}]}', "something else than an answer"),
        ('{"error": {"message": "out of memory", "code": 1}}', "out of memory"),
        ('{"error": "out of memory"}', "out of memory"),
        ('{"error": {"code": 7}}', "reports an error"),
    ],
)
def test_what_is_no_answer_says_so(data: str, says: str) -> None:
    with pytest.raises(NotAnAnswerError, match=says):
        read_piece(data)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["error", "message", "detail", "choices", "delta", "content"]), x
            )
        ),
    )
)
def test_anything_that_comes_is_an_event_or_none(value: object) -> None:
    said_in(value)
    try:
        read_piece(json.dumps(value))
    except NotAnAnswerError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        (["Port 5433"], "Port 5433"),
        (["<think>Let me see.</think>\n\nPort 5433"], "Port 5433"),
        (["\n<thi", "nk>Let", " me see.</th", "ink>\n", "\nPort", " 5433"], "Port 5433"),
        (["<think>", "a < b", "</think>", "<think>again</think>", "Port"], "Port"),
        (["<think>never ends"], ""),
        (["<thin", " air"], "<thin air"),
        (["<th"], "<th"),
        (["He wrote <think>this</think> [1]"], "He wrote <think>this</think> [1]"),
        (["  ", "Port"], "  Port"),
        ([], ""),
    ],
)
def test_thoughts_before_an_answer_are_left_out(pieces: list[str], answer: str) -> None:
    assert shown(pieces) == answer


@given(st.text("<think>/ ab\n", max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_an_answer_is_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert shown(pieces).strip() == shown([text]).strip()
