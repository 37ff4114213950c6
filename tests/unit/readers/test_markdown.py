from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import UnreadableFileError
from tera.readers.markdown import read_markdown


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
        ("  ~~~\n# a comment\n  ~~~\n", "notes.md"),
        ("# \ntext", "notes.md"),
        ("# #\ntext", "notes.md"),
        ("plain", "notes.md"),
        ("\ufeff# The title", "The title"),
        ("# The title\r\ntext\r\n", "The title"),
    ],
)
def test_the_title_is_the_first_heading_of_the_top_level_or_the_name(text: str, title: str) -> None:
    assert read_markdown(text.encode(), "notes.md").title == title


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff")).filter(str.strip))
def test_the_text_is_kept_marks_and_all(text: str) -> None:
    draft = read_markdown(text.encode(), "notes.md")
    assert draft.text == text
    assert draft.title


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UnreadableFileError):
        read_markdown(b"\xff\xff", "notes.md")
