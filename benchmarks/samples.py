"""Samples of documents, read as `tera remember` reads them, beside what they have to give."""

from __future__ import annotations

import json
import re
import signal
import time
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tera.datatypes import NOTHING_READ, Draft, Memory
from tera.errors import TeraError
from tera.places import PAGE_BREAK, message_line, place_of
from tera.readers.document import Note
from tera.readers.files import find
from tera.readers.reading import FindBefore, Options, Reading
from tera.readers.walk import Selection

DATA = Path(__file__).parents[1] / "tests" / "data"


@dataclass
class Heard:
    """A watcher that keeps what it hears: of each file the seconds; 0 is no limit for them."""

    limit_s: int = 0
    failures: list[TeraError] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    unchanged: int = 0
    last: float = field(default_factory=time.perf_counter)

    def begins(self) -> None:
        """Limit what a file may take."""
        signal.alarm(self.limit_s)

    def moves(self, share: float) -> None:
        """See `Watcher`."""

    def ends(self) -> None:
        """Keep how long it took; what type 64 files are of is told before the first of them."""
        signal.alarm(0)
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now

    def is_unchanged(self, ids: Sequence[str], *, is_file: bool) -> None:
        """See `Watcher`."""
        self.unchanged += is_file and bool(ids)

    def skips(self, reason: str) -> None:
        """See `Watcher`."""

    def fails(self, error: TeraError) -> None:
        """See `Watcher`."""
        self.failures.append(error)

    def notes(self, note: Note) -> None:
        """See `Watcher`."""


def read(
    paths: Sequence[Path],
    heard: Heard,
    options: Options | None = None,
    read_before: FindBefore = lambda files: [NOTHING_READ] * len(files),
    passwords: Mapping[str, str] | None = None,
) -> Iterator[Draft]:
    """Yield the drafts of files and folders; passwords are those that the person gives, once."""
    left = dict(passwords or {})
    reading = Reading(options or Options(), heard, read_before, lambda name: left.pop(name, None))
    found = list(find(paths, Selection(), heard.failures.append))
    heard.last = time.perf_counter()
    yield from reading.drafts(found)


def own_samples(type_name: str) -> list[dict[str, Any]]:
    """Return the rows of a type's table in tests/data; archives have none."""
    table = DATA / f"{type_name}.toml"
    rows: list[dict[str, Any]] = []
    return tomllib.loads(table.read_text("utf-8"))["sample"] if table.exists() else rows


def public_samples(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a folder's manifest."""
    return [json.loads(row) for row in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def check_own(rows: Sequence[dict[str, Any]], type_name: str) -> Counter[str]:
    """Read the project's samples of a type, and count what they give of what their table wants."""
    counts: Counter[str] = Counter()
    for row in rows:
        heard = Heard()
        # What is not what it should be is not told to be it either.
        forced = row.get("type", type_name) if "error" in row else None
        options = Options(forced, password=row.get("password"))
        drafts = list(read([DATA / row["file"]], heard, options))
        texts = "\n\n".join(draft.text for draft in drafts)
        wanted = [text in texts for text in row.get("contains", ())]
        for passage, place in row.get("places", {}).items():
            wanted.append(place in {_place(d, passage) for d in drafts if passage in d.text})
        strays = sum(text in texts for text in row.get("lacks", ()))
        failures = 1 if "error" in row else row.get("failures", 0)
        counts += _counted(drafts, heard, wanted, "error" in row, failures, strays)
    return counts


def check_public(rows: Sequence[dict[str, Any]], folder: Path) -> Counter[str]:
    """Read public samples, and count what they give of what their manifest wants."""
    counts: Counter[str] = Counter()
    for row in rows:
        heard, expect = Heard(), row["expect"]
        options = Options(password=expect.get("password"))
        drafts = list(read([folder / row["file"]], heard, options))
        texts = "\n".join(draft.text for draft in drafts)
        words = _flat(texts)
        wanted = [_flat(text) in words for text in expect.get("contains") or ()]
        if "text_file" in expect:
            lines = (folder / expect["text_file"]).read_text("utf-8").splitlines()
            wanted += [_flat(line) in words for line in lines if line.strip()]
        if "pages" in expect:
            wanted.append(texts.count(PAGE_BREAK) + 1 == expect["pages"])
        if "messages_target" in expect:
            places = [words.find(_flat(line)) for line in _messages(expect["messages_target"])]
            wanted += [*(place >= 0 for place in places), places == sorted(places)]
        is_refused = bool(expect.get("error"))
        counts += _counted(drafts, heard, wanted, is_refused, int(is_refused))
        if "transcript" in expect:
            said = _words(re.sub(r"^\[[\d:]+\]", "", texts, flags=re.MULTILINE))
            counts += word_errors(_words(expect["transcript"]), said)
    return counts


def _counted(
    drafts: Sequence[Draft],
    heard: Heard,
    wanted: Sequence[bool],
    is_refused: bool,
    failures: int,
    strays: int = 0,
) -> Counter[str]:
    is_wrong = strays or len(heard.failures) != failures or bool(drafts) == is_refused
    counts = {"tried": 1, "read": bool(drafts), "refused": is_refused and not drafts}
    return Counter({**counts, "found": sum(wanted), "wanted": len(wanted), "wrong": bool(is_wrong)})


def _place(draft: Draft, passage: str) -> str:
    """Return the place that a citation of a passage shows."""
    at = draft.at or datetime.now(UTC)
    memory = Memory("m", draft.text, at, at, type=draft.type, part=draft.part)
    start = draft.text.index(passage)
    return place_of(memory, start, start + len(passage))


def _messages(target: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield messages as a memory has them, the first ones first."""
    for message in sorted(target, key=lambda message: message["timestamp"]):
        time = datetime.fromisoformat(message["timestamp"])
        yield message_line(message["author"], time, message["message"])


def _flat(text: str) -> str:
    """Return a text on one line, without ligatures: other programs keep neither or both."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def word_errors(wanted: Sequence[str], got: Sequence[str]) -> Counter[str]:
    """Count the words to be changed, put in and taken out, of the words of a transcript."""
    row = list(range(len(got) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(got, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return Counter(errors=row[-1], words=len(wanted))
