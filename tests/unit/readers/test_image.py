from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tera.errors import MissingExtraError, ReaderError, UnreadableFileError
from tera.places import PAGE_BREAK
from tera.readers.document import Progress
from tera.readers.pdf import parts
from tests.documents import drafts, items

DATA = Path(__file__).parents[2] / "data" / "image"


def text_of(name: str) -> str:
    [draft] = drafts(DATA / name, "image")
    return draft.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sign.png", "Öffnungszeiten der Bäckerei\nMo-Fr 6:30-18:00, Größe egal"),
        ("sign.png", "Crème brûlée, niño, œuvre"),
        ("note.webp", "network: sunflower"),
        ("bus.gif", "stops at the mill"),
        ("boiler.bmp", "Boiler pressure 1.5 bar"),
        ("ferry.heic", "Ferry leaves at 07:45\nfrom the second pier"),
    ],
)
def test_text_is_recognised_in_every_format(name: str, text: str) -> None:
    assert text in text_of(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sideways.png", "The letter lay on its side\nin the scanner for an hour"),
        ("upside-down.png", "This one stood on its head\nand nobody noticed it"),
        ("turned.jpg", "Receipt No. 4711\n2 x coffee 5.80\nTotal EUR 12.34"),
    ],
)
def test_pictures_may_lie_on_any_side(name: str, text: str) -> None:
    assert text_of(name) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("transparent.png", "Dark on nothing at all"),
        ("dark.png", "Night mode is read too"),
        ("sixteen.png", "Sixteen bits of grey"),
    ],
)
def test_unusual_colours_are_read(name: str, text: str) -> None:
    assert text_of(name) == text


def test_columns_on_a_picture_are_read_one_after_the_other() -> None:
    text = text_of("columns.png")
    assert text.index("in a single dry summer.") < text.index("The right column says who")


def test_pages_of_a_scan_are_divided_also_empty_ones() -> None:
    got = list(items(DATA / "minutes.tiff", "image"))
    [draft] = drafts(DATA / "minutes.tiff", "image")
    first, second, third = draft.text.split(PAGE_BREAK)
    assert "Ann opens the meeting" in first
    assert second == ""
    assert "Bob closes the window" in third
    assert Progress(2, 3) in got


def test_a_long_scan_becomes_parts_named_by_their_first_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "PART_CHARACTERS", 50)
    assert [draft.part for draft in drafts(DATA / "minutes.tiff", "image")] == ["1", "3"]


@pytest.mark.parametrize(
    ("name", "date"),
    [
        (
            "receipt.jpg",
            datetime(2024, 5, 3, 14, 2, 10, tzinfo=timezone(timedelta(hours=2))),
        ),
        ("turned.jpg", datetime(2021, 12, 24, 18).astimezone()),
        ("ferry.heic", datetime(2022, 7, 9, 6, 15, tzinfo=timezone(-timedelta(hours=5)))),
        ("sign.png", None),
    ],
)
def test_the_date_is_when_the_picture_was_taken(name: str, date: datetime | None) -> None:
    [draft] = drafts(DATA / name, "image")
    assert draft.at == date
    assert draft.title == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blank.png", "no text found in blank.png"),
        ("cut-off.jpg", "cut-off.jpg is not a picture that can be read, or it is broken"),
        ("words.png", "words.png is not a picture"),
        ("empty.jpg", "empty.jpg is not a picture"),
        ("bomb.png", "bomb.png has more than 60 million pixels"),
        ("huge-bomb.png", "huge-bomb.png has too many pixels"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message) as caught:
        drafts(DATA / name, "image")
    assert caught.value.hint


@pytest.mark.parametrize("module", ["rapidocr", "PIL"])
def test_without_the_library_its_part_is_named(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        drafts(DATA / "sign.png", "image")
    assert caught.value.hint == "pip install 'tera[ocr]'"


def test_a_heic_by_another_ending_is_known(tmp_path: Path) -> None:
    path = tmp_path / "ferry.jpg"
    path.write_bytes((DATA / "ferry.heic").read_bytes())
    [draft] = drafts(path, "image")
    assert "second pier" in draft.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"BM"]),
    st.binary(max_size=300),
)
def test_any_bytes_give_a_reader_error(tmp_path: Path, head: bytes, data: bytes) -> None:
    path = tmp_path / "any.png"
    path.write_bytes(head + data)
    with pytest.raises(ReaderError):
        drafts(path, "image")
