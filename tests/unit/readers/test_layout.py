from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tera.readers.pdf.layout import Run, arranged


def line(text: str, left: float, top: float, width: float = 0, height: float = 10) -> Run:
    return Run(text, left, top, left + (width or 5 * len(text)), top + height)


def test_two_columns_written_line_by_line_are_read_one_after_the_other() -> None:
    left = [
        "the left column has",
        "four lines of words",
        "that fill it to the",
        "very end of its box",
    ]
    right = [
        "while the right one",
        "goes on about other",
        "things, and has the",
        "same number of rows",
    ]
    runs = []
    for row in range(4):
        runs += [line(left[row], 0, 12 * row, 100), line(right[row], 130, 12 * row, 100)]
    assert arranged(runs) == "\n".join(left) + "\n" + "\n".join(right)


def test_rows_of_a_table_stay_together_even_if_it_was_written_by_columns() -> None:
    cells = [["Name", "Age"], ["Ann", "41"], ["Bartholomew", "7"], ["Cy", "102"]]
    runs = [line(row[k], 120 * k, 12 * n) for k in (0, 1) for n, row in enumerate(cells)]
    assert arranged(runs) == "Name Age\nAnn 41\nBartholomew 7\nCy 102"


def test_a_list_beside_the_text_is_not_mixed_with_it() -> None:
    text = [line(f"{n} sentence of the story goes on here", 100, 12 * n) for n in range(6)]
    aside = [line(word, 0, 5 + 15 * n) for n, word in enumerate(["Sailing", "Rust", "Chess"])]
    got = arranged([*text, *aside])
    assert got.startswith("Sailing\nRust\nChess")
    assert "0 sentence of the story goes on here\n1 sentence" in got


def test_more_space_than_usual_begins_a_paragraph() -> None:
    runs = [line(f"line {n}", 0, top) for n, top in enumerate([0, 12, 24, 44, 56])]
    assert arranged(runs) == "line 0\nline 1\nline 2\n\nline 3\nline 4"


def test_a_divided_word_becomes_whole() -> None:
    assert arranged([line("the har-", 0, 0), line("bour is deep", 0, 12)]) == (
        "the harbour\nis deep"
    )


def test_a_hyphen_that_belongs_to_the_word_stays() -> None:
    lines = ["a well-known path, as well-", "known as state-of-the-", "art can be"]
    got = arranged([line(text, 0, 12 * n) for n, text in enumerate(lines)])
    assert got == "a well-known path, as well-known\nas state-of-the-art\ncan be"


def test_words_of_one_line_follow_the_direction_of_their_script() -> None:
    assert arranged([line("שלום", 0, 0), line("עולם", 60, 0)]) == "עולם שלום"
    assert arranged([line("two", 60, 0), line("one", 0, 1)]) == "one two"


def test_a_page_of_countless_pieces_keeps_their_order() -> None:
    runs = [line(str(n), 0, 0) for n in range(5_001)]
    assert arranged(runs).split("\n")[-1] == "5000"


def test_thousands_of_pieces_on_one_line_are_joined() -> None:
    got = arranged([line(str(n), 20.0 * n, n % 3, 5) for n in range(4_000)])
    assert got.split() == [str(n) for n in range(4_000)]


finite = st.floats(-1e4, 1e4)
runs = st.builds(
    lambda text, left, top, width, height: Run(text, left, top, left + width, top + height),
    st.text("abcß語ש- ", min_size=1, max_size=8).filter(str.strip),
    finite,
    finite,
    st.floats(0, 500),
    st.floats(0, 50),
)


@given(st.lists(runs, max_size=40))
def test_no_letter_is_lost_wherever_it_stands(pieces: list[Run]) -> None:
    def letters(texts: list[str]) -> Counter[str]:
        return Counter("".join(texts).replace("-", "").replace(" ", "").replace("\n", ""))

    assert letters([arranged(pieces)]) == letters([piece.text for piece in pieces])
