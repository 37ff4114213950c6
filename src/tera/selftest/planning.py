"""A store -> questions to try on it: for what stands there, and for what does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from random import Random
from typing import TYPE_CHECKING

from tera.selftest import DEPTH, FEWEST_QUESTIONS, Plan, Probe
from tera.selftest.cloze import Cloze, Frequencies, make_cloze
from tera.selftest.everyday import EVERYDAY, NAMES, THINGS

if TYPE_CHECKING:
    from tera.datatypes import Memory
    from tera.engine import Engine

COUNTED_MEMORIES = 1000
COUNTED_CHARACTERS = 4000
"""Of so many memories, so much is counted to see which words are rare."""
MOST_LOOKED_AT = 10
"""Memories looked at for each question wanted, before there are taken to be no more."""
MOST_OF_ONE = 20
"""Tries for questions from the same memory, in a store of few long ones."""
STRANGERS = 8
"""Names, and things, that take turns in the questions."""
BATCH = 100


def plan(engine: Engine, count: int, seed: int) -> Plan:
    """Return the questions for a store; the same for the same store and seed.

    Args:
        engine: Has the store.
        count: Questions for what was told; as many are for what was not. Of a small store fewer:
            one for each memory that has a sentence to ask for.
        seed: What chance begins with.

    Raises:
        ModelError: No embedder can be had.
    """
    chance = Random(seed)
    with engine.store() as opened:
        ids = opened.database.ids()
    chance.shuffle(ids)
    frequencies = frequencies_of(engine, ids)
    asked = told(engine, ids, count, frequencies, chance)
    askable = len({memory_id for memory_id, _ in asked})
    probes: list[Probe] = []
    if askable >= FEWEST_QUESTIONS:
        probes += [
            Probe("told", cloze.question, memory_id, cloze.value, cloze.sentence)
            for memory_id, cloze in asked
        ]
        everyday = list(_everyday(engine, len(asked) // 2, chance))
        probes += everyday
        probes += _swapped(engine, asked, len(asked) - len(everyday), frequencies, chance)
        # Whoever stops it early has some of each.
        chance.shuffle(probes)
    with engine.store() as opened:
        embedder, waiting = opened.database.embedder(), opened.database.counts()["pending"]
    language = engine.workspace.indexes.notice(embedder).language if embedder else ""
    return Plan(tuple(probes), askable, len(ids), waiting, embedder, language)


def frequencies_of(engine: Engine, ids: Sequence[str]) -> Frequencies:
    """Return how common words are in a store.

    Args:
        engine: Has the store.
        ids: Of its memories, in the order of chance.
    """
    with engine.store() as opened:
        chunks = opened.database.counts()["chunk"]
    memories = _memories(engine, ids[:COUNTED_MEMORIES])
    return Frequencies((memory.text[:COUNTED_CHARACTERS] for memory in memories), chunks)


def told(
    engine: Engine, ids: Sequence[str], count: int, frequencies: Frequencies, chance: Random
) -> list[tuple[str, Cloze]]:
    """Return questions, one for each memory; where there are too few memories, more for each."""
    made: dict[str, tuple[str, Cloze]] = {}
    looked_at = [*islice(cycle(ids), min(count * MOST_LOOKED_AT, len(ids) * MOST_OF_ONE))]
    for memory in _memories(engine, looked_at):
        cloze = make_cloze(memory.text, frequencies, chance)
        if cloze:
            made.setdefault(cloze.sentence, (memory.id, cloze))
        if len(made) == count:
            break
    return list(made.values())


def _memories(engine: Engine, ids: Sequence[str]) -> Iterator[Memory]:
    """Yield memories in the order of ids; others have the store between the batches."""
    for start in range(0, len(ids), BATCH):
        engine.listener.progress("reading memories", start, len(ids))
        batch = ids[start : start + BATCH]
        with engine.store() as opened:
            found = opened.database.memories(batch)
        yield from (found[key] for key in batch if key in found)


def _everyday(engine: Engine, count: int, chance: Random) -> Iterator[Probe]:
    """Yield questions of which some word stands nowhere in the store."""
    made = 0
    for question, words in chance.sample(EVERYDAY, len(EVERYDAY)):
        if made == count:
            return
        engine.listener.progress("looking for what was never told", made, count)
        if not all(_stands(engine, word) for word in words.split()):
            made += 1
            yield Probe("everyday", question)


def _swapped(
    engine: Engine,
    asked: Sequence[tuple[str, Cloze]],
    count: int,
    frequencies: Frequencies,
    chance: Random,
) -> Iterator[Probe]:
    """Yield questions for what was told, of something else that stands nowhere in the store."""
    names, things = (
        list(islice(_nowhere(engine, chance.sample(words, len(words))), STRANGERS))
        for words in (NAMES, THINGS)
    )
    for place, (memory_id, cloze) in enumerate(asked[:count]):
        engine.listener.progress("swapping names and things", place, count)
        # The word that says most of what it is about.
        rarest = min(cloze.words, key=lambda word: (frequencies.share(word), word))
        strangers = names if rarest[0].isupper() else things
        if not strangers:
            continue
        stranger = strangers[place % len(strangers)]
        words = tuple(stranger if word == rarest else word for word in cloze.words)
        yield Probe("swapped", replace(cloze, words=words).question, memory_id)


def _nowhere(engine: Engine, words: Iterable[str]) -> Iterator[str]:
    """Yield those words that stand nowhere in the store."""
    return (word for word in words if not _stands(engine, word))


def _stands(engine: Engine, word: str) -> bool:
    """Return whether a word stands somewhere in the store, in any of its forms."""
    return any(result.words > 0 for result in engine.search(word, DEPTH))
