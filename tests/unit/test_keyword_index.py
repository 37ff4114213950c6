from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.datatypes import VectorChange
from tera.errors import StoreError
from tera.indexes import keyword, passage_searcher
from tera.indexes.keys import numbers_of
from tera.indexes.keyword import KeywordIndex
from tera.indexes.passage_documents import Passage
from tera.indexes.tantivy_files import Header


@dataclass
class Store:
    """Passages and the feed of their vectors."""

    passages: dict[tuple[str, int], Passage] = field(default_factory=dict)
    rows: list[VectorChange] = field(default_factory=list)
    last: int = 0
    batch: int = 3
    loaded: int = 0

    def add(self, memory_id: str, *texts: str, day: date | None = None) -> None:
        for ordinal, text in enumerate(texts):
            self.last += 1
            moment = datetime.combine(day, time(12)) if day else None
            self.passages[memory_id, ordinal] = Passage(memory_id, ordinal, text, moment=moment)
            self.rows.append(VectorChange(self.last, memory_id, ordinal, b"vector"))

    def void(self, memory_id: str) -> None:
        self.rows = [row for row in self.rows if row.memory_id != memory_id]
        self.passages = {key: value for key, value in self.passages.items() if key[0] != memory_id}
        self.last += 1
        self.rows.append(VectorChange(self.last, memory_id, -1, None))

    def read(self, after: int) -> Sequence[VectorChange]:
        return [row for row in self.rows if row.sequence > after][: self.batch]

    def load(self, keys: Sequence[tuple[str, int]]) -> Iterable[Passage]:
        self.loaded += len(keys)
        return [self.passages[key] for key in keys if key in self.passages]


def opened(folder: Path, store: Store) -> KeywordIndex:
    index = KeywordIndex(folder)
    index.follow(store.read, store.last, store.load)
    return index


def found(index: KeywordIndex, question: str, count: int = 10) -> list[tuple[str, int]]:
    return [(memory_id, ordinal) for memory_id, ordinal, _ in index.search(question, count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index" / "words"


@pytest.fixture
def store() -> Store:
    store = Store()
    store.add("staging", "The staging database listens on port 5433", "It runs on host 10.0.3.7")
    store.add("car", "We bought a car in Rome", day=date(2006, 12, 22))
    store.add("haus", "Die Häuser am See sind nicht so alt, wie wir das dachten")
    store.add("lake", "Ann wants to go to the lake on 5 May 2024", day=date(2024, 5, 3))
    return store


def test_the_best_passages_come_first(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    assert index.size == 5
    assert found(index, "which port does the staging database use?") == [("staging", 0)]
    assert found(index, "10.0.3.7") == [("staging", 1)]
    assert found(index, "Haus") == [("haus", 0)]
    assert found(index, "2024-05-05") == [("lake", 0)]
    assert found(index, "the 22nd of December") == [("car", 0)]
    scores = [score for _, _, score in index.search("car lake database", 10)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_what_matches_nothing_is_not_found(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    for question in ("zebra", "", "?!", " \n"):
        assert index.search(question, 5) == []
        assert index.shares(question, [("car", 0)]) == [0.0]
    assert index.search("car", 0) == []


def test_a_question_of_small_words_alone_finds_them(folder: Path) -> None:
    store = Store()
    store.add("m1", "To be, or not to be")
    store.add("m2", "A sea of troubles")
    assert found(opened(folder, store), "to be or not to be")[0] == ("m1", 0)


def test_an_empty_index_finds_nothing(folder: Path) -> None:
    index = opened(folder, Store())
    assert index.size == 0
    assert index.search("car", 5) == []
    assert index.shares("car", [("car", 0)]) == [0.0]
    assert index.within(datetime(2000, 1, 1), datetime(2030, 1, 1), 5) == []


def test_context_and_days_are_found_too(folder: Path) -> None:
    store = Store()
    store.add("m1", "Fine weather", day=date(2023, 5, 8))
    store.passages["m1", 0] = Passage(
        "m1", 0, "Fine weather", "Chat with Ann > Holidays", datetime(2023, 5, 8)
    )
    index = opened(folder, store)
    for question in ("holiday", "Ann", "8 May 2023", "May 2023", "2023", "on the 8th of May"):
        assert found(index, question) == [("m1", 0)], question


def test_days_that_a_question_names_otherwise_are_given_as_spans(
    folder: Path, store: Store
) -> None:
    index = opened(folder, store)
    span = (date(2024, 5, 1), date(2024, 5, 4))
    assert found(index, "lake car") != []
    best = index.search("what happened last week", 5, spans=[span])
    assert best[0][:2] == ("lake", 0)
    assert index.shares("what happened", [("lake", 0), ("car", 0)], [span])[1] == 0


def test_scores_of_given_passages_are_those_of_the_search(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    question = "car lake database in May"
    by_key = {
        (memory_id, ordinal): score for memory_id, ordinal, score in index.search(question, 9)
    }
    keys = [*store.passages, ("unknown", 0), ("car", 7)]
    scores = index.shares(question, keys)
    assert scores == pytest.approx([by_key.get(key, 0.0) for key in keys])


def test_a_term_that_is_nowhere_weighs_most(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    (whole,) = index.shares("staging port", [("staging", 0)])
    (half,) = index.shares("staging zebra", [("staging", 0)])
    assert 0 < half < whole / 2 < 0.5


def test_what_stands_around_a_passage_counts_but_less_than_its_own(folder: Path) -> None:
    store = Store()
    store.add("m1", "Rain in Lisbon", "We stayed in", "Soup for supper")
    texts = {0: ("We stayed in",), 1: ("Rain in Lisbon",), 2: ()}
    store.passages = {
        key: replace(passage, around=texts[key[1]]) for key, passage in store.passages.items()
    }
    assert found(opened(folder, store), "Lisbon") == [("m1", 0), ("m1", 1)]


def test_no_share_is_more_than_all_when_passages_are_gone(folder: Path) -> None:
    store = Store(batch=1000)
    store.add("kept", "the landlord raises the rent")
    for number in range(90):
        store.add(f"other{number}", f"rain in the garden on day {number}")
    for number in range(80):
        store.add(f"gone{number}", f"letter {number} of the landlord")
    index = opened(folder, store)
    for number in range(80):
        store.void(f"gone{number}")
    index.follow(store.read, store.last, store.load)
    ((memory_id, _, share),) = index.search("landlord", 10)
    assert memory_id == "kept"
    assert share <= 1


def test_words_of_what_is_gone_do_not_count_for_ever(folder: Path, tmp_path: Path) -> None:
    store = Store(batch=1000)
    store.add("kept", "the landlord raises the rent")
    store.add("other", "rain in the garden")
    for number in range(80):
        store.add(f"gone{number}", f"letter {number} of the landlord")
    index = opened(folder, store)
    for number in range(80):
        store.void(f"gone{number}")
    index.follow(store.read, store.last, store.load)
    index.forget_what_is_gone()
    while index.follow_some(store.read, store.last, store.load):
        pass
    fresh = opened(tmp_path / "fresh" / "words", store)
    for question in ("landlord", "landlord zebra", "garden landlord rain"):
        assert index.search(question, 5) == fresh.search(question, 5)


def test_a_passage_outside_the_index_has_about_the_share_it_would_have(
    folder: Path, store: Store
) -> None:
    index = opened(folder, store)
    question = "car lake database in May"
    inside = index.shares(question, list(store.passages))
    outside = index.shares_of_texts(question, store.passages.values())
    for share, other in zip(inside, outside, strict=True):
        assert (share > 0) == (other > 0)
        assert other == pytest.approx(share, rel=0.6)


def test_a_filter_leaves_only_its_memories_however_many(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(batch=1000)
    words = ["apple", "pear", "apple pie", "pear pie"]
    for number in range(300):
        store.add(f"m{number:04d}", f"{words[number % 4]} {words[number % 3]} note {number}")
    index = opened(folder, store)
    everything = index.search("apple pear", 300)
    for small in (20_000, 0):
        monkeypatch.setattr(passage_searcher, "SMALL_CHOICE", small)
        for share in (0.01, 0.3, 0.9):
            chosen = [f"m{number:04d}" for number in range(300) if number % 100 < share * 100]
            wanted = [hit for hit in everything if hit[0] in chosen]
            for count in (1, 7, 300):
                hits = index.search("apple pear", count, numbers_of([*chosen, "other"]))
                assert [h[2] for h in hits] == pytest.approx([h[2] for h in wanted[:count]])
                assert {h[0] for h in hits} <= set(chosen)
        assert index.search("apple", 5, numbers_of([])) == []
        assert index.search("apple", 5, numbers_of(["other"])) == []


def test_a_choice_that_most_hits_are_not_of_is_looked_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(batch=1000)
    for number in range(400):
        store.add(f"m{number:04d}", "apple apple" if number < 390 else "apple and other fruit")
    index = opened(folder, store)
    monkeypatch.setattr(passage_searcher, "SMALL_CHOICE", 0)
    monkeypatch.setattr(passage_searcher, "DEEPEST", 100)
    chosen = numbers_of(f"m{number:04d}" for number in range(390, 400))
    assert len(index.search("apple", 5, chosen)) == 5


def test_passages_of_days_come_newest_first(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    everything = (datetime(2000, 1, 1), datetime(2030, 1, 1))
    assert index.within(*everything, 5) == [("lake", 0), ("car", 0)]
    assert index.within(*everything, 1) == [("lake", 0)]
    assert index.within(*everything, 5, numbers_of(["car"])) == [("car", 0)]
    assert index.within(datetime(2024, 5, 3), datetime(2024, 5, 3, 13), 5) == [("lake", 0)]
    assert index.within(datetime(2024, 5, 4), datetime(2024, 5, 9), 5) == []


def test_a_voided_memory_is_gone_and_may_come_back(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    store.void("staging")
    index.follow(store.read, store.last, store.load)
    assert index.size == 3
    assert found(index, "staging host") == []
    store.add("staging", "Staging moved to port 6000")
    store.void("car")
    index.follow(store.read, store.last, store.load)
    assert found(index, "staging") == [("staging", 0)]
    assert found(opened(folder, store), "port car") == [("staging", 0)]


def test_a_memory_that_is_voided_in_the_same_run_is_replaced(folder: Path, store: Store) -> None:
    store.rows.append(VectorChange(store.last + 1, "car", -1, None))
    store.last += 1
    store.add("car", "A green bicycle")
    index = opened(folder, store)
    assert found(index, "Rome") == []
    assert found(index, "bicycle") == [("car", 0)]


def test_a_passage_that_comes_again_is_replaced(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    store.add("car", "We sold the car in Oslo")
    index.follow(store.read, store.last, store.load)
    assert index.size == 5
    assert found(index, "Rome") == []
    assert found(index, "Oslo") == [("car", 0)]


def test_only_what_is_new_is_loaded(folder: Path, store: Store) -> None:
    opened(folder, store)
    before = store.loaded
    index = opened(folder, store)
    assert store.loaded == before
    store.add("new", "One more")
    index.follow(store.read, store.last, store.load)
    assert store.loaded == before + 1


def test_others_may_work_before_all_is_taken(folder: Path, store: Store) -> None:
    index = KeywordIndex(folder)
    steps = [index.sequence]
    while index.follow_some(store.read, store.last, store.load, most=1):
        steps.append(index.sequence)
    assert steps == [0, 3]
    assert (index.size, index.sequence) == (5, store.last)
    assert found(index, "lake") == [("lake", 0)]
    assert not index.follow_some(store.read, store.last, store.load)


def test_a_chunk_that_is_gone_meanwhile_is_left_out(folder: Path, store: Store) -> None:
    del store.passages["car", 0]
    assert opened(folder, store).size == 4


def test_an_index_ahead_of_the_feed_is_rebuilt(folder: Path, store: Store) -> None:
    opened(folder, store)
    other = Store()
    other.add("m1", "Another store")
    index = opened(folder, other)
    assert index.size == 1
    assert found(index, "car") == []


def test_a_second_opening_reads_what_the_first_wrote(folder: Path, store: Store) -> None:
    opened(folder, store)
    index = KeywordIndex(folder)
    assert index.notes == ()
    assert found(index, "Häuser") == [("haus", 0)]


def test_many_small_additions_stay_in_few_segments(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyword, "MOST_SEGMENTS", 9)
    store = Store()
    index = opened(folder, store)
    for number in range(24):
        store.add(f"m{number}", f"apple number {number}")
        index.follow(store.read, store.last, store.load)
        assert index.size == number + 1
    assert len(list(folder.glob("*.term"))) <= 18
    assert len(index.search("apple", 50)) == 24


def test_another_process_may_write_once_this_one_has(folder: Path, store: Store) -> None:
    index = opened(folder, store)
    store.add("new", "A zebra")
    opened(folder, store)
    assert index.size == 5
    assert found(KeywordIndex(folder), "zebra") == [("new", 0)]


@pytest.mark.parametrize(
    ("damage", "how"),
    [
        (damage, how)
        for damage in ("meta.json", "header.json", "*.term", "*.idx", "*.fast", "*.fieldnorm")
        for how in ("gone", "cut", "changed")
        if (damage, how) != ("header.json", "gone")
    ],
)
def test_a_damaged_index_is_set_aside_and_read_anew(
    folder: Path, store: Store, damage: str, how: str
) -> None:
    opened(folder, store)
    file = next(folder.glob(damage))
    content = bytearray(file.read_bytes())
    if how == "gone":
        file.unlink()
    elif how == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 3] ^= 0x11
        file.write_bytes(content)
    index = KeywordIndex(folder)
    assert len(index.notes) == 1
    assert "damaged" in index.notes[0]
    assert len(list(folder.parent.glob("words.damaged-*"))) == 1
    index.follow(store.read, store.last, store.load)
    assert index.size == 5
    assert found(index, "car") == [("car", 0)]


def test_an_index_whose_beginning_was_cut_short_is_read_anew(folder: Path, store: Store) -> None:
    opened(folder, store)
    (folder / "header.json").unlink()
    index = opened(folder, store)
    assert index.notes == ()
    assert index.size == 5


def test_an_index_of_another_format_is_emptied_without_a_word(folder: Path, store: Store) -> None:
    opened(folder, store)
    header = json.loads((folder / "header.json").read_text())
    (folder / "header.json").write_text(json.dumps(header | {"format": 0}))
    index = KeywordIndex(folder)
    assert index.notes == ()
    assert index.size == 0


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="keyword index"):
        KeywordIndex(tmp_path / "file" / "words")


def test_a_kill_between_commit_and_header_loses_and_doubles_nothing(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(folder, store)
    headers: list[bytes] = []
    write = KeywordIndex._write_header

    def noted(self: KeywordIndex, header: Header) -> None:
        write(self, header)
        headers.append((folder / "header.json").read_bytes())

    monkeypatch.setattr(KeywordIndex, "_write_header", noted)
    store.add("new", "A zebra", "A giraffe")
    store.void("car")
    opened(folder, store)
    # The last but one is what a kill after tantivy's commit leaves.
    (folder / "header.json").write_bytes(headers[-2])
    index = opened(folder, store)
    assert index.notes == ()
    assert index.size == 6
    assert found(index, "zebra") == [("new", 0)]
    assert found(index, "car") == []


def test_a_kill_at_any_moment_loses_nothing(folder: Path, store: Store) -> None:
    code = """
import sys
from pathlib import Path
from tera.datatypes import VectorChange
from tera.indexes.keyword import KeywordIndex
from tera.indexes.passage_documents import Passage
rows = [VectorChange(n, f"m{n}", 0, b"v") for n in range(1, 400)]
index = KeywordIndex(Path(sys.argv[1]))
for last in range(1, 400):
    index.follow(lambda after: [r for r in rows[:last] if r.sequence > after], last,
                 lambda keys: [Passage(m, o, f"apple {m}") for m, o in keys])
    print(last, flush=True)
"""
    for lines in (1, 4):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
        index = KeywordIndex(folder)
        assert index.notes == ()
        assert index.size >= lines
    rows = [VectorChange(n, f"m{n}", 0, b"v") for n in range(1, 51)]
    index.follow(
        lambda after: [row for row in rows if row.sequence > after],
        400,
        lambda keys: [Passage(key[0], key[1], f"apple {key[0]}") for key in keys],
    )
    assert index.size == 50
    assert sorted(found(index, "apple", 99)) == sorted((f"m{n}", 0) for n in range(1, 51))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=5))
def test_any_text_can_be_kept_and_looked_for(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    store = Store()
    for number, text in enumerate(texts):
        store.add(f"m{number}", text)
    index = opened(tmp_path_factory.mktemp("any") / "words", store)
    assert index.size == len(texts)
    for text in texts:
        index.search(text, 3)
        assert all(0 <= share <= 1 for share in index.shares(text, list(store.passages)))


def test_ids_with_high_numbers_can_be_voided(folder: Path) -> None:
    store = Store()
    store.add("zzzzzzzzzz", "apple", "pear")
    store.add("0", "apple")
    index = opened(folder, store)
    store.void("zzzzzzzzzz")
    index.follow(store.read, store.last, store.load)
    assert found(index, "apple pear") == [("0", 0)]
