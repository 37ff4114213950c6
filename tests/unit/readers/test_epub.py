from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Failure
from tests.documents import drafts, items
from tests.unit.readers.mutants import survives
from tests.unit.readers.packages import DATA, WORDS, write_package


def book(path: Path, *pages: str | bytes, contents: str = "") -> Path:
    manifest = "".join(
        f'<item id="p{at}" href="{at}.xhtml" media-type="application/xhtml+xml"/>'
        for at in range(len(pages))
    )
    spine = "".join(f'<itemref idref="p{at}"/>' for at in range(len(pages)))
    parts: dict[str, str | bytes] = {
        "META-INF/container.xml": '<container><rootfile full-path="b.opf"/></container>',
        "b.opf": f"<package><manifest>{manifest}"
        '<item id="n" href="nav.xhtml" properties="nav"/></manifest>'
        f"<spine>{spine}</spine></package>",
        "nav.xhtml": f"<html><body><nav><ol>{contents}</ol></nav></body></html>",
    }
    for at, page in enumerate(pages):
        parts[f"{at}.xhtml"] = page
    return write_package(path, parts)


def text_of(path: Path) -> str:
    return "\n".join(draft.text for draft in drafts(path, "epub"))


def test_a_book_has_its_title_and_chapters_in_order() -> None:
    (draft,) = drafts(DATA / "epub/island.epub", "epub")
    assert draft.title == "The Small Island"
    assert draft.at is None
    assert draft.text.startswith(
        "Author: Inés Mora\n\n# I. The Island\n\nThe island was small,\ngreen.\n\n"
        "# II. The Storm\n\n"
        "Waves rose — and fell 🌊. Then[1] calm.\n\n- rope\n- sail\n  1. big\n  2. small\n\n"
    )
    assert "# III. Landings\n\nFirst landing.\n\n## Second landing\n\nSee the site (" in draft.text


def test_a_heading_of_the_contents_is_not_said_twice() -> None:
    assert text_of(DATA / "epub/island.epub").count("The Storm") == 1


def test_an_old_table_of_contents_names_chapters_too() -> None:
    (draft,) = drafts(DATA / "epub/sad.epub", "epub")
    assert draft.title == "Сад"
    assert "# Глава вторая\n\nТопор стучал вдали." in draft.text


def test_books_protected_against_copying_are_refused() -> None:
    with pytest.raises(UnreadableFileError, match=r"shop\.epub is protected against copying"):
        drafts(DATA / "epub/shop.epub", "epub")


def test_a_package_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = write_package(tmp_path / "x.epub", {"a.txt": "a"})
    with pytest.raises(UnsupportedFormatError, match="not an e-book"):
        drafts(path, "epub")


def test_a_page_may_be_in_another_encoding(tmp_path: Path) -> None:
    page = '<?xml version="1.0" encoding="windows-1251"?><html><p>Сад</p></html>'
    assert text_of(book(tmp_path / "x.epub", page.encode("cp1251"))) == "Сад"
    assert text_of(book(tmp_path / "y.epub", "<html><p>Сад</p></html>".encode("utf-16"))) == "Сад"


def test_entities_of_a_page_are_not_expanded(tmp_path: Path) -> None:
    page = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>one &x; &eacute;</p>'
    text = text_of(book(tmp_path / "x.epub", page))
    assert "root:" not in text
    assert "one &x; é" in text


def test_a_missing_page_is_left_out_and_a_huge_one_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tera.readers.office.package.Package.read.__defaults__", (100_000,), raising=False
    )
    path = book(tmp_path / "x.epub", "<p>first</p>", "<p>" + "x " * 200_000, "<p>last</p>")
    found = list(items(path, "epub"))
    assert [type(item) for item in found if isinstance(item, Failure)] == [Failure]
    assert text_of(path) == "first\n\nlast"


def test_a_book_of_pictures_has_no_text(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="has no text"):
        drafts(book(tmp_path / "x.epub", '<img src="a.png" alt="A cover"/>'), "epub")


def test_deep_nesting_is_read_or_refused(tmp_path: Path) -> None:
    for depth in (100, 5000):
        page = "<div>" * depth + "deep" + "</div>" * depth
        survives(book(tmp_path / "x.epub", page, "<p>other</p>"), "epub")


def test_paths_outside_of_the_book_lead_nowhere(tmp_path: Path) -> None:
    path = book(
        tmp_path / "x.epub", "<p>in</p>", contents='<li><a href="../../0.xhtml">Top</a></li>'
    )
    assert "in" in text_of(path)


@given(texts=st.lists(WORDS, min_size=1, max_size=5))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    page = "<html><body>" + "".join(f"<p>{escape(text)}</p>" for text in texts)
    path = tmp_path_factory.mktemp("epub") / "x.epub"
    assert text_of(book(path, page)).split("\n\n") == texts
