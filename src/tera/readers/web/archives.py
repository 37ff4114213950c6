"""MHTML, as browsers save a page with all that belongs to it -> the HTML of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message

from tera.errors import NoTextError, UnreadableFileError
from tera.readers.mail.headers import VERBATIM, sent_at, subject

_HEADERS = re.compile(rb"(?:[\w-]{1,60}:[^\n]*\n(?:[ \t][^\n]*\n)*){1,40}")


@dataclass(frozen=True, slots=True)
class WebArchive:
    """A page as bytes, and what the archive says of it."""

    html: bytes
    title: str | None
    address: str
    at: datetime | None


def is_web_archive(head: bytes) -> bool:
    """Return whether a file is a page saved as MHTML: a mail of related parts, with HTML first."""
    found = _HEADERS.match(head[:65536].replace(b"\r\n", b"\n").lstrip())
    headers = found[0].lower() if found else b""
    return (
        b"multipart/related" in headers
        and (
            b"snapshot-content-location:" in headers
            or b"saved by" in headers
            or b"mime-version:" in headers
        )
        and not re.search(rb"^(?:to|received|message-id|delivered-to):", headers, re.MULTILINE)
    )


def open_web_archive(data: bytes, name: str) -> WebArchive:
    """Find the page among the parts.

    Args:
        data: The whole archive.
        name: Of the file, for messages.

    Raises:
        UnreadableFileError: It is broken.
        NoTextError: There is no page in it.
    """
    try:
        message = message_from_bytes(data.lstrip(), policy=VERBATIM)
        page = _page(message)
        html = page.get_payload(decode=True) if page is not None else None
    except (MessageError, ValueError, LookupError, RecursionError, TypeError) as error:
        raise UnreadableFileError(f"{name} is a broken web archive") from error
    if page is None or not isinstance(html, bytes) or not html.strip():
        raise NoTextError(f"{name} has no page in it", hint="save the page again, as one HTML file")
    address = page.get("Content-Location") or message.get("Snapshot-Content-Location") or ""
    address = str(address).strip()
    charset = page.get_content_charset()
    if charset and b"charset" not in html[:8192].lower():
        # What the archive says of the part counts where the page says nothing.
        html = b'<meta charset="' + charset.encode("ascii", "ignore")[:40] + b'">' + html
    is_address = address.startswith(("http://", "https://"))
    address = address[:2000] if is_address else ""
    return WebArchive(html, subject(message) or None, address, sent_at(message))


def _page(message: Message) -> Message | None:
    """Return the part that the others belong to: the first with HTML."""
    pages = (part for part in message.walk() if part.get_content_type() in _PAGES)
    return next(pages, None)


_PAGES = ("text/html", "application/xhtml+xml")
