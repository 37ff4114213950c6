"""Turns the tokens of rich text into headings, paragraphs, lists and tables."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from dataclasses import replace

from tera.readers.office import grid
from tera.readers.office import rtf_words as words
from tera.readers.office.numbering import item
from tera.readers.office.ooxml import linked
from tera.readers.office.outline import Outline, one_line
from tera.readers.office.rtf_state import Flow, Group
from tera.readers.office.rtf_table import Table
from tera.readers.office.symbols import symbol

MOST_DEPTH = 500
"""Groups in one another; Word itself writes some twenty."""
MOST_ROWS = 20_000
"""Rows of a table that are held; longer tables are told in pieces."""
LONGEST_RUN = 2**20
"""Bytes that are decoded at once."""
MOST_PIECES = 100_000
"""Pieces of a paragraph; no person wrote one of so many."""
LONGEST_PAGE_LINE = 20
"""Characters beside the number of the page, in a header or footer."""

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])"
    rb"|[\r\n\0]+|([^\\{}\r\n\0]{1,65536})|\\"
)


class Reader:
    """Reads rich text a number of tokens at a time."""

    def __init__(self, data: mmap.mmap, size: int, outline: Outline) -> None:
        self.place = 0
        self.is_too_deep = False
        self._data = data
        self._size = size
        self._outline = outline
        self._group = Group()
        self._groups: list[Group] = []
        self._endings: list[Callable[[], None] | None] = []
        self._bytes = bytearray()
        self._encoding = "cp1252"
        self._fonts: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._default_font = -1
        self._defined = -1
        self._skip = 0
        self._is_star = False
        self._flow = Flow()
        self._flows: list[Flow] = []
        self._codes: list[tuple[str, int]] = []
        self._table = Table()
        self._after: list[str] = []
        self._said: set[str] = set()
        self._notes = 0
        self._author = ""
        self._levels: dict[int, int] = {}
        self._style = -1
        self._level = self._depth = self._nesting = 0
        self._is_row = False
        self._is_over = False

    def read(self, tokens: int) -> bool:
        """Read some tokens; return whether there are more."""
        match = _TOKEN.match
        for _ in range(tokens):
            found = match(self._data, self.place, self._size)
            if found is None or self._is_over:
                self._finish()
                return False
            self.place = found.end()
            word, argument, code, sign, brace, text = found.groups()
            if text is not None:
                self._take(text)
            elif code is not None:
                self._take(bytes((int(code, 16),)))
            elif brace is not None:
                self._flush()
                self._skip = 0
                self._brace(brace)
            elif word is not None:
                self._flush()
                self._word(word.decode("ascii"), int(argument) if argument else None)
            elif sign is not None:
                self._flush()
                self._symbol(sign.decode("latin-1"))
        if len(self._flow.text) > MOST_PIECES:
            self._end_paragraph()
        return True

    def _take(self, text: bytes) -> None:
        if self._skip:
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            text = text[skipped:]
        self._is_star = False
        if not self._group.is_hidden:
            self._bytes += text
            if len(self._bytes) > LONGEST_RUN:
                self._flush()

    def _flush(self) -> None:
        """Decode what was read since the last token that was no text."""
        if not self._bytes:
            return
        font = self._group.font if self._group.font >= 0 else self._default_font
        encoding = self._fonts.get(font, self._encoding)
        if encoding == "symbol":
            name = self._names.get(font, "symbol")
            text = "".join(symbol(code, name) for code in self._bytes)
        else:
            text = bytes(self._bytes).decode(encoding, "replace")
        self._bytes.clear()
        self._put(text)

    def _put(self, text: str) -> None:
        group = self._group
        if group.is_hidden or group.is_deleted:
            return
        match group.name:
            case "fonttbl":
                self._names[self._defined] = self._names.get(self._defined, "") + text.strip(" ;")
                if self._fonts.get(self._defined) is None and "symbol" in text.lower():
                    self._fonts[self._defined] = "symbol"
            case "stylesheet":
                if level := words.level_of_style(text):
                    self._levels[self._style] = level
            case "fldinst":
                code, at = self._codes.pop() if self._codes else ("", 0)
                self._codes.append((code + text, at))
            case "atnauthor":
                self._author = text.strip()
            case _:
                self._flow.text.append(text)

    def _brace(self, brace: bytes) -> None:
        self._is_star = False
        if brace == b"{":
            self._groups.append(self._group)
            self._endings.append(None)
            if len(self._groups) > MOST_DEPTH:
                self.is_too_deep = self._is_over = True
            return
        if not self._groups:
            return
        ending = self._endings.pop()
        if ending is not None:
            ending()
        self._group = self._groups.pop()
        # What stands behind the last brace is no part of the document.
        self._is_over |= not self._groups

    def _symbol(self, sign: str) -> None:
        self._skip = 0
        if sign == "*":
            self._is_star = True
        elif sign in "\r\n":
            self._word("par", None)
        elif sign in words.SYMBOLS:
            self._put(words.SYMBOLS[sign])

    def _word(self, word: str, argument: int | None) -> None:
        is_star, self._is_star = self._is_star, False
        if word == "u":
            if argument is not None:
                code = argument & 0xFFFF if argument < 0x10000 else argument
                if 0xF000 <= code <= 0xF0FF:
                    self._put(symbol(code, self._names.get(self._group.font, "symbol")))
                elif code < 0x110000:
                    self._put(chr(code))
            self._skip = self._group.skipped_after_unicode
            return
        self._skip = 0
        if word == "bin":
            # What follows are raw bytes, braces and all.
            self.place = min(self.place + max(argument or 0, 0), self._size)
            return
        if self._group.is_hidden and (word, self._group.name) != ("ud", "upr"):
            return
        if word in words.SIGNS:
            self._put(words.SIGNS[word])
        elif word in words.ENDS:
            self._end_paragraph()
        elif not self._begins_group(word, is_star=is_star):
            self._property(word, argument)

    def _begins_group(self, word: str, *, is_star: bool) -> bool:
        """Look at a word that says what a group is for; return whether it is one."""
        group = self._group
        if word in words.HIDDEN or (is_star and word not in words.SHOWN):
            is_result = word == "object"
            # A group of an object holds its picture or text as a group of its own.
            self._group = replace(group, is_hidden=not is_result)
        elif word in ("fonttbl", "stylesheet", "atnauthor", "fldinst"):
            self._group = replace(group, name=word)
        elif word == "upr":
            # The same text twice: the second is in Unicode.
            self._group = replace(group, name=word, is_hidden=True)
        elif word == "ud":
            self._group = replace(group, name="", is_hidden=False)
        elif word == "nonesttables" or (word.endswith("Pr") and word.startswith("m")):
            self._group = replace(group, is_hidden=True)
        elif word == "field":
            self._codes.append(("", len(self._flow.text)))
            self._at_end(self._end_field)
        elif word in ("footnote", "annotation", "shptxt", "dptxbxtext") or word in words.HEADERS:
            self._open_flow(word)
        elif word in ("listtext", "pntext"):
            self._flows.append(self._flow)
            self._flow = Flow()
            self._at_end(self._end_label)
        else:
            return False
        return True

    def _property(self, word: str, argument: int | None) -> None:  # noqa: PLR0912, PLR0915
        number = argument or 0
        match word:
            case "ansicpg":
                self._encoding = words.codec(number)
            case "mac":
                self._encoding = "mac_roman"
            case "pc" | "pca":
                self._encoding = "cp437" if word == "pc" else "cp850"
            case "deff":
                self._default_font = number
            case "f" if self._group.name == "fonttbl":
                self._defined = number
            case "f":
                self._group = replace(self._group, font=number)
            case "plain":
                self._group = replace(self._group, font=-1, is_deleted=False)
            case "fcharset" if number == 2:
                self._fonts[self._defined] = "symbol"
            case "fcharset" if (name := words.codec_of_charset(number)) is not None:
                self._fonts[self._defined] = name
            case "cpg" if self._group.name == "fonttbl":
                self._fonts[self._defined] = words.codec(number)
            case "uc":
                self._group = replace(self._group, skipped_after_unicode=min(max(number, 0), 8))
            case "deleted":
                self._group = replace(self._group, is_deleted=argument != 0)
            case "s" if self._group.name == "stylesheet":
                self._style = number
            case "s":
                self._level = self._levels.get(number, 0)
            case "outlinelevel" if self._group.name == "stylesheet":
                self._levels[self._style] = number + 1 if number < 9 else 0
            case "outlinelevel":
                self._level = number + 1 if 0 <= number < 9 else 0
            case "pard":
                if self._group.name == "fonttbl":
                    # Some writers forget the brace that ends it.
                    self._group = replace(self._group, name="")
                self._level = self._depth = self._nesting = 0
                self._is_row = False
            case "ilvl":
                self._depth = number
            case "intbl":
                self._is_row = True
                self._nesting = max(self._nesting, 1)
            case "itap":
                self._nesting = number
                self._is_row = number > 0
            case "trhdr":
                self._table.is_header = True
            case "cell" | "nestcell" | "row" | "nestrow":
                self._cell(word)
            case "chftn" | "chatn":
                if word == "chftn" and not self._flows:
                    self._notes += 1
                    self._put(f"[{self._notes}]")
            case "chpgn":
                self._flow.has_page = True

    def _at_end(self, ending: Callable[[], None]) -> None:
        if self._endings:
            self._endings[-1] = ending

    def _open_flow(self, word: str) -> None:
        level, row = self._level, self._is_row
        self._flows.append(self._flow)
        self._flow = Flow()
        self._level, self._is_row = 0, False
        author, number = self._author, self._notes

        def close() -> None:
            self._end_paragraph()
            flow, self._flow = self._flow, self._flows.pop()
            self._level, self._is_row = level, row
            text = "\n".join(flow.paragraphs)
            if not text.strip():
                return
            if word in words.HEADERS:
                text = " | ".join(one_line(one) for one in flow.paragraphs)
                is_page = flow.has_page and len(text) < LONGEST_PAGE_LINE
                if text not in self._said and not is_page:
                    self._said.add(text)
                    self._outline.add(f"{word[:6].title()}: {text}")
            elif word == "footnote":
                self._after.append(f"[{number}] {text.strip()}")
            elif word == "annotation":
                self._after.append(f"Comment by {author or 'unknown'}: {text.strip()}")
            else:
                self._after.append(text)

        self._at_end(close)

    def _end_field(self) -> None:
        code, at = self._codes.pop() if self._codes else ("", 0)
        parts = code.split()
        kind = parts[0].upper() if parts else ""
        if kind in words.PAGE_FIELDS:
            self._flow.has_page = True
        if kind == "HYPERLINK" and len(parts) > 1 and not parts[1].startswith("\\"):
            shown = "".join(self._flow.text[at:])
            del self._flow.text[at:]
            self._flow.text.append(linked(shown, parts[1].strip('"')))

    def _end_label(self) -> None:
        flow, self._flow = self._flow, self._flows.pop()
        label = one_line("".join(flow.text))
        # Bullets are of many shapes; numbers have letters or digits.
        self._flow.label = (
            label if any(sign.isalnum() for sign in label) and len(label) > 1 else "-"
        )

    def _end_paragraph(self) -> None:
        flow = self._flow
        text = "".join(flow.text).strip("\n\r ")
        # Characters beyond the first plane are written as two halves.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        label, flow.label = flow.label, ""
        flow.text.clear()
        if label and text:
            text = f"{label} {text}" if self._level else item(label.strip("-"), text, self._depth)
        if self._flows:
            if text:
                flow.paragraphs.append(text)
        elif self._is_row:
            if text:
                self._table.paragraphs.append(text)
        else:
            self._end_table()
            if text and self._level:
                self._outline.heading(text, self._level)
            else:
                self._outline.add(text, is_tight=bool(label))
            self._tell()

    def _tell(self) -> None:
        for text in self._told():
            self._outline.add(text)

    def _told(self) -> tuple[str, ...]:
        told, self._after = tuple(self._after), []
        return told

    def _cell(self, word: str) -> None:
        table = self._table
        is_row, self._is_row = self._is_row, True
        self._end_paragraph()
        self._is_row = is_row
        if self._flows:
            return
        notes = self._told() if word == "row" else ()
        table.end(word, notes)
        if len(table.rows) >= MOST_ROWS:
            self._end_table()

    def _end_table(self) -> None:
        rows, rest = self._table.take()
        if rows:
            self._outline.gap()
        for line in grid.lines(rows):
            self._outline.add(line, is_tight=bool(line))
        for text in rest:
            self._outline.add(text)
        if rows:
            self._outline.gap()

    def _finish(self) -> None:
        """Tell what is open when the text ends, also in the middle of a group."""
        self._flush()
        while self._endings:
            ending = self._endings.pop()
            if ending is not None:
                ending()
        self._is_row = False
        self._end_paragraph()
        self._end_table()
