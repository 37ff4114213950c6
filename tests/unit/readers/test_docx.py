from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import PasswordNeededError, UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Attachment, Failure
from tests.documents import drafts, items
from tests.unit.readers.packages import (
    DATA,
    OFFICE,
    WORDS,
    docx_parts,
    paragraph,
    relations,
    write_package,
    xlsx_parts,
)


def text_of(path: Path) -> str:
    return "\n".join(draft.text for draft in drafts(path, "docx"))


def read_body(folder: Path, body: str, prolog: str = "") -> str:
    return text_of(write_package(folder / "x.docx", docx_parts(body, prolog)))


def test_a_report_keeps_its_headings_lists_tables_notes_comments_and_boxes() -> None:
    (draft,) = drafts(DATA / "docx/report.docx", "docx")
    assert draft.title == "report.docx"
    assert draft.at is not None
    assert draft.at.isoformat().startswith("2024-05-03T14:02")
    assert "- paint\n  - white paint\n- brushes\n1. call the mason\n2. order stone" in draft.text
    assert "Item: Stone; Amount: 1,200 €; Paid by: Ilse" in draft.text
    assert "[1] Weighed in 1911, without the lens." in draft.text
    assert "Comment by Piet Hein: Ask her about the invoice" in draft.text
    assert draft.text.count("Boxed warning: wet floor") == 1
    assert draft.text.count("Harbour Office, confidential") == 1


def test_what_was_inserted_is_kept_and_what_was_deleted_is_not() -> None:
    text = text_of(DATA / "docx/report.docx")
    assert "The fee is fifty crowns." in text
    assert "forty" not in text


def test_numbers_of_clauses_are_told_as_they_are_shown() -> None:
    text = text_of(DATA / "docx/vertrag.docx")
    assert "# § 2 Schlüssel" in text
    assert "    (b) einen Briefkastenschlüssel\n  2.2 Verlust ist zu melden." in text


def test_the_date_of_a_template_is_not_that_of_the_document() -> None:
    (draft,) = drafts(DATA / "docx/vertrag.docx", "docx")
    assert draft.at is None


def test_a_cell_merged_downwards_tells_its_text_in_every_row() -> None:
    assert "Region: Nord; Stadt: Husum; Miete: 550" in text_of(DATA / "docx/vertrag.docx")


def test_an_encrypted_document_is_read_with_its_password_alone() -> None:
    path = DATA / "docx/locked.docx"
    with pytest.raises(PasswordNeededError, match=r"locked\.docx is encrypted"):
        drafts(path, "docx")
    with pytest.raises(PasswordNeededError, match=r"locked\.docx .*password is wrong"):
        drafts(path, "docx", "Lantern")
    assert "Mietsache" in drafts(path, "docx", "lantern")[0].text


@pytest.mark.parametrize(
    ("stream", "what", "instead"),
    [
        ("WordDocument", "an old Word file", ".docx"),
        ("Workbook", "an old Excel file", ".xlsx"),
        ("PowerPoint Document", "an old PowerPoint file", ".pptx"),
        ("__properties_version1.0", "an Outlook message", ".eml"),
        ("Something", "an OLE file of an unknown kind", "text"),
    ],
)
def test_a_file_of_an_old_format_is_refused_by_its_name(
    tmp_path: Path, stream: str, what: str, instead: str
) -> None:
    name = stream.encode("utf-16-le")
    entry = name.ljust(64, b"\0") + bytes((len(name) + 2, 0, 2))
    path = tmp_path / "old.docx"
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(1024, b"\0") + entry.ljust(512, b"\0")
    )
    with pytest.raises(UnsupportedFormatError, match=f"old.docx is {what}") as raised:
        drafts(path, "docx")
    assert instead in raised.value.hint


def test_a_document_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = write_package(tmp_path / "a.docx", xlsx_parts({"S": ""}))
    with pytest.raises(UnsupportedFormatError, match="not a Word document, but an Excel workbook"):
        drafts(path, "docx")


def test_a_document_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"x\.docx has no text in it"):
        read_body(tmp_path, "<w:p/>")


def test_a_broken_end_is_told_and_what_stands_before_it_is_read(tmp_path: Path) -> None:
    parts = docx_parts(paragraph("the beginning") * 20)
    parts["word/document.xml"] = str(parts["word/document.xml"])[:-30]
    found = list(items(write_package(tmp_path / "x.docx", parts), "docx"))
    assert any(isinstance(item, Failure) for item in found)
    assert "the beginning" in drafts(tmp_path / "x.docx", "docx")[0].text


def test_missing_parts_are_no_reason_to_stop(tmp_path: Path) -> None:
    parts = docx_parts(
        f'<w:p><w:r><w:t>kept</w:t><w:footnoteReference w:id="9"/></w:r>'
        f'<w:hyperlink r:id="gone" xmlns:r="{OFFICE}"><w:r><w:t> link</w:t></w:r>'
        "</w:hyperlink></w:p>"
    )
    parts["word/_rels/document.xml.rels"] = relations(
        a="styles styles.xml", b="footnotes footnotes.xml", c="header ../../up.xml"
    )
    assert text_of(write_package(tmp_path / "x.docx", parts)) == "kept link"


def test_documents_inside_of_it_are_handed_on(tmp_path: Path) -> None:
    parts = docx_parts('<w:altChunk r:id="c"/>')
    parts["word/_rels/document.xml.rels"] = relations(c="aFChunk included.html")
    parts["word/included.html"] = "<p>included</p>"
    found = []
    for item in items(write_package(tmp_path / "x.docx", parts), "docx"):
        if isinstance(item, Attachment):
            found.append((item.name, item.path.read_text()))
    assert found == [("included.html", "<p>included</p>")]


def test_a_table_for_the_layout_is_text_and_not_a_row(tmp_path: Path) -> None:
    cell = f"<w:tc>{paragraph('One long story.')}{paragraph('Its second paragraph.')}</w:tc>"
    text = read_body(tmp_path, f"<w:tbl><w:tr>{cell}</w:tr></w:tbl>")
    assert text == "One long story.\n\nIts second paragraph."


def test_rows_that_were_deleted_are_left_out(tmp_path: Path) -> None:
    row = "<w:tr><w:trPr>{}</w:trPr><w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc></w:tr>"
    rows = row.format("", "kept") + row.format("<w:del/>", "gone")
    assert read_body(tmp_path, f"<w:tbl>{rows}</w:tbl>") == "kept"


def test_a_field_that_never_ends_hides_nothing(tmp_path: Path) -> None:
    begin = '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:t>code</w:t></w:r></w:p>'
    assert read_body(tmp_path, begin + paragraph("after")) == "after"


def test_lines_that_look_like_headings_are_none(tmp_path: Path) -> None:
    assert read_body(tmp_path, paragraph("# 1 priority")) == " # 1 priority"


def test_a_long_document_has_parts_that_begin_with_the_headings_they_stand_under(
    tmp_path: Path,
) -> None:
    heading = '<w:pPr><w:outlineLvl w:val="{}"/></w:pPr>'
    body = paragraph("Book", heading.format(0)) + paragraph("Chapter", heading.format(1))
    body += "".join(paragraph(f"Line {number} " + "word " * 200) for number in range(2100))
    found = drafts(write_package(tmp_path / "x.docx", docx_parts(body)), "docx")
    assert [draft.part for draft in found] == ["1", "2", "3"]
    assert all(draft.text.startswith("# Book\n\n## Chapter\n\nLine ") for draft in found)
    text = "\n".join(draft.text for draft in found)
    assert all(f"Line {number} " in text for number in range(2100))


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE a [<!ENTITY a "lol"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        f'<!DOCTYPE a [<!ENTITY x "{"x" * 100_000}">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> <!ENTITY x "y">]>',
    ],
)
def test_entities_are_refused_in_every_part(tmp_path: Path, prolog: str) -> None:
    with pytest.raises(UnreadableFileError, match="declares XML entities"):
        read_body(tmp_path, paragraph("a").replace("a</w:t>", "&x;</w:t>"), prolog)
    parts = docx_parts(paragraph("a"))
    parts["word/_rels/document.xml.rels"] = relations(a="styles styles.xml")
    parts["word/styles.xml"] = f"{prolog}<styles>&x;</styles>"
    with pytest.raises(UnreadableFileError, match="declares XML entities"):
        drafts(write_package(tmp_path / "y.docx", parts), "docx")


def test_a_document_type_in_another_place_is_not_fetched(tmp_path: Path) -> None:
    prolog = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">'
    assert read_body(tmp_path, paragraph("plain"), prolog) == "plain"


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    depth = 3000
    body = "<w:tbl><w:tr><w:tc>" * depth + paragraph("x") + "</w:tc></w:tr></w:tbl>" * depth
    with pytest.raises(UnreadableFileError, match=r"x\.docx is broken"):
        read_body(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        "<w:p><w:r><w:t>" + "a" * 30_000_000 + "</w:t></w:r></w:p>",
        "<w:p>" + "<w:r><w:t>abcdefgh</w:t></w:r>" * 100_000 + "</w:p>",
        " " * 30_000_000,
    ],
    ids=["a text without end", "a paragraph without end", "spaces"],
)
def test_zip_bombs_are_refused(tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tera.readers.office.package.MOST_IN_A_TREE", 2**20)
    with pytest.raises(UnreadableFileError):
        read_body(tmp_path, body)


def test_encrypted_parts_are_refused(tmp_path: Path) -> None:
    path = write_package(tmp_path / "x.docx", docx_parts(paragraph("a")))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\1\2", at + 4)
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError, match="encrypted parts"):
        drafts(path, "docx")


@given(texts=st.lists(WORDS, min_size=1, max_size=6))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("docx")
    text = read_body(folder, "".join(paragraph(text) for text in texts))
    assert text.split("\n\n") == texts


@given(data=st.binary(max_size=300), begins=st.sampled_from([b"", b"PK\3\4", b"\xd0\xcf\x11\xe0"]))
def test_any_bytes_give_an_error_of_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, begins: bytes
) -> None:
    path = tmp_path_factory.mktemp("docx") / "x.docx"
    path.write_bytes(begins + data)
    with pytest.raises(UnreadableFileError):
        drafts(path, "docx")
