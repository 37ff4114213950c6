"""Pieces of text that stand somewhere on a page -> text in the order in which a person reads it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

GAP = 0.85
"""Pieces of a line this far apart, in heights of a line, are cells or columns, not words."""
MOST_RUNS = 5_000
"""A page of a newspaper has about 2,000; of more, the order is left as it is."""
_MOST_BESIDE = 60
"""So many pieces above and below each are looked at to find its neighbour; bounds the time."""
_LEAST_LINES = 3
"""A column has at least as many."""
_PROSE_WIDTH = 6
"""A line of prose is at least as wide, in heights of a line: about a dozen letters."""
_PROSE_FILL = 0.7
"""Lines of prose fill this share of their column; cells of a table do not."""
_SAME_LINE = 0.25
"""Middles of cells of one row lie this close, in heights of a line; those of columns rarely do."""
_PARAGRAPH = 0.45
"""Paragraphs are farther apart than lines by so much, in heights of a line."""
_OPEN = 2.5
"""Lines whose middles are so far apart belong to two paragraphs in any case, in heights."""
_OTHER_SIZE = 1.4
"""A title is higher than its text by this factor."""
_INDENT = 0.6
"""The first line of a paragraph is indented by so much, in heights of a line."""

_HYPHENS = ("-", "\u00ad", "\u2010")
_ENDS = (".", "!", "?", ":", "…", ".”", '."', "。", "！", "？")


@dataclass(frozen=True, slots=True)
class Run:
    """Words on one line without a wide gap; `top` is less than `bottom`, in any unit."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Height of the line, never zero."""
        return max(self.bottom - self.top, 1e-3)

    @property
    def middle(self) -> float:
        """Half way between top and bottom."""
        return (self.top + self.bottom) / 2


Column = list[Run]


def arranged(runs: Sequence[Run]) -> str:
    """Return the text of a page in reading order.

    Columns are read one after the other, rows of a table as lines; blank lines divide
    paragraphs, and words that were divided at the end of a line are whole again.

    Args:
        runs: In any order, but best in that of the document.
    """
    if len(runs) > MOST_RUNS:
        return "\n".join(run.text for run in runs)
    text = ""
    for column in _columns(list(runs)):
        text = _appended(text, _paragraphs(_rows(column)))
    return text


def _columns(runs: list[Run], depth: int = 0) -> Iterable[Column]:
    """Yield stretches of a page in reading order, each of lines below one another."""
    gutter = _gutter(runs) if depth < 8 else None
    if gutter is None:
        yield runs
        return
    # What crosses the gutter (titles, wide figures) divides the columns into blocks.
    crossing = sorted((run for run in runs if run.left < gutter < run.right), key=_middle)
    beside = sorted((run for run in runs if not run.left < gutter < run.right), key=_middle)
    pending: list[Run] = []
    place = 0
    for run in [*crossing, None]:
        block: list[Run] = []
        while place < len(beside) and (run is None or beside[place].middle < run.middle):
            block.append(beside[place])
            place += 1
        sides = _sides(block, gutter)
        if sides:
            if pending:
                yield from _columns(pending, depth + 1)
                pending = []
            for side in sides:
                yield from _columns(side, depth + 1)
        else:
            pending += block
        if run is not None:
            pending.append(run)
    if len(pending) == len(runs):
        yield pending
    elif pending:
        yield from _columns(pending, depth + 1)


def _gutter(runs: Sequence[Run]) -> float | None:
    """Return the place that most gaps between neighbours on a line have in common."""
    edges: list[tuple[float, int]] = []
    below = sorted(runs, key=lambda run: run.top)
    heights = [run.height for run in runs]
    tallest = max(heights, default=0.0)
    for number, run in enumerate(below):
        nearest: Run | None = None
        for step in (-1, 1):
            other = number + step
            while 0 <= other < len(below) and abs(other - number) <= _MOST_BESIDE:
                beside = below[other]
                if step > 0 and beside.top >= run.bottom:
                    break
                if step < 0 and beside.top <= run.top - tallest:
                    break
                is_nearer = nearest is None or beside.left < nearest.left
                if beside.left >= run.right and is_nearer:
                    overlap = min(run.bottom, beside.bottom) - max(run.top, beside.top)
                    if overlap > 0.2 * min(run.height, beside.height):
                        nearest = beside
                other += step
        if nearest and nearest.left - run.right >= GAP * min(run.height, nearest.height):
            edges += ((run.right, 1), (nearest.left, -1))
    edges.sort()
    best = depth = 0
    place: float | None = None
    for (at, change), (following, _) in pairwise([*edges, (0.0, 0)]):
        depth += change
        if depth > best and change > 0:
            best, place = depth, (at + following) / 2
    return place if best >= _LEAST_LINES else None


def _sides(block: Sequence[Run], gutter: float) -> tuple[Column, Column] | None:
    """Return what stands left and right of a gutter, if that is to be read one after the other."""
    left = [run for run in block if run.right <= gutter]
    right = [run for run in block if run.left >= gutter]
    if min(len(left), len(right)) < _LEAST_LINES:
        return None
    if _is_prose(left) and _is_prose(right):
        return left, right
    few, many = sorted((left, right), key=len)
    middles = sorted(run.middle for run in many)
    aligned = sum(_is_near(run.middle, middles, _SAME_LINE * run.height) for run in few)
    return (left, right) if aligned < 0.6 * len(few) else None


def _is_prose(column: Sequence[Run]) -> bool:
    """Return whether lines fill a column, or the columns that it has itself."""
    height = median(run.height for run in column)
    gutter = _gutter(column)
    if gutter is not None:
        parts = (
            [run for run in column if run.right <= gutter],
            [run for run in column if run.left >= gutter],
        )
        if all(len(part) >= _LEAST_LINES for part in parts):
            return all(_fills(part, height) for part in parts)
    return _fills(column, height)


def _fills(column: Sequence[Run], height: float) -> bool:
    width = max(run.right for run in column) - min(run.left for run in column)
    typical = median(run.right - run.left for run in column)
    return typical >= _PROSE_WIDTH * height and typical >= _PROSE_FILL * width


def _is_near(value: float, ordered: Sequence[float], distance: float) -> bool:
    place = bisect_left(ordered, value - distance)
    return place < len(ordered) and ordered[place] <= value + distance


def _middle(run: Run) -> float:
    return run.middle


def _rows(column: Iterable[Run]) -> list[Run]:
    """Join what stands on one line, from the side where its language begins."""
    rows: list[list[Run]] = []
    tallest: list[Run] = []
    for run in sorted(column, key=_middle):
        for number in range(len(rows) - 1, max(-1, len(rows) - 4), -1):
            row = tallest[number]
            overlap = min(run.bottom, row.bottom) - max(run.top, row.top)
            if overlap >= 0.5 * min(run.height, row.height):
                rows[number].append(run)
                tallest[number] = max(row, run, key=lambda one: one.height)
                break
        else:
            rows.append([run])
            tallest.append(run)
    return [_joined(row) for row in rows]


def _joined(row: list[Run]) -> Run:
    if len(row) == 1:
        return row[0]
    is_leftward = sum(map(_direction, row)) < 0
    row.sort(key=lambda run: -run.right if is_leftward else run.left)
    text = row[0].text
    for before, run in pairwise(row):
        distance = before.left - run.right if is_leftward else run.left - before.right
        text += ("" if distance < 0.1 * min(before.height, run.height) else " ") + run.text
    return Run(
        text,
        min(run.left for run in row),
        min(run.top for run in row),
        max(run.right for run in row),
        max(run.bottom for run in row),
    )


def _direction(run: Run) -> int:
    """Return below zero for what is written from right to left."""
    letters = [unicodedata.bidirectional(letter) for letter in run.text]
    return letters.count("L") - letters.count("R") - letters.count("AL")


def _paragraphs(lines: Sequence[Run]) -> str:
    """Join lines, with blank lines where the page has more space than usual, or another size."""
    text = lines[0].text if lines else ""
    # Between middles: recognised lines are higher or lower with their letters.
    steps = [below.middle - line.middle for line, below in pairwise(lines)]
    usual = median(steps) if steps else 0.0
    for (line, below), step in zip(pairwise(lines), steps, strict=True):
        height = min(line.height, below.height)
        is_apart = step > min(usual + _PARAGRAPH * height, _OPEN * height)
        is_indented = below.left - line.left > _INDENT * height and line.text.endswith(_ENDS)
        is_other_size = max(line.height, below.height) > _OTHER_SIZE * height
        divides = is_apart or is_indented or is_other_size
        text = f"{text}\n\n{below.text}" if divides else _wrapped(text, below.text)
    return text


def _appended(text: str, column: str) -> str:
    """Join two columns: a sentence may go on at the top of the next."""
    if not text or not column:
        return text or column
    if column[0].islower() and not text.endswith(_ENDS):
        return _wrapped(text, column)
    return f"{text}\n\n{column}"


def _wrapped(text: str, line: str) -> str:
    """Join two lines; a word that was divided between them becomes whole."""
    is_divided = text.endswith(_HYPHENS) and text[-2:-1].isalpha() and line[:1].islower()
    if not is_divided:
        return f"{text}\n{line}"
    word, space, rest = line.partition(" ")
    before, after = re.search(r"[\w-]+$", text[-60:-1]), re.match(r"\w+", word)
    # A hyphen belongs to the word if there is one in it before, or the page has it within a line.
    is_compound = before and after and ("-" in before[0] or f"{before[0]}-{after[0]}" in text)
    kept = text if is_compound else text[:-1]
    return f"{kept}{word}" + ("\n" if space else "") + rest
