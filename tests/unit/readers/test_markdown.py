from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import ReaderError, UnsupportedFormatError
from tera.readers.dates import parse_date
from tera.readers.document import PART_CHARACTERS
from tera.readers.plain.front_matter import clean_tags, front_matter
from tests.documents import drafts
from tests.unit.readers.text_samples import only, read

PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from("\n#-:= `"),
    max_size=200,
).filter(lambda text: bool(text.strip()) and not text.startswith("\ufeff"))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# The title\n\ntext", "The title"),
        ("intro\n\n#   The title ##  \n# Another", "The title"),
        ("## Part\n\n# The title", "The title"),
        ("## Part\n\ntext", "notes.md"),
        ("#hashtag\ntext", "notes.md"),
        ("    # in a code block", "notes.md"),
        ("```sh\n# a comment\n```\n# The title", "The title"),
        ("````\n```\n# a comment\n````\n# The title", "The title"),
        ("  ~~~\n# a comment\n  ~~~\n", "notes.md"),
        ("# \ntext", "notes.md"),
        ("# #\ntext", "notes.md"),
        ("plain", "notes.md"),
        ("The title\n=====\ntext", "The title"),
        ("\n=====\ntext", "notes.md"),
        ("The part\n----\n", "notes.md"),
        ("\ufeff# The title", "The title"),
        ("# The title\r\ntext\r\n", "The title"),
        ("---\ntitle: From above\n---\n# The title", "From above"),
        ("---\nlayout: post\n---\n# The title", "The title"),
        ("+++\ntitle = 'From above'\n+++\ntext", "From above"),
    ],
)
def test_the_title_is_the_first_heading_of_the_top_level_or_the_name(
    tmp_path: Path, text: str, title: str
) -> None:
    draft = only(read(tmp_path, "notes.md", text, "markdown"))
    assert draft.title == title
    assert draft.text == text.removeprefix("\ufeff").replace("\r\n", "\n")


@given(PLAIN)
def test_the_text_is_kept_marks_and_all(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draft = only(read(Path(folder), "notes.md", text, "markdown"))
    assert draft.text == text
    assert draft.title


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError):
        read(tmp_path, "notes.md", b"\0\1\2", "markdown")
    with pytest.raises(ReaderError):
        read(tmp_path, "notes.md", b"\xff\xff", "markdown")


def test_front_matter_gives_date_and_tags(tmp_path: Path) -> None:
    text = "---\ndate: 2024-05-03 14:02:00 +0200\ntags: [a, 'two words', '#b', a]\n---\nx"
    draft = only(read(tmp_path, "notes.md", text, "markdown"))
    assert draft.at == datetime(2024, 5, 3, 12, 2, tzinfo=UTC)
    assert draft.tags == ("a", "two-words", "b")
    assert draft.text == text


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nno fields\n\n---\ntext",
        "---\na: b",
        "text\n---\na: b\n---\n",
        "--- a: b ---",
        "---\n- a\n- b\n---\n",
        "+++\nno toml\n+++\n",
        "---\n---\n",
    ],
)
def test_what_is_no_front_matter_is_text(text: str) -> None:
    draft, start = front_matter(text)
    assert (draft.title, draft.at, draft.tags, start) == (None, None, (), 0)


@pytest.mark.parametrize(
    "text",
    [
        "---\na: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\ntags: *b\n---\n",
        "---\ntitle: !!python/object/apply:os.system ['true']\n---\n",
        "---\n" + "[" * 5_000 + "\n---\n",
        "---\ntags: " + "{a: " * 3_000 + "\n---\n",
        "---\n? [a]\n: b\n---\n",
        "+++\na = " + "[" * 5_000 + "\n+++\n",
        "---\ntitle:\n  a: b\ntags: 5\ndate: [1]\n---\n",
    ],
)
def test_hostile_front_matter_does_no_harm(text: str) -> None:
    draft, _ = front_matter(text)
    assert draft.tags == () or len(draft.tags) <= 50
    assert draft.at is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-03T14:02:00Z", datetime(2024, 5, 3, 14, 2, tzinfo=UTC)),
        ("2024-05-03T14:02:33.123+02:00", datetime(2024, 5, 3, 12, 2, 33, tzinfo=UTC)),
        ("2024-05-03 14:02:00 UTC+02:00", datetime(2024, 5, 3, 12, 2, tzinfo=UTC)),
        ("2024-05-03 14:02:00 -0530", datetime(2024, 5, 3, 19, 32, tzinfo=UTC)),
        ("2024/05/03", datetime(2024, 5, 3).astimezone()),
        ("3 May 2024", datetime(2024, 5, 3).astimezone()),
        ("May 3, 2024", datetime(2024, 5, 3).astimezone()),
        ("<2024-05-03 Fri 14:02>", datetime(2024, 5, 3, 14, 2).astimezone()),
        ("2024-13-45", None),
        ("03/05/2024", None),
        ("9999-12-31T23:59:59-99:99", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_a_date_is_read_when_it_is_clear(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = parse_date(text)
    assert found is None or found.tzinfo


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("a, b c", ("a", "b-c")),
        ("a b", ("a", "b")),
        (["#a", " ", None, 3], ("a", "3")),
        (None, ()),
        ({"a": 1}, ()),
    ],
)
def test_tags_are_one_word_each(tags: object, expected: tuple[str, ...]) -> None:
    assert clean_tags(tags) == expected


def test_a_long_text_is_cut_before_its_largest_heading(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    chapter = "\n## Part\n\nWords of the chapter, one after the other.\n" * 1_200
    path.write_text("# Book\n" + "".join(f"\n# Chapter {n}\n{chapter}" for n in range(40)))
    found = drafts(path, "markdown")
    assert "".join(draft.text for draft in found) == path.read_text()
    assert len(found) > 1
    assert all(draft.text.startswith("# Chapter") for draft in found[1:])
    assert {draft.title for draft in found} == {"Book"}
    assert all(len(draft.text) <= PART_CHARACTERS for draft in found)
