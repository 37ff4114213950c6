"""Passages -> the sentences that answer best, quoted: an answer without a language model."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tera.datatypes import Answer, Citation, SearchResult
from tera.sentences import HEADING, paragraphs, sentences

if TYPE_CHECKING:
    from tera.answer import OnText
    from tera.embedders import Embedder

MAX_QUOTES = 3
QUOTE_SHARE = 0.85
"""A further sentence is quoted when it scores at least this share of the best one."""
MIN_QUOTE_WORDS = 5
"""A shorter sentence is quoted together with the next one."""
MAX_SENTENCES = 120
"""Sentences compared for a quote: they are embedded while the person waits."""
PASSAGE_WEIGHT = 2.0  # benchmarks/quotes.py, docs/decisions.md
WORDS_WEIGHT = 0.6  # benchmarks/quotes.py, docs/decisions.md

_WORD = re.compile(r"\w+")
_STEM_LETTERS = 6
"""Words count as the same when they begin alike: "closes" and "closed"."""
# Words of questions that answers do not repeat.
_COMMON = frozenset(
    (
        *(
            "a",
            "an",
            "the",
            "of",
            "to",
            "in",
            "on",
            "at",
            "for",
            "with",
            "by",
            "from",
            "as",
            "into",
        ),
        *("and", "or", "than", "then", "not", "no", "about", "that", "this", "there", "it", "its"),
        *("is", "are", "was", "were", "be", "been", "do", "does", "did", "has", "have", "had"),
        *("can", "could", "will", "would", "what", "which", "who", "whom", "when", "where", "why"),
        *("how", "much", "many", "i", "you", "he", "she", "they", "we", "my", "your", "his", "her"),
        *("their", "our"),
    )
)


def quote_answer(
    question: str, results: Sequence[SearchResult], embedder: Embedder, on_text: OnText
) -> Answer:
    """Answer with the sentences that fit the question best.

    Args:
        question: As asked.
        results: Passages, best first; at least one.
        embedder: Compares sentences with the question.
        on_text: Receives the answer.
    """
    found = find_sentences(results)
    scores = score_sentences(question, found, results, embedder)
    order = sorted(range(len(found)), key=lambda row: -scores[row])
    least = min(QUOTE_SHARE * scores[order[0]], scores[order[0]])
    said = {found[row][1]: row for row in reversed(order)}
    best = [row for row in order if said[found[row][1]] == row and scores[row] >= least]
    numbers: dict[int, int] = {}
    lines: list[str] = []
    for row in best[:MAX_QUOTES]:
        place, sentence = found[row]
        number = numbers.setdefault(place, len(numbers) + 1)
        lines.append(f"“{sentence}” [{number}]")
    text = "\n".join(lines)
    on_text(text)
    citations = tuple(Citation(number, results[place]) for place, number in numbers.items())
    return Answer(question, text, "extractive", citations)


def score_sentences(
    question: str,
    found: Sequence[tuple[int, str]],
    results: Sequence[SearchResult],
    embedder: Embedder,
) -> list[float]:
    """Return a score for each sentence; higher is better.

    It adds up the sentence's cosine with the question, that of its passage, and the share of the
    question's words that stand in it, rare ones counting more.
    """
    cosines = embedder.embed_passages([text for _, text in found]) @ embedder.embed_query(question)
    wanted = _stems(question)
    stems = [_stems(text) & wanted for _, text in found]
    frequency = Counter(stem for those in stems for stem in those)
    weight = {stem: math.log(1 + len(found) / (1 + frequency[stem])) for stem in wanted}
    total = sum(weight.values()) or 1.0
    return [
        float(cosine)
        + PASSAGE_WEIGHT * results[place].score
        + WORDS_WEIGHT * sum(weight[stem] for stem in those) / total
        for cosine, (place, _), those in zip(cosines, found, stems, strict=True)
    ]


def find_sentences(results: Sequence[SearchResult]) -> list[tuple[int, str]]:
    """Return the first MAX_SENTENCES sentences of passages, each with its passage's place."""
    found: list[tuple[int, str]] = []
    for place, result in enumerate(results):
        whole = " ".join(result.text.split())
        found += [(place, sentence) for sentence in _sentences(result) or [whole]]
    return found[:MAX_SENTENCES]


def _sentences(result: SearchResult) -> list[str]:
    """Return a passage's sentences; none when it is nothing but a heading."""
    found: list[str] = []
    text = result.memory.text
    for first, last in paragraphs(result.text):
        begin: int | None = None
        for start, end in sentences(text, result.start + first, result.start + last):
            if begin is None and HEADING.match(text[start:end]) and end < result.end:
                continue
            begin = start if begin is None else begin
            # "3. The lift." says something only together with what follows it.
            is_last = not text[end : result.start + last].strip()
            if is_last or len(text[begin:end].split()) >= MIN_QUOTE_WORDS:
                found.append(" ".join(text[begin:end].split()))
                begin = None
    return found


def _stems(text: str) -> set[str]:
    words = (word.lower() for word in _WORD.findall(text))
    return {word[:_STEM_LETTERS] for word in words if word not in _COMMON}
