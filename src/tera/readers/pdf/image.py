"""Photos and scans: the text on them, dated by the camera."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from tera.errors import NoTextError, TeraError, UnreadableFileError
from tera.readers.dates import date_of
from tera.readers.document import Document, Failure, Item, Progress, require
from tera.readers.pdf.ocr import EXTRA, LONGEST_SIDE, MODULE, recognised
from tera.readers.pdf.parts import Parts

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

MOST_PIXELS = 60_000_000
"""Of a picture as it is decoded, with 4 bytes each. JPEG, which larger cameras write, is decoded
at a fraction of its size."""
MOST_PAGES = 2_000
"""Of a scan in one file; a page takes seconds."""
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "HEIF")
"""No other is opened: Pillow knows some that start programs."""
_EXIF_ORIENTATION = 0x0112
_EXIF_FOLDER = 0x8769
_DATES = ((0x9003, 0x9011), (0x9004, 0x9012))
"""When it was taken, when it was digitised; each with its offset from UTC. When it was changed
(0x0132) is what the file's date says too."""


def read_image(document: Document) -> Iterator[Item]:
    """Read the text on a picture; a TIFF has pages, of moving pictures the first is read.

    Args:
        document: png jpg heic webp tiff gif bmp.

    Yields:
        A draft, dated when the picture was taken if it says so; failures of single pages.

    Raises:
        UnreadableFileError: It is broken, too large, or there is no text on it.
        MissingExtraError: The optional part is not installed.
    """
    require(EXTRA, MODULE)
    require(EXTRA, "PIL")
    with _opened(document) as picture:
        with _quietly():
            # Before the date: of a PNG, it stands behind the pixels.
            _check_size(picture, document.name)
            at = _taken(picture.getexif())
            pages = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
        parts = Parts(document.name, at)
        failed: list[int] = []
        for number in range(1, min(pages, MOST_PAGES) + 1):
            if pages > 1:
                yield Progress(number - 1, pages)
            try:
                with _quietly():
                    picture.seek(number - 1)
                text = recognised(_decoded(picture, document.name))
            except (OSError, ValueError, SyntaxError, EOFError) as error:
                if pages == 1:
                    raise
                failed.append(number)
                text = ""
                if isinstance(error, EOFError):
                    break
            yield from parts.add(number, text)
    for number in failed:
        yield Failure(f"page {number} of {document.name} could not be read")
    if pages > MOST_PAGES:
        yield Failure(f"only {MOST_PAGES} of the {pages} pages of {document.name} were read")
    yield from parts.rest()
    if not parts.has_text:
        raise NoTextError(
            f"no text found in {document.name}", hint="say what it shows: tera remember 'TEXT'"
        )


@contextmanager
def _opened(document: Document) -> Iterator[Image]:
    """Open a picture without decoding it.

    Raises:
        UnreadableFileError: Pillow cannot read it, now or within the block.
    """
    from PIL import Image as images

    formats = tuple(name for name in FORMATS if name != "HEIF")
    if document.path.suffix.lower() in (".heic", ".heif", ".hif") or _is_heif(document):
        require(EXTRA, "pi_heif")
        import pi_heif

        pi_heif.register_heif_opener()
        formats = FORMATS
    try:
        with _quietly():
            picture = images.open(document.path, formats=formats)
        with picture:
            yield picture
    except (images.DecompressionBombError, MemoryError) as error:
        raise UnreadableFileError(
            f"{document.name} has too many pixels", hint="make a smaller copy of it"
        ) from error
    except TeraError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        raise UnreadableFileError(
            f"{document.name} is not a picture that can be read, or it is broken",
            hint="open it in a picture viewer and save it as PNG",
        ) from error


def _is_heif(document: Document) -> bool:
    with document.path.open("rb") as file:
        return file.read(12)[4:8] == b"ftyp"


def _decoded(picture: Image, name: str) -> Image:
    from PIL import ImageOps

    with _quietly():
        _check_size(picture, name)
        picture.load()
        if picture.getexif().get(_EXIF_ORIENTATION, 1) == 1:
            return picture
        return ImageOps.exif_transpose(picture)


def _check_size(picture: Image, name: str) -> None:
    """Refuse a picture that would fill the memory.

    Raises:
        UnreadableFileError: It has too many pixels.
    """
    # A JPEG is decoded at an eighth, a quarter or half its size where that is enough.
    picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    if picture.width * picture.height > MOST_PIXELS:
        raise UnreadableFileError(
            f"{name} has more than {MOST_PIXELS // 1_000_000} million pixels",
            hint="make a smaller copy of it",
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence Pillow: the size is checked here, and odd tags are nobody's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _taken(exif: Exif) -> datetime | None:
    """Return when a picture was taken; without an offset, in the person's own time."""
    tags = {**exif, **exif.get_ifd(_EXIF_FOLDER)}
    for date, offset in _DATES:
        numbers = re.findall(r"\d+", str(tags.get(date, "")))[:6]
        zone = re.fullmatch(r"[+-]\d\d:\d\d|Z", str(tags.get(offset, "")).strip("\0 "))
        if len(numbers) == 6 and (taken := date_of(numbers, zone[0] if zone else "")):
            return taken
    return None
