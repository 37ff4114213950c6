"""Address books (vCard 2.1, 3.0 and 4.0): a memory for each person."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

from tera.datatypes import Draft
from tera.places import MONTHS
from tera.readers.document import Document, Item
from tera.readers.mail.blocks import Parts, blocks, digest_of, entry_drafts
from tera.readers.mail.charset import clean_text

_WANTED = frozenset({"VCARD"})
# Pictures, sounds and keys, and what only programs read.
_LEFT_OUT_WORDS = "PHOTO LOGO SOUND KEY X-ABCROP-RECTANGLE X-IMAGEHASH X-PROFILE AGENT"
_LEFT_OUT = frozenset(_LEFT_OUT_WORDS.split())
_NAMES = {
    "NICKNAME": "Nickname",
    "ORG": "Organisation",
    "TITLE": "Title",
    "ROLE": "Role",
    "TEL": "Phone",
    "EMAIL": "Email",
    "ADR": "Address",
    "LABEL": "Address",
    "BDAY": "Birthday",
    "ANNIVERSARY": "Anniversary",
    "X-ANNIVERSARY": "Anniversary",
    "X-ABDATE": "Date",
    "DEATHDATE": "Died",
    "URL": "Website",
    "IMPP": "Messenger",
    "X-SOCIALPROFILE": "Profile",
    "X-SKYPE": "Skype",
    "X-SKYPE-USERNAME": "Skype",
    "X-JABBER": "Jabber",
    "X-ICQ": "ICQ",
    "X-AIM": "AIM",
    "X-MSN": "MSN",
    "X-YAHOO": "Yahoo",
    "RELATED": "Related",
    "X-ABRELATEDNAMES": "Related",
    "X-SPOUSE": "Spouse",
    "X-CHILDREN": "Children",
    "X-MANAGER": "Manager",
    "X-ASSISTANT": "Assistant",
    "X-MAIDENNAME": "Maiden name",
    "LANG": "Language",
    "GENDER": "Gender",
    "EXPERTISE": "Expertise",
    "HOBBY": "Hobby",
    "INTEREST": "Interest",
    "CATEGORIES": "Categories",
    "NOTE": "Note",
}
_DATES = frozenset({"BDAY", "ANNIVERSARY", "X-ANNIVERSARY", "X-ABDATE", "DEATHDATE"})
_KINDS = {"cell": "mobile", "iphone": "mobile"}
_NO_KINDS_WORDS = "internet voice pref text textphone x400 dom intl postal parcel 1 b"
_NO_KINDS = frozenset(_NO_KINDS_WORDS.split())
_DATE = re.compile(r"(\d{4}|--)-?(\d\d)-?(\d\d)(?:T.*)?$")
_ADDRESS = ("box", "extended", "street", "code", "city", "region", "country")
_NAME = ("prefix", "given", "additional", "family", "suffix")
_OMITTED_YEARS = frozenset({"--", "1604", "0000", "1600"})
"""What programs write where no year is known."""


def is_contacts(head: bytes) -> bool:
    """Return whether a file is an address book, by its first bytes."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:11].upper() == b"BEGIN:VCARD"


def read_contacts(document: Document) -> Iterator[Item]:
    """Read an address book, person by person; the date of a draft is the file's.

    Yields:
        A draft for each person or organisation; groups, which only name others, are left out.

    Raises:
        NoTextError: There is nobody in it.
    """
    parts = Parts()
    with document.open() as file:
        cards = (block for block in blocks(file, _WANTED, _LEFT_OUT) if block.name)
        yield from entry_drafts(
            document, cards, "contact", lambda block: _draft(_parse(block.text or ""), parts)
        )


def _parse(text: str) -> list[Any]:
    """Return the properties of a card.

    Raises:
        ValueError: It cannot be read.
    """
    import vobject

    # It writes to standard error which lines it passes over.
    logging.getLogger("vobject.base").setLevel(logging.CRITICAL + 1)
    for transforms in (True, False):
        try:
            cards = vobject.readComponents(
                clean_text(text), transform=transforms, ignoreUnreadable=True, allowQP=True
            )
            lines = [line for card in cards for line in card.getChildren()]
            return [line for line in lines if isinstance(line, vobject.base.ContentLine)]
        except (vobject.base.VObjectError, ValueError, LookupError, TypeError, AttributeError):
            continue
    raise ValueError("no card")


def _draft(card: list[Any], parts: Parts) -> Draft | None:
    labels = {line.group: _label(_shown(line)) for line in card if line.name == "X-ABLABEL"}
    values = {line.name: _shown(line) for line in reversed(card)}
    if values.get("KIND", values.get("X-ADDRESSBOOKSERVER-KIND", "")).lower() == "group":
        return None
    rows: dict[tuple[str, str], None] = {}
    for line in card:
        name = _NAMES.get(line.name)
        text = _shown(line) if name else ""
        if not name or not text:
            continue
        kind = labels.get(line.group) if line.group else ""
        kind = kind or _kind(line)
        rows[f"{name} ({kind})" if kind else name, text] = None
    name = values.get("FN") or values.get("N") or ""
    title = name or next(
        (values[key] for key in ("ORG", "NICKNAME", "EMAIL", "TEL") if values.get(key)), ""
    )
    named = [("Name", name)] if name else []
    text = "\n".join(f"{key}: {value}" for key, value in (*named, *rows))
    if not text:
        return None
    digest = digest_of(text)
    part = parts.name((values.get("UID") or title or digest)[:500], digest)
    return Draft(text, title=title[:500] or None, part=part) if part else None


def _shown(line: Any) -> str:
    """Return the value of a property as a person writes it, in one line unless it is a note."""
    value = line.value
    if line.name == "ADR":
        text = _joined(value, _ADDRESS, ", ") or " ".join(_parameters(line, "LABEL"))
    elif line.name == "N":
        text = _joined(value, _NAME, " ")
    elif isinstance(value, list):
        text = ", ".join(str(item) for item in value if str(item).strip())
    else:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    text = clean_text(text.replace("\\n", "\n") if line.name in ("ADR", "LABEL") else text)
    if line.name == "NOTE":
        return text.strip().replace("\n", "\n  ")
    text = " ".join(text.split()) if line.name not in ("ADR", "LABEL") else _one_line(text)
    if line.name in _DATES:
        return _date(text)
    return re.sub(r"^(?:tel|mailto|xmpp|x-apple):", "", text, flags=re.I)


def _joined(value: Any, fields: tuple[str, ...], separator: str) -> str:
    if isinstance(value, str):
        return separator.join(part.strip() for part in value.split(";") if part.strip())
    found = []
    for name in fields:
        items = getattr(value, name, "")
        for item in items if isinstance(items, list) else [items]:
            if str(item).strip():
                found.append(str(item).strip())
    return separator.join(found)


def _one_line(text: str) -> str:
    return ", ".join(" ".join(row.split()).strip(",") for row in text.split("\n") if row.strip())


def _parameters(line: Any, name: str) -> list[str]:
    return [str(value) for value in line.params.get(name, [])]


def _kind(line: Any) -> str:
    """Return what a number or an address is for: "work", "mobile"."""
    named = [
        *_parameters(line, "TYPE"),
        *(str(value) for value in getattr(line, "singletonparams", [])),
    ]
    words = [word.strip("\"' ").lower() for value in named for word in value.split(",")]
    kinds = [_KINDS.get(word, word) for word in words if word and word not in _NO_KINDS]
    return clean_text(" ".join(dict.fromkeys(kinds)))[:100]


def _label(text: str) -> str:
    """Return a label that a person gave, or one of Apple's own: `_$!<Home>!$_`."""
    known = re.fullmatch(r"_\$!<(.*)>!\$_", text)
    return known[1].lower() if known else text


def _date(text: str) -> str:
    found = _DATE.match(text)
    if not found or not 1 <= int(found[2]) <= len(MONTHS):
        return text
    day = f"{int(found[3])} {MONTHS[int(found[2]) - 1]}"
    return day if found[1] in _OMITTED_YEARS else f"{day} {found[1]}"
