"""Random conditions, and memories that some of them hold for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tera.attributes import TIMES, key_of
from tera.datatypes import Memory
from tera.where import All, Comparison, Condition, Has, Not, Operator, Some

_NAMES = ("tag", "source", "title", "type", "priority", "status", "due", "sender", "nobody", ".tag")
_TEXTS = (
    *(
        "work",
        "Work",
        "wor",
        "food",
        "Köln",
        "ko\u0308ln",
        "K",
        "",
        "*",
        "w*k",
        "*o*",
        "?ork",
        "a*a",
    ),
    *("1", "1.0", "2", "-3", "10", "1e3", "99999999999999999999", "99999999999999999998", "high"),
    *("2024", "2024-05", "2024-05-03", "2024-05-03T12:30", "3 May 2024", "/notes", "/notes/*"),
    *("/notes/a.md", "/Notes/a.md", "/notes/b c.log", "Ann Lee", "it's", 'a "b" \\ c', "äöü ß SS"),
)
_DATES = ("2024", "2024-05", "2024-05-03", "2024-05-03T12:00", "2025-01-01", "1999")
_START = datetime(2024, 5, 1, tzinfo=UTC)


def texts() -> st.SearchStrategy[str]:
    """Return texts that often are the same, and some that are anything."""
    return st.sampled_from(_TEXTS) | st.text(max_size=8)


def names() -> st.SearchStrategy[str]:
    """Return names of attributes."""
    anything = st.text(min_size=1, max_size=6).map(key_of).filter(lambda name: name.strip("."))
    settled = anything.filter(lambda name: key_of(name) == name and name not in TIMES)
    return st.sampled_from(_NAMES) | settled


def _comparisons() -> st.SearchStrategy[Condition]:
    operators: list[Operator] = ["=", "<", "<=", ">", ">=", "~"]
    orders: list[Operator] = ["=", "<", "<=", ">", ">="]
    return (
        st.builds(
            lambda n, o, t: Comparison(n, o, (t,)), names(), st.sampled_from(operators), texts()
        )
        | st.builds(
            lambda n, t: Comparison(n, "in", tuple(t)),
            names(),
            st.lists(texts(), min_size=1, max_size=3),
        )
        | st.builds(
            lambda n, o, t: Comparison(n, o, (t,)),
            st.sampled_from(sorted(TIMES)),
            st.sampled_from(orders),
            st.sampled_from(_DATES),
        )
        | st.builds(Has, names() | st.sampled_from(sorted(TIMES)))
    )


def conditions() -> st.SearchStrategy[Condition]:
    """Return conditions of a few levels."""

    def larger(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(Not, inner) | st.builds(All, parts) | st.builds(Some, parts)

    return st.recursive(_comparisons(), larger, max_leaves=6)


def _stated() -> st.SearchStrategy[str]:
    """Return texts that state fields of themselves, and others."""
    line = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)
    values = st.sampled_from(_TEXTS).map(lambda text: text.replace("\\", ""))
    quoted = values.map(lambda text: "'" + text.replace("'", "''") + "'")
    fields = st.dictionaries(
        st.sampled_from(["priority", "status", "due", "tag"]), quoted, max_size=3
    )
    front = fields.map(
        lambda found: "---\n" + "".join(f"{k}: {v}\n" for k, v in found.items()) + "---\nnote"
    )
    message = values.map(lambda text: f"Ann Lee (3 May 2024 14:02): {text}")
    return front | message | line.map(lambda text: f"note {text}")


def memories(memory_id: str) -> st.SearchStrategy[Memory]:
    """Return memories with an id."""
    times = st.integers(0, 500 * 24).map(lambda hours: _START + timedelta(hours=hours - 100 * 24))
    return st.builds(
        Memory,
        st.just(memory_id),
        _stated(),
        times,
        times,
        st.none() | st.sampled_from(_TEXTS).map(lambda text: text or None),
        st.lists(
            st.sampled_from(["work", "Work", "food", "Köln", "2024"]), max_size=3, unique=True
        ).map(tuple),
        st.none()
        | st.sampled_from(
            ["/notes", "/notes/a.md", "/Notes/a.md", "/notes/b c.log", "https://x/y"]
        ),
        st.sampled_from(["", "markdown", "text"]),
    )
