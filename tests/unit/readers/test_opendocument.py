from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Failure
from tera.readers.office.package import type_of_package
from tests.documents import drafts, items
from tests.unit.readers.mutants import survives
from tests.unit.readers.packages import (
    DATA,
    WORDS,
    open_parts,
    write_package,
)


def text_of(path: Path) -> str:
    return "\n".join(draft.text for draft in drafts(path, path.suffix[1:]))


def test_packages_are_told_from_other_zip_files_by_what_is_in_them() -> None:
    found = []
    for kind in ("docx", "pptx", "xlsx", "odt", "ods", "odp", "epub"):
        for path in (DATA / kind).iterdir():
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    names = archive.namelist()
                    mimetype = archive.read("mimetype") if "mimetype" in names else b""
                found.append((type_of_package(names, mimetype), kind))
    assert len(found) > 12
    assert all(told == kind for told, kind in found)
    assert type_of_package(["photos/a.jpg", "xl/notes.txt"]) is None


def test_a_text_keeps_headings_lists_tables_notes_boxes_and_formulas() -> None:
    (draft,) = drafts(DATA / "odt/guide.odt", "odt")
    assert draft.title == "guide.odt"
    assert draft.at is not None
    assert "# 1. Opening hours\n\nOpen from nine  to five,\tclosed on Mondays.[1]\n" in draft.text
    assert "## 1.1 Loans\n\n1. take a card\n  a) for adults\n  b) for children\n" in draft.text
    assert "Book: Kalevala; Shelf: B 4 inner left | inner right" in draft.text
    assert "[1] Except in July." in draft.text
    assert draft.text.count("E = m c^2") == 1
    assert draft.text.count("Is this still true?") == 1


def test_deleted_text_and_the_table_of_contents_are_left_out() -> None:
    text = text_of(DATA / "odt/guide.odt")
    assert "deleted sentence" not in text
    assert "Opening hours ..." not in text


def test_a_sheet_tells_dates_in_iso_and_numbers_as_they_are_shown() -> None:
    text = text_of(DATA / "ods/harvest.ods")
    assert "Day: 2024-05-03; Fruit: Pears; Weight: 1.250,50 kg" in text
    assert "Weight: 12,5 %\nComment by Olga: from the south wall" in text
    assert "# Übersicht\n\nSumme | 99,00 €\n\nfloating remark" in text


def test_a_slide_is_told_in_the_order_in_which_it_is_read() -> None:
    text = text_of(DATA / "odp/voyage.odp")
    assert "high left\n\nhigh right\n\nin a group\n\nPort | Days" in text.replace(
        "in a group\n\nhigh left\n\nhigh right", "high left\n\nhigh right\n\nin a group"
    )
    assert "low text\n\nNotes: speak slowly\n\n# Slide 2\n\nShape text ⚓" in text


def test_encrypted_documents_are_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"locked\.odt is encrypted"):
        drafts(DATA / "odt/locked.odt", "odt")


def test_a_document_of_another_kind_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match="is an OpenDocument spreadsheet") as raised:
        drafts(DATA / "ods/harvest.ods", "odt")
    assert "--as ods" in raised.value.hint


def test_entities_are_refused() -> None:
    with pytest.raises(UnreadableFileError, match="declares XML entities"):
        drafts(DATA / "odt/bomb.odt", "odt")


def test_repeated_cells_and_rows_are_bounded(tmp_path: Path) -> None:
    cell = '<table:table-cell table:number-columns-repeated="2000000000"><text:p>x</text:p>'
    row = f'<table:table-row table:number-rows-repeated="2000000000">{cell}</table:table-cell>'
    body = f'<table:table table:name="S">{row}</table:table-row></table:table>'
    path = write_package(tmp_path / "x.ods", open_parts("spreadsheet", body))
    assert text_of(path).count("x") == 100 * 16_384


def test_empty_rows_to_the_end_of_the_sheet_cost_nothing(tmp_path: Path) -> None:
    empty = (
        '<table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    row = (
        "<table:table-row><table:table-cell><text:p>a</text:p></table:table-cell></table:table-row>"
    )
    body = f'<table:table table:name="S">{empty * 50}{row}</table:table>'
    path = write_package(tmp_path / "x.ods", open_parts("spreadsheet", body))
    assert text_of(path) == "# S\n\na"


def test_spaces_that_are_counted_are_bounded(tmp_path: Path) -> None:
    body = '<text:p>a<text:s text:c="2000000000"/>b</text:p>'
    assert len(text_of(write_package(tmp_path / "x.odt", open_parts("text", body)))) < 2000


def test_a_broken_end_is_told_and_what_stands_before_it_is_read(tmp_path: Path) -> None:
    parts = open_parts("text", "<text:p>the beginning</text:p>" * 9)
    parts["content.xml"] = str(parts["content.xml"])[:-30]
    found = list(items(write_package(tmp_path / "x.odt", parts), "odt"))
    assert any(isinstance(item, Failure) for item in found)
    assert "the beginning" in text_of(tmp_path / "x.odt")


def test_a_document_without_text_is_refused(tmp_path: Path) -> None:
    for kind, ending in (("text", "odt"), ("spreadsheet", "ods"), ("presentation", "odp")):
        path = write_package(tmp_path / f"x.{ending}", open_parts(kind, ""))
        with pytest.raises(UnreadableFileError, match="has no text"):
            drafts(path, ending)


def test_deep_lists_are_refused_or_read(tmp_path: Path) -> None:
    for depth in (60, 3000):
        body = "<text:list><text:list-item>" * depth + "<text:p>deep</text:p>"
        body += "</text:list-item></text:list>" * depth
        survives(write_package(tmp_path / "x.odt", open_parts("text", body)), "odt")


@given(texts=st.lists(WORDS, min_size=1, max_size=5))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    body = "".join(f"<text:p>{escape(text)}</text:p>" for text in texts)
    path = tmp_path_factory.mktemp("odt") / "x.odt"
    assert text_of(write_package(path, open_parts("text", body))).split("\n\n") == texts
