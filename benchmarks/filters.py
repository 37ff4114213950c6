"""How long filters take over many memories: `python benchmarks/filters.py 100000 1000000`.

Synthetic memories with a title, a source, tags, a type and front matter go straight into the index
of attributes; no store and no model is needed. Times are those of the processor, one thread: what
else runs on the machine does not count.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tera.datatypes import Filter, Memory
from tera.indexes.attributes import AttributeIndex, Changes
from tera.indexes.blocks import Place
from tera.where import parse

BATCH = 4096
RUNS = 5
WORDS = "port lease boat garden invoice meeting travel recipe school backup letter".split()  # noqa: SIM905
OTHERS = (
    *("at >= 2020", "title ~ port", "title ~ 4", "source ~ *.log", "source ~ '*n?te*/1*.md'"),
    *("status != boat", "has priority", "tag = share-50 and priority > 500"),
)
SHARES = (0.1, 1, 10, 50, 90)


class Synthetic:
    """A journal of made-up memories; `count` of them are there."""

    def __init__(self) -> None:
        self.count = 0

    def digest_at(self, place: Place) -> str:
        """See `Feed`."""
        return f"journal {place[0]}"

    def end(self) -> Place:
        """See `Feed`."""
        return (self.count, 1, 0)

    def changes(self, after: Place) -> Iterator[tuple[Changes, Place]]:
        """See `Feed`."""
        for start in range(after[0], self.count, BATCH):
            end = min(start + BATCH, self.count)
            yield {made.id: made for made in map(memory, range(start, end))}, (end, 1, 0)


def memory(number: int) -> Memory:
    """Return a made-up memory; the same for the same number."""
    chance = random.Random(number)
    identity = "".join(chance.choices("abcdefghjkmnpqrstvwxyz23456789", k=10))
    at = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(350_000_000))
    per_mille = chance.randrange(1000)
    tags = tuple(f"share-{share}" for share in SHARES if per_mille < share * 10)
    title = f"{chance.choice(WORDS)} {chance.choice(WORDS)} {number}"
    text = f"---\npriority: {chance.randrange(1000)}\nstatus: {chance.choice(WORDS)}\n---\n{title}"
    ending = "log" if per_mille < 500 else "md"
    source = f"/home/ann/notes/{chance.choice(WORDS)}/{number}.{ending}"
    return Memory(identity, text, at, at, title, tags, source, "markdown")


def timed(work: Callable[[], object]) -> float:
    """Return the median time of some runs, in milliseconds of the processor."""
    times = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        times.append((time.process_time() - begun) * 1000)
    return statistics.median(times)


def measure(count: int) -> dict[str, float]:
    """Build an index of so many memories and ask it."""
    figures: dict[str, float] = {"memories": count}
    feed = Synthetic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "attributes.sqlite"
        begun = time.process_time()
        for number in range(count):
            memory(number)
        making = time.process_time() - begun
        index = AttributeIndex(file, feed)
        feed.count = count
        begun = time.process_time()
        index.chosen(Filter())
        figures["build s"] = time.process_time() - begun - making
        index.close()
        figures["MB on disk"] = sum(one.stat().st_size for one in file.parent.iterdir()) / 1e6

        def reopen() -> None:
            index.close()
            index.chosen(Filter(tags=("none",)))

        figures["open ms"] = timed(reopen)

        def add() -> None:
            feed.count += 1
            index.chosen(Filter(tags=("none",)))

        figures["add one and ask ms"] = timed(add)
        conditions = [f"tag = share-{share}" for share in SHARES]
        conditions += [f"priority < {share * 10:g}" for share in SHARES]
        conditions += [*OTHERS]
        for text in conditions:
            ask = partial(index.chosen, Filter(), parse(text))
            figures[f"ms: {text} ({len(ask()) / feed.count:.1%})"] = timed(ask)
        figures["ms: --source /home/ann/notes/boat"] = timed(
            partial(index.chosen, Filter(source="/home/ann/notes/boat"))
        )
    return figures


def main() -> None:
    """Measure each number of memories that is given."""
    for count in map(int, sys.argv[1:] or ["100000"]):
        print(json.dumps(measure(count), indent=1, default=float))


if __name__ == "__main__":
    main()
