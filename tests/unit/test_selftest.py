from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.config import load_config
from tera.datatypes import Draft, Filter
from tera.engine import Engine
from tera.model_loader import SilentListener
from tera.paths import Paths
from tera.selftest import FEWEST_QUESTIONS, Plan, Probe
from tera.selftest.cloze import FEWEST_KEPT, Cloze, Frequencies, make_cloze, words_of
from tera.selftest.everyday import EVERYDAY, NAMES, THINGS
from tera.selftest.figures import Share, figures, times_of
from tera.selftest.planning import plan
from tera.selftest.trials import Trial, WrittenTrial, stands_in, try_probes, try_written
from tera.upkeep import Keeper

FACTS = (
    "The staging database of the billing team listens on port 5433 since the migration.",
    "Our landlord Mr Pemberton wants the garden hedge trimmed by 14 March 2026.",
    "The tandem bicycle stands in the cellar of the old brewery behind the mill.",
    "Backups of the photo archive go to /mnt/vault/photos every second evening.",
    "Grandmother baked her walnut cake with exactly 275 grams of brown sugar.",
    "We met the architect Liselotte near the harbour crane to discuss windows.",
    "The piano tuner wrote that the soundboard has a crack beside the bass bridge.",
    "Tickets for the puppet theatre can be collected until 18:45 at the counter.",
    "The neighbour calls his tortoise “Field Marshal” whenever children visit the yard.",
    "Signal flares for the sailing trip are stored under the bench of the galley.",
    "Send the corrected invoice for the roof repair to office@harlan.example quickly.",
    "The mountain hut charges 38 euros for half board and blankets in autumn.",
    "Doctor Ferreira prescribed iron tablets against the dizziness after breakfast.",
    "The ceramic stove was restored by craftsmen from Winterthur with green tiles.",
)
NEVER_TOLD = Probe("everyday", "Who painted Guernica?")
NOTHING = Frequencies((), 0)


def cloze_of(text: str, seed: int = 1) -> Cloze:
    cloze = make_cloze(text, Frequencies({text, *FACTS}, 100), Random(seed))
    assert cloze is not None
    return cloze


@pytest.fixture
def keeper(tiny_models: Path) -> Iterator[Keeper]:
    paths = Paths(tiny_models)
    keeper = Keeper(load_config(paths)[0], paths, SilentListener())
    # Else each question opens the store anew.
    with keeper.store():
        yield keeper


def remember(engine: Engine, texts: Sequence[str]) -> list[str]:
    return [done.memory.id for done in engine.remember([Draft(text) for text in texts])]


# Questions from sentences.


@pytest.mark.parametrize(
    ("text", "value", "opening"),
    [
        (FACTS[0], "5433", "How"),
        (FACTS[1], "14 March 2026", "When"),
        (FACTS[3], "/mnt/vault/photos", "W"),
        (FACTS[7], "18:45", "When"),
        (FACTS[8], "Field Marshal", "What"),
        (FACTS[10], "office@harlan.example", "W"),
        (FACTS[5], "Liselotte", "W"),
        (FACTS[13], "Winterthur", "Where"),
        ("The tunnel was opened by the mayor on 3 May with a brass band.", "3 May", "When"),
        ("The sailing club asks 1,250.50 euros for a berth near the bridge.", "1,250.50", "How"),
        (
            "Meeting notes of the parents council are stored at https://example.org/a-b too.",
            "https",
            "W",
        ),
    ],
)
def test_a_question_asks_for_what_a_sentence_tells(text: str, value: str, opening: str) -> None:
    clozes = [cloze_of(text, seed) for seed in range(20)]
    (fitting, *_) = [cloze for cloze in clozes if cloze.value.startswith(value)]
    assert fitting.opening.startswith(opening)
    assert fitting.question.startswith(fitting.opening)
    assert fitting.value in text


@pytest.mark.parametrize("text", FACTS)
def test_a_question_is_no_copy_of_its_sentence_and_does_not_tell_the_answer(text: str) -> None:
    for seed in range(10):
        cloze = cloze_of(text, seed)
        asked = " ".join(cloze.words)
        assert asked not in text.replace(cloze.value, ""), cloze
        assert not set(words_of(cloze.value)) & set(words_of(asked))
        assert not re.search(r"\d", asked)
        assert len(set(words_of(asked)) & set(words_of(text))) >= FEWEST_KEPT


def test_a_question_keeps_more_words_where_they_are_common() -> None:
    text = "The team moved the weekly meeting about budget plans and staff holidays to room 4711."
    rare = Frequencies([text, *FACTS * 20], 300)
    about = "The team moved the weekly meeting about budget plans"
    common = Frequencies([*[about] * 200, text], 200_000)

    def kept(known: Frequencies) -> float:
        clozes = (make_cloze(text, known, Random(seed)) for seed in range(10))
        return mean(len(cloze.words) for cloze in clozes if cloze)

    assert kept(common) > kept(rare)


def test_a_sentence_too_short_to_leave_a_word_out_is_not_asked_for() -> None:
    assert make_cloze("We have parked on 4 again.", NOTHING, Random(1)) is None


def test_where_no_words_single_a_passage_out_nothing_is_asked() -> None:
    text = "The team moved the meeting to room 47 again."
    assert make_cloze(text, Frequencies([text] * 500, 500), Random(1)) is None


def test_the_head_of_a_chat_message_is_not_asked_for() -> None:
    text = "Melanie (6 July 2023 20:18): The pottery workshop ended with 14 cracked bowls."
    assert {cloze_of(text, seed).value for seed in range(20)} == {"14"}


def test_a_question_about_another_language_has_no_english_word() -> None:
    text = "Der Klempner Huber verlangt für die Reparatur der Heizung im Keller 480 Euro."
    clozes = [cloze_of(text, seed) for seed in range(10)]
    assert {cloze.opening for cloze in clozes} == {""}
    assert all(cloze.question.endswith("?") for cloze in clozes)


@given(st.text(max_size=400) | st.lists(st.sampled_from(FACTS)).map("\n".join), st.integers(0, 99))
def test_any_text_gives_a_sound_question_or_none(text: str, seed: int) -> None:
    cloze = make_cloze(text, NOTHING, Random(seed))
    assert cloze == make_cloze(text, NOTHING, Random(seed))
    if cloze:
        assert cloze.value in cloze.sentence
        assert cloze.question.strip("?").strip()
        assert "\n" not in cloze.question


def test_a_long_text_is_looked_at_in_the_middle_too() -> None:
    text = " ".join(f"Locker {n:04d} belongs to the rowing club of the lake." for n in range(2000))
    clozes = [make_cloze(text, NOTHING, Random(seed)) for seed in range(20)]
    places = {text.find(cloze.sentence) for cloze in clozes if cloze}
    assert min(places) < len(text) / 3
    assert max(places) > len(text) / 2


# What was never told.


def test_there_are_sixty_everyday_questions_and_each_has_the_words_it_needs() -> None:
    assert len({question for question, _ in EVERYDAY}) == len(EVERYDAY) >= 60
    for question, words in EVERYDAY:
        assert question.endswith("?")
        for word in words.casefold().split():
            assert word[:4] in question.casefold(), question
    assert len({*NAMES, *THINGS}) == len(NAMES) + len(THINGS)


# The questions for a store.


def test_a_plan_is_the_same_for_a_seed_and_asks_as_much_that_was_never_told(
    keeper: Keeper,
) -> None:
    ids = set(remember(keeper, FACTS))
    first = plan(keeper, 12, 1)
    assert first == plan(keeper, 12, 1)
    assert first.probes != plan(keeper, 12, 2).probes
    kinds = [probe.kind for probe in first.probes]
    assert [kinds.count(kind) for kind in ("told", "everyday", "swapped")] == [12, 6, 6]
    assert (first.memories, first.waiting, first.embedder) == (len(FACTS), 0, "tiny-bert")
    told = [probe for probe in first.probes if probe.kind == "told"]
    assert {probe.memory_id for probe in told} <= ids
    assert len({probe.memory_id for probe in told}) == 12
    texts = {memory.id: memory.text for memory in keeper.select(Filter())}
    assert all(probe.sentence in texts[probe.memory_id] for probe in told)


def test_a_plan_changes_nothing(keeper: Keeper) -> None:
    remember(keeper, FACTS)
    # Indexes are derived; a search makes them.
    keeper.search("anything", 1)
    journal = keeper.paths.journal
    before = {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()}
    memories, log = keeper.select(Filter()), keeper.log()
    tried = list(try_probes(keeper, plan(keeper, 12, 1).probes))
    assert len(tried) == 24
    assert {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()} == before
    assert (keeper.select(Filter()), keeper.log()) == (memories, log)


def test_everyday_questions_that_the_store_may_answer_are_not_asked(keeper: Keeper) -> None:
    about = {"dentist", "umbrella", "tetanus", "chimney", "Mongolia", "Kubernetes", "plum"}
    told = [f"Once more something long about the {word} was told to everybody." for word in about]
    remember(keeper, [*FACTS, *told])
    asked = " ".join(
        probe.question
        for seed in range(3)
        for probe in plan(keeper, 21, seed).probes
        if probe.kind == "everyday"
    )
    assert asked
    assert not [word for word in about if word.casefold() in asked.casefold()]


def test_swapped_questions_name_what_is_nowhere_in_the_store(keeper: Keeper) -> None:
    ids = remember(keeper, [*FACTS, f"An {THINGS[1]} and {NAMES[0]} are on board of the steamer."])
    swapped = [probe for probe in plan(keeper, 14, 1).probes if probe.kind == "swapped"]
    told = set(words_of(" ".join(memory.text for memory in keeper.select(Filter()))))
    assert swapped
    for probe in swapped:
        strangers = {word.casefold() for word in (*NAMES, *THINGS)} & set(words_of(probe.question))
        assert len(strangers) == 1, probe
        assert not strangers & told
        assert probe.memory_id in ids


def test_a_small_store_has_no_plan(keeper: Keeper) -> None:
    assert plan(keeper, 100, 1) == Plan((), 0, 0, 0, "")
    remember(keeper, FACTS[: FEWEST_QUESTIONS - 1])
    remember(keeper, ["ok", "thanks!", "see you", "5433"])
    small = plan(keeper, 100, 1)
    assert (small.probes, small.askable, small.memories) == ((), FEWEST_QUESTIONS - 1, 13)


def test_of_few_long_memories_several_things_are_asked(keeper: Keeper) -> None:
    more = FACTS[FEWEST_QUESTIONS:]
    remember(
        keeper,
        [f"{fact}\n\n{one}" for fact, one in zip(FACTS[:10], [*more, *["-"] * 6], strict=True)],
    )
    told = [probe for probe in plan(keeper, 13, 1).probes if probe.kind == "told"]
    assert len({probe.sentence for probe in told}) == len(told) == 13
    assert len({probe.memory_id for probe in told}) < 13


# Trials.


def test_what_was_told_is_found_quoted_and_timed(keeper: Keeper) -> None:
    ids = remember(keeper, FACTS)
    question = "How much staging database billing team listens on port migration?"
    probe = Probe("told", question, ids[0], "5433", FACTS[0])
    (trial,) = try_probes(keeper, [probe])
    assert (trial.rank, trial.is_refused, trial.is_quoted) == (1, False, True)
    assert trial.search_s is not None
    assert trial.quote_s is not None
    (wrong,) = try_probes(keeper, [Probe("told", question, "gone", "999", "Another sentence.")])
    assert (wrong.rank, wrong.is_quoted) == (0, False)


def test_another_memory_that_says_the_same_counts_too(keeper: Keeper) -> None:
    remember(keeper, [*FACTS, f"As I said. {FACTS[0]}"])
    question = "How much staging database billing team listens on port migration?"
    (trial,) = try_probes(keeper, [Probe("told", question, "another", "5433", FACTS[0])])
    assert trial.rank > 0


def test_what_was_never_told_is_refused(keeper: Keeper) -> None:
    remember(keeper, FACTS[:1])
    (trial,) = try_probes(keeper, [NEVER_TOLD])
    assert trial.is_refused
    assert (trial.search_s, trial.quote_s) == (None, None)


def test_the_language_model_is_timed_and_its_sentences_counted(keeper: Keeper) -> None:
    ids = remember(keeper, FACTS[:1])
    question = "How much staging database billing team listens on port migration?"
    probe = Probe("told", question, ids[0], "5433", FACTS[0])
    (trial,) = try_written(keeper, [probe, NEVER_TOLD])
    assert 0 < trial.first_s <= trial.whole_s
    assert trial.replaced + trial.withheld <= trial.claims


@pytest.mark.parametrize(
    ("value", "text", "stands"),
    [
        ("5433", "It listens on port 5433.", True),
        ("543", "It listens on port 5433.", False),
        ("5", "They paid 5,000 for it", False),
        ("Field  Marshal", "the “FIELD\nMarshal” sleeps", True),
        ("/mnt/a", "in /mnt/a, I think", True),
        ("ann", "Joanna", False),
        ("ﬁne", "all fine", True),
        ("5", "", False),
    ],
)
def test_a_value_stands_in_a_text_as_a_whole(value: str, text: str, stands: bool) -> None:
    assert stands_in(value, text) is stands


# Figures.


def trial(kind: str = "told", **fields: Any) -> Trial:
    probe = Probe(kind, "Which one?", "a1")  # type: ignore[arg-type]
    return Trial(probe, **{"is_refused": False, **fields})


def test_intervals_are_those_of_wilson() -> None:
    # The examples of Newcombe (Statistics in Medicine 1998), table I, method 3.
    for hits, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        share = Share(hits, of)
        assert (round(share.low, 4), round(share.high, 4)) == (low, high)
    assert (Share(0, 20).low, round(Share(0, 20).high, 4)) == (0.0, 0.1611)
    assert (round(Share(1, 29).low, 4), round(Share(1, 29).high, 4)) == (0.0061, 0.1718)


@given(st.integers(0, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share(counts: tuple[int, int]) -> None:
    share = Share(*counts)
    assert 0 <= share.low <= share.high <= 1
    if share.share is None:
        assert (share.low, share.high) == (0, 1)
    else:
        assert share.low <= share.share <= share.high


def test_times_are_the_median_and_the_95th_percentile() -> None:
    times = times_of([*map(float, range(1, 101)), None])
    assert times is not None
    assert (times.p50, times.p95, times.of) == (50.0, 95.0, 100)
    assert times_of([None]) is None
    one = times_of([3.0])
    assert one is not None
    assert (one.p50, one.p95) == (3.0, 3.0)


PLAN = Plan((), 20, 20, 0, "tiny-bert")


def test_shares_count_what_they_say() -> None:
    trials = [
        trial(rank=1, is_quoted=True, search_s=0.1, quote_s=0.2),
        trial(rank=4, is_short=True, has_short=True, search_s=0.1, quote_s=0.2),
        trial(rank=10, has_short=True, search_s=0.1, quote_s=0.2),
        trial(rank=2, is_refused=True, search_s=0.1),
        trial(rank=0, is_refused=True, search_s=0.1),
        trial("everyday", is_refused=True),
        trial("everyday"),
        trial("swapped"),
    ]
    written = [WrittenTrial(trials[0].probe, 1.0, 2.0, 4, 1, 2)]
    found = figures(PLAN, trials, written)
    assert (found.first, found.first_4, found.first_10) == (Share(1, 5), Share(3, 5), Share(4, 5))
    assert (found.quoted, found.short) == (Share(2, 5), Share(1, 2))
    assert found.wrongly_refused == Share(2, 5)
    assert (found.everyday, found.swapped) == (Share(1, 2), Share(0, 1))
    assert found.search is not None
    assert found.quote is not None
    assert (found.search.of, found.quote.of) == (5, 3)
    assert found.written is not None
    assert (found.written.replaced, found.written.withheld) == (Share(1, 4), Share(2, 4))
    assert [how for how, _ in found.failed] == [
        *("not quoted", "refused", "not found", "answered", "answered"),
    ]


def test_hints_come_only_where_it_is_sure() -> None:
    def hints(of: int, of_plan: Plan = PLAN, **fields: Any) -> str:
        found = figures(of_plan, [trial(**fields)] * of)
        return "; ".join(f"{text} ({hint})" for text, hint in found.hints)

    assert hints(50, rank=1) == ""
    assert "little of what you told is found (tera doctor)" in hints(50, rank=0)
    assert hints(9, rank=0) == ""
    german = Plan((), 20, 20, 0, "bge", "German")
    assert "German, of which bge knows little" in hints(50, german, rank=0)
    assert hints(50, german, rank=1) == ""
    assert "refused that is there" in hints(50, rank=1, is_refused=True)
    assert "never told" in hints(50, kind="everyday")
    assert "takes up to 2.0 s" in hints(50, rank=1, quote_s=2.0)
    assert "3 memories are still being read" in hints(50, Plan((), 20, 20, 3, "bge"), rank=1)


def test_nothing_tried_gives_no_shares() -> None:
    found = figures(PLAN, [])
    assert found.first.share is None
    assert (found.search, found.written, found.failed, found.hints) == (None, None, (), ())
