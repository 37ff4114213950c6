"""CSV and TSV: a row on each line, every cell behind the name of its column.

The number of a row is the number of its line; the row of names is none. A quote that is never
closed costs one row its columns, and nothing else.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from tera.datatypes import Draft
from tera.readers.document import Document, Item
from tera.readers.plain.lines import MAX_LINE_CHARACTERS, drafts_of, read_lines

SAMPLE_CHARACTERS = 64_000
SAMPLE_ROWS = 50
MAX_NAME_CHARACTERS = 80
"""Longer cells name no column; a name stands in each row, so this bounds what a row grows to."""
MAX_CELL_LINES = 2_000
MAX_CELL_CHARACTERS = 500_000
"""Where a quoted cell has not ended after that much, its quote is a character like others."""

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"sep=(.)\n", re.IGNORECASE)
_VALUE = re.compile(
    r"[-+(]?\s?[$€£¥]?\s?\d[\d.,'’\s]*\s?[%€$£¥)]?"  # quantities
    r"|\d{1,4}[-/.]\d\d?[-/.]\d{1,4}(?:[T ].*)?|\d\d?:\d\d.*"  # dates and times
    r"|\S+@\S+\.\w+|(?:https?|ftp|mailto):\S+|(?i:true|false|null|none|n/a|nan)"
)


@dataclass(frozen=True, slots=True)
class _Form:
    """How the rows of a file are written."""

    delimiter: str
    has_names: bool


def read_csv(document: Document) -> Iterator[Item]:
    """Read a table of delimited values.

    Args:
        document: A file of any size; comma, semicolon, tab or bar between its cells.

    Yields:
        Drafts of "Name: cell; Name: cell" lines.

    Raises:
        UnsupportedFormatError: It is a binary file.
        UnreadableFileError: It is empty, or its encoding cannot be told.
    """
    # Lines are cut at this length, so no cell is longer but one of several lines.
    csv.field_size_limit(MAX_LINE_CHARACTERS + MAX_CELL_CHARACTERS)
    rows = _as_lines(read_lines(document), document.name)
    yield from drafts_of(rows, document, lambda _: Draft("", title=document.name))


def is_table(head: str) -> bool:
    """Return whether a text surely is a table: named columns, as many in every row."""
    sample = head[:SAMPLE_CHARACTERS]
    form = _form(sample, "")
    rows = _sample_rows(sample, form.delimiter)
    widths = {len(row) for row in rows}
    return form.has_names and len(rows) >= 4 and len(widths) == 1 and widths.pop() >= 3


def _as_lines(blocks: Iterable[str | Item], name: str) -> Iterator[str | Item]:
    """Yield each row as a line, when what names the columns is known."""
    reader: _RowReader | None = None
    writer = _RowWriter()
    for block in blocks:
        if not isinstance(block, str):
            yield block
            continue
        text = block
        if reader is None:
            if not (text := block.lstrip("\n")):
                continue
            if found := _SEPARATOR_LINE.match(text):
                text = block[found.end() :]
            form = _form(text[:SAMPLE_CHARACTERS], name, found[1] if found else "")
            reader = _RowReader(form.delimiter)
            writer.needs_names = form.has_names
        yield writer.lines(reader.feed(text))
    if reader is not None:
        yield writer.lines(reader.rest())


class _RowWriter:
    """Writes rows as lines; empty ones at the end are left out."""

    def __init__(self) -> None:
        self.needs_names = False
        self.names: list[str] = []
        self.blank = 0

    def lines(self, rows: Iterable[Sequence[str]]) -> str:
        out: list[str] = []
        for row in rows:
            cells = [" ".join(cell.split()) for cell in row]
            if self.needs_names:
                self.names, self.needs_names = cells, False
                continue
            named = zip_longest(self.names, cells, fillvalue="")
            line = "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)
            if line:
                out.append("\n" * self.blank + line + "\n")
                self.blank = 0
            else:
                self.blank += 1
        return "".join(out)


class _RowReader:
    """Divides text into rows; what it cannot divide into cells is a row with one cell a delimiter.

    Python's csv alone would take everything up to the next quote for one cell.
    """

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self.lines: deque[str] = deque()

    def feed(self, text: str) -> Iterator[list[str]]:
        """Yield the rows that are whole."""
        return self._rows(text, is_end=False)

    def rest(self) -> Iterator[list[str]]:
        """Yield what is left."""
        return self._rows("", is_end=True)

    def _rows(self, text: str, *, is_end: bool) -> Iterator[list[str]]:
        self.lines.extend(text.removesuffix("\n").split("\n") if text else ())
        while self.lines:
            first = self.lines[0]
            row = self._parsed(first)
            count = 1
            if row is None and first.count('"') % 2:
                count = self._lines_of_row()
                if not count and not is_end and not self._is_too_long():
                    return
                row = self._parsed("\n".join(islice(self.lines, count))) if count else None
            if row is None:
                row, count = first.split(self.delimiter), 1
            for _ in range(count):
                self.lines.popleft()
            if first.strip():
                yield row

    def _parsed(self, text: str) -> list[str] | None:
        reader = csv.reader(
            [text], delimiter=self.delimiter, skipinitialspace=self.delimiter != "\t", strict=True
        )
        try:
            return next(reader, [])
        except csv.Error:
            return None

    def _lines_of_row(self) -> int:
        """Return how many lines the first row has: up to the next that closes a quote; else 0."""
        size = 0
        for count, line in enumerate(islice(self.lines, MAX_CELL_LINES), start=1):
            size += len(line)
            if size > MAX_CELL_CHARACTERS:
                return 0
            if count > 1 and line.count('"') % 2:
                return count
        return 0

    def _is_too_long(self) -> bool:
        lines = list(islice(self.lines, MAX_CELL_LINES))
        return len(lines) == MAX_CELL_LINES or sum(map(len, lines)) > MAX_CELL_CHARACTERS


def _form(sample: str, name: str, delimiter: str = "") -> _Form:
    if not delimiter:
        delimiters = "\t" + _DELIMITERS if name.lower().endswith((".tsv", ".tab")) else _DELIMITERS
        # max() takes the first of equals.
        delimiter = max(delimiters, key=lambda one: _regularity(_sample_rows(sample, one)))
    return _Form(delimiter, _has_names(_sample_rows(sample, delimiter)))


def _sample_rows(sample: str, delimiter: str) -> list[list[str]]:
    reader = _RowReader(delimiter)
    whole = sample if len(sample) < SAMPLE_CHARACTERS else sample[: sample.rfind("\n") + 1]
    return list(islice((*reader.feed(whole or sample), *reader.rest()), SAMPLE_ROWS))


def _regularity(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Return the share of the rows that are as wide as most, and how wide that is."""
    widths = Counter(map(len, rows))
    if not widths:
        return 0.0, 0
    width, count = widths.most_common(1)[0]
    return (round(count / len(rows), 1), width) if width > 1 else (0.0, 1)


def _has_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short, different, no values, not seen below."""
    if len(rows) < 2:
        return False
    first = [cell.strip() for cell in rows[0]]
    named = [cell for cell in first if cell]
    if not named or len(set(named)) < len(named) or len(named) * 2 < len(first):
        return False
    if any(len(cell) > MAX_NAME_CHARACTERS or _VALUE.fullmatch(cell) for cell in named):
        return False
    below = [
        {row[column].strip() for row in rows[1:] if column < len(row)}
        for column in range(len(first))
    ]
    return not any(cell and cell in others for cell, others in zip(first, below, strict=True))
