"""A question -> an answer: what was said before taken up, passages, the best sentence, the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from tera.answers import Audience
from tera.answers.disagreements import find_disagreements, newer_first
from tera.answers.followups import standalone, with_as_typed
from tera.answers.quotes import find_quotes, quote_answer
from tera.answers.written import write_answer
from tera.datatypes import Answer, Disagreement, Inquiry, SearchResult
from tera.gate import behind_gate
from tera.spot import read_along
from tera.workspace import Workspace

if TYPE_CHECKING:
    from tera.answers.quotes import Quotes
    from tera.embedders import Embedder
    from tera.finder import Found


def answer(
    workspace: Workspace,
    inquiry: Inquiry,
    find: Callable[[Inquiry, Embedder], Found],
    audience: Audience,
    should_stop: Callable[[], bool],
) -> Answer:
    """Answer a question from memory, and from piped text when there is some.

    Args:
        workspace: The store and the models.
        inquiry: What is asked.
        find: Looks for passages.
        audience: Reads the answer as it is made.
        should_stop: Asked while the language model works, by any thread; true ends it.
    """
    looked_for = standalone(inquiry.question, inquiry.history)
    asked = replace(inquiry, question=looked_for)
    embedder, found = workspace.with_embedder(
        lambda embedder: (embedder, _found(inquiry, asked, find, embedder)),
    )
    results = behind_gate(found.results, found.evidence)
    if asked.piped.strip():
        # What is piped in comes first, and leaves room for memory.
        room = asked.count - min(len(results), asked.count // 2)
        along = read_along(workspace, asked.piped, looked_for, found.vector, embedder, room)
        results = [*along, *results][: asked.count]
    scale = workspace.indexes.scale(embedder)
    quotes = find_quotes(looked_for, results, embedder, found.vector, scale)
    disagreements = find_disagreements(quotes)
    quotes = newer_first(quotes, disagreements)
    if not quotes.is_answer:
        done = Answer(inquiry.question, "", "unknown", nearest=tuple(found.results))
    else:
        done = _said(workspace, asked, results, quotes, disagreements, audience, should_stop)
    return replace(
        done,
        disagreements=() if done.kind == "unknown" else disagreements,
        question=inquiry.question,
        looked_for="" if looked_for == inquiry.question else looked_for,
    )


def _found(
    inquiry: Inquiry,
    asked: Inquiry,
    find: Callable[[Inquiry, Embedder], Found],
    embedder: Embedder,
) -> Found:
    """Return passages for a question; of a follow-up also those for its own words."""
    found = find(asked, embedder)
    if asked.question == inquiry.question:
        return found
    typed = find(inquiry, embedder)
    results = with_as_typed(found.results, typed.results)[: inquiry.count]
    return replace(found, results=results)


def _said(
    workspace: Workspace,
    asked: Inquiry,
    results: list[SearchResult],
    quotes: Quotes,
    disagreements: Sequence[Disagreement],
    audience: Audience,
    should_stop: Callable[[], bool],
) -> Answer:
    models, config, listener = workspace.models, workspace.config, workspace.listener
    use_llm = asked.use_llm
    if use_llm and not models.has_llm(asked.is_local):
        name = models.llm_name(asked.is_local)
        listener.note(
            f"{name} is not on this machine: quoting instead of answering",
            f"tera models pull {name}",
        )
        use_llm = False
    if not use_llm:
        return quote_answer(asked.question, quotes, audience)
    audience.quote(quotes.best)
    with models.llm(keep=workspace.keeps_llm, is_local=asked.is_local) as llm:
        passages = "1 passage" if len(results) == 1 else f"{len(results)} passages"
        listener.progress(f"{llm.spec.name} reads {passages}", 0, 0)
        return write_answer(
            asked.question,
            results,
            llm,
            quotes=quotes,
            disagreements=disagreements,
            history=asked.history,
            today=asked.now.astimezone().date() if asked.now else date.today(),
            context_tokens=config.ask_context_tokens,
            wait_s=config.ask_wait_s,
            max_tokens=config.ask_max_tokens,
            audience=audience,
            should_stop=should_stop,
        )
