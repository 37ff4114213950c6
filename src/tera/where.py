"""Conditions on memories as a person types them: `tag = work and not source ~ '*.log'`.

    condition  = part { ("and" | "or") part }       "and" binds closer than "or"
    part       = "not" part | "(" condition ")" | "has" NAME | comparison
    comparison = NAME ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~") VALUE
               | NAME ["not"] "in" "(" VALUE { "," VALUE } ")"

Names and values are words, or anything in quotes, with a backslash before a quote or a backslash in
it. An attribute may have several values: a comparison holds when it does for any of them, and `!=`
when `=` holds for none. `~` finds a part of a value, or all of it where it has `*` or `?` in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tera.attributes import TIMES, key_of
from tera.times import parse_moment

MAX_DEPTH = 100
"""Of parentheses and `not`; people write three."""

Operator = Literal["=", "<", "<=", ">", ">=", "~", "in"]
EXAMPLE = "tag = work and at >= 2024-05 and not source ~ '*.log'"

_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>!=|<=|>=|==|[=<>~(),])
    |(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<open>['"])
    |(?P<word>[^\s'"(),=<>~!]+)
    |(?P<other>\S))""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"""[^\s'"(),=<>~!\\]+""")
_KEYWORDS = frozenset({"and", "or", "not", "in", "has"})
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~")


class WhereError(ValueError):
    """A condition that cannot be understood; the text says what and where."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """An attribute beside values, as they were typed; only "in" has several."""

    name: str
    operator: Operator
    values: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as it would be typed."""
        if self.operator == "in":
            return f"{_quoted(self.name)} in ({', '.join(map(_quoted, self.values))})"
        return f"{_quoted(self.name)} {self.operator} {_quoted(self.values[0])}"


@dataclass(frozen=True, slots=True)
class Has:
    """The attribute is there."""

    name: str

    def __str__(self) -> str:
        """Return it as it would be typed."""
        return f"has {_quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Not:
    """The inner condition does not hold."""

    inner: Condition

    def __str__(self) -> str:
        """Return it as it would be typed."""
        return f"not {_grouped(self.inner)}"


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        """Return it as it would be typed."""
        return " and ".join(map(_grouped, self.parts))


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        """Return it as it would be typed."""
        return " or ".join(map(_grouped, self.parts))


Condition = Comparison | Has | Not | All | Some


def parse(text: str) -> Condition:
    """Return a condition as a tree.

    Raises:
        WhereError: It cannot be understood.
    """
    return _Parser(text).whole()


def names_in(condition: Condition) -> Iterator[str]:
    """Yield the attributes that a condition looks at."""
    match condition:
        case Comparison(name) | Has(name):
            yield name
        case Not(inner):
            yield from names_in(inner)
        case All(parts) | Some(parts):
            for part in parts:
                yield from names_in(part)


def _quoted(text: str) -> str:
    if _WORD.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _grouped(condition: Condition) -> str:
    """Return a part of a larger condition as it would be typed."""
    return f"({condition})" if isinstance(condition, All | Some) else str(condition)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["mark", "word", "quoted", "end"]
    text: str
    place: int

    @property
    def keyword(self) -> str:
        """The keyword or mark that it is; empty for a name or a value."""
        word = self.text.lower()
        if self.kind == "word":
            return word if word in _KEYWORDS else ""
        return self.text if self.kind == "mark" else ""

    @property
    def shown(self) -> str:
        return f"'{self.text}'" if self.text else "the beginning"


class _Parser:
    """Reads a condition from left to right."""

    def __init__(self, text: str) -> None:
        self.end = len(text) + 1
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def whole(self) -> Condition:
        condition = self.condition()
        if (token := self.next()).kind != "end":
            hint = "" if token.keyword else "; put quotes around several words"
            raise WhereError(
                f"expected 'and', 'or' or the end before {token.shown} at character"
                f" {token.place}{hint}"
            )
        return condition

    def condition(self) -> Condition:
        parts = [self.conjunction()]
        while self.takes("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def conjunction(self) -> Condition:
        parts = [self.part()]
        while self.takes("and"):
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def part(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise WhereError(f"more than {MAX_DEPTH} levels at character {self.next().place}")
        try:
            if self.takes("not"):
                return Not(self.part())
            if self.takes("("):
                condition = self.condition()
                self.expect(")", "')'")
                return condition
            if self.takes("has"):
                return Has(self.name("the name of an attribute"))
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Condition:
        name = self.name("a condition")
        is_not = self.takes("not")
        if self.takes("in"):
            self.expect("(", "'('")
            values = [self.value(name, "in")]
            while self.takes(","):
                values.append(self.value(name, "in"))
            self.expect(")", "',' or ')'")
            found: Condition = Comparison(name, "in", tuple(values))
            return Not(found) if is_not else found
        token = self.next()
        operator = "=" if token.text == "==" else token.text
        if is_not:
            raise self.missing("'in'")
        if token.kind != "mark" or operator not in _OPERATORS:
            raise self.missing("one of = != < <= > >= ~ in")
        self.at += 1
        if operator == "!=":
            return Not(Comparison(name, "=", (self.value(name, "="),)))
        known: Mapping[str, Operator] = {one: one for one in ("=", "<", "<=", ">", ">=", "~")}
        return Comparison(name, known[operator], (self.value(name, known[operator]),))

    def name(self, expected: str) -> str:
        token = self.next()
        if token.kind == "end" or token.keyword:
            raise self.missing(expected)
        name = key_of(token.text)
        if not name.strip("."):
            raise WhereError(f"{token.shown} at character {token.place} is no name")
        self.at += 1
        return name

    def value(self, name: str, operator: Operator) -> str:
        token = self.next()
        if token.kind == "end" or token.keyword:
            raise self.missing("a value")
        self.at += 1
        if name in TIMES and operator == "~":
            raise WhereError(f"'~' at character {token.place} compares no dates; try {name} = 2024")
        if name in TIMES and not _is_date(token.text):
            raise WhereError(
                f"{token.text!r} at character {token.place} is no date; try 2024-05, or 'last week'"
            )
        return token.text

    def takes(self, keyword: str) -> bool:
        is_next = self.next().keyword == keyword
        self.at += is_next
        return is_next

    def expect(self, keyword: str, expected: str) -> None:
        if not self.takes(keyword):
            raise self.missing(expected)

    def missing(self, expected: str) -> WhereError:
        token = self.next()
        after = f" after {self.tokens[self.at - 1].shown}" if self.at else ""
        return WhereError(f"expected {expected}{after} at character {token.place}")

    def next(self) -> _Token:
        is_there = self.at < len(self.tokens)
        return self.tokens[self.at] if is_there else _Token("end", "", self.end)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while found := _TOKEN.match(text, at):
        at = found.end()
        place = found.start(found.lastgroup or 0) + 1
        token = found[found.lastgroup or 0]
        match found.lastgroup:
            case "mark":
                yield _Token("mark", token, place)
            case "word":
                yield _Token("word", token, place)
            case "quoted":
                yield _Token("quoted", re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.S), place)
            case "open":
                raise WhereError(f"the quote at character {place} is not closed")
            case _:
                raise WhereError(f"{token!r} at character {place} is no part of a condition")


def _is_date(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True
