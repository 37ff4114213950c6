"""What an OpenAI-compatible endpoint sends -> the words of the answer, without what it thinks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

THINK, END_OF_THINK = "<think>", "</think>"


class NotAnAnswerError(Exception):
    """What came is not what such an endpoint sends; the message may be shown."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what is sent.

    Attributes:
        text: Words of the answer.
        is_thought: Whether the model is thinking, of which nothing is shown.
        finish: Why it ended: "stop", "length" or another word; empty while it goes on.
    """

    text: str = ""
    is_thought: bool = False
    finish: str = ""


def read_piece(data: str) -> Piece:
    """Return what one event of a stream holds, or a whole answer that came as one.

    Raises:
        NotAnAnswerError: It is no such event, or it tells of an error.
    """
    value = _object(data)
    if value.get("error"):
        raise NotAnAnswerError(said_in(value) or "it reports an error")
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        # The last event may tell nothing but how many tokens there were.
        return Piece()
    choice = choices[0]
    message = choice.get("delta") or choice.get("message") or {}
    if not isinstance(message, dict):
        raise NotAnAnswerError("it sends something else than an answer")
    is_thought = any(message.get(name) for name in ("reasoning_content", "reasoning", "thinking"))
    return Piece(_text(message.get("content")), is_thought, str(choice.get("finish_reason") or ""))


def said_in(value: object) -> str:
    """Return the words in which an endpoint tells of an error; empty when there are none."""
    if isinstance(value, dict):
        for name in ("error", "message", "detail", "msg"):
            if value.get(name):
                return said_in(value[name])
        return ""
    if isinstance(value, list):
        return said_in(value[0]) if value else ""
    return str(value)


def _object(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise NotAnAnswerError("it sends something else than JSON") from error
    if not isinstance(value, dict):
        raise NotAnAnswerError("it sends something else than an answer")
    return value


def _text(content: object) -> str:
    """Return the text of a content, which may come in parts, thoughts among them."""
    if isinstance(content, list):
        texts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(str(part.get("text") or "") for part in texts)
    return content if isinstance(content, str) else ""


class WithoutThoughts:
    """Leaves out the block <think>...</think> at the beginning of an answer.

    Further inside it stays: an answer may quote a memory that has these words.
    """

    def __init__(self) -> None:
        """Begin before the first word."""
        self._held = ""
        self._has_thought = False
        self._has_begun = False
        self.is_thinking = False

    def take(self, text: str) -> str:
        """Return what can be shown of the text so far and has not been."""
        if self._has_begun:
            return text
        self._held += text
        if self.is_thinking:
            _, end, rest = self._held.partition(END_OF_THINK)
            if not end:
                # The end may come in parts.
                self._held = self._held[-len(END_OF_THINK) + 1 :]
                return ""
            self.is_thinking, self._held = False, rest
        start = self._held.lstrip()
        if start.startswith(THINK):
            self.is_thinking, self._has_thought = True, True
            self._held = ""
            return self.take(start.removeprefix(THINK))
        return "" if THINK.startswith(start) else self.rest()

    def rest(self) -> str:
        """Return what is left at the end."""
        if self.is_thinking:
            return ""
        self._has_begun = True
        held, self._held = self._held, ""
        return held.lstrip() if self._has_thought else held
