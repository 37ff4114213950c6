"""Passages -> answer: what fits the prompt, and the written answer with checked citations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from tera.datatypes import Answer, Citation, SearchResult
from tera.errors import GenerationError
from tera.places import cited
from tera.prompts import NO_ANSWER, Note, answer_prompt, note_text
from tera.sentences import sentences

if TYPE_CHECKING:
    from tera.llms import LLM

OnText = Callable[[str], None]
"""Receives an answer as it is written, piece by piece."""

ORIGIN_CHARACTERS = 100
"""Most characters of a title in the prompt."""
MIN_ANSWER_TOKENS = 64
"""Room that the prompt always leaves for an answer: about three sentences."""
MAX_QUESTION_SHARE = 0.5
"""A question may take this share of the context; what is longer is cut in its middle."""
_MARKER = re.compile(r"\[\s*(\d+(?:\s*[,;]\s*\d+)*)\s*\]")
_SPACED_MARKER = re.compile(r"( *)" + _MARKER.pattern)
_MAYBE_MARKER = re.compile(r" *(?:\[[\d\s,;]*)?$")


def write_answer(
    question: str,
    results: Sequence[SearchResult],
    llm: LLM,
    *,
    today: date,
    context_tokens: int,
    max_tokens: int,
    on_text: OnText,
    should_stop: Callable[[], bool] = lambda: False,
) -> Answer:
    """Let the language model answer from passages.

    Args:
        question: As asked.
        results: Passages, best first.
        llm: The model.
        today: For questions about time.
        context_tokens: Most tokens of passages in the prompt.
        max_tokens: Most tokens of the answer.
        on_text: Receives the answer as it is written, without invented citations.
        should_stop: See `LLM.generate`.

    Returns:
        A generated answer, or an unknown one when the model found none in the passages.

    Raises:
        GenerationError: The model failed.
    """
    asked = _shortened(question, llm)
    citations = fit_passages(asked, results, llm, today, context_tokens)
    if not citations:
        raise GenerationError(
            "no passage fits in the prompt", hint="raise ask.context_tokens: tera config show"
        )
    prompt = answer_prompt(asked, [_note(citation) for citation in citations], today)
    room = llm.context_tokens - llm.prompt_tokens(prompt)
    pieces = llm.generate(prompt, max(1, min(max_tokens, room)), should_stop)
    text = _emit(clean_citations(pieces, len(citations)), on_text)
    if not text or _says_unknown(text):
        nearest = tuple(result for result in results if result.memory.id)
        return Answer(question, "", "unknown", nearest=nearest)
    used = cited_numbers(text)
    # An answer without any marker rests on all that the model was shown.
    kept = tuple(c for c in citations if not used or c.number in used)
    return Answer(question, text, "generated", kept)


def fit_passages(
    question: str,
    results: Sequence[SearchResult],
    llm: LLM,
    today: date,
    context_tokens: int,
) -> list[Citation]:
    """Return the passages that fit the prompt, numbered from 1, best first.

    The first is always there, cut to what fits if it must be.
    """
    frame = llm.prompt_tokens(answer_prompt(question, [], today))
    left = min(context_tokens, llm.context_tokens - frame - MIN_ANSWER_TOKENS)
    citations: list[Citation] = []
    for result in results:
        citation = Citation(len(citations) + 1, result)
        tokens = llm.count_tokens(note_text(_note(citation))) + 2
        if tokens > left and not citations:
            citation = _cut(citation, left, llm)
            tokens = llm.count_tokens(note_text(_note(citation))) + 2
        if tokens <= left:
            citations.append(citation)
            left -= tokens
    return citations


def clean_citations(pieces: Iterable[str], count: int) -> Iterator[str]:
    """Pass text on, without citations of passages that do not exist.

    Text is held back only while it may turn out to be a citation.
    """
    held = ""
    for piece in pieces:
        held += piece
        start = _MAYBE_MARKER.search(held)
        ready, held = (held[: start.start()], held[start.start() :]) if start else (held, "")
        if ready:
            yield _known_only(ready, count)
    if held:
        yield _known_only(held, count)


def cited_numbers(text: str) -> set[int]:
    """Return the numbers that a text cites."""
    return {int(n) for marker in _MARKER.finditer(text) for n in re.findall(r"\d+", marker[1])}


def _known_only(text: str, count: int) -> str:
    def known(marker: re.Match[str]) -> str:
        numbers = [n for n in re.findall(r"\d+", marker[2]) if 1 <= int(n) <= count]
        # A marker that goes takes the space before it along.
        return marker[1] + "".join(f"[{n}]" for n in numbers) if numbers else ""

    return _SPACED_MARKER.sub(known, text)


def _emit(pieces: Iterable[str], on_text: OnText) -> str:
    """Pass an answer on as it comes, unless it begins like the one that says there is none."""
    text = ""
    emitted = 0
    for piece in pieces:
        text += piece
        start = _plain(text)
        may_be_unknown = start.startswith(NO_ANSWER.lower()[: len(start)])
        if not may_be_unknown:
            emitted = _pass_on(text, emitted, on_text)
    if not _says_unknown(text):
        _pass_on(text, emitted, on_text)
    return text.strip()


def _pass_on(text: str, emitted: int, on_text: OnText) -> int:
    """Pass on what has not been yet, without white space before the answer."""
    begin = emitted or len(text) - len(text.lstrip())
    if text[begin:]:
        on_text(text[begin:])
    return len(text)


def _says_unknown(text: str) -> bool:
    return _plain(text).startswith(NO_ANSWER.lower())


def _plain(text: str) -> str:
    return text.lstrip().lower().replace("’", "'")


def _note(citation: Citation) -> Note:
    result = citation.result
    is_piped = not result.memory.id
    has_name = result.memory.title or result.memory.type
    origin = (cited(result) if has_name else result.memory.source or "")[:ORIGIN_CHARACTERS]
    # The person's own calendar, as in all that is shown.
    when = None if is_piped else result.memory.at.astimezone().date()
    return Note(citation.number, result.text, when, origin)


def _cut(citation: Citation, tokens: int, llm: LLM) -> Citation:
    from dataclasses import replace

    result = citation.result
    ends = [end for _, end in sentences(result.memory.text, result.start, result.end)]
    # Sentence by sentence from the end; within the first sentence, half by half.
    while True:
        ends = ends[:-1]
        end = ends[-1] if ends else result.start + (result.end - result.start) // 2
        result = replace(result, end=end)
        shorter = Citation(citation.number, result)
        if llm.count_tokens(note_text(_note(shorter))) + 2 <= tokens or end - result.start < 2:
            return shorter


def _shortened(question: str, llm: LLM) -> str:
    most = int(llm.context_tokens * MAX_QUESTION_SHARE)
    while llm.count_tokens(question) > most:
        # What is asked stands at the beginning or at the end of a long question.
        keep = max(1, int(len(question) * 0.45))
        question = f"{question[:keep]} … {question[-keep:]}"
    return question
