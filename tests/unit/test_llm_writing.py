from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tera.llms.writing import LOOP_TOKENS, STOPS, Loops, shown


def text(pieces: Iterable[bytes]) -> list[str]:
    """Show tokens that are all different."""
    return list(shown(enumerate(pieces)))


def test_a_character_comes_when_it_is_whole() -> None:
    emoji = "🙂".encode()
    assert text([b"a", emoji[:1], emoji[1:3], emoji[3:], b"b"]) == ["a", "🙂", "b"]


def test_half_a_character_at_the_end_is_left_out() -> None:
    assert text([b"a", "é".encode()[:1]]) == ["a"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert "".join(text([b"a\xff", b"b"])) == "a\ufffdb"


def test_a_mark_that_is_spelled_out_ends_the_answer() -> None:
    assert text([b"Port", b" <", b"|", b"im_end", b"|", b"> more"]) == ["Port", " "]


def test_what_only_begins_as_a_mark_is_shown() -> None:
    assert "".join(text([b"a <", b"| b", b" <|im"])) == "a <| b <|im"


def test_nothing_is_asked_for_behind_a_mark() -> None:
    def pieces() -> Iterable[tuple[int, bytes]]:
        yield 0, b"a<|im_end|>"
        raise AssertionError("asked for more")

    assert list(shown(pieces())) == ["a"]


@given(st.lists(st.sampled_from([*"aé🙂<|", *STOPS, "<|im_"])), st.integers(1, 5))
def test_the_text_up_to_the_first_mark_is_shown_however_it_is_cut(
    parts: list[str], size: int
) -> None:
    whole = "".join(parts)
    data = whole.encode()
    pieces = [data[begin : begin + size] for begin in range(0, len(data), size)]
    found = [place for stop in STOPS if (place := whole.find(stop)) >= 0]
    assert "".join(text(pieces)) == whole[: min(found, default=len(whole))]


def repeated(tokens: list[int], most: int = 10_000) -> list[str]:
    """Show tokens again and again."""
    endless = (tokens[n % len(tokens)] for n in range(most))
    return list(shown((token, f" {token}".encode()) for token in endless))


def test_a_loop_ends_the_answer_and_is_shown_once() -> None:
    for size in (1, 2, 7, 40):
        tokens = list(range(size))
        shown_tokens = "".join(repeated(tokens)).split()
        assert size <= len(shown_tokens) <= max(size, 3) + 2, size


def test_a_loop_with_turns_that_begin_alike_is_found() -> None:
    tokens = [1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3, 6]
    assert len("".join(repeated(tokens)).split()) < 3 * len(tokens)


def test_turns_of_phrase_may_be_repeated() -> None:
    turn = list(range(LOOP_TOKENS - 1))
    tokens = [*turn, 100, *turn, 101, *turn, 102]
    assert repeated(tokens, most=len(tokens)) and "".join(
        repeated(tokens, most=len(tokens))
    ).split() == [str(token) for token in tokens]


def test_an_answer_that_ends_in_a_repeated_phrase_is_whole() -> None:
    tokens = [1, 2, 3, 4, 5, 9, 1, 2, 3, 4, 5]
    assert len("".join(repeated(tokens, most=len(tokens))).split()) == len(tokens)


def test_runs_are_counted_from_three_on() -> None:
    loops = Loops()
    assert [loops.add(token) for token in (1, 2, 3, 4, 1, 2, 3, 4, 9)] == [0] * 6 + [3, 4, 0]
