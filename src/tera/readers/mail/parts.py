"""The MIME parts of a mail -> its text as it was written, and the documents that came with it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from mimetypes import MimeTypes

from tera.readers.mail.charset import clean_text, decode_text
from tera.readers.mail.headers import VERBATIM, decode_words, subject
from tera.readers.mail.html import html_to_text

MAX_DEPTH = 30
"""Of parts within parts; forwarded mails are documents of their own."""
MAX_PARTS = 1000
MAX_NAME_CHARACTERS = 150
LOGO_BYTES = 20 * 1024
"""Pictures within the text that are smaller belong to signatures and stationery."""

_FEW_CHARACTERS = 200  # "Your program cannot show HTML" and the like
_SIGNATURES_WORDS = (
    "application/pgp-signature application/pkcs7-signature application/x-pkcs7-signature"
)
_SIGNATURES = frozenset(_SIGNATURES_WORDS.split())
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_DOCUMENT_TEXTS = frozenset({"text/calendar", "text/vcard", "text/x-vcard", "text/directory"})
_SAME_AGAIN = frozenset(
    {"text/rfc822-headers", "text/watch-html", "text/x-amp-html", "message/global-headers"}
)
_ENDINGS = {
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/directory": ".vcf",
    "message/rfc822": ".eml",
    "image/jpeg": ".jpg",
}
_ARMOUR = re.compile(
    r"^-----BEGIN PGP MESSAGE-----$.*?(?:^-----END PGP MESSAGE-----$|\Z)", re.M | re.S
)
_PGP_SIGNED = re.compile(r"^-----BEGIN PGP SIGNED MESSAGE-----\n(?:\S.*\n)*\n?", re.M)
_PGP_SIGNATURE = re.compile(
    r"^-----BEGIN PGP SIGNATURE-----$.*?(?:^-----END PGP SIGNATURE-----$|\Z)", re.M | re.S
)
_INDENTED_QUOTE = re.compile(r"^ {1,2}(?=>)", re.M)
_BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A document that came with a mail; `data` is None where only its name is known."""

    name: str
    data: bytes | None


@dataclass(slots=True)
class Contents:
    """What the parts of a mail hold; `problems` says what of it cannot be read."""

    texts: list[str] = field(default_factory=list)
    enclosures: list[Enclosure] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    parts: int = 0

    @property
    def text(self) -> str:
        """All text parts, one below the other."""
        text = "\n\n".join(text for text in self.texts if text.strip())
        lines = [line if line == "-- " else line.rstrip() for line in text.split("\n")]
        text = _INDENTED_QUOTE.sub("", "\n".join(lines))
        return _BLANKS.sub("\n\n", text).strip("\n")


def contents(mail: Message) -> Contents:
    """Return what a mail says and encloses."""
    found = Contents()
    _read(mail, found, 0, "")
    return found


def file_name(text: str, kind: str = "") -> str:
    """Return a name that has no folder, no control character and an ending where one is known."""
    name = " ".join(decode_words(text).replace("\\", "/").rpartition("/")[2].split()).strip(". ")
    if len(name) > MAX_NAME_CHARACTERS:
        stem, dot, ending = name.rpartition(".")
        is_ending = bool(dot) and len(ending) <= 10
        name = (
            f"{stem[: MAX_NAME_CHARACTERS - 11]}.{ending}"
            if is_ending
            else name[:MAX_NAME_CHARACTERS]
        )
    ending = _ENDINGS.get(kind) or MimeTypes().guess_extension(kind) or ""
    if not name:
        return f"{'invitation' if kind == 'text/calendar' else 'attachment'}{ending}"
    return name if "." in name else name + ending


def _read(part: Message, found: Contents, depth: int, parent: str) -> None:
    kind = part.get_content_type()
    found.parts += 1
    if depth > MAX_DEPTH or found.parts > MAX_PARTS:
        if len(found.problems) < 2:
            found.problems.append("has too many parts within parts; the rest is left out")
        return
    if kind in _SMIME:
        is_signed = "signed" in str(part.get_param("smime-type", ""))
        what = "is wrapped in an S/MIME signature" if is_signed else "is encrypted (S/MIME)"
        found.problems.append(f"{what}, which tera cannot open")
    elif kind == "multipart/encrypted":
        found.problems.append("is encrypted (PGP), which tera cannot open")
    elif kind == "multipart/alternative":
        _read_alternatives(part, found, depth)
    elif kind == "multipart/report":
        _read_report(part, found, depth)
    elif part.is_multipart() and not kind.startswith("message/"):
        for child in _children(part):
            _read(child, found, depth + 1, kind)
    elif kind.startswith("multipart/"):
        _read_undivided(part, found, depth)
    elif kind.startswith("message/"):
        _enclose_mail(part, kind, found)
    else:
        _read_leaf(part, kind, found, parent)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return (
        [child for child in payload if isinstance(child, Message)]
        if isinstance(payload, list)
        else []
    )


def _read_undivided(part: Message, found: Contents, depth: int) -> None:
    """Read parts whose boundary is not the one that the header names."""
    data = part.get_payload()
    text = data if isinstance(data, str) else ""
    if divided := re.match(r"\s*--(\S{1,70})[ \t]*\r?\n", text):
        head = f'Content-Type: multipart/mixed; boundary="{divided[1]}"\n\n'
        whole = (head + text).encode("utf-8", "surrogateescape")
        again = message_from_bytes(whole, policy=VERBATIM)
        if again.is_multipart():
            _read(again, found, depth + 1, "")
            return
    found.texts.append(clean_text(decode_text(text.encode("utf-8", "surrogateescape"), "")))


def _read_alternatives(part: Message, found: Contents, depth: int) -> None:
    """Take the plain one of texts that say the same, unless it only says that there is another."""
    plain = ""
    rich = ""
    for child in _children(part):
        kind = child.get_content_type()
        inner = Contents(parts=found.parts)
        _read(child, inner, depth + 1, "multipart/alternative")
        found.parts = inner.parts
        found.enclosures += inner.enclosures
        found.problems += inner.problems
        if kind == "text/plain":
            plain = plain or inner.text
        elif inner.text:
            rich = inner.text
    is_stub = len(plain) < _FEW_CHARACTERS and len(rich) > 3 * len(plain)
    found.texts.append(rich if is_stub or not plain.strip() else plain)


def _read_report(part: Message, found: Contents, depth: int) -> None:
    """Read why a mail was not delivered; the mail itself stands elsewhere."""
    before = len(found.texts)
    for child in _children(part):
        kind = child.get_content_type()
        if kind.startswith(("text/", "multipart/")) and kind not in _SAME_AGAIN:
            _read(child, found, depth + 1, "multipart/report")
        elif kind == "message/delivery-status" and len(found.texts) == before:
            blocks = _children(child)
            rows = [
                f"{name}: {decode_words(str(value))}"
                for block in blocks
                for name, value in block.items()
            ]
            found.texts.append("\n".join(rows[:100]))


def _enclose_mail(part: Message, kind: str, found: Contents) -> None:
    inner = next(iter(_children(part)), None)
    if kind not in ("message/rfc822", "message/global") or inner is None:
        return
    try:
        data = inner.as_bytes()
        if (
            part.get("Content-Transfer-Encoding", "").strip().lower() == "base64"
            and not inner.keys()
        ):
            data = base64.b64decode(data)
    except (UnicodeError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
        found.problems.append("has a mail attached that cannot be read")
        return
    name = part.get_filename() or subject(inner).replace("/", "-") or "mail"
    name = file_name(name, kind)
    found.enclosures.append(Enclosure(name if name.endswith(".eml") else f"{name}.eml", data))


def _read_leaf(part: Message, kind: str, found: Contents, parent: str) -> None:
    if kind in _SIGNATURES or kind in _SAME_AGAIN:
        return
    disposition = part.get_content_disposition() or ""
    name = part.get_filename() or ""
    is_text = kind.startswith("text/") and kind not in _DOCUMENT_TEXTS
    if is_text and not name and disposition != "attachment":
        found.texts.append(_text(part, kind, found))
        return
    data = _bytes(part)
    if kind == "application/ms-tnef" or name.lower() == "winmail.dat":
        found.enclosures.append(Enclosure("winmail.dat", None))
        return
    is_within = (
        disposition == "inline" or bool(part.get("Content-ID")) or parent == "multipart/related"
    )
    is_logo = kind.startswith("image/") and is_within and len(data) < LOGO_BYTES
    if data.strip() and not is_logo and name.lower() not in ("smime.p7s", "signature.asc"):
        found.enclosures.append(Enclosure(file_name(name, kind), data))


def _text(part: Message, kind: str, found: Contents) -> str:
    data = _bytes(part)
    charset = part.get_content_charset("") or ""
    if kind == "text/html":
        if not charset and (named := re.search(rb"charset\s*=\s*[\"']?([\w-]{2,40})", data[:4096])):
            charset = named[1].decode("ascii", "replace")
        return html_to_text(decode_text(data, charset))
    text = clean_text(decode_text(data, charset))
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _unwrap_flowed(text, str(part.get_param("delsp", "")).lower() == "yes")
    if "-----BEGIN PGP " in text:
        text = _PGP_SIGNATURE.sub("", _PGP_SIGNED.sub("", text))
        without = _ARMOUR.sub("", text)
        if without != text:
            found.problems.append("is encrypted (PGP), which tera cannot open")
        text = without
    return text


def _unwrap_flowed(text: str, deletes_space: bool) -> str:
    """Join the lines of `format=flowed` text to paragraphs (RFC 3676).

    Args:
        text: With line feeds.
        deletes_space: The parameter `delsp`: the space at a line's end is no part of the text.
    """
    out: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_signature = content == "-- "
        if depth != open_depth or is_signature:
            out.append("\n" + ">" * depth + " " * bool(depth))
        is_flowing = content.endswith(" ") and not is_signature
        out.append(content[:-1] if is_flowing and deletes_space else content)
        open_depth = depth if is_flowing else -1
    return "".join(out).removeprefix("\n")


def _bytes(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError, binascii.Error):
        data = None
    return data if isinstance(data, bytes) else b""
