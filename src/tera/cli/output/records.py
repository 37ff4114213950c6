"""Records as --json prints them."""

from __future__ import annotations

from typing import Any

from tera.datatypes import Answer, Memory, Quote, Remembered, SearchResult


def memory_record(memory: Memory) -> dict[str, Any]:
    """Return a memory for --json."""
    from tera.transfer import fields_of

    return {"id": memory.id, **fields_of(memory)}


def remembered_record(remembered: Remembered) -> dict[str, Any]:
    """Return what became of something told for --json."""
    return {**memory_record(remembered.memory), "status": remembered.status}


def result_record(result: SearchResult) -> dict[str, Any]:
    """Return a passage for --json; `start` and `end` are characters of the memory's text."""
    from tera.places import place_of

    memory = memory_record(result.memory)
    memory["text"] = result.text
    memory["place"] = place_of(result.memory, result.start, result.end)
    parts = {
        name: round(getattr(result, name), 4) for name in ("score", "meaning", "words", "time")
    }
    return {**memory, "start": result.start, "end": result.end, **parts}


def quote_record(quote: Quote) -> dict[str, Any]:
    """Return words of a passage for --json; `start` and `end` are characters of the memory."""
    return {
        "id": quote.result.memory.id,
        "at": quote.result.memory.at.isoformat(),
        "text": quote.text,
        "start": quote.start,
        "end": quote.end,
    }


def answer_record(answer: Answer) -> dict[str, Any]:
    """Return an answer for --json, with what became of each sentence of the model."""
    return {
        "question": answer.question,
        "looked_for": answer.looked_for or answer.question,
        "kind": answer.kind,
        "answer": answer.text,
        "short": answer.short or None,
        "quote": quote_record(answer.quote) if answer.quote else None,
        "citations": [
            {"number": citation.number, **result_record(citation.result)}
            for citation in answer.citations
        ],
        "sentences": [
            {
                "text": claim.text,
                "citations": list(claim.citations),
                "support": claim.support,
                "missing": list(claim.missing),
                "written": claim.written or claim.text,
            }
            for claim in answer.claims
        ],
        "disagreements": [
            {"newer": quote_record(both.newer), "older": quote_record(both.older)}
            for both in answer.disagreements
        ],
        "nearest": [result_record(result) for result in answer.nearest],
    }
