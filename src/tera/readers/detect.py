"""What type a document is of: told from its first bytes, and where they leave it open its name."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePath

from tera.readers.types import TYPES

HEAD_BYTES = 64 * 1024

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"{\\rtf", 0, "rtf"),
    (b"\x89PNG\r\n\x1a\n", 0, "image"),
    (b"\xff\xd8\xff", 0, "image"),
    (b"GIF87a", 0, "image"),
    (b"GIF89a", 0, "image"),
    (b"II*\0", 0, "image"),
    (b"MM\0*", 0, "image"),
    (b"WEBP", 8, "image"),
    (b"WAVE", 8, "audio"),
    (b"AVI ", 8, "video"),
    (b"ID3", 0, "audio"),
    (b"OggS", 0, "audio"),
    (b"fLaC", 0, "audio"),
    (b"#!AMR", 0, "audio"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, "audio"),
    (b"\x1a\x45\xdf\xa3", 0, "video"),
    (b"\x1f\x8b", 0, "archive"),
    (b"BZh", 0, "archive"),
    (b"\xfd7zXZ\0", 0, "archive"),
    (b"\x28\xb5\x2f\xfd", 0, "archive"),
    (b"ustar", 257, "archive"),
)
"""Bytes, where they stand, and the type that they tell."""
_PICTURES = frozenset({b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis"})
_BY_ENDING = {ending: name for name, known in TYPES.items() for ending in known.endings}
_OPEN_ENDINGS = frozenset(
    {*("", ".txt", ".text", ".log", ".md", ".json", ".jsonl"), *(".html", ".htm", ".xhtml", ".eml")}
)
"""Endings that several types have; the others of text files say what they are."""


def type_of(path: Path, name: str) -> str | None:
    """Return the type of a document; None when no reader knows it.

    Args:
        path: A regular file, or a folder that is a document.
        name: Its name; it may differ from that of the path.

    Raises:
        OSError: The file cannot be read.
    """
    if path.is_dir():
        return "slack"
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    ending = PurePath(name).suffix.lower()
    by_ending = _BY_ENDING.get(ending)
    return _by_bytes(head, path, ending, by_ending) or _by_text(head, ending, by_ending)


def _by_bytes(head: bytes, path: Path, ending: str, by_ending: str | None) -> str | None:
    from tera.readers.office.compound import is_compound

    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(path) or (by_ending if by_ending in _ZIPPED else "archive")
    if is_compound(head):
        # With a password, or of before 2007: its reader tells them apart.
        return by_ending if by_ending in _ZIPPED else "docx" if ending in _OLD_ENDINGS else None
    if head[4:8] == b"ftyp":
        return "image" if head[8:12] in _PICTURES else "audio" if head[8:11] == b"M4A" else "video"
    for signature, place, name in _SIGNATURES:
        if head.startswith(signature, place):
            return name
    is_mpeg = head[:1] == b"\xff" and head[1:2] > b"\xe0" and by_ending == "audio"
    return "audio" if is_mpeg else None


_OLD_ENDINGS = frozenset({".doc", ".dot", ".xls", ".xlt", ".ppt", ".pps"})
_ZIPPED = frozenset({"docx", "pptx", "xlsx", "odt", "ods", "odp", "epub"})


def _zip_type(path: Path) -> str | None:
    from tera.readers.chats.slack import is_slack
    from tera.readers.office.package import type_of_package

    try:
        with zipfile.ZipFile(path) as package:
            names = package.namelist()
            mimetype = b""
            if "mimetype" in names:
                with package.open("mimetype") as member:
                    mimetype = member.read(100)
    except Exception:
        # Broken or encrypted: its reader says what is wrong.
        return None
    return type_of_package(names, mimetype) or ("slack" if is_slack(path) else None)


def _by_text(head: bytes, ending: str, by_ending: str | None) -> str | None:
    from tera.readers.plain.guess import guess_text_type
    from tera.readers.plain.text import is_text

    if by_ending and not TYPES[by_ending].is_text and by_ending not in ("html", "email", "mbox"):
        # It does not look like what it is called; its reader says so.
        return by_ending
    is_open = by_ending is None or ending in _OPEN_ENDINGS
    if is_open and (found := _by_wording(head)):
        return found
    return by_ending or (guess_text_type(head) if not head or is_text(head) else None)


def _by_wording(head: bytes) -> str | None:
    """Return the type of a text whose first lines can be of one only."""
    from tera.readers.chats.signal import is_signal
    from tera.readers.chats.telegram import is_telegram
    from tera.readers.chats.whatsapp import is_whatsapp
    from tera.readers.mail.calendar import is_calendar
    from tera.readers.mail.contacts import is_contacts
    from tera.readers.mail.mail import is_email
    from tera.readers.mail.mailbox import is_mbox
    from tera.readers.speech.subtitles import is_subtitles
    from tera.readers.web.archives import is_web_archive
    from tera.readers.web.bookmarks import is_bookmarks
    from tera.readers.web.html import is_html

    # The first that fits: a mailbox holds mails, a page of bookmarks is a page, Signal's own lines
    # look like those of WhatsApp.
    checks = (
        ("mbox", is_mbox),
        ("html", is_web_archive),
        ("email", is_email),
        ("bookmarks", is_bookmarks),
        ("html", is_html),
        ("calendar", is_calendar),
        ("contacts", is_contacts),
        ("subtitles", is_subtitles),
        ("telegram", is_telegram),
        ("signal", is_signal),
        ("whatsapp", is_whatsapp),
    )
    return next((name for name, is_it in checks if is_it(head)), None)
