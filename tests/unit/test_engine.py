from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tera.batches import WRITE_BATCH
from tera.config import load_config
from tera.datatypes import NOTHING_READ, Draft, Filter, Held, Inquiry, Memory
from tera.engine import Engine
from tera.errors import (
    EmbeddingMismatchError,
    ReaderError,
    StoreError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from tera.model_loader import SilentListener
from tera.paths import Paths
from tests.conftest import MODELS_TOML


class Ear(SilentListener):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str, hint: str = "") -> None:
        self.notes.append(text)


def remember(engine: Engine, *texts: str) -> list[Memory]:
    return [done.memory for done in engine.remember(Draft(text) for text in texts)]


def statuses(engine: Engine, *drafts: Draft) -> list[str]:
    return [done.status for done in engine.remember(drafts)]


def texts(memories: Iterable[Memory]) -> set[str]:
    return {memory.text for memory in memories}


# Remember.


def test_large_texts_are_written_before_there_are_many_of_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tera.batches.WRITE_CHARACTERS", 10)
    drafts = iter([Draft("a text of some length"), Draft("another such text"), Draft("a third")])
    first = next(iter(engine.remember(drafts)))
    assert first.status == "new"
    assert next(drafts).text == "another such text"


def test_what_is_remembered_twice_is_kept_once(engine: Engine) -> None:
    assert statuses(engine, Draft("text", tags=("a",))) == ["new"]
    assert statuses(engine, Draft("text", tags=("b",)), Draft("other")) == ["known", "new"]
    (memory,) = engine.select(Filter(tags=("a", "b")))
    assert memory.text == "text"


def test_a_file_that_changed_is_brought_up_to_date(engine: Engine) -> None:
    draft = Draft("the port is 5432", source="/n/a.md", is_file=True, type="text")
    assert statuses(engine, draft) == ["new"]
    assert statuses(engine, replace(draft, text="the port is 5433")) == ["updated"]
    assert texts(engine.select(Filter())) == {"the port is 5433"}
    assert [result.text for result in engine.search("port", 5)] == ["the port is 5433"]


def test_an_edit_that_is_done_again_is_one_change(engine: Engine) -> None:
    (memory,) = remember(engine, "the port is 5432")
    edited = replace(memory, text="the port is 5433")
    assert engine.edit(memory, edited)
    assert engine.edit(memory, edited)
    assert len(engine.log()) == 2


def test_an_edit_leaves_what_another_has_changed_meanwhile(engine: Engine) -> None:
    (memory,) = remember(engine, "the port is 5432")
    assert engine.edit(memory, replace(memory, tags=("work",)))
    assert engine.edit(memory, replace(memory, text="the port is 5433"))
    (after,) = engine.select(Filter())
    assert (after.text, after.tags) == ("the port is 5433", ("work",))


def test_a_batch_that_is_done_again_belongs_to_the_change_it_began(engine: Engine) -> None:
    drafts = [Draft("one"), Draft("two")]
    list(engine.remember([Draft("told before")]))
    since = datetime.now(UTC)
    begun = engine.remember_batch("keep", drafts, 0)
    again = engine.remember_batch("keep", drafts, 0, since)
    assert again.change == begun.change
    assert [done.status for done in again.outcome] == ["known", "known"]
    # What a cut-off write has left out comes to the same change.
    more = engine.remember_batch("keep", [*drafts, Draft("three")], 0, since)
    assert more.change == begun.change
    assert [len(change.entries) for change in engine.log()] == [1, 3]


def test_a_batch_that_was_known_before_joins_no_earlier_change(engine: Engine) -> None:
    list(engine.remember([Draft("one")]))
    time.sleep(0.002)
    since = datetime.now(UTC)
    assert engine.remember_batch("keep", [Draft("one")], 0).change == 0
    assert engine.remember_batch("keep", [Draft("one")], 0, since).change == 0
    engine.remember_batch("keep", [Draft("one"), Draft("two")], 0, since)
    assert len(engine.log()) == 2


def test_an_import_that_is_done_again_is_one_change(engine: Engine) -> None:
    told = datetime(2026, 1, 2, tzinfo=UTC)
    memories = [Memory("000000000a", "one", told, told), Memory("000000000b", "two", told, told)]
    since = datetime.now(UTC)
    begun = engine.restore_batch(memories, 0)
    assert engine.restore_batch(memories, 0, since).change == begun.change


def test_nothing_is_written_before_it_is_asked_for(engine: Engine) -> None:
    engine.remember([Draft("never asked for")])
    assert engine.select(Filter()) == []


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("", UnreadableFileError),
        (" \n\t", UnreadableFileError),
        ("a\0b", UnsupportedFormatError),
        ("a\udc80b", UnreadableFileError),
    ],
)
def test_a_bad_draft_keeps_the_good_ones_before_it(
    engine: Engine, bad: str, error: type[ReaderError]
) -> None:
    done = engine.remember([Draft("first"), Draft("second"), Draft(bad), Draft("third")])
    assert texts([next(done).memory, next(done).memory]) == {"first", "second"}
    with pytest.raises(error):
        next(done)
    assert texts(engine.select(Filter())) == {"first", "second"}


def test_many_drafts_are_all_kept_as_one_change(engine: Engine) -> None:
    count = 2 * WRITE_BATCH + 5
    told = remember(engine, *[f"note {number}" for number in range(count)])

    assert len(engine.select(Filter())) == len(told) == count
    (change,) = engine.log()
    assert len(change.entries) == count
    engine.undo()
    assert engine.select(Filter()) == []


def test_what_is_acknowledged_survives_another_engine(engine: Engine) -> None:
    (memory,) = remember(engine, "kept")
    assert Engine(engine.config, engine.paths).find([memory.id]) == [memory]


# Find.


def test_a_memory_is_found_by_the_beginning_of_its_id(engine: Engine) -> None:
    one, two = remember(engine, "one", "two")
    assert engine.find([two.id, one.id[:9], f" {one.id.upper()} "]) == [two, one, one]


def test_a_prefix_of_several_ids_is_refused_and_names_them(engine: Engine) -> None:
    memory = remember(engine, "x")[0]
    alike = [replace(memory, id=f"abc{number}000000", text=f"{number}") for number in range(4)]
    list(engine.restore(alike))
    with pytest.raises(StoreError, match="'abc' fits several memories") as refusal:
        engine.find(["abc"])
    assert refusal.value.message.endswith(": abc0000000, abc1000000, ...")
    assert refusal.value.hint == "type more of the id"
    assert engine.find(["abc2"]) == [alike[2]]


@pytest.mark.parametrize(
    "prefix", ["", " ", "zzzzzzzzzz", "a-b", "⟩", "abcdefghijk", "é", "a;DELETE"]
)
def test_an_id_that_is_none_is_refused(engine: Engine, prefix: str) -> None:
    remember(engine, "x")
    with pytest.raises(StoreError, match="no memory has an id that begins with") as refusal:
        engine.find([prefix])
    assert refusal.value.hint == "tera list"


# Edit, forget, undo.


def test_an_edit_is_searched_as_it_is_now(engine: Engine) -> None:
    (memory,) = remember(engine, "the port is 5432")
    engine.search("port", 1)
    assert engine.edit(memory, replace(memory, text="the host is staging"))
    assert not engine.edit(memory, memory)
    assert [result.text for result in engine.search("host", 5)] == ["the host is staging"]


@pytest.mark.parametrize("text", ["", "a\0b", "\udc80"])
def test_an_edit_to_what_is_no_text_is_refused(engine: Engine, text: str) -> None:
    (memory,) = remember(engine, "kept")
    with pytest.raises(ReaderError):
        engine.edit(memory, replace(memory, text=text))
    assert engine.find([memory.id]) == [memory]


def test_what_is_forgotten_is_not_found(engine: Engine) -> None:
    one, two, three = remember(engine, "port one", "port two", "port three")
    engine.search("port", 1)
    engine.forget([one, two, one])
    assert engine.select(Filter()) == [three]
    assert [result.memory for result in engine.search("port", 5)] == [three]
    assert len(engine.log()[-1].entries) == 2


def test_undo_brings_back_what_was_forgotten_and_finds_it(engine: Engine) -> None:
    at = datetime(2020, 2, 29, 12, tzinfo=UTC)
    draft = Draft("the port is 5433", title="t", tags=("a", "b"), source="/n/a.md", at=at)
    (done,) = engine.remember([draft])
    engine.search("port", 1)
    engine.forget([done.memory])

    undone = engine.undo()

    assert undone.entries[0].operation == "forget"
    assert engine.find([done.memory.id]) == [done.memory]
    assert [result.memory for result in engine.search("port", 5)] == [done.memory]


def test_undo_of_a_numbered_change_and_of_that_undo(engine: Engine) -> None:
    remember(engine, "one")
    remember(engine, "two")
    assert engine.undo(1).number == 1
    assert texts(engine.select(Filter())) == {"two"}
    engine.undo(3)
    assert texts(engine.select(Filter())) == {"one", "two"}
    assert [change.undone_by for change in engine.log()] == [None, None, 4, None]


def test_undo_of_nothing_is_refused(engine: Engine) -> None:
    with pytest.raises(StoreError, match="nothing to undo"):
        engine.undo()


def test_restoring_an_export_twice_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    exported = remember(engine, "one", "two")
    other = Engine(engine.config, Paths(tmp_path / "other"))
    shutil.copytree(
        engine.paths.home, other.paths.home, ignore=shutil.ignore_patterns("journal", "store")
    )

    assert [done.status for done in other.restore(exported)] == ["new", "new"]
    assert [done.status for done in other.restore(exported)] == ["known", "known"]
    assert sorted(memory.id for memory in other.select(Filter())) == sorted(
        memory.id for memory in exported
    )
    assert other.find([exported[0].id]) == [exported[0]]
    assert len(other.log()) == 1


# Search.


def test_a_filter_goes_before_the_search(engine: Engine) -> None:
    list(engine.remember([Draft("port 1", tags=("a",)), Draft("port 2", tags=("b",))]))
    assert [r.text for r in engine.search("port", 5, Filter(tags=("b",)))] == ["port 2"]
    assert engine.search("port", 5, Filter(tags=("none",))) == []


def test_a_search_in_an_empty_memory_finds_nothing(engine: Engine) -> None:
    assert engine.search("port", 5) == []


def test_memories_are_found_after_the_store_was_lost(engine: Engine) -> None:
    (first,) = remember(engine, "port one")
    (gone,) = remember(engine, "port two")
    engine.search("port", 5)
    engine.forget([gone])
    engine.search("port", 5)
    shutil.rmtree(engine.paths.store)
    ear = Ear()
    engine = Engine(engine.config, engine.paths, ear)
    (later,) = remember(engine, "port three")

    assert ear.notes == ["the store was missing and has been built from the journal: 1 memories"]
    assert {r.memory.id for r in engine.search("port", 5)} == {first.id, later.id}


# Embedders.


@pytest.fixture
def two_embedders(
    tiny_models: Path, bert_folder: Path, bert_network: Path, phi2_folder: Path
) -> Engine:
    """Return an engine that can choose between two embedders and began with tiny-bert."""
    text = MODELS_TOML.format(bert=bert_folder, phi2=phi2_folder)
    second = text.split("[tiny-phi2]")[0].replace("tiny-bert]", "second-bert]")
    second = second.replace("tiny-bert.files]", "second-bert.files]")
    (tiny_models / "models.toml").write_text(text + second)
    (tiny_models / "config.toml").write_text('[llm]\nmodel = "tiny-phi2"\n')
    shutil.copytree(bert_network, Paths(tiny_models).network("second-bert"))
    engine = Engine(load_config(Paths(tiny_models))[0], Paths(tiny_models))
    engine.use_embedder("tiny-bert")
    remember(engine, "the port is 5433", "the host is staging")
    engine.search("port", 1)
    return engine


def embedder_and_counts(engine: Engine) -> tuple[str, dict[str, int]]:
    with engine.store() as opened:
        return opened.database.embedder(), opened.database.counts()


def test_another_embedder_makes_all_vectors_anew(two_embedders: Engine) -> None:
    two_embedders.use_embedder("second-bert")

    done = {"memory": 2, "chunk": 2, "pending": 0}
    assert embedder_and_counts(two_embedders) == ("second-bert", done)
    assert two_embedders.search("port", 1)[0].text == "the port is 5433"
    assert (two_embedders.paths.index / "second-bert" / "header.json").exists()


def test_going_back_to_an_embedder_leaves_no_old_vectors(two_embedders: Engine) -> None:
    (memory,) = remember(two_embedders, "The cat sleeps on the sofa")
    two_embedders.use_embedder("tiny-bert")
    two_embedders.search("cat sofa", 3)
    two_embedders.use_embedder("second-bert")
    two_embedders.edit(memory, replace(memory, text="Winter tyres are in the garage"))
    two_embedders.use_embedder("tiny-bert")
    scores = {found.text: found.score for found in two_embedders.search("cat sofa", 3)}
    assert scores["Winter tyres are in the garage"] < 0.5


def test_what_is_piped_in_leaves_room_for_memory(engine: Engine) -> None:
    remember(engine, "The staging database listens on port 5433")
    piped = "\n\n".join(f"Paragraph {n} of talk about staging. " * 8 for n in range(9))
    answer = engine.ask(Inquiry("staging database port", count=4, piped=piped, use_llm=False))
    assert answer.kind == "extractive"
    assert "5433" in answer.text


def test_a_change_of_embedder_that_was_interrupted_goes_on(
    two_embedders: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = two_embedders.models.embedder("second-bert")
    with monkeypatch.context() as interrupted:

        def interrupt(texts: object) -> None:
            raise KeyboardInterrupt

        interrupted.setattr(embedder, "embed_passages", interrupt)
        with pytest.raises(KeyboardInterrupt):
            two_embedders.use_embedder("second-bert")
    done = {"memory": 2, "chunk": 2, "pending": 0}
    assert embedder_and_counts(two_embedders) == ("tiny-bert", done)
    assert two_embedders.search("port", 1)[0].text == "the port is 5433"

    two_embedders.use_embedder("second-bert")
    assert embedder_and_counts(two_embedders) == ("second-bert", done)
    assert two_embedders.search("port", 1)[0].text == "the port is 5433"


def test_settings_that_name_another_embedder_than_the_store_are_refused(
    two_embedders: Engine,
) -> None:
    config = replace(two_embedders.config, embedder="second-bert")
    engine = Engine(config, two_embedders.paths)
    with pytest.raises(EmbeddingMismatchError, match="made by tiny-bert") as refusal:
        engine.search("port", 1)
    assert "tera models use second-bert" in refusal.value.hint
    assert texts(engine.select(Filter())) == {"the port is 5433", "the host is staging"}


# On a server.


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
def test_everything_works_on_a_server(engine: Engine, surreal_server: str) -> None:
    config = replace(engine.config, store_url=surreal_server)
    engine = Engine(config, engine.paths)
    port, host = remember(engine, "the port is 5433", "the host is staging")

    assert engine.search("port", 1)[0].memory == port
    today = Filter(where="at >= today and not has tag")
    assert {result.memory for result in engine.search("port", 5, today)} == {port, host}
    # Told within a millisecond, neither is the newer.
    assert engine.select(today, 1)[0] in (port, host)
    assert engine.search("port", 5, Filter(where="tag = work or at < 2000")) == []
    assert engine.edit(host, replace(host, text="the host is open"))
    assert engine.search("host", 1)[0].text == "the host is open"
    engine.forget([port])
    assert [result.text for result in engine.search("port", 5)] == ["the host is open"]
    engine.undo()
    assert [result.memory for result in engine.search("port", 1)] == [port]
    assert not engine.paths.store.exists()


def test_a_file_with_a_secret_in_another_batch_or_inside_it_has_not_been_read(
    engine: Engine,
) -> None:
    digest = "d" * 64
    secret = "password: hunter2-and-more"
    mail = Draft(secret, source="/mail", is_file=True, type="mbox")
    mails = [replace(mail, text=f"mail {number}", part=str(number)) for number in range(70)]
    held: list[Held] = []
    for source in ("/mail", "/mail/a.zip/b.txt"):
        drafts = [replace(mail, source=source), *mails]
        drafts[-1] = replace(drafts[-1], digest=digest)
        assert len(list(engine.remember(drafts, "hold", held.append))) == 70
        assert engine.read_before([("/mail", digest)]) == [NOTHING_READ]
    assert len(held) == 2
    list(engine.remember([replace(mails[-1], digest=digest)], "hold", held.append))
    assert engine.read_before([("/mail", digest)]) != [NOTHING_READ]
