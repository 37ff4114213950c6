"""Web pages: their main text, title, date and address; all of the text where that is not clear.

trafilatura tells where the main text begins and ends. The text between is written by us: it keeps
every heading, table and definition there, which the library's own output does not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tera.datatypes import Draft
from tera.readers.dates import parse_date
from tera.readers.document import Document, Item, Progress
from tera.readers.plain.characters import CONTROLS
from tera.readers.plain.encoding import HEAD_BYTES
from tera.readers.plain.front_matter import clean_title
from tera.readers.plain.lines import HEADING_CUTS, drafts_of
from tera.readers.web.archives import is_web_archive, open_web_archive
from tera.readers.web.blocks import Block, BlockTarget, written
from tera.readers.web.encoding import page_encoding, page_text, without_prologue

MAX_SAVED_BYTES = 128 * 2**20
"""Of a page that was saved with its images in it; a larger file is read as it streams by."""
MAX_PAGE_CHARACTERS = 8_000_000
"""A tree of more would take over half a gigabyte."""
MAX_ELEMENTS = 20_000
"""trafilatura takes 2 s for as many, and four times as long for twice as many."""
LEAST_MAIN_SHARE = 0.3
"""Where less of the page's text is found to be the main text, the page is of another kind."""
LEAST_KEY_CHARACTERS = 30
"""A shorter line may stand in a menu as well as in the text."""

_MARK = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*"
    r"<(?:!doctype\s+html|html|head|body|meta\s|title|h1|div|p)\b",
    re.IGNORECASE | re.DOTALL,
)
_SAVED_INSIDE = re.compile(rb"data:[\w.+/-]{1,80}(?:;[\w.=-]{1,80}){0,4},[A-Za-z0-9+/=%]{64,}+")
_SAVED_FROM = re.compile(
    r"<!--\s*(?:Page saved with SingleFile\s+url:|saved from url=\(\d+\))\s*(https?://\S{1,2000})"
)
_DATES = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//time[@itemprop='datePublished' or @pubdate]/@datetime",
    "//meta[@name='date' or @name='dc.date' or @name='DC.date' or @name='dcterms.created' "
    "or @name='pubdate' or @name='publish-date' or @name='parsely-pub-date']/@content",
)
_JSON_DATE = re.compile(r'"datePublished"\s*:\s*"([^"]{8,40})"')
_NO_LETTER = re.compile(r"[\W_]+")
_NO_TEXT = ("style", "svg", "template", "script", "canvas")
FED_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page says of itself."""

    title: str | None = None
    at: datetime | None = None
    address: str = ""


def is_html(head: bytes) -> bool:
    """Return whether a file begins as a web page does."""
    text = head[:8192].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    text = text.removeprefix("\xff\xfe").removeprefix("\xfe\xff")
    found = _MARK.match(text)
    if not found:
        return False
    is_sure = found[0].rstrip().lower().endswith(("html", "head", "body"))
    # A lone tag at the beginning is Markdown as often.
    return is_sure or len(re.findall(r"</?(?:p|div|h\d|a|li|td|body|span)\b", text)) >= 6


def read_html(document: Document) -> Iterator[Item]:
    """Read a web page, saved in any way but as a folder; nothing that it names is fetched.

    Args:
        document: HTML, or an archive of a page (.mhtml).

    Yields:
        Drafts, usually one: the page's address, then its text with headings, lists and tables.

    Raises:
        MissingExtraError: trafilatura or lxml is not installed.
        NoTextError: There is no text in it.
    """
    if document.size_bytes > MAX_SAVED_BYTES:
        yield from _streamed(document)
        return
    with document.open() as file:
        data = file.read()
    page = _Page()
    if is_web_archive(data):
        archive = open_web_archive(data, document.name)
        data = archive.html
        page = _Page(archive.title, archive.at, archive.address)
    data = _SAVED_INSIDE.sub(b"", data)
    text = page_text(data)
    del data
    yield Progress(0, document.size_bytes)
    if len(text) > MAX_PAGE_CHARACTERS:
        yield from _drafts(_blocks_of([text], BlockTarget()), page, document)
        return
    page, main = _looked_at(text, page)
    target = BlockTarget()
    blocks = _all_blocks(text, target)
    if not blocks:
        # Pages hide all of their text until a script has run.
        target = BlockTarget(is_hidden_shown=True)
        blocks = _all_blocks(text, target)
    yield from _drafts([_between(blocks, target.containers, main)], page, document)


def _streamed(document: Document) -> Iterator[Item]:
    """Read all text of a page that is too large to look for its main text."""
    import codecs

    with document.open() as file:
        head = file.read(HEAD_BYTES)
        decoder = codecs.getincrementaldecoder(page_encoding(head))("replace")
        file.seek(0)

        def texts() -> Iterator[str | Progress]:
            while data := file.read(HEAD_BYTES):
                yield decoder.decode(data).replace("\0", "")
                yield Progress(file.tell(), document.size_bytes)

        yield from _drafts(_blocks_of(texts(), BlockTarget()), _Page(), document)


def _drafts(
    pieces: Iterable[Sequence[Block] | Progress], page: _Page, document: Document
) -> Iterator[Item]:
    """Yield a page's drafts; the first begins with its address."""

    def texts() -> Iterator[str | Item]:
        is_first = True
        for piece in pieces:
            if isinstance(piece, Progress):
                yield piece
            elif text := CONTROLS.sub("", written(piece)):
                address = f"Link: {page.address}\n" if page.address else ""
                yield (address if is_first else "") + "\n" * bool(address or not is_first) + text
                is_first = False

    draft = Draft("", title=page.title or document.name, at=page.at)
    yield from drafts_of(
        texts(),
        document,
        lambda _: draft,
        HEADING_CUTS,
        without="has no text in it",
        hint="open it in a browser and save it from there",
    )


def _all_blocks(text: str, target: BlockTarget) -> list[Block]:
    found = _blocks_of([text], target)
    return [block for blocks in found if not isinstance(blocks, Progress) for block in blocks]


def _blocks_of(
    texts: Iterable[str | Progress], target: BlockTarget
) -> Iterator[list[Block] | Progress]:
    """Yield the blocks of a page, as they come."""
    from lxml import etree

    parser: Any = etree.HTMLParser(target=target, huge_tree=True, no_network=True)
    is_first = True
    for text in texts:
        if isinstance(text, Progress):
            yield text
            continue
        # Text is not in the encoding that it says it is in.
        part = without_prologue(text) if is_first else text
        is_first = False
        for start in range(0, len(part), FED_CHARACTERS):
            parser.feed(part[start : start + FED_CHARACTERS])
            if blocks := target.taken():
                yield blocks
    try:
        if blocks := parser.close():
            yield blocks
    except etree.XMLSyntaxError:
        # Nothing in it but white space or a comment.
        if blocks := target.close():
            yield blocks


def _looked_at(text: str, page: _Page) -> tuple[_Page, str]:
    """Return what a page says of itself, and its main text in any form; empty if it is unclear."""
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(huge_tree=True, no_network=True, remove_comments=True)
    saved_from = _SAVED_FROM.search(text[:5000])
    try:
        tree = lxml_html.document_fromstring(without_prologue(text), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return page, ""
    found = _metadata(tree)
    page = _Page(
        page.title or found.title,
        _date(tree, text) or found.at or page.at,
        page.address or (saved_from[1] if saved_from else "") or found.address,
    )
    etree.strip_elements(tree, *_NO_TEXT, with_tail=False)
    if sum(1 for _ in tree.iter()) > MAX_ELEMENTS:
        return page, ""
    return page, _main_text(tree)


def _metadata(tree: Any) -> _Page:
    """Return title, day and address of a page."""
    _be_quiet()
    try:
        from trafilatura import extract_metadata

        found = extract_metadata(tree, extensive=False)
        title, date, address = found.title, found.date, found.url or ""
    except Exception:
        title, date, address = None, None, ""
    if not title and tree.findtext(".//title"):
        title = tree.findtext(".//title")
    is_address = address.startswith(("http://", "https://"))
    return _Page(
        clean_title(title) if title else None,
        parse_date(date) if date else None,
        address[:2000] if is_address else "",
    )


def _date(tree: Any, text: str) -> datetime | None:
    """Return when a page says that it was published, with the time."""
    dates = [date for path in _DATES for date in tree.xpath(path)]
    dates += _JSON_DATE.findall(text[:HEAD_BYTES])[:3]
    return next((found for date in dates if (found := parse_date(str(date)))), None)


def _main_text(tree: Any) -> str:
    _be_quiet()
    try:
        from trafilatura import extract

        return extract(tree, favor_recall=True, include_comments=True, include_tables=True) or ""
    except Exception:
        # Whatever a strange page does to it, the page is read as a whole.
        return ""


def _be_quiet() -> None:
    """Let nobody be told on the terminal what only the libraries' makers understand."""
    for name in ("trafilatura", "htmldate", "courlan", "justext", "charset_normalizer"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        logger.propagate = False


def _between(blocks: list[Block], containers: Sequence[tuple[int, int]], main: str) -> list[Block]:
    """Return the blocks of the element that the main text is in; all if it is a small part.

    Args:
        blocks: Of the whole page.
        containers: The first block of each element, and the one after its last.
        main: The main text, in any form.
    """
    lines = {_key(line) for line in main.split("\n")}
    whole = _key(main)
    keys = [_key(block.text) for block in blocks]
    hits = [
        bool(key) and (key in lines or (len(key) >= LEAST_KEY_CHARACTERS and key in whole))
        for key in keys
    ]
    sure = [
        place for place, key in enumerate(keys) if hits[place] and len(key) >= LEAST_KEY_CHARACTERS
    ]
    if not sure:
        return blocks
    first, last = sure[0], sure[-1] + 1
    around = [
        (end - begin, begin, end) for begin, end in containers if begin <= first and last <= end
    ]
    if around:
        _, first, last = min(around)
    # A page without such an element: a heading, and a short line such as an author's, go before.
    while first and (hits[first - 1] or blocks[first - 1].kind == "heading"):
        first -= 1
    while last < len(blocks) and hits[last]:
        last += 1
    if not around and first and not blocks[first - 1].is_aside:
        first -= 1
    kept = [place for place in range(first, last) if hits[place] or not blocks[place].is_aside]
    if sum(len(keys[place]) for place in kept) < LEAST_MAIN_SHARE * sum(map(len, keys)):
        return blocks
    return [blocks[place] for place in kept]


def _key(text: str) -> str:
    return _NO_LETTER.sub("", text)
