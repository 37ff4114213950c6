"""PDF: the text of its pages in reading order, what is attached to it, and scans through `ocr`."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise
from typing import Any

from tera.errors import MissingExtraError, NoTextError, UnreadableFileError
from tera.readers.dates import plausible
from tera.readers.document import (
    Document,
    Failure,
    Item,
    Note,
    Pace,
    locked,
    require,
)
from tera.readers.pdf import ocr
from tera.readers.pdf.files import Files, attached, parsed_date
from tera.readers.pdf.page import OpenPage, cleaned, is_picture, opened, text_of
from tera.readers.pdf.parts import Parts

PAGES_AT_ONCE = 200
"""The library keeps what it has read of a document; so often it is closed and opened again."""
MOST_BROKEN = 1_000
"""Pages one after the other; then the rest is given up, as a broken file may claim a million."""
MOST_BOOKMARKS = 10_000
Headings = Mapping[str, int]
"""Level of each heading of a page."""
_REPAIR = "open it in a PDF viewer and print it to a new PDF"


def read_pdf(document: Document) -> Iterator[Item]:
    """Read a PDF page by page.

    Args:
        document: Encrypted ones need its password.

    Yields:
        Drafts, with a form feed between two pages; attachments; and a failure if pages are broken,
        a note if pages are pictures that cannot be read without the optional part `ocr`.

    Raises:
        UnreadableFileError: It is broken, or there is no text in it.
        PasswordNeededError: It is encrypted, and the password is missing or wrong.
        MissingExtraError: The library is not installed, or all pages are pictures and `ocr` is not.
    """
    require("pdf", "pypdfium2")
    with _opened(document) as pdf:
        pages = len(pdf)
        parts = Parts(document.name, _date(pdf))
        reading = _Reading(Files(document), _headings(pdf))
        yield from reading.files.of(attached(pdf))
    pace = Pace()
    for start in range(0, pages, PAGES_AT_ONCE):
        if reading.is_hopeless(start):
            break
        with _opened(document) as pdf:
            for index in range(start, min(start + PAGES_AT_ONCE, pages)):
                yield from pace.at(index, pages)
                text = yield from _page(pdf, index, reading)
                yield from parts.add(index + 1, text)
    yield from parts.rest()
    yield from _remarks(document.name, reading, is_empty=not parts.has_text)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is known of a document beside its text; pages count from 1."""

    files: Files
    headings: Mapping[int, Headings]
    broken: list[int] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)

    def is_hopeless(self, pages: int) -> bool:
        """Return whether the last of so many pages were all broken."""
        return self.broken[-MOST_BROKEN:] == list(range(pages + 1 - MOST_BROKEN, pages + 1))


def _page(pdf: Any, index: int, reading: _Reading) -> Generator[Item, None, str]:
    """Read a page; what is pinned to it is yielded."""
    text = ""
    try:
        with opened(pdf, index) as page:
            yield from reading.files.of(page.files)
            text = text_of(page)
            if is_picture(page.page, text):
                if ocr.can_recognise():
                    text = ocr.recognised(_picture(page)) or text
                else:
                    reading.pictures.append(index + 1)
    except Exception:  # whatever a broken page leads the library to
        reading.broken.append(index + 1)
    return _with_headings(text, reading.headings.get(index, {}))


def _remarks(name: str, reading: _Reading, *, is_empty: bool) -> Iterator[Item]:
    """Say at the end what could not be read.

    Raises:
        UnreadableFileError: Nothing could.
        MissingExtraError: All pages are pictures.
    """
    broken, pictures = reading.broken, reading.pictures
    if is_empty and not reading.files.count:
        if pictures:
            raise MissingExtraError(f"the pages of {name} are pictures of text", hint=ocr.HINT)
        if broken:
            raise UnreadableFileError(f"no page of {name} could be read", hint=_REPAIR)
        raise NoTextError(
            f"{name} has no text in it", hint="say what it shows: tera remember 'TEXT'"
        )
    if broken:
        yield Failure(f"{_pages(broken)} of {name} could not be read", hint=_REPAIR)
    if pictures:
        are = "is a picture" if len(pictures) == 1 else "are pictures"
        yield Note(f"{_pages(pictures)} of {name} {are} of text", hint=ocr.HINT)


@contextmanager
def _opened(document: Document) -> Iterator[Any]:
    """Open a document.

    Raises:
        UnreadableFileError: It is no PDF.
        PasswordNeededError: It is encrypted, and the password is missing or wrong.
    """
    import pypdfium2
    import pypdfium2.raw as pdfium

    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
    with document.open() as file:
        try:
            pdf = pypdfium2.PdfDocument(file, password=document.password)
        except pypdfium2.PdfiumError as error:
            if error.err_code == pdfium.FPDF_ERR_PASSWORD:
                raise locked(document) from error
            if error.err_code == pdfium.FPDF_ERR_SECURITY:
                raise UnreadableFileError(
                    f"{document.name} is encrypted in a way that only its own program knows",
                    hint=_REPAIR,
                ) from error
            raise UnreadableFileError(
                f"{document.name} is not a PDF, or it is broken", hint=_REPAIR
            ) from error
        try:
            if pdf.get_formtype() == pdfium.FORMTYPE_ACRO_FORM:
                pdf.init_forms()
            yield pdf
        finally:
            pdf.close()


def _date(pdf: Any) -> datetime | None:
    """Return when a PDF was made, if it says so: the file's date is often that of its download."""
    dates = (parsed_date(pdf.get_metadata_value(key)) for key in ("CreationDate", "ModDate"))
    return next(filter(None, map(plausible, dates)), None)


def _headings(pdf: Any) -> dict[int, dict[str, int]]:
    """Return the bookmarks of each page, by the page's index."""
    found: dict[int, dict[str, int]] = {}
    try:
        for bookmark in islice(pdf.get_toc(max_depth=6), MOST_BOOKMARKS):
            place = bookmark.get_dest()
            index = place.get_index() if place else None
            title = _compact(cleaned(bookmark.get_title()))
            if index is not None and title:
                found.setdefault(index, {})[title] = min(bookmark.level, 5) + 1
    except Exception:  # a broken outline; the pages say the same
        return found
    return found


def _with_headings(text: str, headings: Headings) -> str:
    """Mark the lines of a page that bookmarks name."""
    if not headings:
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines):
        level = headings.get(_compact(line), 0)
        if level and not line.startswith("#"):
            lines[number] = f"{'#' * level} {line.strip()}"
    return "\n".join(lines)


def _compact(text: str) -> str:
    return "".join(text.casefold().split())


def _picture(page: OpenPage) -> Any:
    """Draw a page, as large as it can be read, whatever size in inches it claims."""
    longest = max(*page.page.get_size(), 1.0)
    return page.page.render(scale=ocr.LONGEST_SIDE / longest).to_pil()


def _pages(numbers: list[int]) -> str:
    """Return "page 3", "pages 3-5, 9": at most ten ranges."""
    ranges = [[numbers[0], numbers[0]]]
    for before, number in pairwise(numbers):
        if number == before + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in ranges[:10])
    more = f" and {len(ranges) - 10} more ranges" if len(ranges) > 10 else ""
    return f"page {shown}" if len(numbers) == 1 else f"pages {shown}{more}"
