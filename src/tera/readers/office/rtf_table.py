"""Collects the cells and rows of a table of rich text, and those of tables in its cells."""

from __future__ import annotations

from dataclasses import dataclass, field

from tera.readers.office import grid
from tera.readers.office.outline import one_line


@dataclass(slots=True)
class Table:
    """A table whose rows are read one after the other.

    Attributes:
        rows: Those that have ended.
        paragraphs: Of the cell that is open.
        is_header: The document says that the open row is a header.
    """

    rows: list[grid.Row] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    is_header: bool = False
    _cells: list[str] = field(default_factory=list)
    _nested: list[str] = field(default_factory=list)

    def end(self, word: str, notes: tuple[str, ...] = ()) -> None:
        """End what a word ends: "cell", "row", "nestcell" or "nestrow".

        Args:
            word: One of those.
            notes: What is said about the row, if it is one.
        """
        match word:
            case "nestcell":
                self._nested.append(one_line(" ".join(self.paragraphs)))
                self.paragraphs.clear()
            case "nestrow":
                self.paragraphs.append(" | ".join(filter(None, self._nested)))
                self._nested.clear()
            case "cell":
                self._cells.append("\n".join(self.paragraphs))
                self.paragraphs.clear()
            case "row":
                cells = {at: text for at, text in enumerate(self._cells) if text.strip()}
                self.rows.append(grid.Row(cells, True if self.is_header else None, notes=notes))
                self._cells.clear()
                self.is_header = False

    def take(self) -> tuple[list[grid.Row], list[str]]:
        """Return the rows, and the texts of a row that never ended; nothing is left."""
        rows, rest = self.rows, [*self._cells, *self.paragraphs]
        self.rows, self._cells, self.paragraphs = [], [], []
        return rows, rest
