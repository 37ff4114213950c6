from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents import drafts
from tests.unit.readers.text_samples import only, read

WORDS = st.text(
    st.characters(codec="utf-8", categories=("Lu", "Ll", "Lo")), min_size=1, max_size=20
)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Title\n=====\n\ntext", "Title"),
        ("=====\nTitle\n=====\n\ntext", "Title"),
        (":author: Ann\n\nTitle\n~~~~~~~\n", "Title"),
        ("Too short\n===\n\ntext", "x.rst"),
        ("====  ====\na     b\n====  ====\n", "x.rst"),
        (".. title: From above\n\ntext", "From above"),
        ("text\n\n----\n\nmore", "x.rst"),
        ("plain", "x.rst"),
    ],
)
def test_the_title_of_rst_is_its_first_heading(tmp_path: Path, text: str, title: str) -> None:
    draft = only(read(tmp_path, "x.rst", text, "rst"))
    assert (draft.title, draft.text) == (title, text)


@given(WORDS)
def test_any_heading_of_rst_is_found(title: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = f"{title}\n{'=' * len(title)}=\n\ntext\n"
        assert only(read(Path(folder), "x.rst", text, "rst")).title == title


def test_rst_names_date_and_tags(tmp_path: Path) -> None:
    draft = only(read(tmp_path, "x.rst", ":date: 2024-05-03\n:tags: a, b\n\ntext", "rst"))
    assert draft.at == datetime(2024, 5, 3).astimezone()
    assert draft.tags == ("a", "b")


def test_nothing_that_rst_includes_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the key is under the mat")
    text = ".. include:: secret.txt\n\n.. raw:: html\n   :file: secret.txt\n"
    assert only(read(tmp_path, "x.rst", text, "rst")).text == text


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("#+TITLE: Boats\n* One\n", "Boats"),
        ("  #+title: boats and  more\n", "boats and more"),
        ("* Only one\ntext\n** Below\n", "Only one"),
        ("* One\n* Two\n", "x.org"),
        ("plain\n", "x.org"),
    ],
)
def test_the_title_of_org_is_told_or_its_only_heading(
    tmp_path: Path, text: str, title: str
) -> None:
    draft = only(read(tmp_path, "x.org", text, "org"))
    assert (draft.title, draft.text) == (title, text)


def test_org_names_date_and_tags(tmp_path: Path) -> None:
    text = "#+DATE: <2024-05-03 Fri 14:02>\n#+FILETAGS: :boat:summer plan:\n* x\n"
    draft = only(read(tmp_path, "x.org", text, "org"))
    assert draft.at == datetime(2024, 5, 3, 14, 2).astimezone()
    assert draft.tags == ("boat", "summer", "plan")


def test_a_long_org_file_is_cut_before_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "x.org"
    path.write_text("".join(f"* Day {n}\n" + "** Hour\nwords\n" * 500 for n in range(400)))
    found = drafts(path, "org")
    assert len(found) > 1
    assert all(draft.text.startswith("* Day") for draft in found)


def test_a_long_rst_file_is_cut_before_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "x.rst"
    path.write_text("".join(f"Day {n}\n=======\n" + "words\n" * 2_000 for n in range(200)))
    found = drafts(path, "rst")
    assert len(found) > 1
    assert all(draft.text.startswith("Day") for draft in found)
