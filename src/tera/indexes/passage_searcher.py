"""Searches of tantivy's index of passages: unions of terms, filters by memory, given passages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tera.indexes.keys import id_of, number_of
from tera.indexes.passage_documents import FILLER, minute_of, moment_of
from tera.indexes.terms import QuestionTerm

if TYPE_CHECKING:
    import tantivy

    from tera.indexes.keys import Numbers

SMALL_CHOICE = 20_000
LARGE_SHARE = 0.1
"""Chosen memories are looked up (15 ms for 10,000) when they are no more than that, and no more
than this share of the passages; of more, enough hits are chosen ones."""
FIRST_DEPTH = 100
K1 = 1.2
"""How soon BM25 is satisfied with a term; tantivy has no other."""
DEEPEST = 50_000
"""Hits looked through for chosen memories before these are looked up after all."""

Key = tuple[str, int]
Hit = tuple[int, int, float]
"""Number of the memory, ordinal, score."""
_MIX = 0x9E3779B97F4A7C15


class PassageSearcher:
    """One state of an index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema) -> None:
        """Search what a searcher sees."""
        self._searcher = searcher
        self._schema = schema

    def union(self, asked: Sequence[QuestionTerm]) -> tantivy.Query | None:
        """Return the query for any of the terms, scored by BM25; None where all are unknown."""
        weights: dict[tuple[str, str], int] = {}
        for term in asked:
            for name in term.alternatives:
                for kind in _fields(term):
                    if self._searcher.doc_freq(kind, name):
                        weights[kind, name] = term.weight
        # A flat union is what tantivy prunes best; a boost would end that, a repetition does not.
        # A passage has the stems of one language: alternatives do not count twice.
        parts = [self._term(*key) for key, weight in weights.items() for _ in range(weight)]
        return _or(parts) if parts else None

    def most(self, asked: Sequence[QuestionTerm]) -> float:
        """Return what a passage would score at most that says all of it again and again.

        A term that no passage has weighs more than any other.
        """
        total = 0.0
        for term in asked:
            known = sum(self._searcher.doc_freq(_field(term), name) for name in term.alternatives)
            total += term.weight * self._idf(known) * len(_fields(term))
        return total * (1 + K1)

    def score_text(
        self, asked: Sequence[QuestionTerm], terms: Counter[str], around: Counter[str]
    ) -> float:
        """Return about what a passage would score that is not in the index.

        Args:
            asked: What is looked for.
            terms: How often the passage has its terms, small ones too.
            around: The same of it with what is around it.
        """
        score = 0.0
        for term in asked:
            for kind, counts in zip(_fields(term), (terms, around), strict=False):
                count = sum(counts[name] for name in term.alternatives)
                if count:
                    known = sum(self._searcher.doc_freq(kind, name) for name in term.alternatives)
                    # As if it were of average length.
                    score += term.weight * self._idf(known) * count * (1 + K1) / (count + K1)
        return score

    def _idf(self, known: int) -> float:
        """Return the inverse document frequency as tantivy has it.

        Until their segment is merged, it counts passages that are gone, among all and with a term.
        """
        count = int(self._searcher.doc_freq("terms", FILLER))
        return math.log(1 + (count - min(known, count) + 0.5) / (known + 0.5))

    def between(self, start: datetime, end: datetime) -> tantivy.Query:
        """Return the query for passages from `start` to `end`, both included."""
        from tantivy import FieldType, Query

        return Query.range_query(
            self._schema, "minute", FieldType.Unsigned, minute_of(start), minute_of(end)
        )

    def _term(self, field_name: str, name: str) -> tantivy.Query:
        from tantivy import Query

        return Query.term_query(self._schema, field_name, name, "freq")

    def best(
        self,
        query: tantivy.Query | None,
        count: int,
        chosen: Numbers | None,
        *,
        by_time: bool = False,
    ) -> list[Hit]:
        """Return the best hits, best or newest first.

        Args:
            query: What is looked for; None for nothing.
            count: Most hits.
            chosen: Only of these memories; None for all.
            by_time: Newest first, without scores.
        """
        total = int(self._searcher.num_docs)
        if query is None or count < 1 or not total or (chosen is not None and not len(chosen)):
            return []
        count = min(count, total)
        if chosen is None:
            return self._ordered(query, count, by_time=by_time)
        depth = min(total, max(2 * count, FIRST_DEPTH))
        is_large = len(chosen) > min(SMALL_CHOICE, LARGE_SHARE * total)
        while is_large and depth <= DEEPEST:
            hits = self._ordered(query, depth, by_time=by_time)
            kept = _of_chosen(hits, chosen)
            if len(kept) >= count or len(hits) < depth or depth == total:
                return kept[:count]
            depth = min(total, 4 * depth)
        return self._ordered(self._also("memory", chosen.tolist(), query), count, by_time=by_time)

    def of(self, query: tantivy.Query | None, passages: Sequence[Key]) -> list[float]:
        """Return the score of each passage; 0 where it does not match."""
        if query is None or not passages:
            return [0.0] * len(passages)
        keys = sorted({passage_key(*passage) for passage in passages})
        hits = self._ordered(self._also("passage", keys, query), len(keys))
        scores = {(id_of(number), ordinal): score for number, ordinal, score in hits}
        return [scores.get(passage, 0.0) for passage in passages]

    def moments_of(self, passages: Sequence[Key]) -> list[datetime | None]:
        """Return when each passage was; None where that is unknown."""
        from tantivy import Query

        if not passages:
            return []
        keys = sorted({passage_key(*passage) for passage in passages})
        query = Query.term_set_query(self._schema, "passage", keys)
        hits = self._searcher.search(query, limit=len(keys), count=False).hits
        addresses = [address for _, address in hits]
        names = ("memory", "ordinal", "minute")
        columns = [self._searcher.fast_field_values(name, addresses) for name in names]
        moments = {
            (id_of(int(number or 0)), int(ordinal or 0)): moment_of(int(minute))
            for number, ordinal, minute in zip(*columns, strict=True)
            if minute
        }
        return [moments.get(passage) for passage in passages]

    def _ordered(self, query: tantivy.Query, depth: int, *, by_time: bool = False) -> list[Hit]:
        order = "minute" if by_time else None
        hits = self._searcher.search(query, limit=depth, count=False, order_by_field=order).hits
        addresses = [address for _, address in hits]
        numbers = self._searcher.fast_field_values("memory", addresses)
        ordinals = self._searcher.fast_field_values("ordinal", addresses)
        rows = [
            (int(number or 0), int(ordinal or 0), float(score))
            for (score, _), number, ordinal in zip(hits, numbers, ordinals, strict=True)
        ]
        # Of equal ones tantivy gives the one first that it happened to keep first.
        return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))

    def _also(self, name: str, values: Sequence[int], query: tantivy.Query) -> tantivy.Query:
        """Return a query that also wants one of the values, which adds nothing to the score."""
        from tantivy import Occur, Query

        one_of = Query.term_set_query(self._schema, name, list(values))
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(one_of, 0.0))]
        )


def _field(term: QuestionTerm) -> str:
    return "small" if term.is_small else "terms"


def _fields(term: QuestionTerm) -> tuple[str, ...]:
    return ("small",) if term.is_small else ("terms", "around")


def passage_key(memory_id: str, ordinal: int) -> int:
    """Return one number for a passage; two passages share one once in 10^7 stores of a million."""
    return number_of(memory_id) ^ (ordinal * _MIX & (1 << 64) - 1)


def _or(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    from tantivy import Occur, Query

    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _of_chosen(hits: Sequence[Hit], chosen: Numbers) -> list[Hit]:
    import numpy as np

    numbers = np.array([hit[0] for hit in hits], np.uint64)
    if not len(numbers):
        return []
    places = np.minimum(np.searchsorted(chosen, numbers), len(chosen) - 1)
    return [hit for hit, kept in zip(hits, chosen[places] == numbers, strict=True) if kept]
