"""Rows of a table or sheet -> lines: "Header: value; Header: value", or the cells side by side."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOOK_AHEAD = 20
"""Rows that tell whether the one before them is their header."""
LONGEST_HEADER = 60
"""Characters; a longer text is a sentence, not a name for a column."""
LONGEST_NAME = 120
"""Characters of a header that are repeated in every row."""
LONGEST_CELL = 400
"""A cell with more is a text of its own: the table is there for the layout."""

# Numbers with signs, currencies and units of up to three letters; dates and times.
_VALUE = re.compile(
    r"[\s<>~(+\-−]*(?:[A-Z]{3}|[$€£¥₹₽%#])?\s*[+\-−]?\d[\d\s.,'’:/\-+−TZ]*(?:[%‰)$€£¥₹₽]|\s?\w{1,3})?\s*\)?"
)
_PERIOD = re.compile(r"(?:19|20)\d\d(?:-\d\d){0,2}")
"""Years and months are values, but also names of columns."""
_NOT_A_NAME = re.compile(r"[@]|://|[.!?;]$")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        cells: Text of the cells that have some, by column, from the left.
        is_header: The document says that it is one; None: it says nothing.
        is_bold: All its cells are.
        notes: What is said about its cells: comments; lines that follow it.
    """

    cells: dict[int, str]
    is_header: bool | None = None
    is_bold: bool = False
    notes: tuple[str, ...] = ()


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a line for each row, "" where empty rows divide the table.

    A header row is repeated in each row below it. It is one if the document says so, if its style
    differs, if below it are numbers, or if nothing in the first row looks like a value.

    Args:
        rows: From the top; they may be endless.
    """
    coming = iter(rows)
    failure: Exception | None = None
    window: deque[Row] = deque()
    header: dict[int, str] = {}
    is_first_block = begins = True
    while True:
        try:
            while failure is None and len(window) < LOOK_AHEAD:
                if (row := next(coming, None)) is None:
                    break
                window.append(row)
        except Exception as error:  # The rows before the broken one come first.
            failure = error
        if not window:
            if failure is not None:
                raise failure
            return
        row = window.popleft()
        if not row.cells:
            yield ""
            begins = True
        elif row.is_header or (begins and len(row.cells) > 1 and row.is_header is None):
            below = _block(window)
            if row.is_header or _is_header(row, below, may_guess=is_first_block):
                yield " | ".join(one_line(text) for text in row.cells.values())
                header = {
                    column: one_line(text)[:LONGEST_NAME] for column, text in row.cells.items()
                }
            else:
                if not row.cells.keys() <= header.keys():
                    header = {}
                yield _line(row, header)
            begins = is_first_block = False
        else:
            yield _line(row, {} if begins else header)
            # A title may stand above the header.
            begins = begins and len(row.cells) == 1
        yield from row.notes


def one_line(text: str) -> str:
    """Return the text of a cell on one line; a vertical tab divides rows of a table in it."""
    return " ".join(text.replace("\v", " / ").split())


def _line(row: Row, header: dict[int, str]) -> str:
    cells = row.cells
    if len(cells) == 1 and not header:
        return next(iter(cells.values()))
    if not header:
        if any(len(text) > LONGEST_CELL for text in cells.values()):
            return "\n\n".join(cells.values())
        return " | ".join(one_line(text) for text in cells.values())
    return "; ".join(
        f"{header[column]}: {one_line(text)}" if header.get(column) else one_line(text)
        for column, text in cells.items()
    )


def _block(window: Iterable[Row]) -> list[Row]:
    """Return the rows up to the next empty one."""
    below: list[Row] = []
    for row in window:
        if not row.cells:
            break
        below.append(row)
    return below


def _is_header(row: Row, below: list[Row], *, may_guess: bool) -> bool:
    names = [one_line(text) for text in row.cells.values()]
    is_odd = not below or len(set(names)) < len(names) or all(map(_PERIOD.fullmatch, names))
    if is_odd or any(len(name) > LONGEST_HEADER or _is_value(name) for name in names):
        return False
    widest = max(len(other.cells) for other in below)
    if len(names) * 2 < widest:
        return False
    if row.is_bold and not below[0].is_bold:
        return True
    for column, name in row.cells.items():
        values = [one_line(other.cells[column]) for other in below if column in other.cells]
        is_period = _PERIOD.fullmatch(one_line(name)) and all(map(_PERIOD.fullmatch, values))
        if values and all(map(_VALUE.fullmatch, values)) and not is_period:
            return True
    # Two columns of words are as often names and values as a table with a header.
    return (
        may_guess
        and len(names) > 2
        and widest <= len(names)
        and not any(_NOT_A_NAME.search(name) for name in names)
    )


def _is_value(text: str) -> bool:
    return _VALUE.fullmatch(text) is not None and not _PERIOD.fullmatch(text)
