from __future__ import annotations

from dataclasses import replace

import pytest

from tera import waiting
from tera.datatypes import Draft, Filter
from tera.engine import Engine
from tera.waiting import WaitingTexts


def test_texts_are_found_by_the_words_they_share_with_a_question() -> None:
    texts = WaitingTexts()
    texts.add("a", "The staging database listens on port 5433")
    texts.add("b", "Rex is allergic to chicken")
    texts.add("c", "the Port of Hamburg")
    assert texts.find("Which PORT does staging use?", 5) == ["a", "c"]
    assert texts.find("Which port does staging use?", 1) == ["a"]
    assert texts.find("port", 5, among={"c"}) == ["c"]
    assert texts.find("is it?", 5) == []
    assert texts.find("5433", 5) == ["a"]


def test_words_without_spaces_between_them_are_found_too() -> None:
    texts = WaitingTexts()
    texts.add("a", "奶奶昨晚在电话里说冰箱现在放在地下室。")
    texts.add("b", "小李的自行车")
    assert texts.find("冰箱在哪里？", 5) == ["a"]
    assert texts.find("自行车 where", 5) == ["b"]
    assert texts.find("雨", 5) == []


def test_of_equal_texts_the_newest_comes_first() -> None:
    texts = WaitingTexts()
    for key in "abc":
        texts.add(key, "port")
    texts.add("a", "port again")
    assert texts.find("port", 5) == ["a", "c", "b"]


def test_the_oldest_leave_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_CHARACTERS", 10)
    texts = WaitingTexts()
    for key in ("one", "two", "three"):
        texts.add(key, key * 2)
    assert len(texts) == 1
    texts.add("large", "port " * 100)
    assert texts.find("port", 5) == ["large"]
    texts.remove(["large", "unknown"])
    assert len(texts) == 0


@pytest.fixture
def open_engine(engine: Engine) -> Engine:
    """Return an engine that leaves vectors to a thread that is not there."""
    return Engine(engine.config, engine.paths, stays_open=True)


def test_what_waits_for_vectors_is_found_and_scored_as_if_it_had_them(open_engine: Engine) -> None:
    engine = open_engine
    engine.search("nothing yet", 1)
    text = "The staging database listens on port 5433"
    list(engine.remember([Draft(text, tags=("work",)), Draft("Rex is allergic to chicken")]))
    question = "Which port does the staging database use?"
    (found,) = engine.search(question, 1)
    assert found.text == text
    assert engine.facts()["waiting_for_vectors"] == 2
    assert engine.search(question, 5, Filter(tags=("work",)))[0].text == text
    assert engine.search(question, 5, Filter(tags=("other",))) == []
    engine.workspace.embed("tiny-bert", lambda *_: None)
    assert engine.facts()["waiting_for_vectors"] == 0
    assert len(engine.workspace.waiting) == 0
    (again,) = engine.search(question, 1)
    assert again.text == text
    assert again.meaning == pytest.approx(found.meaning, abs=1e-4)
    assert again.words > 0 < found.words
    engine.close()


def test_an_edit_that_comes_while_the_old_text_is_embedded_is_found(open_engine: Engine) -> None:
    engine = open_engine
    engine.search("nothing yet", 1)
    (told,) = engine.remember([Draft("the old text")])
    found: list[str] = []

    def edit(task: str, done: int, total: int) -> None:
        if not done:
            engine.edit(told.memory, replace(told.memory, text="the port is 5433"))
        elif done == 100:
            found.extend(engine.workspace.waiting.find("port", 1))

    engine.workspace.embed("tiny-bert", edit)
    assert set(found) == {told.memory.id}
    assert len(engine.workspace.waiting) == 0
    assert [result.text for result in engine.search("port", 5)] == ["the port is 5433"]
    engine.close()


def test_all_that_waits_is_found_when_a_store_opens_but_no_more_than_memory_may_hold(
    open_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine
    engine.search("nothing yet", 1)
    list(engine.remember(Draft(f"port {number:04}") for number in range(1200)))
    engine.close()
    waiting_texts = engine.workspace.waiting
    waiting_texts.clear()
    with engine.store():
        assert len(waiting_texts) == 1200
    assert [r.text for r in engine.search("0007", 1)] == ["port 0007"]
    engine.close()
    monkeypatch.setattr(waiting, "MOST_CHARACTERS", 900)
    with engine.store():
        assert len(waiting_texts) == 100
    engine.close()


def test_what_waits_is_what_the_store_says(open_engine: Engine) -> None:
    engine = open_engine
    engine.search("nothing yet", 1)
    one, _ = engine.remember([Draft("port one"), Draft("port two")])
    engine.forget([one.memory])
    assert [result.text for result in engine.search("port", 5)] == ["port two"]
    engine.undo()
    assert {result.text for result in engine.search("port", 5)} == {"port one", "port two"}
    engine.close()
    # Opened again, the store tells what waits.
    assert {result.text for result in engine.search("port", 5)} == {"port one", "port two"}
    engine.close()
