from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import ReaderError, UnreadableFileError, UnsupportedFormatError
from tera.readers import MAX_BYTES
from tera.readers.text import checked, decode, read_text

READABLE = st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(str.strip)


def test_a_text_file_keeps_every_character_and_is_known_by_its_name() -> None:
    text = "  Grüße 好 🙂\r\n\ttab \u2028 end\n\n"
    draft = read_text(text.encode(), "notes.txt")
    assert (draft.text, draft.title, draft.source, draft.at) == (text, "notes.txt", None, None)


@given(READABLE)
def test_every_utf8_text_is_read_as_it_is(text: str) -> None:
    expected = text.removeprefix("\ufeff")
    assert not expected.strip() or decode(text.encode(), "x") == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@given(READABLE)
def test_a_byte_order_mark_is_understood_and_taken_off(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding), "x") == text


def test_utf16_is_read_in_both_byte_orders() -> None:
    assert decode(codecs.BOM_UTF16_BE + "Grüße".encode("utf-16-be"), "x") == "Grüße"
    assert decode(codecs.BOM_UTF16_LE + "Grüße".encode("utf-16-le"), "x") == "Grüße"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Grüße".encode("latin-1"), "x is not valid UTF-8 \\(byte 2\\)"),
        (b"ok \xf0\x9f\x99", "not valid UTF-8"),
        (b"\xed\xa0\x80", "not valid UTF-8"),  # a surrogate written as UTF-8
        (b"", "x is empty"),
        (b" \n\t\r\n", "x is empty"),
        (codecs.BOM_UTF8, "x is empty"),
        (codecs.BOM_UTF16_LE, "x is empty"),
    ],
)
def test_what_is_no_utf8_or_nothing_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message) as caught:
        decode(data, "x")
    assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8",
        b"\x7fELF\x02\x01\x01\0\0\0",
        "utf-16 without a mark".encode("utf-16-le"),
        "utf-32".encode("utf-32"),
        codecs.BOM_UTF16_LE + b"a\0b",
    ],
)
def test_binary_files_are_of_an_unsupported_format(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"^x "):
        decode(data, "x")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a\0", UnsupportedFormatError),
        ("a\udc80", UnreadableFileError),
        ("\ud83d\ude42", UnreadableFileError),
        ("", UnreadableFileError),
        ("\u3000\xa0", UnreadableFileError),
        ("ü" * (MAX_BYTES // 2 + 1), UnreadableFileError),
    ],
)
def test_text_that_cannot_be_stored_is_refused(text: str, error: type[ReaderError]) -> None:
    with pytest.raises(error):
        checked(text, "the text")


@given(st.binary(max_size=40))
def test_any_bytes_are_storable_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data, "x")
    except ReaderError:
        return
    assert text.encode()
    assert "\0" not in text
