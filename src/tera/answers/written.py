"""Passages -> an answer that a language model writes, checked sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from tera.answers import Audience
from tera.answers.context import Budget, Shown, fit_passages, fit_turns, shortened
from tera.answers.drafts import drafted
from tera.answers.grounding import Grounding
from tera.answers.quotes import quote_answer
from tera.answers.refusals import holds_answer, is_refusal
from tera.datatypes import Answer, Claim, Disagreement, SearchResult, Turn
from tera.errors import GenerationError
from tera.prompts import answer_prompt

if TYPE_CHECKING:
    from tera.answers.quotes import Quotes
    from tera.llms import LLM

MOST_REPEATS = 2
"""A model that says so many sentences again has nothing more to say."""
WAIT_S = 20.0
"""How long reading the notes may take."""


def write_answer(
    question: str,
    results: Sequence[SearchResult],
    llm: LLM,
    *,
    quotes: Quotes,
    disagreements: Sequence[Disagreement] = (),
    history: Sequence[Turn] = (),
    today: date,
    context_tokens: int,
    wait_s: float = WAIT_S,
    max_tokens: int,
    audience: Audience,
    should_stop: Callable[[], bool] = lambda: False,
) -> Answer:
    """Let the language model answer from passages.

    Args:
        question: Understandable alone.
        results: Passages, best first.
        llm: The model.
        quotes: The sentences of the passages, best first.
        disagreements: Of two that do not agree the model reads the newer first.
        history: What was said before.
        today: For questions about time.
        context_tokens: Most tokens of passages in the prompt.
        wait_s: How long the model may read them, by what was measured.
        max_tokens: Most tokens of the answer.
        audience: Sees each sentence while it is written, and hears it when it is checked.
        should_stop: See `LLM.generate`.

    Returns:
        A generated answer whose sentences are borne out by passages or are quotes of them; an
        extractive one where nothing is left of what the model wrote, or when it missed the answer;
        an unknown one when it found none.

    Raises:
        GenerationError: The model failed.
    """
    asked = shortened(question, llm, today)
    budget = Budget(context_tokens, wait_s)
    turns = fit_turns(history, asked, llm, budget)
    shown = fit_passages(
        asked,
        results,
        llm,
        quotes=quotes,
        today=today,
        budget=budget,
        turns=turns,
        disagreements=disagreements,
    )
    if not shown:
        raise GenerationError(
            "no passage fits in the prompt", hint="raise ask.context_tokens: tera config show"
        )
    prompt = answer_prompt(asked, [one.note for one in shown], today, turns)
    room = llm.context_tokens - llm.prompt_tokens(prompt)
    noon = datetime.combine(today, time(12)).astimezone()
    hearing = _Hearing(Grounding(question, shown, quotes, noon), audience)
    pieces = llm.generate(prompt, max(1, min(max_tokens, room)), should_stop)
    hearing.listen(pieces)
    return _concluded(question, results, shown, quotes, hearing, should_stop())


class _Hearing:
    """What is said of what a model writes."""

    def __init__(self, grounding: Grounding, audience: Audience) -> None:
        self.grounding = grounding
        self.audience = audience
        self.claims: list[Claim] = []
        self.text = ""
        self.has_refused = False
        self._held: list[tuple[int, Claim, str]] = []
        self._repeats = 0

    def listen(self, pieces: Iterator[str]) -> None:
        """Check sentence by sentence and pass on what stands."""
        for sentence in drafted(pieces, self.audience.draft):
            self._hear(sentence.text, sentence.gap)
            if self._repeats >= MOST_REPEATS:
                break
        self.audience.draft("")
        if isinstance(pieces, Generator):
            # Without this the model is only stopped when the garbage is collected.
            pieces.close()

    def say_held(self) -> None:
        """Pass on what follows an "I don't know" and is borne out."""
        for place, claim, gap in self._held:
            self.claims[place] = claim
            self._say(claim, gap)

    def _hear(self, sentence: str, gap: str) -> None:
        if not any(map(str.isalnum, sentence)):
            self.audience.draft("")
            return
        if is_refusal(sentence) and not self.grounding.tells_anew(sentence):
            # Only at the beginning it is an answer: later it cannot be checked.
            self.has_refused |= not self.text
            self.claims.append(Claim("", (), "withheld", written=sentence))
            self.audience.draft("")
            return
        claim = self.grounding.check(sentence, begins_line=not self.text or "\n" in gap)
        if claim is None:
            self._repeats += 1
        elif not self.has_refused:
            self.claims.append(claim)
            self._say(claim, gap)
        elif claim.support == "supported":
            self._held.append((len(self.claims), claim, gap))
            self.claims.append(Claim("", (), "withheld", written=sentence))
        self.audience.draft("")

    def _say(self, claim: Claim, gap: str) -> None:
        if not claim.text:
            return
        lines = gap.count("\n")
        piece = ("\n" * min(2, lines) if lines else " ") + claim.text if self.text else claim.text
        self.text += piece
        self.audience.text(piece)


def _concluded(
    question: str,
    results: Sequence[SearchResult],
    shown: Sequence[Shown],
    quotes: Quotes,
    hearing: _Hearing,
    is_stopped: bool,
) -> Answer:
    """Return the answer, when the model has written all."""
    is_missed = not quotes.ranked or (hearing.has_refused and not holds_answer(question, quotes))
    if is_missed or (is_stopped and not hearing.text):
        nearest = tuple(result for result in results if result.memory.id)
        return Answer(question, "", "unknown", nearest=nearest, claims=tuple(hearing.claims))
    hearing.say_held()
    claims = hearing.claims
    if not hearing.text:
        answer = quote_answer(question, quotes, hearing.audience)
        return replace(answer, claims=tuple(claims))
    used = {number for claim in claims for number in claim.citations if claim.text}
    return Answer(
        question,
        hearing.text,
        "generated" if any(claim.support == "supported" for claim in claims) else "extractive",
        tuple(one.citation for one in shown if one.citation.number in used),
        quote=quotes.best,
        short=quotes.short,
        claims=tuple(claims),
    )
