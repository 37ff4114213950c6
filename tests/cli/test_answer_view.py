from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.markdown import Markdown

from tera.cli.output.markdown import shown
from tests.cli.test_terminal import on_terminal
from tests.conftest import Run

STAGING = "The staging database listens on port 5433"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def rendered(text: str) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(Markdown(shown(text), hyperlinks=False))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def without_space(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "Edit `__init__.py`, then __main__.py and foo_bar_baz [1].".replace("`", ""),
        "a < b && c > d, <port> and <!-- no --> &amp; stay [2].",
        "2 * 3 * 4 = 24, *args and **kwargs [1].",
        "[click](http://example.org/?q=1) ![x](http://example.org/y.png)",
        "[1]: http://example.org",
        "5433. is a port",
        "1986\\. was great",
        "+49 30 1234",
        "- ",
        "> quoted",
        "# 5",
        "===",
        "a\n---\nb",
        "~~gone~~ | a | b |",
        "    indented",
        "`unclosed",
        "http://example.org/a_b_c",
        "Setext\n===",
    ],
)
def test_nothing_that_only_looks_like_markup_is_lost(text: str) -> None:
    kept = text.lstrip("-#> ") if text[:2] in ("- ", "# ") else text
    assert without_space(kept) in without_space(rendered(text))


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="`*"), max_size=80))
def test_no_visible_character_of_a_line_is_lost(text: str) -> None:
    assert without_space(text) in without_space(rendered("x" + text))


def test_lists_bold_words_and_code_are_shown_as_such() -> None:
    shown_text = rendered("**Port** 5433:\n\n- `ssh __x__`\n* two\n1. three")
    assert "**" not in shown_text
    assert " • ssh __x__" in shown_text
    assert " • two" in shown_text
    assert "1 three" in shown_text


def test_lines_stay_lines() -> None:
    assert [line.strip() for line in rendered("“one” [1]\n“two” [2]").splitlines()] == [
        "“one” [1]",
        "“two” [2]",
    ]


def test_the_best_sentence_comes_first_and_the_answer_below_it(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    memory_id = tera("remember", STAGING).out.strip()
    lines = tera("ask", "staging database port").out.splitlines()
    assert lines[0] == f"“{STAGING}”"
    assert lines[1].split()[0] == memory_id
    assert "5433 [1]" in lines[3]


def test_quiet_prints_the_answer_alone(tera: Callable[..., Run], tiny_models: Path) -> None:
    tera("remember", STAGING)
    asked = tera("ask", "-q", "staging database port")
    assert asked.code == 0
    assert "5433" in asked.out
    assert "[1]" not in asked.out
    assert len(asked.out.splitlines()) == 1


def test_a_terminal_shows_the_sentence_in_the_making_and_then_what_stands(
    tera: Callable[..., Run], tiny_models: Path
) -> None:
    tera("remember", STAGING)
    run = on_terminal(["ask", "staging database port"])
    assert run.code == 0
    plain = ESCAPE.sub("", run.out)
    assert plain.count(f"“{STAGING}”") >= 1
    assert "\x1b[2m" in run.out
    assert "\x1b[?25h" in run.out, "the cursor comes back"
    assert "[1]" in plain.splitlines()[-1]


def test_a_dumb_terminal_gets_plain_lines(tera: Callable[..., Run], tiny_models: Path) -> None:
    tera("remember", STAGING)
    run = on_terminal(["ask", "staging database port"], TERM="dumb")
    assert run.code == 0
    assert "\x1b" not in run.out
    assert "5433 [1]" in run.out
