"""BM25 over passages (tantivy) that follows the store's vector feed; derived, safe to delete.

A folder has tantivy's files and `header.json` (format, last feed number seen, languages of the
passages). The header is written after tantivy's commit; a crash between the two means that rows of
the feed are read again, and a passage that is there already is replaced. Files that are not as they
were written are set aside, and all is read anew.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tera.datatypes import VectorChange
from tera.errors import StoreError
from tera.indexes.keys import id_of, number_of
from tera.indexes.languages import ENGLISH
from tera.indexes.passage_documents import FILLER, Passage, document_of, schema
from tera.indexes.passage_searcher import Key, PassageSearcher, passage_key
from tera.indexes.tantivy_files import (
    Header,
    checksum_of,
    is_of_this_format,
    meta_checksum,
    open_index,
    read_header,
)
from tera.indexes.terms import Analysis, PassageTerms, QuestionTerm

if TYPE_CHECKING:
    import tantivy

    from tera.indexes.keys import Numbers

HEAP_BYTES = 32 << 20
"""Memory of tantivy's writer; it refuses less than 15 MB. One thread: passages come slower."""
COMMIT_PASSAGES = 50_000
"""Passages between commits, so that a kill does not lose the whole of a long run."""
SOME_PASSAGES = 1000
"""Passages between commits where others wait for the store: some tenths of a second."""
MOST_SEGMENTS = 24
"""Each commit adds a segment; above so many they are merged, small ones first."""
ReadFeed = Callable[[int], Sequence[VectorChange]]


class KeywordIndex:
    """The words of one store. The caller holds the store's lock.

    Attributes:
        notes: What the person should hear about the opening, one line each.
    """

    def __init__(self, folder: Path) -> None:
        """Open the index; a damaged one is set aside, one of another format is emptied.

        Raises:
            StoreError: The folder cannot be written.
        """
        self._folder = folder
        self._analysis = Analysis()
        self._may_begin_anew = True
        self.notes: tuple[str, ...] = ()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_of_this_format(folder):
                header = read_header(folder)
                if header is not None and (index := open_index(folder, header)):
                    self._header, self._index = header, index
                    return
                self._set_aside()
            self._clear()
        except OSError as error:
            raise _refused(error) from error

    @property
    def sequence(self) -> int:
        """Number of the last row of the feed that was taken over."""
        return self._header.sequence

    @property
    def size(self) -> int:
        """How many passages can be found."""
        return int(self._index.searcher().num_docs)

    def follow(
        self,
        read_feed: ReadFeed,
        last_number: int,
        load: Callable[[Sequence[Key]], Iterable[Passage]],
    ) -> None:
        """Take over what is new in the store's feed.

        Args:
            read_feed: Reads the feed.
            last_number: The highest number the feed has given out; an index that is ahead of it
                belongs to another store and is rebuilt.
            load: Returns the passages of these chunks; a chunk that is gone is left out.
        """
        while self.follow_some(read_feed, last_number, load, COMMIT_PASSAGES):
            pass

    def follow_some(
        self,
        read_feed: ReadFeed,
        last_number: int,
        load: Callable[[Sequence[Key]], Iterable[Passage]],
        most: int = SOME_PASSAGES,
    ) -> bool:
        """Take over some of what is new, for whoever lets others work in between; see `follow`.

        Returns:
            Whether more is left.
        """
        try:
            if self._header.sequence > last_number:
                self._clear()
            return self._take(read_feed, load, most)
        except (OSError, ValueError) as error:
            raise _refused(error) from error

    def forget_what_is_gone(self) -> None:
        """Begin anew where most passages are gone, for their words count as long as they are kept.

        At most once by this process; `follow_some` reads the others again.
        """
        searcher = self._index.searcher()
        kept = searcher.doc_freq("terms", FILLER)
        if self._may_begin_anew and kept > 2 * searcher.num_docs:
            self._may_begin_anew = False
            try:
                self._clear()
            except OSError as error:
                raise _refused(error) from error

    def search(
        self,
        question: str,
        count: int,
        chosen: Numbers | None = None,
        spans: Sequence[tuple[date, date]] = (),
    ) -> list[tuple[str, int, float]]:
        """Return the best passages as (memory id, ordinal, share), best first; never one with 0.

        The share is that of the question's weight which a passage and those around it hold, 0 to
        1: their BM25 beside the most that there could be. Terms that no passage has count too.

        Args:
            question: What is looked for.
            count: Most passages to return.
            chosen: Only passages of these memories; None for all.
            spans: First and last days of times that the question names; passages of these days
                gain as by a word.
        """
        search, asked = self._searcher(), self._asked(question, spans)
        most = search.most(asked) or 1.0
        hits = search.best(search.union(asked), count, chosen)
        return [(id_of(number), ordinal, _share(score, most)) for number, ordinal, score in hits]

    def shares(
        self,
        question: str,
        passages: Sequence[Key],
        spans: Sequence[tuple[date, date]] = (),
    ) -> list[float]:
        """Return the share of each passage, in their order; 0 where nothing matches."""
        search, asked = self._searcher(), self._asked(question, spans)
        most = search.most(asked) or 1.0
        return [_share(score, most) for score in search.of(search.union(asked), passages)]

    def shares_of_texts(
        self,
        question: str,
        passages: Iterable[Passage],
        spans: Sequence[tuple[date, date]] = (),
    ) -> list[float]:
        """Return about the shares that passages would have which are not in the index."""
        search, asked = self._searcher(), self._asked(question, spans)
        most = search.most(asked) or 1.0
        shares: list[float] = []
        for passage, terms, around in self._analysed(passages, Counter(self._header.languages)):
            own, others = Counter(terms.terms), Counter(around)
            score = search.score_text(asked, own + Counter(terms.small), own + others)
            shares.append(_share(score, most))
            del passage
        return shares

    def within(
        self, start: datetime, end: datetime, count: int, chosen: Numbers | None = None
    ) -> list[Key]:
        """Return passages from `start` to `end`, both included, newest first.

        Times are in the person's own calendar.
        """
        search = self._searcher()
        hits = search.best(search.between(start, end), count, chosen, by_time=True)
        return [(id_of(number), ordinal) for number, ordinal, _ in hits]

    def moments(self, passages: Sequence[Key]) -> list[datetime | None]:
        """Return when each passage was, in their order; None where that is unknown."""
        return self._searcher().moments_of(passages)

    def _searcher(self) -> PassageSearcher:
        return PassageSearcher(self._index.searcher(), self._index.schema)

    def _asked(self, question: str, spans: Sequence[tuple[date, date]] = ()) -> list[QuestionTerm]:
        languages = sorted(self._header.languages, key=lambda name: -self._header.languages[name])
        return self._analysis.question(question, languages or (ENGLISH,), spans)

    def _take(
        self, read_feed: ReadFeed, load: Callable[[Sequence[Key]], Iterable[Passage]], most: int
    ) -> bool:
        """Take rows up to a commit; False at the end of the feed."""
        rows = read_feed(self._header.sequence)
        if not rows:
            return False
        writer = self._index.writer(heap_size=HEAP_BYTES, num_threads=1)
        searcher = self._index.searcher()
        languages = Counter(self._header.languages)
        added: set[int] = set()
        sequence = self._header.sequence
        while rows and len(added) < most:
            for change in _changes(rows):
                if isinstance(change, str):
                    self._delete(writer, "memory", number_of(change))
                    continue
                for passage, terms, around in self._analysed(load(change), languages):
                    key = passage_key(passage.memory_id, passage.ordinal)
                    if key in added or searcher.doc_freq("passage", key):
                        self._delete(writer, "passage", key)
                    added.add(key)
                    languages[terms.language] += 1
                    writer.add_document(document_of(passage, key, terms, around))
            sequence = rows[-1].sequence
            rows = read_feed(sequence)
        # A kill from here on leaves a list of segments that is not the one of the header.
        self._write_header(replace(self._header, meta_checksum=None))
        writer.commit()
        del writer
        self._index.reload()
        if self._index.searcher().num_segments > MOST_SEGMENTS:
            self._merge()
        self._write_header(
            replace(
                self._header,
                sequence=sequence,
                languages=dict(languages),
                meta_checksum=meta_checksum(self._folder),
            )
        )
        return bool(rows)

    def _delete(self, writer: tantivy.IndexWriter, name: str, value: int) -> None:
        from tantivy import Query

        # Deleting by term takes a number for a signed one, and finds nothing.
        writer.delete_documents_by_query(Query.term_query(self._index.schema, name, value))

    def _merge(self) -> None:
        """Merge segments, as tantivy chooses them."""
        writer = self._index.writer(heap_size=HEAP_BYTES, num_threads=1)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def _analysed(
        self, passages: Iterable[Passage], languages: Counter[str]
    ) -> Iterator[tuple[Passage, PassageTerms, list[str]]]:
        """Yield passages with their terms and those around them.

        The other passages of a memory help to tell the language.
        """
        usual = languages.most_common(1)[0][0] if languages else ENGLISH
        for group in _by_memory(passages):
            language = self._analysis.language_of([passage.text for passage in group], usual)
            # A passage is around several others.
            known: dict[str, tuple[str, ...]] = {}
            for passage in group:
                text = f"{passage.context}\n{passage.text}" if passage.context else passage.text
                around: list[str] = []
                for other in passage.around:
                    if other not in known:
                        known[other] = self._analysis.passage(other, (), language).terms
                    around += known[other]
                yield passage, self._analysis.passage(text, passage.days, language), around

    def _write_header(self, header: Header) -> None:
        self._header = replace(header, checksum=0)
        self._header = replace(self._header, checksum=checksum_of(self._header))
        aside = self._folder / "header.json.new"
        aside.write_text(json.dumps(asdict(self._header), indent=1))
        aside.chmod(0o600)
        aside.replace(self._folder / "header.json")

    def _clear(self) -> None:
        import tantivy

        # The header goes first: files without one are an empty index, never a wrong one.
        (self._folder / "header.json").unlink(missing_ok=True)
        for file in self._folder.iterdir():
            file.unlink()
        self._index = tantivy.Index(schema(), path=str(self._folder))
        self._write_header(Header())

    def _set_aside(self) -> None:
        """Move the files to a folder beside; only one such folder is kept of an index."""
        files = list(self._folder.iterdir())
        if not files:
            return
        prefix = f"{self._folder.name}.damaged-"
        for earlier in self._folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(earlier, ignore_errors=True)
        aside = self._folder.with_name(prefix + time.strftime("%Y%m%d-%H%M%S"))
        aside.mkdir(mode=0o700, exist_ok=True)
        for file in files:
            file.replace(aside / file.name)
        self.notes = (
            "the keyword index was damaged and is read anew from the store; the damaged files are"
            f" in {self._folder.parent.name}/{aside.name}",
        )


def _changes(rows: Sequence[VectorChange]) -> Iterator[str | list[Key]]:
    """Yield the ids of voided memories, and between them the chunks that were added."""
    keys: list[Key] = []
    for row in rows:
        if row.embedding is not None:
            keys.append((row.memory_id, row.ordinal))
            continue
        if keys:
            yield keys
            keys = []
        yield row.memory_id
    if keys:
        yield keys


def _by_memory(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    group: list[Passage] = []
    for passage in passages:
        if group and group[-1].memory_id != passage.memory_id:
            yield group
            group = []
        group.append(passage)
    if group:
        yield group


def _refused(error: Exception) -> StoreError:
    return StoreError(
        f"cannot write the keyword index: {getattr(error, 'strerror', None) or error}",
        hint="free some space, or set TERA_HOME to a folder that you can write to",
    )


def _share(score: float, most: float) -> float:
    # Scores are summed in 32 bits, so that a whole may come out above the most.
    return min(1.0, score / most)
