from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.datatypes import Draft
from tera.errors import (
    MissingExtraError,
    PasswordNeededError,
    ReaderError,
    UnreadableFileError,
)
from tera.places import PAGE_BREAK
from tera.readers.document import Attachment, Failure, Note, Progress
from tera.readers.pdf import parts, pdf
from tera.readers.pdf.files import parsed_date
from tests.documents import drafts, items

DATA = Path(__file__).parents[2] / "data" / "pdf"


def text_of(name: str, password: str | None = None) -> str:
    [draft] = drafts(DATA / name, "pdf", password)
    return draft.text


def written(pages: list[list[str]]) -> bytes:
    """Return a PDF with these lines on its pages, in a font that every reader has."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>"
        % (len(pages), b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(len(pages)))),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for number, lines in enumerate(pages):
        shown = b"T* ".join(b"<%s> Tj " % line.encode("cp1252").hex().encode() for line in lines)
        content = b"BT /F1 10 Tf 12 TL 40 800 Td %s ET" % shown
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (5 + 2 * number),
            b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        ]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\n"
        b"startxref\n%d\n%%%%EOF" % (len(objects) + 1, table, len(objects) + 1, len(data))
    )


def test_pages_are_divided_also_empty_ones() -> None:
    first, second, third = text_of("report.pdf").split(PAGE_BREAK)
    assert "outer pier is undamaged" in first
    assert second == ""
    assert "every eleven seconds" in third


def test_words_divided_between_lines_are_whole_and_compounds_keep_their_hyphen() -> None:
    text = text_of("report.pdf")
    assert "The well-known\nrepair" in text
    assert "un-" not in text


def test_bookmarks_make_headings_of_the_lines_that_they_name() -> None:
    text = text_of("report.pdf")
    assert text.startswith("# Harbour survey\n")
    assert "\n## Findings\n" in text


def test_columns_are_read_one_after_the_other() -> None:
    text = text_of("columns.pdf")
    order = ["How nine families", "shared one press", "wasps enjoys", "voices", "first of August"]
    order += ["Bruno", "Carla counted"]
    assert sorted(order, key=text.index) == order


def test_a_table_is_read_row_by_row() -> None:
    assert "Pears and quinces 2.10 3\nPlums 0.99 120" in text_of("table.pdf")


def test_lines_keep_their_order_however_page_and_text_are_turned() -> None:
    pages = text_of("rotated.pdf").split(PAGE_BREAK)
    assert len(pages) == 8
    assert len(set(pages)) == 1
    assert pages[0].startswith("Rotated pages keep the order of their lines, however\nthe scanner")


@pytest.mark.parametrize(
    "words",
    [
        "süße Äpfel, weiß",
        "Ο καφές είναι",
        "Съешь ещё",
        "žluťoučký kůň",
        "first office floor",
        "𝔸 and 𝕫",
        "הרכבת יוצאת בבוקר מתל אביב",
    ],
)
def test_letters_of_every_script_survive(words: str) -> None:
    assert words in text_of("languages.pdf")


def test_a_font_that_is_not_in_the_document_is_known_by_its_encoding() -> None:
    assert text_of("chinese.pdf") == "图书馆每天九点开门。\n周一休息。"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("encrypted-rc4.pdf", "früh"),
        ("encrypted-rc4.pdf", "boss"),
        ("encrypted-aes128.pdf", "frog"),
        ("encrypted-aes.pdf", "früh"),
        ("encrypted-aes.pdf", "boss"),
        ("owner-only.pdf", None),
    ],
)
def test_the_password_of_reader_or_owner_opens_a_document(name: str, password: str | None) -> None:
    assert text_of(name, password) == "The key of the cellar hangs behind the clock."


@pytest.mark.parametrize(
    ("password", "message"), [(None, "is encrypted"), ("nope", "the password is wrong")]
)
@pytest.mark.parametrize("name", ["encrypted-rc4.pdf", "encrypted-aes128.pdf", "encrypted-aes.pdf"])
def test_an_encrypted_document_asks_for_its_password(
    name: str, password: str | None, message: str
) -> None:
    with pytest.raises(PasswordNeededError, match=message) as caught:
        drafts(DATA / name, "pdf", password)
    assert caught.value.message.startswith(name)
    assert "--password" in caught.value.hint


def test_what_was_filled_in_typed_and_remarked_is_read() -> None:
    text = text_of("form.pdf")
    assert "Name: Zoë Brandt" in text
    assert "Received on Friday" in text
    assert "Comment by Tom: Ask Ann about berth 14" in text


def test_attached_and_pinned_files_are_unpacked_under_numbers() -> None:
    found = {}
    for item in items(DATA / "form.pdf", "pdf"):
        if isinstance(item, Attachment):
            found[item.name] = (item.path.name, item.path.read_bytes(), item.modified)
    assert found == {
        "../berth list.csv": ("1", b"berth,owner\n14,Ann\n", None),
        "buoy.txt": ("2", b"The old buoy is red.\n", datetime(2022, 1, 2, 3, 4, 5, tzinfo=UTC)),
    }


def test_attachments_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tera.readers.pdf.files.MOST_ATTACHED_BYTES", 20)
    got = list(items(DATA / "form.pdf", "pdf"))
    assert not any(isinstance(item, Attachment) and item.name == "buoy.txt" for item in got)
    assert "buoy.txt in form.pdf could not be read" in [
        item.text for item in got if isinstance(item, Failure)
    ]


def test_the_date_is_that_of_the_document() -> None:
    [draft] = drafts(DATA / "report.pdf", "pdf")
    assert draft.at == datetime(2023, 4, 5, 7, 30, tzinfo=UTC)
    assert draft.title == "report.pdf"


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (
            "D:20240503140215+02'00'",
            datetime(2024, 5, 3, 14, 2, 15, tzinfo=timezone(timedelta(hours=2))),
        ),
        ("D:20240503140215Z", datetime(2024, 5, 3, 14, 2, 15, tzinfo=UTC)),
        ("20240503", datetime(2024, 5, 3).astimezone()),
        (
            "D:20240503140215-0330",
            datetime(2024, 5, 3, 14, 2, 15, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
        ),
        ("D:20241303", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_read_with_their_offset(value: str, date: datetime | None) -> None:
    assert parsed_date(value) == date


@given(st.text(max_size=40) | st.from_regex(r"D:\d{0,16}[+Z-]?[\d']{0,8}"))
def test_any_text_may_stand_for_a_date(value: str) -> None:
    parsed = parsed_date(value)
    assert parsed is None or parsed.tzinfo is not None


def test_a_scanned_page_is_recognised_at_its_place() -> None:
    first, second = text_of("partly-scanned.pdf").split(PAGE_BREAK)
    assert first == "The first page has a text layer of its own."
    assert "The honey price rises to 7.50 euros." in second
    assert "scan 0002" in second


def test_a_scan_that_lies_upside_down_is_recognised() -> None:
    assert "Minutes of the beekeepers, 4 May 2021" in text_of("scanned.pdf")


def test_without_ocr_the_other_pages_are_read_and_a_note_says_what_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    got = list(items(DATA / "partly-scanned.pdf", "pdf"))
    [draft] = [item for item in got if isinstance(item, Draft)]
    [note] = [item for item in got if isinstance(item, Note)]
    assert draft.text.startswith("The first page has a text layer")
    assert note.text == "page 2 of partly-scanned.pdf is a picture of text"
    assert note.hint == "pip install 'tera[ocr]'"


def test_without_ocr_a_scan_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtraError, match=r"scanned\.pdf are pictures") as caught:
        drafts(DATA / "scanned.pdf", "pdf")
    assert caught.value.hint == "pip install 'tera[ocr]'"


def test_without_the_library_its_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(MissingExtraError) as caught:
        drafts(DATA / "report.pdf", "pdf")
    assert caught.value.hint == "pip install 'tera[pdf]'"


def test_a_broken_page_is_a_failure_and_the_others_keep_their_numbers() -> None:
    got = list(items(DATA / "broken-page.pdf", "pdf"))
    [draft] = [item for item in got if isinstance(item, Draft)]
    [failure] = [item for item in got if isinstance(item, Failure)]
    assert failure.text == "page 2 of broken-page.pdf could not be read"
    assert draft.text.split(PAGE_BREAK)[2] == "This is sheet number 3 of the logbook."


def test_a_download_that_broke_off_at_its_end_is_read() -> None:
    assert "every eleven seconds" in text_of("no-end.pdf")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blank.pdf", "blank.pdf has no text in it"),
        ("web-page.pdf", "web-page.pdf is not a PDF, or it is broken"),
        ("empty.pdf", "empty.pdf is not a PDF, or it is broken"),
    ],
)
def test_what_has_no_text_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message) as caught:
        drafts(DATA / name, "pdf")
    assert caught.value.hint


def test_a_long_document_becomes_parts_named_by_their_first_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_CHARACTERS", 100)
    monkeypatch.setattr(pdf, "PAGES_AT_ONCE", 2)
    monkeypatch.setattr("tera.readers.document.PROGRESS_S", 0.0)
    path = tmp_path / "long.pdf"
    path.write_bytes(written([["x" * 60], [], ["y" * 60], ["z" * 30], ["w" * 60]]))
    got = list(items(path, "pdf"))
    found = [(item.part, item.text) for item in got if isinstance(item, Draft)]
    assert found == [
        ("1", "x" * 60 + PAGE_BREAK),
        ("3", "y" * 60 + PAGE_BREAK + "z" * 30),
        ("5", "w" * 60),
    ]
    assert Progress(4, 5) in got


def test_only_the_bytes_that_were_there_are_read(tmp_path: Path) -> None:
    from tera.readers.document import Document

    path = tmp_path / "growing.pdf"
    path.write_bytes(written([["before"]]))
    size_bytes = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\n" + written([["after"]])[9:])
    document = Document(path, path.name, size_bytes, None, tmp_path)
    [draft] = [item for item in pdf.read_pdf(document) if isinstance(item, Draft)]
    assert draft.text == "before"


def test_a_document_of_broken_pages_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "MOST_BROKEN", 4)
    monkeypatch.setattr(pdf, "PAGES_AT_ONCE", 2)
    path = tmp_path / "broken.pdf"
    whole = written([["page"]])
    path.write_bytes(whole.replace(b"/Count 1/Kids[4 0 R]", b"/Count 900000/Kids[]"))
    with pytest.raises(UnreadableFileError, match=r"no page of broken\.pdf"):
        drafts(path, "pdf")


words = st.text(st.characters(codec="cp1252", categories=("L", "N")), min_size=1, max_size=12)
lines = st.lists(words, min_size=1, max_size=8).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(lines, max_size=6), min_size=1, max_size=5))
def test_what_was_written_is_read(tmp_path: Path, pages: list[list[str]]) -> None:
    path = tmp_path / "any.pdf"
    path.write_bytes(written(pages))
    if not any(pages):
        with pytest.raises(UnreadableFileError):
            drafts(path, "pdf")
        return
    [draft] = drafts(path, "pdf")
    got = [page.split() for page in draft.text.split(PAGE_BREAK)]
    assert got == [" ".join(page).split() for page in pages]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_a_reader_error(tmp_path: Path, data: bytes, has_head: bool) -> None:
    path = tmp_path / "any.pdf"
    path.write_bytes(b"%PDF-1.7\n" * has_head + data)
    with pytest.raises(ReaderError):
        drafts(path, "pdf")
