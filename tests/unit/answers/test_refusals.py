from __future__ import annotations

import pytest

from tera.answers.quotes import Quotes
from tera.answers.refusals import holds_answer, is_refusal
from tests.answering import ranked, result


@pytest.mark.parametrize(
    "sentence",
    [
        *("I don't know.", "I DON’T KNOW", "I do not know the answer.", "I'm not sure."),
        *("I am sorry, but I can't answer that.", "The notes do not mention it.", "Unknown."),
        "Based on the notes, I cannot determine the port.",
        "There is no information about that in the notes.",
        "I do not have enough information to answer.",
        "The port is not specified in the notes.",
        "It cannot be determined.",
        "The provided context doesn't say when.",
        "None of the notes mention a port.",
        *("Ich weiß es leider nicht.", "Die Notizen enthalten dazu keine Angaben."),
        *("Je ne sais pas.", "Les notes ne le disent pas.", "No lo sé.", "Non lo so.", "Não sei."),
        *("Ik weet het niet.", "As an AI, I have no memories."),
    ],
)
def test_the_usual_ways_to_say_that_one_does_not_know_are_known(sentence: str) -> None:
    assert is_refusal(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        *("It does not include breakfast.", "The contract does not specify a period."),
        *("Tom does not know the port.", "The note says that it does not include breakfast."),
        *("The staging database listens on port 5433.", "I don't think so.", "I ate it."),
        *("She was not sure whether to go."),
    ],
)
def test_what_only_sounds_like_it_is_none(sentence: str) -> None:
    assert not is_refusal(sentence)


def test_a_model_is_not_believed_when_the_best_sentence_has_what_is_asked() -> None:
    passage = result("The staging database listens on port 5433.")
    assert holds_answer("On which port does the staging database listen?", ranked(passage))
    assert not holds_answer("When is the wedding of Anna?", ranked(passage))
    assert holds_answer("When?", ranked(passage, short="5433"))


def test_without_evidence_a_model_is_believed() -> None:
    passage = result("The staging database listens on port 5433.")
    question = "On which port does the staging database listen?"
    assert not holds_answer(question, Quotes(()))
    assert not holds_answer(question, Quotes(ranked(passage).ranked, is_answer=False))
