from __future__ import annotations

import csv
import io
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.readers.document import PART_CHARACTERS
from tera.readers.plain.tables import is_table
from tests.documents import drafts
from tests.unit.readers.text_samples import only, read

CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(' ",;\n'),
    max_size=12,
).map(str.strip)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=12))
def test_every_cell_that_is_written_is_read_in_its_row(
    delimiter: str, rows: list[list[str]]
) -> None:
    # Numbers in each row make the delimiter the plain one.
    whole = [["Name", "Number", *(f"Column {n}" for n in range(3))]]
    whole += [[f"row{n}", str(n), *row] for n, row in enumerate(rows)]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(whole)
    with tempfile.TemporaryDirectory() as folder:
        draft = only(read(Path(folder), "x.csv", text.getvalue(), "csv"))
    lines = draft.text.split("\n")[:-1]
    assert len(lines) == len(rows)
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        cells = [f"Name: row{number}", f"Number: {number}"]
        cells += [f"Column {n}: {' '.join(cell.split())}" for n, cell in enumerate(row) if cell]
        assert line == "; ".join(cells)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", "a: 1; b: 2\n"),
        ("a,b\r\n1,2\r\n", "a: 1; b: 2\n"),
        ("\n\na,b\n1,2", "a: 1; b: 2\n"),
        ("1,2\n3,4\n", "1; 2\n3; 4\n"),
        ("a,a\nx,y\n", "a; a\nx; y\n"),
        ("Ann,x\nAnn,y\n", "Ann; x\nAnn; y\n"),
        ("ann@x.org,1\nbo@x.org,2\n", "ann@x.org; 1\nbo@x.org; 2\n"),
        (",count\nx,1\ny,2\n", "x; count: 1\ny; count: 2\n"),
        ("a,b\n", "a; b\n"),
        ("a;b\n1,5;2\n", "a: 1,5; b: 2\n"),
        ("SEP=|\na|b\n1,2|3\n", "a: 1,2; b: 3\n"),
        ("a,b\n,,\n1,2\n,,\n,,\n", "\na: 1; b: 2\n"),
        ('a,b\n"x, y","z ""q"""\n', 'a: x, y; b: z "q"\n'),
        ('a, b\n1, "x, y"\n', "a: 1; b: x, y\n"),
    ],
)
def test_rows_become_lines_with_the_names_of_their_columns(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert only(read(tmp_path, "x.csv", text, "csv")).text == expected


@pytest.mark.parametrize(
    "bad",
    ['"open,1', 'screen 24",2', '"end" of it,3', '"a"b"c,4', '"', '""",5', 'x,"y'],
)
def test_a_stray_quote_costs_its_own_row_only(tmp_path: Path, bad: str) -> None:
    before = "".join(f"name {n},{n}\n" for n in range(30))
    after = "".join(f"later {n},{n}\n" for n in range(3_000))
    draft = only(read(tmp_path, "x.csv", f"Item,Count\n{before}{bad}\n{after}", "csv"))
    lines = draft.text.split("\n")
    assert lines[29] == "Item: name 29; Count: 29"
    assert lines[31] == "Item: later 0; Count: 0"
    assert lines[3030] == "Item: later 2999; Count: 2999"
    assert all(letter in lines[30] for letter in bad if letter.isalnum())


def test_a_cell_may_have_hundreds_of_lines(tmp_path: Path) -> None:
    cell = "\n".join(f"line {n} of it, with commas" for n in range(900))
    draft = only(read(tmp_path, "x.csv", f'From,Text\nAnn,"{cell}"\nBo,short\n', "csv"))
    first, second, _ = draft.text.split("\n")
    assert first.startswith("From: Ann; Text: line 0 of it")
    assert first.endswith("line 899 of it, with commas")
    assert second == "From: Bo; Text: short"


def test_a_long_table_streams_with_the_numbers_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = "".join(f'{n},"name {n}\nof two lines",für Köln\n' for n in range(1, 40_001))
    path.write_text("Number,Name,Place\n" + rows)
    found = drafts(path, "csv")
    assert len(found) >= 2
    for draft in found:
        assert len(draft.text) <= PART_CHARACTERS
        assert draft.text.startswith(f"Number: {draft.part}; Name: name {draft.part} of two lines;")
    assert "".join(draft.text for draft in found).count("\n") == 40_000


@pytest.mark.parametrize(
    "text",
    [
        '"' * 300_001,
        '"\n' * 100_000,
        '"a\n""b\n' * 60_000,
        "," * 1_500_000,
        ('"x\n' + "y\n" * 1_999) * 100,
        "x" * 60 + "," + "1,2\n" * 100_000,
    ],
)
def test_hostile_tables_are_read_in_time(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text + "\nthe end,1\n")
    began = time.monotonic()
    assert drafts(path, "csv")[-1].text.rstrip().endswith("1")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name,Age,City\nAnn,31,Köln\nBo,40,Århus\nCleo,22,Gdańsk\n", True),
        ("Name,Age\nAnn,31\nBo,40\nCleo,22\n", False),
        ("one\ntwo\nthree\nfour\n", False),
        ("", False),
    ],
)
def test_a_table_is_told_by_its_columns(text: str, expected: bool) -> None:
    assert is_table(text) is expected
