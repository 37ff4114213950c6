"""Passages -> what the prompt shows of them: all, or the sentences that matter most."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from tera.answers.citations import without_markers
from tera.datatypes import Citation, Disagreement, SearchResult, Turn
from tera.places import cited, is_chat, message_head, moment_of
from tera.prompts import LEFT_OUT, SYSTEM, Note, Prompt, answer_prompt, note_text
from tera.sentences import HEADING, Span, sentences

if TYPE_CHECKING:
    from tera.answers.quotes import Quotes
    from tera.llms import LLM

ORIGIN_CHARACTERS = 100
"""Most characters of a title in the prompt."""
MIN_ANSWER_TOKENS = 64
"""Room that the prompt always leaves for an answer: about three sentences."""
MIN_NOTE_TOKENS = 64
"""Room that a long question leaves for notes."""
SHORTEST_QUESTION = 40
"""No question is cut below so many characters."""
LEAST_NOTE_TOKENS = 160
"""Notes may take so many, however slow the model reads: the best three or four sentences."""
MAX_QUESTION_SHARE = 0.5
"""A question may take this share of the context; what is longer is cut in its middle."""
MAX_TURNS = 3
HISTORY_SHARE = 0.25
"""Of the tokens that are not always the same, what was said before may take this share."""
TURN_CHARACTERS = 400
"""An earlier question or answer is cut to this."""
NEIGHBOURED = 1  # benchmarks/context.py
"""Around so many of the best sentences, those before and behind are shown next."""
SPARE_TOKENS = 6
"""Quoting a piece takes a few tokens more than it has by itself."""
HEADING_CHARACTERS = 20_000
"""A heading is looked for so far above a passage."""
_SPEAKER = re.compile(r"[^\W\d_][^:\n.!?]{0,40}: ")


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage as the prompt shows it, and the lines beside it."""

    citation: Citation
    note: Note
    about: str


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a prompt may have of what is not always the same.

    Attributes:
        tokens: The setting: most tokens of notes.
        wait_s: How long reading them may take.
    """

    tokens: int
    wait_s: float


def shortened(question: str, llm: LLM, today: date) -> str:
    """Return a question that leaves room for a note and the answer in the model's context."""
    frame = llm.prompt_tokens(answer_prompt("", [], today))
    room = llm.context_tokens - frame - MIN_ANSWER_TOKENS - MIN_NOTE_TOKENS
    most = min(int(llm.context_tokens * MAX_QUESTION_SHARE), room)
    while llm.count_tokens(question) > most and len(question) > SHORTEST_QUESTION:
        # What is asked stands at the beginning or at the end of a long question.
        keep = max(1, int(len(question) * 0.45))
        question = f"{question[:keep]} … {question[-keep:]}"
    return question


def fit_turns(history: Sequence[Turn], question: str, llm: LLM, budget: Budget) -> list[Turn]:
    """Return the last turns that leave enough room for notes; old citations are taken out."""
    readable = min(llm.context_tokens // 2, llm.tokens_within(budget.wait_s), budget.tokens)
    left = int(HISTORY_SHARE * max(readable, LEAST_NOTE_TOKENS)) - llm.count_tokens(question)
    kept: list[Turn] = []
    for turn in reversed(history[-MAX_TURNS:]):
        short = Turn(_cut(turn.question), _cut(without_markers(turn.answer)))
        left -= llm.count_tokens(short.question) + llm.count_tokens(short.answer) + SPARE_TOKENS
        if left < 0 or not short.answer:
            break
        kept.append(short)
    return kept[::-1]


def fit_passages(
    question: str,
    results: Sequence[SearchResult],
    llm: LLM,
    *,
    quotes: Quotes,
    today: date,
    budget: Budget,
    turns: Sequence[Turn] = (),
    disagreements: Sequence[Disagreement] = (),
) -> list[Shown]:
    """Return the passages that fit the prompt, numbered from 1, best first.

    Where not all of them fit, of each the sentences that fit the question best are left, those of
    all passages against each other. The best sentence is always there, cut if it must be.

    Args:
        question: As the prompt has it.
        results: Best first.
        llm: Counts tokens.
        quotes: The sentences of the passages, best first.
        today: As the prompt has it.
        budget: How much may be shown.
        turns: What was said before, as the prompt has it.
        disagreements: Of two that do not agree the newer is shown first.
    """
    ordered = _newer_first(results, disagreements)
    frame = llm.prompt_tokens(answer_prompt(question, [], today, turns))
    fixed = llm.prompt_tokens(Prompt(SYSTEM, ""))
    readable = llm.tokens_within(budget.wait_s) - (frame - fixed)
    room = llm.context_tokens - frame - MIN_ANSWER_TOKENS
    left = min(room, budget.tokens, max(readable, LEAST_NOTE_TOKENS))
    whole = [(result, [(result.start, result.end)]) for result in ordered]
    if (shown := _shown(whole)) and _tokens(shown, llm) <= left:
        return shown
    chosen = _Chosen(ordered, llm, left)
    chosen.add_best(quotes)
    while (shown := _shown(chosen.pieces())) and _tokens(shown, llm) > left:
        if not chosen.drop_last():
            break
    if shown and _tokens(shown, llm) <= left:
        return shown
    return _cut_to(ordered, quotes, llm, left)


class _Chosen:
    """The sentences that are shown, while they are chosen."""

    def __init__(self, results: Sequence[SearchResult], llm: LLM, left: int) -> None:
        self.results = results
        self.llm = llm
        self.left = left
        self.spans: dict[int, set[Span]] = {}
        self.order: list[tuple[int, Span]] = []

    def add_best(self, quotes: Quotes) -> None:
        """Add sentence by sentence, the best first, as long as there is room."""
        for place, span in _wanted(self.results, quotes):
            for unit in _units(self.results[place], span):
                if self._has(place, unit) or self._add(place, unit):
                    break

    def _has(self, place: int, span: Span) -> bool:
        return any(
            first <= span[0] and span[1] <= last for first, last in self.spans.get(place, ())
        )

    def _add(self, place: int, span: Span) -> bool:
        result = self.results[place]
        tokens = self.llm.count_tokens(_lead(result, span[0]) + _text(result, span)) + 2
        if place not in self.spans:
            # The line above a note, and the heading that it stands under.
            head = note_text(_note(1, result, f"{_heading(result)}\n"))
            tokens += self.llm.count_tokens(head) + SPARE_TOKENS
        if tokens > self.left:
            return False
        self.left -= tokens
        self.spans.setdefault(place, set()).add(span)
        self.order.append((place, span))
        return True

    def drop_last(self) -> bool:
        """Leave out what was added last; false when only one sentence is left."""
        if len(self.order) < 2:
            return False
        place, span = self.order.pop()
        self.spans[place].discard(span)
        if not self.spans[place]:
            del self.spans[place]
        return True

    def pieces(self) -> list[tuple[SearchResult, list[Span]]]:
        """Return the passages with what is shown of them, in the order of the passages."""
        return [
            (self.results[place], _merged(spans)) for place, spans in sorted(self.spans.items())
        ]


def _wanted(results: Sequence[SearchResult], quotes: Quotes) -> Iterator[tuple[int, Span]]:
    """Yield sentences by the number of their passage, best first; then what is not ranked.

    What is said in a chat is understood with what was said before: between them are the passages of
    chats, whole. Measured by benchmarks/context.py.
    """
    whole = ((n, (one.start, one.end)) for n, one in enumerate(results) if is_chat(one.memory.type))
    places = {id(result): place for place, result in enumerate(results)}

    def place_of(result: SearchResult) -> int | None:
        found = places.get(id(result))
        return (
            found
            if found is not None
            else next((place for place, other in enumerate(results) if other == result), None)
        )

    for rank, (quote, _) in enumerate(quotes.ranked):
        place = place_of(quote.result)
        if place is None:
            continue
        yield from islice(whole, 1)
        yield place, (quote.start, quote.end)
        if rank < NEIGHBOURED:
            yield from ((place, span) for span in _around(results[place], quote.start, quote.end))
    for place, result in enumerate(results):
        yield from (
            (place, span) for span in sentences(result.memory.text, result.start, result.end)
        )


def _units(result: SearchResult, span: Span) -> list[Span]:
    """Return what may be shown for a sentence, the longest first: of a chat the message."""
    if not is_chat(result.memory.type):
        return [span]
    text = result.memory.text
    start = max(result.start, text.rfind("\n", 0, span[0]) + 1)
    end = text.find("\n", span[1])
    message = start, result.end if end < 0 else min(end, result.end)
    return [message if message[0] < message[1] else span, span]


def _around(result: SearchResult, start: int, end: int) -> Iterator[Span]:
    spans = list(sentences(result.memory.text, result.start, result.end))
    yield from [span for span in spans if span[1] <= start][-1:]
    yield from [span for span in spans if span[0] >= end][:1]


def _merged(spans: set[Span]) -> list[Span]:
    """Return spans in the order of the text; those that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _shown(pieces: Sequence[tuple[SearchResult, list[Span]]]) -> list[Shown]:
    shown = []
    for number, (result, spans) in enumerate(pieces, start=1):
        heading = _heading(result)
        lead = "".join(f"{_lead(result, start)}\n" for start, _ in spans)
        note = _note(number, result, "\n".join(filter(None, (heading, _joined(result, spans)))))
        about = f"{note.origin}\n{heading}\n{lead}"
        shown.append(Shown(Citation(number, result), note, about))
    return shown


def _tokens(shown: Sequence[Shown], llm: LLM) -> int:
    return sum(llm.count_tokens(note_text(one.note) + "\n\n") + 1 for one in shown)


def _joined(result: SearchResult, spans: Sequence[Span]) -> str:
    """Return what is shown of a passage, with a mark where something was left out."""
    text = result.memory.text
    parts: list[str] = []
    last = result.start
    for start, end in spans:
        between = text[last:start]
        if between.strip():
            parts.append(f"\n{LEFT_OUT}\n" if parts else f"{LEFT_OUT}\n")
            parts.append(_lead(result, start))
        else:
            parts.append(between if parts else _lead(result, start))
        parts.append(text[start:end])
        last = end
    if text[last : result.end].strip():
        parts.append(f"\n{LEFT_OUT}")
    return "".join(parts)


def _lead(result: SearchResult, start: int) -> str:
    """Return who said what begins in the middle of a line: "Anna (5 May 2026 10:00): "."""
    text = result.memory.text
    line = text.rfind("\n", 0, start) + 1
    if is_chat(result.memory.type):
        head = message_head(result.memory, start)
        return "" if text.startswith(head, start) else head
    speaker = _SPEAKER.match(text, line, start) if line < start else None
    return speaker[0] if speaker else ""


def _heading(result: SearchResult) -> str:
    """Return the heading that a passage stands under, if it does not have it itself."""
    if is_chat(result.memory.type):
        return ""
    above = result.memory.text[max(0, result.start - HEADING_CHARACTERS) : result.start]
    if "#" not in above or HEADING.match(result.text.partition("\n")[0]):
        return ""
    found = (line for line in reversed(above.splitlines()) if HEADING.match(line))
    return next(found, "")[:ORIGIN_CHARACTERS]


def _note(number: int, result: SearchResult, text: str) -> Note:
    memory = result.memory
    # Without a title the first line stands for it, which the passage may show itself.
    has_name = memory.title or (memory.type and not result.text.startswith(memory.headline))
    # In a chat the place is a date, which stands there anyway.
    name = memory.headline if is_chat(memory.type) else cited(result)
    origin = (name if has_name else memory.source or "")[:ORIGIN_CHARACTERS]
    # The person's own calendar, as in all that is shown; what is piped in has no date.
    when = moment_of(result.memory, result.start).date() if result.memory.id else None
    return Note(number, text, when, origin)


def _text(result: SearchResult, span: Span) -> str:
    return result.memory.text[span[0] : span[1]]


def _cut_to(results: Sequence[SearchResult], quotes: Quotes, llm: LLM, left: int) -> list[Shown]:
    """Return the best sentence alone, half by half until it fits."""
    if not results:
        return []
    best = quotes.best if quotes.ranked else None
    result, start, end = (
        (best.result, best.start, best.end)
        if best
        else (results[0], results[0].start, results[0].end)
    )
    while True:
        short = replace(result, start=start, end=end)
        shown = _shown([(short, [(start, end)])])
        if _tokens(shown, llm) <= left or end - start < 2:
            return shown
        end = start + (end - start) // 2


def _newer_first(
    results: Sequence[SearchResult], disagreements: Sequence[Disagreement]
) -> list[SearchResult]:
    ordered = list(results)
    for one in disagreements:
        newer, older = one.newer.result, one.older.result
        if newer in ordered and older in ordered:
            place = ordered.index(older)
            if place < ordered.index(newer):
                ordered.remove(newer)
                ordered.insert(place, newer)
    return ordered


def _cut(text: str) -> str:
    return text if len(text) <= TURN_CHARACTERS else f"{text[:TURN_CHARACTERS].rstrip()} …"
