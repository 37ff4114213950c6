"""What a thinking model writes before its answer: dropped as it comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

THOUGHTS: Mapping[str, str] = {"<think>": "</think>", "[THINK]": "[/THINK]"}
"""How a thought begins and ends: Qwen, DeepSeek, SmolLM; Mistral."""


def without_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """Yield an answer's pieces without the thoughts that stand before it.

    Later ones stay: they are quoted. An answer that is thought to its end becomes empty.
    """
    held, is_over, end = "", False, ""
    for piece in pieces:
        if is_over:
            yield piece
            continue
        held += piece
        while True:
            if end:
                _, found, rest = held.partition(end)
                if not found:
                    held = held[-len(end) :]
                    break
                held, end = rest, ""
            held = held.lstrip()
            begun = next((mark for mark in THOUGHTS if held.startswith(mark)), "")
            # The end alone, where the prompt had begun the thought.
            ended = next((mark for mark in THOUGHTS.values() if held.startswith(mark)), "")
            if not begun and not ended:
                break
            end = THOUGHTS.get(begun, "")
            held = held.removeprefix(begun or ended)
        if (
            not end
            and held
            and not any(mark.startswith(held) for pair in THOUGHTS.items() for mark in pair)
        ):
            is_over = True
            yield held
    if not is_over and not end and held:
        yield held
