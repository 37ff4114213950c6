from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.attributes import attributes_of, key_of
from tera.datatypes import Memory
from tera.matching import holds
from tera.where import (
    EXAMPLE,
    MAX_DEPTH,
    All,
    Comparison,
    Condition,
    Has,
    Not,
    Some,
    WhereError,
    names_in,
    parse,
)
from tests.conditions import conditions

NOON = datetime(2024, 5, 3, 12, tzinfo=UTC)
NOTE = """---
priority: 3
status: Waiting
due: 2024-05-20
version: "2.10"
owners: [Ann Lee, Jörg]
empty: ""
---
text
"""


def memory(text: str = NOTE, **fields: object) -> Memory:
    given_fields: dict[str, object] = {"tags": ("work", "Köln"), "source": "/notes/a.log"}
    return Memory("a", text, NOON, NOON, **{**given_fields, **fields})  # type: ignore[arg-type]


def chooses(text: str, of: Memory | None = None) -> bool:
    return holds(parse(text), attributes_of(of or memory()))


@pytest.mark.parametrize(
    ("text", "is_chosen"),
    [
        ("tag = work", True),
        ("TAGS = WORK", True),
        ("tag = wor", False),
        ("tag ~ wor", True),
        ("tag = köln", True),
        ("tag = 'Ko\u0308ln'", True),
        ("tag != work", False),
        ("tag != food", True),
        ("tag in (food, work)", True),
        ("tag not in (food, work)", False),
        ("source ~ '*.log'", True),
        ("source ~ *.LOG", True),
        ("source ~ '*.lo'", False),
        ("source ~ .lo", True),
        ("path = /notes/a.log", True),
        ("source ~ '/n?tes/*'", True),
        ("source ~ '/n?otes/*'", False),
        ("priority > 2", True),
        ("priority > 3", False),
        ("priority >= 3.0", True),
        ("priority = 3.00", True),
        ("priority < 10", True),
        ("priority > high", False),
        ("version >= 2.9", False),
        ("status in (open, waiting)", True),
        ("status > 2", False),
        ("status >= wait", True),
        ("due < 2024-05-21", True),
        ("due <= 2024-05-20", True),
        ("due > 2024-05-20", False),
        ("due = 2024-05", True),
        ("due = 2024", True),
        ("due = 2024-06", False),
        ("at = 2024-05", True),
        ("at = 2024-05-03", True),
        ("at > 2024-05", False),
        ("at >= 2024-05", True),
        ("time < 2024-05", False),
        ("at <= 2024-05", True),
        ("remembered in (2023, 2024)", True),
        ("at >= 'last month'", False),
        ("at < yesterday", True),
        ("owners = jörg", True),
        ("owners = 'ann  lee'", True),
        ("owners ~ ann and owners ~ jörg", True),
        ("has due", True),
        ("has duedate", False),
        ("has at", True),
        ("not has sender", True),
        ("empty = ''", True),
        ("nothing = ''", False),
        ("nothing != 1", True),
        ("tag = food or priority = 3 and status = waiting", True),
        ("(tag = food or priority = 3) and status = open", False),
        ("not (tag = food or priority = 4)", True),
        ("not not tag = work", True),
        (EXAMPLE, False),
    ],
)
def test_a_condition_holds_or_does_not(text: str, is_chosen: bool) -> None:
    assert chooses(text) is is_chosen


def test_a_dot_means_what_the_text_states_itself() -> None:
    stated = memory("---\ntype: meeting\ntitle: Pump\n---\n", type="markdown", title="Notes")
    assert chooses("type = markdown and .type = meeting", stated)
    assert chooses("title = notes and .title = pump and .priority = 3 or .type = meeting", stated)
    assert not chooses("type = meeting", stated)


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    a, b, c = (Comparison(name, "=", ("1",)) for name in "abc")
    assert parse("a=1 or b=1 and not c=1") == Some((a, All((b, Not(c)))))
    assert parse("(a=1 or b=1) and c=1") == All((Some((a, b)), c))
    assert parse("a==1") == a
    assert parse("a not in (1, 2)") == Not(Comparison("a", "in", ("1", "2")))
    assert list(names_in(parse("a=1 or not (has b and c in (1))"))) == ["a", "b", "c"]


def test_names_are_the_same_however_they_are_spelt() -> None:
    assert {key_of(name) for name in ("Due date", "due-date", "DUE_DATE", "due  date")} == {
        "due_date"
    }
    assert chooses("'Due Date' = 1", memory('{"due-date": 1}'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a condition at character 1"),
        ("tag =", "expected a value after '=' at character 6"),
        ("tag", "expected one of = != < <= > >= ~ in after 'tag' at character 4"),
        ("tag work", "expected one of = != < <= > >= ~ in after 'tag' at character 5"),
        ("tag = work or", "expected a condition after 'or' at character 14"),
        ("(tag = a", "expected ')' after 'a' at character 9"),
        ("tag = a)", "expected 'and', 'or' or the end before ')' at character 8"),
        ("tag = 'x", "the quote at character 7 is not closed"),
        ("status in (a b)", "expected ',' or ')' after 'a' at character 14"),
        ("status in a", "expected '(' after 'in' at character 11"),
        ("status not = a", "expected 'in' after 'not' at character 12"),
        ("a ! b", "'!' at character 3 is no part of a condition"),
        ("'' = 1", "the beginning at character 1 is no name"),
        ("has and", "expected the name of an attribute after 'has' at character 5"),
        ("at > gibberish", "'gibberish' at character 6 is no date; try 2024-05, or 'last week'"),
        ("at ~ 2024", "'~' at character 6 compares no dates; try at = 2024"),
        (
            "sender = Ann Lee",
            "expected 'and', 'or' or the end before 'Lee' at character 14;"
            " put quotes around several words",
        ),
        ("(" * 200 + "a = 1", f"more than {MAX_DEPTH} levels at character {MAX_DEPTH + 1}"),
        ("not " * 200 + "a = 1", f"more than {MAX_DEPTH} levels at character 401"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(WhereError) as failure:
        parse(text)
    assert str(failure.value) == message


@given(conditions())
def test_what_is_printed_is_read_as_the_same(condition: Condition) -> None:
    assert parse(str(condition)) == condition


@given(st.text(st.sampled_from("ab'\"\\()=<>~!, .*?\n\0é1-") | st.characters(), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except WhereError as error:
        assert "\n" not in str(error) or "\n" in text
    else:
        assert parse(str(condition)) == condition


def test_a_condition_of_no_attribute_at_all_is_about_names_alone() -> None:
    assert parse("has 'has'") == Has("has")
    assert str(Has("in")) == "has 'in'"
