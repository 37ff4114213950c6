from __future__ import annotations

import html
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import UnreadableFileError
from tera.readers.web.bookmarks import is_bookmarks
from tests.documents import drafts
from tests.unit.readers.text_samples import only, read, samples

HEAD = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<H1>Menu</H1>\n<DL><p>\n"
WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=30
)


@given(st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=4)), max_size=5))
def test_every_bookmark_is_read_under_its_folder(folders: list[tuple[str, list[str]]]) -> None:
    body = expected = ""
    for number, (folder, names) in enumerate(folders):
        body += f"<DT><H3>{number} {html.escape(folder)}</H3>\n<DL><p>\n"
        expected += f"\n## {number} {folder}\n"
        for name in names:
            body += f'<DT><A HREF="https://x.example/?a&amp;b">{html.escape(name)}</A>\n'
            expected += f"- {name}: https://x.example/?a&b\n"
        body += "</DL><p>\n"
    body += '<DT><A HREF="https://last.example">Last</A>\n'
    with tempfile.TemporaryDirectory() as folder:
        text = only(read(Path(folder), "b.html", HEAD + body + "</DL>", "bookmarks")).text
    first = "# Menu\n" if folders else ""
    assert text.startswith(first)
    assert expected in text.replace("# Menu\n", "\n", 1) or not folders
    assert text.endswith("# Menu\n- Last: https://last.example\n")


def test_dates_tags_and_descriptions_stand_with_their_bookmark(tmp_path: Path) -> None:
    text = HEAD + (
        '<DT><A HREF="https://x.example" ADD_DATE="1714737720" TAGS="a,b">X</A>\n'
        "<DD>What it is\n<DT><A HREF='https://y.example' ADD_DATE=\"nonsense\">Y</A>\n</DL>"
    )
    found = only(read(tmp_path, "b.html", text, "bookmarks")).text
    assert found == (
        "# Menu\n- X: https://x.example (added 3 May 2024, tags: a, b)\n  What it is\n"
        "- Y: https://y.example\n"
    )


def test_icons_and_endless_addresses_are_left_out(tmp_path: Path) -> None:
    icon = "data:image/png;base64," + "QUJD" * 50_000
    text = HEAD + (
        f'<DT><A HREF="https://x.example" ICON="{icon}">X</A>\n'
        f'<DT><A HREF="javascript:{"x();" * 5_000}">Script</A>\n</DL>'
    )
    found = only(read(tmp_path, "b.html", text, "bookmarks")).text
    assert "QUJD" not in found
    assert "- X: https://x.example\n" in found
    assert len(found) < 1_000


def test_many_bookmarks_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "b.html"
    icon = "QUJD" * 200
    entries = "".join(
        f'<DT><A HREF="https://x.example/{n}" ICON="data:{icon}">Number {n} für mich</A>\n'
        for n in range(30_000)
    )
    path.write_text(HEAD + entries + "</DL>")
    found = drafts(path, "bookmarks")
    text = "".join(draft.text for draft in found)
    assert all(
        f"- Number {n} für mich: https://x.example/{n}\n" in text for n in (0, 9_999, 29_999)
    )
    assert text.count("- Number") == 30_000


@pytest.mark.parametrize(
    "text",
    [
        "<a " * 200_000,
        "<a href=x>" * 100_000,
        "<dl>" * 100_000,
        "</dl>" * 100_000,
        '<a href="' * 100_000,
        "<h3>x" * 100_000,
        "<dd>" * 200_000,
    ],
)
def test_hostile_bookmarks_are_read_in_time(tmp_path: Path, text: str) -> None:
    whole = HEAD + text + '\n">\n<DT><A HREF="https://last.example">Last</A>\n'
    assert "last.example" in only(read(tmp_path, "b.html", whole, "bookmarks")).text


def test_a_file_without_bookmarks_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"^b\.html has no bookmarks in it$"):
        read(tmp_path, "b.html", HEAD + "</DL>", "bookmarks")


def test_bookmarks_are_told_by_their_first_line() -> None:
    assert all(is_bookmarks(path.read_bytes()) for path in samples("bookmarks"))
    assert is_bookmarks(b"\xef\xbb\xbf\r\n<!doctype netscape-bookmark-file-1>")
    assert not is_bookmarks(b"<!DOCTYPE html><p>NETSCAPE-Bookmark-file-1")
    assert not is_bookmarks(b"")
    for kind in ("html", "markdown", "text"):
        assert not any(is_bookmarks(path.read_bytes()) for path in samples(kind))
