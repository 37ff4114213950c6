from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import PasswordNeededError, UnreadableFileError
from tera.readers.document import Failure
from tera.readers.office.cell_formats import shown
from tera.readers.office.grid import Row, lines
from tests.documents import drafts, items
from tests.unit.readers.packages import (
    DATA,
    WORDS,
    write_package,
    xlsx_parts,
)


def text_of(path: Path) -> str:
    return "\n".join(draft.text for draft in drafts(path, "xlsx"))


def row(*cells: str) -> str:
    inner = "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in cells)
    return f"<row>{inner}</row>"


def told(*rows: str, is_bold: bool = False) -> list[str]:
    return list(
        lines(
            Row(
                {at: cell for at, cell in enumerate(one.split("|")) if cell},
                is_bold=is_bold and not n,
            )
            for n, one in enumerate(rows)
        )
    )


def test_a_workbook_keeps_every_sheet_also_hidden_ones() -> None:
    (draft,) = drafts(DATA / "xlsx/costs.xlsx", "xlsx")
    assert draft.title == "costs.xlsx"
    assert draft.at is not None
    assert "# Costs 2024\n\nGarden budget\n\nDay | What | Price | Share | Done\n" in draft.text
    assert "Day: 2024-05-03; What: Tulips; Price: € 12.50; Share: 12.5%; Done: TRUE\n" in draft.text
    assert "Comment on B4 by Rosa Diaz: Bought at the market\n" in draft.text
    assert "What: Soil (https://soil.example/bag); Price: € 40.00;" in draft.text
    assert "Region: North; City: Husum; Head: Bo" in draft.text
    assert "# Hidden notes\n\nSecret shelf | row 7" in draft.text
    assert "# Empty" not in draft.text


def test_a_formula_without_a_value_is_told_itself() -> None:
    assert "Day: Sum; Price: =SUM(C4:C6)" in text_of(DATA / "xlsx/costs.xlsx")


def test_a_sheet_that_breaks_off_is_told_after_the_rows_before() -> None:
    path = DATA / "xlsx/producers.xlsx"
    failures = [item.text for item in items(path, "xlsx") if isinstance(item, Failure)]
    assert [text[:43] for text in failures] == [
        "producers.xlsx: sheet Broken is broken: exp",
        "producers.xlsx: sheet Gone is broken: it is",
    ]
    assert "# Broken\n\nbefore the break" in text_of(path)


def test_an_encrypted_workbook_is_read_with_its_password() -> None:
    with pytest.raises(PasswordNeededError):
        drafts(DATA / "xlsx/locked.xlsx", "xlsx")
    assert "Tulips" in drafts(DATA / "xlsx/locked.xlsx", "xlsx", "lantern")[0].text


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1.0, "General", "1"),
        (0.1 + 0.2, "General", "0.3"),
        (1e20, "0.00", "1e+20"),
        (0.125, "0%", "13%"),
        (0.125, "0.0%", "12.5%"),
        (1234.5, "#,##0.00", "1,234.50"),
        (-5.0, "#,##0;(#,##0)", "(5)"),
        (-5.0, "0.0", "-5.0"),
        (-5.0, "0;[Red]0", "-5"),
        (1234.5, '"$"#,##0', "$1,235"),
        (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
        (7.0, '0 "kg"', "7 kg"),
        (1500000.0, '0.0,,"M"', "1.5M"),
        (42.0, "00000", "00042"),
        (0.0, "0.0;-0.0;0", "0"),
        (1.5, "# ?/?", "1.5"),
        (0.000012, "0.00E+00", "1.2e-05"),
        (45415.0, "dd/mm/yyyy", "2024-05-03"),
        (45415.604166667, "m/d/yy h:mm", "2024-05-03 14:30"),
        (0.604166667, "h:mm AM/PM", "14:30"),
        (1.5, "[h]:mm", "36:00"),
        (-1.0, "yyyy-mm-dd", "-1"),
        (3e9, "yyyy-mm-dd", "3000000000"),
        (45415.0, '"day "d', "2024-05-03"),
        (3.0, '"year"', "3"),
        (3.0, "@", "3"),
    ],
)
def test_numbers_are_told_as_they_are_shown(value: float, form: str, text: str) -> None:
    assert shown(value, form) == text


def test_days_may_be_counted_from_1904() -> None:
    assert shown(44000.0, "yyyy-mm-dd", is_1904=True) == "2024-06-19"


@given(value=st.floats(allow_nan=False, allow_infinity=False), form=st.text(max_size=30))
def test_any_format_shows_any_number(value: float, form: str) -> None:
    assert isinstance(shown(value, form), str)


def test_words_above_numbers_are_a_header() -> None:
    assert told("Item|Price", "Tea|3", "Milk|1.20 €")[1] == "Item: Tea; Price: 3"


def test_years_may_be_names_of_columns() -> None:
    assert told("Item|2023|2024", "Rent|800|850")[1] == "Item: Rent; 2023: 800; 2024: 850"


def test_words_above_words_are_a_header_when_there_are_three() -> None:
    assert told("Name|City|Team", "Ann|Kiel|Blue")[1] == "Name: Ann; City: Kiel; Team: Blue"


def test_names_and_values_side_by_side_have_no_header() -> None:
    assert told("Name|Ann", "City|Kiel", "Zip|24103") == [
        "Name | Ann",
        "City | Kiel",
        "Zip | 24103",
    ]


def test_bold_names_are_a_header() -> None:
    assert told("Name|Job", "Ann|Smith", is_bold=True)[1] == "Name: Ann; Job: Smith"


def test_rows_of_values_have_no_header() -> None:
    assert told("1|2|3", "4|5|6") == ["1 | 2 | 3", "4 | 5 | 6"]


def test_below_an_empty_row_another_table_may_begin() -> None:
    found = told("A|B|C", "x|y|1", "", "Sum|Tax", "10|2", "", "loose|words|here|all")
    assert found[1] == "A: x; B: y; C: 1"
    assert found[4] == "Sum: 10; Tax: 2"
    assert found[-1] == "loose | words | here | all"


def test_rows_formatted_to_the_end_of_the_sheet_cost_nothing(tmp_path: Path) -> None:
    rows = row("Name", "Age", "City") + row("Ann", "44", "Kiel")
    rows += "".join(f'<row r="{at}" s="1"><c r="A{at}" s="1"/></row>' for at in range(3, 100_000))
    path = write_package(tmp_path / "x.xlsx", xlsx_parts({"S": rows}))
    assert text_of(path) == "# S\n\nName | Age | City\nName: Ann; Age: 44; City: Kiel"


def test_a_long_sheet_has_parts_that_begin_with_its_name(tmp_path: Path) -> None:
    rows = row("Word", "Number") + "".join(row("word " * 20, f"{at}") for at in range(15_000))
    found = drafts(write_package(tmp_path / "x.xlsx", xlsx_parts({"Long": rows})), "xlsx")
    assert [draft.part for draft in found] == ["1", "2"]
    assert found[1].text.startswith("# Long\n\nWord: word word")
    assert "\n".join(draft.text for draft in found).count("Number: ") == 15_000


def test_one_long_text_in_many_cells_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tera.readers.office.outline.MOST_CHARACTERS", 3_000_000)
    rows = '<row><c t="s"><v>0</v></c></row>' * 1000
    strings = f"<si><t>{'long ' * 2000}</t></si>"
    path = write_package(tmp_path / "x.xlsx", xlsx_parts({"S": rows}, strings=strings))
    with pytest.raises(UnreadableFileError, match="more than 3 million characters"):
        drafts(path, "xlsx")


def test_references_beyond_every_sheet_are_left_out(tmp_path: Path) -> None:
    rows = (
        '<row r="99999999999"><c r="ZZZZZZZZZ1"><v>1</v></c><c r="A1" s="999999"><v>2</v></c>'
        '<c r="B1" t="s"><v>77</v></c><c r="C1"><v>1e999</v></c><c r="D1"><v>x</v></c></row>'
    )
    path = write_package(tmp_path / "x.xlsx", xlsx_parts({"S": rows}))
    assert text_of(path) == "# S\n\n2 | 1e999 | x"


@given(cells=st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_no_cell_is_lost(tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]) -> None:
    rows = "".join(row(*one) for one in cells)
    path = tmp_path_factory.mktemp("xlsx") / "x.xlsx"
    text = text_of(write_package(path, xlsx_parts({"S": rows})))
    assert all(cell in text for one in cells for cell in one)
