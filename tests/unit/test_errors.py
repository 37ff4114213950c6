from __future__ import annotations

import re

from tera import errors
from tera.errors import TeraError

# "│   ├── StoreLockedError", "├── StoreError                 7", "TeraError                      3"
DRAWN = re.compile(r"^([│├└─ ]*)(\w+Error)\b *(\d*)$")


def drawn_tree() -> dict[str, tuple[str, int]]:
    """Return, by class name, the parent and the exit code that the module's docstring draws."""
    drawn: dict[str, tuple[str, int]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := DRAWN.match(line):
            depth = len(found[1]) // 4
            path = [*path[:depth], found[2]]
            parent = path[-2] if depth else "Exception"
            code = int(found[3]) if found[3] else drawn[parent][1]
            drawn[found[2]] = (parent, code)
    return drawn


def defined_errors() -> list[type[TeraError]]:
    return [
        thing
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, TeraError)
    ]


def test_the_drawn_tree_is_the_tree() -> None:
    real = {error.__name__: (error.__base__, error.exit_code) for error in defined_errors()}
    assert drawn_tree() == {
        name: (parent.__name__ if parent else "", code) for name, (parent, code) in real.items()
    }


def test_each_kind_of_error_has_an_exit_code_of_its_own() -> None:
    codes = [TeraError.exit_code, *(kind.exit_code for kind in TeraError.__subclasses__())]
    assert len(set(codes)) == len(codes)
    # 0 found, 1 nothing found, 2 wrong usage; from 126 on codes are the shell's.
    assert all(3 <= code < 126 for code in codes)


def test_an_error_of_a_kind_leaves_with_the_code_of_its_kind() -> None:
    for kind in TeraError.__subclasses__():
        assert all("exit_code" not in vars(error) for error in kind.__subclasses__())


def test_every_error_says_what_it_means() -> None:
    assert all(error.__doc__ and error.__doc__.endswith(".") for error in defined_errors())


def test_an_error_carries_its_message_and_hint() -> None:
    error = errors.StoreLockedError("busy", hint="wait")
    assert (str(error), error.message, error.hint) == ("busy", "busy", "wait")
    assert errors.StoreLockedError("busy").hint == ""
