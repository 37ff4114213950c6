"""The indexes of one home at work: opened when they are needed, and following the store."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tera.chosen import JournalFeed
from tera.gate import Scale, scale_of
from tera.languages import LanguageNotice
from tera.model_loader import Listener
from tera.models import MULTILINGUAL_EMBEDDER, ModelSpec
from tera.paths import Paths
from tera.store.opened import OpenStore
from tera.store.vectors import EmbeddedVectors

if TYPE_CHECKING:
    from tera.embedders import Embedder
    from tera.indexes.attributes import AttributeIndex
    from tera.indexes.keyword import KeywordIndex
    from tera.indexes.vector import VectorIndex


class Indexes:
    """What is derived from an open store. The caller holds the store."""

    def __init__(self, paths: Paths, listener: Listener) -> None:
        """Prepare; nothing is opened before it is needed."""
        self._paths = paths
        self._listener = listener
        self._vectors: dict[str, VectorIndex] = {}
        self._keywords: dict[str, KeywordIndex] = {}
        self._attributes: AttributeIndex | None = None
        self._told: dict[str, int] = {}

    def vectors(self, opened: OpenStore, spec: ModelSpec) -> VectorIndex | None:
        """Return the vectors of an embedder, at their newest state; None on a server.

        Raises:
            EmbeddingMismatchError: Another embedder has taken this one's place.
        """
        feed = opened.database.vectors_of(spec.name)
        return self.following(feed, spec) if isinstance(feed, EmbeddedVectors) else None

    def following(self, feed: EmbeddedVectors, spec: ModelSpec) -> VectorIndex:
        """Return the index of a feed, at its newest state."""
        # numpy takes longer to import than `remember` takes in all.
        from tera.indexes.vector import VectorIndex

        if spec.name not in self._vectors:
            self._vectors[spec.name] = VectorIndex(self.folder(spec.name), spec.name, spec.dim)
            self._told[spec.name] = 0
        index = self._vectors[spec.name]
        index.follow(feed.feed, feed.last_number())
        # What is damaged may be found later than at the opening.
        for note in index.notes[self._told[spec.name] :]:
            self._listener.note(note)
        self._told[spec.name] = len(index.notes)
        return index

    def keywords(
        self, opened: OpenStore, spec: ModelSpec, feed: EmbeddedVectors | None
    ) -> KeywordIndex:
        """Return the index of words, at its newest state; without a feed it stays empty.

        It follows the chunks that have vectors, and so has its folder beside those.
        """
        from tera.passage_loader import load_passages

        index = self._words(spec)
        if feed:
            load = partial(load_passages, opened.database)
            index.follow(feed.feed, feed.last_number(), load)
        return index

    def follow_some_words(
        self, opened: OpenStore, spec: ModelSpec, feed: EmbeddedVectors
    ) -> tuple[int, int]:
        """Bring the index of words nearer to its newest state.

        Returns:
            How far it is in the feed, and where that ends.
        """
        from tera.passage_loader import load_passages

        index, end = self._words(spec), feed.last_number()
        index.forget_what_is_gone()
        is_behind = index.follow_some(feed.feed, end, partial(load_passages, opened.database))
        return index.sequence if is_behind else end, end

    def _words(self, spec: ModelSpec) -> KeywordIndex:
        from tera.indexes.keyword import KeywordIndex

        if spec.name not in self._keywords:
            index = self._keywords[spec.name] = KeywordIndex(self.folder(spec.name) / "words")
            for note in index.notes:
                self._listener.note(note)
        return self._keywords[spec.name]

    def attributes(self, opened: OpenStore) -> AttributeIndex | None:
        """Return what filters choose by, of the embedded store; None on a server."""
        if opened.database.feed is None:
            return None
        if self._attributes is None:
            from tera.indexes.attributes import AttributeIndex

            file = self._paths.index / "attributes.sqlite"
            self._attributes = AttributeIndex(file, JournalFeed(opened, self._listener))
        return self._attributes

    def scale(self, embedder: Embedder) -> Scale:
        """Return what the cosines of an embedder mean."""
        return scale_of(embedder, self.folder(embedder.spec.name) / "scale.json")

    def notice(self, name: str) -> LanguageNotice:
        """Return what was found of the store's languages, for an embedder."""
        return LanguageNotice(self.folder(name) / "languages.json")

    def tell_language(self, spec: ModelSpec) -> None:
        """Say once that much of the store is in a language that an embedder does not know."""
        if language := self.notice(spec.name).take():
            self._listener.note(
                f"much of what you told is in {language}, of which {spec.name} knows little",
                f"tera models use {MULTILINGUAL_EMBEDDER}",
            )

    def drop(self, name: str) -> None:
        """Remove the indexes that are left of an earlier time with an embedder.

        They have not seen what was voided since.
        """
        self._vectors.pop(name, None)
        self._keywords.pop(name, None)
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self._vectors.clear()
        self._keywords.clear()
        if self._attributes:
            self._attributes.close()
            self._attributes = None

    def folder(self, name: str) -> Path:
        """Return where what is derived with an embedder is kept."""
        return self._paths.index / name
