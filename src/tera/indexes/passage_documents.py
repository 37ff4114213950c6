"""What tantivy keeps of a passage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tera.indexes.keys import number_of
from tera.indexes.terms import PassageTerms

if TYPE_CHECKING:
    import tantivy

FILLER = "_"
FILLERS = 15
"""Terms that each passage has besides its own, so that one line of a chat is not taken for better
than a paragraph because it is short. It lowers `b` of BM25, which tantivy keeps at .75, where
passages are short. nDCG@10 with none, 15 and 30 of them: locomo .509 .522 .527, tmd .394 .408
.410, longmemeval .729 .726 .722, squad2 .908 .910 .909, scifact .690 .689 .689."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What is indexed of one chunk.

    Attributes:
        memory_id: Its memory.
        ordinal: Its place among the memory's chunks.
        text: Its own text.
        context: Date, title, headings: found as the text is.
        moment: When it was, in the person's own calendar; at midnight where only the day is known.
        around: Texts of the passages before and after it in its memory: what they hold counts too.
    """

    memory_id: str
    ordinal: int
    text: str
    context: str = ""
    moment: datetime | None = None
    around: tuple[str, ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        """The day that it belongs to, if one is known."""
        return (self.moment.date(),) if self.moment else ()


def schema() -> tantivy.Schema:
    """Return the fields of a passage."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("small", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("around", tokenizer_name="whitespace", index_option="freq")
    builder.add_unsigned_field("memory", indexed=True, fast=True)
    builder.add_unsigned_field("ordinal", fast=True)
    builder.add_unsigned_field("passage", indexed=True)
    builder.add_unsigned_field("minute", indexed=True, fast=True)
    return builder.build()


def document_of(
    passage: Passage, key: int, terms: PassageTerms, around: Iterable[str]
) -> tantivy.Document:
    """Return what is kept of a passage.

    Args:
        passage: What it says of itself.
        key: One number for it.
        terms: Its own.
        around: Those of the passages around it.
    """
    import tantivy

    document = tantivy.Document()
    document.add_text("terms", " ".join((*terms.terms, *[FILLER] * FILLERS)))
    document.add_text("small", " ".join(terms.small))
    document.add_text("around", " ".join((*terms.terms, *around)))
    document.add_unsigned("memory", number_of(passage.memory_id))
    document.add_unsigned("ordinal", passage.ordinal)
    document.add_unsigned("passage", key)
    if passage.moment:
        document.add_unsigned("minute", minute_of(passage.moment))
    return document


def minute_of(moment: datetime) -> int:
    """Return the number of a moment's minute."""
    return (moment - datetime.min) // timedelta(minutes=1)


def moment_of(minute: int) -> datetime:
    """Return the moment of a minute's number."""
    return datetime.min + timedelta(minutes=minute)
