"""Files inside a PDF -> attachments, unpacked within bounds."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from tera.readers.dates import date_of
from tera.readers.document import Attachment, Document, Failure, Item
from tera.readers.pdf.page import cleaned

MOST_ATTACHMENTS = 1_000
MOST_ATTACHED_BYTES = 512 * 2**20
"""Of all attachments together, unpacked."""

_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?\s*(Z|[+-]\d\d(?:'?\d\d)?)?", re.I
)


class Files:
    """What is attached to a document, unpacked within bounds."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0
        self.size_bytes = 0

    def of(self, attachments: Iterable[Any]) -> Iterator[Item]:
        """Unpack PdfAttachments of pypdfium2."""
        attachments = iter(attachments)
        while self.count < MOST_ATTACHMENTS:
            name = f"attachment {self.count + 1}"
            try:
                attachment = next(attachments, None)
                if attachment is None:
                    return
                name = cleaned(attachment.get_name()).strip() or name
                data = self._unpacked(attachment)
            except Exception:  # whatever a broken file leads the library to
                yield Failure(f"{name} in {self.document.name} could not be read")
                continue
            self.count += 1
            path = self.document.scratch / str(self.count)
            path.write_bytes(data)
            date = attachment.get_str_value("ModDate") if attachment.has_key("ModDate") else ""
            yield Attachment(path, name, parsed_date(date))

    def _unpacked(self, attachment: Any) -> bytes:
        import pypdfium2.raw as pdfium

        size = ctypes.c_ulong()
        if not pdfium.FPDFAttachment_GetFile(attachment, None, 0, size) or not size.value:
            raise ValueError("no data")
        if self.size_bytes + size.value > MOST_ATTACHED_BYTES:
            raise ValueError("too large")
        self.size_bytes += size.value
        return bytes(attachment.get_data())


def attached(pdf: Any) -> Iterator[Any]:
    """Yield what is attached to a document as a whole, as PdfAttachments of pypdfium2."""
    for index in range(min(pdf.count_attachments(), MOST_ATTACHMENTS)):
        yield pdf.get_attachment(index)


def parsed_date(value: str) -> datetime | None:
    """Return a date of a PDF, `D:20240503140215+02'00'`; without an offset, in local time."""
    found = _DATE.match(value.strip("\0 "))
    if not found:
        return None
    return date_of(found.groups()[:6], found[7] or "")
