"""The order of an answer: the best sentence, what is being written, what stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tera.datatypes import Draft, Inquiry, Quote
from tera.engine import Engine
from tera.models import ModelSpec

STAGING = "The staging database listens on port 5433."


class Heard:
    """An audience that remembers what it heard."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []

    def quote(self, quote: Quote) -> None:
        self.all.append(("quote", quote.text))

    def draft(self, text: str) -> None:
        self.all.append(("draft", text))

    def text(self, piece: str) -> None:
        self.all.append(("text", piece))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.all]


@pytest.fixture
def told(engine: Engine) -> Engine:
    list(engine.remember([Draft(STAGING), Draft("Rex is allergic to chicken.")]))
    return engine


def test_the_best_sentence_is_heard_before_the_model_has_written_anything(told: Engine) -> None:
    heard = Heard()
    answer = told.ask(Inquiry("Which port has the staging database?"), heard)
    assert heard.all[0] == ("quote", STAGING)
    assert heard.kinds().count("quote") == 1
    assert "".join(text for kind, text in heard.all if kind == "text") == answer.text
    assert answer.quote is not None
    assert answer.quote.text == STAGING


def test_without_a_language_model_the_quotes_are_the_answer(told: Engine) -> None:
    heard = Heard()
    answer = told.ask(Inquiry("Which port has the staging database?", use_llm=False), heard)
    assert set(heard.kinds()) == {"text"}
    assert answer.kind == "extractive"
    assert STAGING in answer.text


def test_nothing_is_heard_where_nothing_is_known(told: Engine) -> None:
    heard = Heard()
    answer = told.ask(Inquiry("Who painted Guernica?"), heard)
    assert (answer.kind, heard.all) == ("unknown", [])
    assert answer.nearest


def test_a_model_that_is_not_here_is_no_reason_to_say_nothing(told: Engine) -> None:
    catalogue: dict[str, ModelSpec] = told.models.catalogue
    catalogue["tiny-phi2"] = replace(catalogue["tiny-phi2"], path="/nowhere")
    answer = told.ask(Inquiry("Which port has the staging database?"))
    assert answer.kind == "extractive"
