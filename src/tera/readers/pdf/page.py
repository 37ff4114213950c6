"""A page of a PDF -> its pieces of text with their places, and what else stands on it."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tera.readers.document import PART_CHARACTERS
from tera.readers.pdf.layout import GAP, Run, arranged
from tera.readers.plain.characters import clean

MOST_CHARACTERS = 200_000
"""Of a page: a large newspaper's has 50,000. Of more, only the order of the file is known."""
MOST_OBJECTS = 5_000
"""Of a page, that are looked at to find out whether it is a picture."""
MOST_ANNOTATIONS = 1_000
"""Of a page, whose text is read."""
FEW_LETTERS = 25
"""A page with a picture and no more letters than these is a scan with a stamp on it."""
_PICTURE_SHARE = 0.02
"""A picture covers at least this part of a page that is a scan."""
_GARBAGE_SHARE = 0.3
"""Of a text layer that nobody can read, so many characters have no meaning."""

_Character = tuple[str, float, float, float, float, float]
"""Text, left, bottom, right, top in points from below, and the angle at which it stands."""
_SKEW = 3
"""Lines of a crooked scan differ by as many degrees."""


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page while it is read.

    Attributes:
        page: A PdfPage of pypdfium2.
        remarks: What was written upon it afterwards.
        files: What was pinned to it; PdfAttachments of pypdfium2.
    """

    page: Any
    remarks: tuple[str, ...]
    files: tuple[Any, ...]


@contextmanager
def opened(document: Any, index: int) -> Iterator[OpenPage]:
    """Open a page; what was filled in or stamped upon it becomes part of it.

    Args:
        document: A PdfDocument of pypdfium2.
        index: Counts from 0.

    Raises:
        PdfiumError: There is no such page, or it is broken.
    """
    import pypdfium2.raw as pdfium
    from pypdfium2 import PdfAttachment

    stamps = (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP)
    silent = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_POPUP)
    page = document[index]
    try:
        remarks: list[str] = []
        files: list[Any] = []
        is_stamped = False
        for annotation, kind in _annotations(page):
            is_stamped |= kind in stamps
            if kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
                file = pdfium.FPDFAnnot_GetFileAttachment(annotation)
                files += [PdfAttachment(file, document)] if file else []
            said = "" if kind in silent else cleaned(_string(annotation, b"Contents"))
            author = cleaned(_string(annotation, b"T")) if said else ""
            if kind == pdfium.FPDF_ANNOT_FREETEXT:
                remarks += [said] if said else []
            elif said:
                remarks.append(f"Comment by {author}: {said}" if author else f"Comment: {said}")
        if is_stamped:
            pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY)
            # The new content is seen when the page is opened again.
            page.close()
            page = document[index]
        yield OpenPage(page, tuple(remarks), tuple(files))
    finally:
        page.close()


def text_of(open_page: OpenPage) -> str:
    """Return the text of a page in reading order, then the remarks that it does not have yet.

    Raises:
        PdfiumError: The page is broken.
        ValueError: Its text is as long as a book.
    """
    text_page = open_page.page.get_textpage()
    try:
        count = text_page.count_chars()
        if count > PART_CHARACTERS:
            raise ValueError(f"a page of {count} characters")
        if count > MOST_CHARACTERS:
            text = text_page.get_text_bounded().replace("\r\n", "\n")
        else:
            text = _arranged(text_page)
    finally:
        text_page.close()
    text = cleaned(text)
    printed = " ".join(text.split())
    return "\n\n".join(
        [text] * bool(text) + [one for one in open_page.remarks if one not in printed]
    )


def _annotations(page: Any) -> Iterator[tuple[Any, int]]:
    """Yield what was put upon a page, and of which kind each is (FPDF_ANNOT_...)."""
    import pypdfium2.raw as pdfium

    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), MOST_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if annotation:
            try:
                yield annotation, pdfium.FPDFAnnot_GetSubtype(annotation)
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)


def is_picture(page: Any, text: str) -> bool:
    """Return whether a page has to be looked at to know what it says."""
    import pypdfium2.raw as pdfium

    letters = sum(letter.isalnum() for letter in text)
    if letters > FEW_LETTERS and not _is_garbage(text):
        return False
    width, height = page.get_size()
    paths = 0
    for number, piece in enumerate(page.get_objects(max_depth=3)):
        if number >= MOST_OBJECTS:
            return True
        if piece.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = piece.get_bounds()
            if (right - left) * (top - bottom) >= _PICTURE_SHARE * width * height:
                return True
        paths += piece.type == pdfium.FPDF_PAGEOBJ_PATH
    # Letters that were turned into outlines.
    return paths > 100 or bool(letters and _is_garbage(text))


def cleaned(text: str) -> str:
    """Return a text without what no text can hold: control characters, halves of characters."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return clean(whole).strip()


def _is_garbage(text: str) -> bool:
    kinds = Counter(map(unicodedata.category, text.replace("\n", "").replace(" ", "")))
    unknown = kinds["Co"] + kinds["Cn"] + text.count("\ufffd")
    return unknown > _GARBAGE_SHARE * max(kinds.total(), 1)


def _arranged(text_page: Any) -> str:
    lines = list(_lines(text_page))
    angles = Counter[int]()
    for line in lines:
        angles[round(line[0][5])] += len(line)
    if not angles:
        return ""
    [(angle, _)] = angles.most_common(1)
    # Text at another angle is a stamp at the margin or a watermark: it comes after the rest.
    runs: list[Run] = []
    others: list[str] = []
    for line in lines:
        if abs(line[0][5] - angle) <= _SKEW or abs(line[0][5] - angle) >= 360 - _SKEW:
            runs += _runs(_turned(line, angle))
        else:
            others.append("".join(one[0] for one in line).strip())
    return "\n\n".join(filter(None, [arranged(runs), "\n".join(others)]))


def _lines(text_page: Any) -> Iterator[list[_Character]]:
    """Yield the characters between two line breaks of pdfium, which knows nothing of columns."""
    import pypdfium2.raw as pdfium

    page = text_page.raw
    box = pdfium.FS_RECTF()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    line: list[_Character] = []
    angle = 0.0
    for index in range(text_page.count_chars()):
        letter = chr(min(pdfium.FPDFText_GetUnicode(page, index), 0x10FFFF))
        if letter in "\r\n":
            if line:
                yield line
            line = []
            continue
        pdfium.FPDFText_GetLooseCharBox(page, index, box)
        sides = (box.left, box.bottom, box.right, box.top)
        if box.top <= box.bottom:
            pdfium.FPDFText_GetCharBox(page, index, left, right, bottom, top)
            sides = (left.value, bottom.value, right.value, top.value)
        if not line:
            angle = math.degrees(pdfium.FPDFText_GetCharAngle(page, index)) % 360
        if not all(map(math.isfinite, sides)):
            sides = (0.0, 0.0, 0.0, 0.0)
        line.append(("-" if letter == "\x02" else letter, *sides, angle))
    if line:
        yield line


def _turned(line: list[_Character], angle: float) -> Iterator[_Character]:
    """Yield characters as they stand when the page is turned so that its lines run to the right.

    From here on, heights count from above.
    """
    turn = math.radians(angle)
    cosine, sine = math.cos(turn), math.sin(turn)
    is_on_side = abs(sine) > abs(cosine)
    for letter, left, bottom, right, top, _ in line:
        x, y = (left + right) / 2, (bottom + top) / 2
        width, height = (top - bottom, right - left) if is_on_side else (right - left, top - bottom)
        x, y = x * cosine - y * sine, -(x * sine + y * cosine)
        yield letter, x - width / 2, y - height / 2, x + width / 2, y + height / 2, angle


def _runs(line: Iterator[_Character]) -> Iterator[Run]:
    """Cut a line where it jumps: pdfium joins columns, and both halves of a divided word."""
    words: list[_Character] = []
    space = ""
    for letter, left, top, right, bottom, angle in line:
        if letter.isspace():
            space = " " if words else ""
            continue
        if words:
            _, before_left, before_top, before_right, before_bottom, _ = words[-1]
            height = max(bottom - top, before_bottom - before_top, 1e-3)
            gap = max(left - before_right, before_left - right)
            jump = abs((top + bottom) - (before_top + before_bottom)) / 2
            if gap > GAP * height or jump > 0.5 * height:
                yield _run(words)
                words, space = [], ""
        words.append((space + letter, left, top, right, bottom, angle))
        space = ""
    if words:
        yield _run(words)


def _run(words: list[_Character]) -> Run:
    return Run(
        "".join(one[0] for one in words),
        min(one[1] for one in words),
        min(one[2] for one in words),
        max(one[3] for one in words),
        max(one[4] for one in words),
    )


def _string(annotation: Any, key: bytes) -> str:
    import pypdfium2.raw as pdfium

    size_bytes = pdfium.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    size_bytes = min(size_bytes, 2 * MOST_CHARACTERS)
    buffer = (pdfium.FPDF_WCHAR * (size_bytes // 2 + 1))()
    pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size_bytes)
    return bytes(buffer).decode("utf-16-le", "ignore").split("\0", 1)[0]
