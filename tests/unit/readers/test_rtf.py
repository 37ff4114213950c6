from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.office.rtf import is_rtf
from tests.documents import drafts
from tests.unit.readers.mutants import survives
from tests.unit.readers.packages import DATA, WORDS


def read(folder: Path, data: bytes) -> str:
    path = folder / "x.rtf"
    path.write_bytes(data)
    return "\n".join(draft.text for draft in drafts(path, "rtf"))


def test_a_letter_keeps_headings_lists_tables_notes_links_and_every_script() -> None:
    (draft,) = drafts(DATA / "rtf/letter.rtf", "rtf")
    assert draft.title == "letter.rtf"
    assert draft.at is not None
    assert "# About the parcel\n\nDear Zöe, it came on ту time 😀 café.\nSecond line." in draft.text
    assert "## Contents\n\n- apples\n  a) green ones\n\nПривет, 日本, α≥" in draft.text
    assert "The price is twelve crowns[1].\n\n[1] With the stamp." in draft.text
    assert "the tracking page (https://post.example/track)" in draft.text
    assert "Comment by Piet Hein: Is it free?" in draft.text
    assert "Thing: Tea; Weight: 2 kg\nThing: Jam; Weight: in | ner" in draft.text
    assert draft.text.count("boxed greeting") == 1
    assert "€ in Unicode" in draft.text


@pytest.mark.parametrize(
    "hidden", ["deadbeef", "ansi only", "hidden", "Secret title", "Arial", "Page", "rubbish", "ten"]
)
def test_what_is_not_shown_is_left_out(hidden: str) -> None:
    (draft,) = drafts(DATA / "rtf/letter.rtf", "rtf")
    assert hidden not in draft.text.split()


def test_a_text_of_the_mac_has_its_own_code_page_and_ends_of_lines() -> None:
    text = drafts(DATA / "rtf/mac.rtf", "rtf")[0].text
    assert text == "Tête-à-tête\n\nat noon\n\none | two\n\nend"


def test_a_text_that_breaks_off_is_read_to_its_end() -> None:
    assert drafts(DATA / "rtf/cut.rtf", "rtf")[0].text == (
        "First line\n\nsecond deep and then it sto"
    )


def test_double_bytes_may_end_with_a_letter(tmp_path: Path) -> None:
    data = rb"{\rtf1\ansi\ansicpg932{\fonttbl{\f0\fcharset128 Gothic;}}\f0 \'83A\'83\'43}"
    assert read(tmp_path, data) == "アイ"


def test_raw_bytes_may_hold_braces(tmp_path: Path) -> None:
    assert read(tmp_path, rb"{\rtf1 a{\pict\bin6 }}}}}}}b}") == "ab"


def test_a_table_of_fonts_without_an_end_hides_nothing(tmp_path: Path) -> None:
    data = rb"{\rtf1\ansi{\fonttbl{\f0\fnil Times;}\viewkind4\uc1 \pard\f0 text\par}"
    assert read(tmp_path, data) == "text"


def test_a_file_without_text_or_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"x\.rtf has no text"):
        read(tmp_path, rb"{\rtf1 {\pict 00ff}}")
    with pytest.raises(UnsupportedFormatError, match=r"x\.rtf is not rich text"):
        read(tmp_path, b"plain")


def test_rich_text_is_known_by_its_beginning() -> None:
    assert is_rtf(rb"{\rtf1\ansi")
    assert not is_rtf(b"About {\\rtf")
    assert not is_rtf(b"")


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="nested too deep"):
        read(tmp_path, rb"{\rtf1 " + b"{" * 100_000 + b"x")


def test_a_table_or_paragraph_without_end_is_told_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tera.readers.office.rtf_text.MOST_ROWS", 10)
    monkeypatch.setattr("tera.readers.office.rtf_text.MOST_PIECES", 10)
    rows = read(tmp_path, rb"{\rtf1 " + rb"\intbl a\cell b\cell\row " * 55 + b"}")
    assert rows.count("a | b") == 55
    assert read(tmp_path, rb"{\rtf1 " + rb"word\b  " * 50_000 + b"}").count("word") == 50_000


@given(texts=st.lists(WORDS, min_size=1, max_size=5))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    body = b""
    for text in texts:
        units = text.encode("utf-16-le")
        for at in range(0, len(units), 2):
            code = int.from_bytes(units[at : at + 2], "little", signed=True)
            body += b"\\u%d?" % code
        body += b"\\par\n"
    text = read(tmp_path_factory.mktemp("rtf"), b"{\\rtf1\\ansi " + body + b"}")
    assert text.split("\n\n") == texts


@given(
    pieces=st.lists(
        st.sampled_from(
            rb"{ } \par \cell \row \intbl \itap2 \nestcell \nestrow {\footnote {\field{\*\fldinst "
            rb"HYPERLINK x}{\fldrslt \u-10179? \'e9 text \uc0 \bin3 {\pict {\upr {\*\ud {\header "
            rb"{\fonttbl{\f1\fcharset2 \f1 {\stylesheet{\s1 heading_1;}} \s1 \chftn \*".split()
        ),
        max_size=40,
    )
)
def test_any_order_of_words_gives_text_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("rtf") / "x.rtf"
    path.write_bytes(rb"{\rtf1 " + b" ".join(pieces))
    survives(path, "rtf")
