"""A model's chat template: a prompt → segments, of which only the template's own hold its marks.

The template is rendered once for each number of turns, with sentinels in place of what people and
memories say, and cut at them. So no text ever runs through the template: a memory that holds
"<|im_end|>" stays text, and no template can rewrite an old answer.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise, product
from typing import Any

from tera.errors import ConfigError, ModelLoadError
from tera.llms.thoughts import without_thoughts
from tera.models import ModelSpec
from tera.prompts import Prompt

NAMED_TEMPLATES = {
    "chatml": (
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
}
"""What `chat_template` in models.toml may name; without it a file's own template is used."""

FALLBACK = "chatml"
"""For files without a template: the one that most small models were taught."""

FIXED_DATE = date(2024, 7, 26)
"""What a template that asks for today gets, so that its fixed part stays the same from day to day;
Llama 3.2's own default. The prompt itself says what day it is."""

LOOK_ALIKES = re.compile(r"<\|?[^<>|\s]{1,40}\|?>|\[/?[A-Z_]{2,40}\]")
"""What marks look like: <|im_start|> <start_of_turn> <turn|> <s> [INST] [/INST]."""

TURNS_TRIED = (0, 1, 2)
"""Numbers of turns that a template must be able to show; what it does with 2, it does with more."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a prompt as the model reads it; only a template's marks may be special tokens."""

    text: str
    is_mark: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """How messages are given to a template: not every one takes them in the same way."""

    in_parts: bool
    """A content is a list of typed parts instead of a string."""
    is_merged: bool
    """The system text stands before the first question, for models without a system role."""
    names_tools: bool
    """`tools` is there and none, as transformers gives it; a few templates then go through it."""


class ChatTemplate:
    """A chat template, as its model's file has it."""

    def __init__(
        self, source: str, bos: str = "", eos: str = "", *, add_bos: bool = False, model: str = ""
    ) -> None:
        """Find out how the template takes a prompt.

        Args:
            source: The Jinja template, `tokenizer.chat_template` in a GGUF file.
            bos: Text of the token that begins a sequence; empty if the model has none.
            eos: Text of the token that ends one.
            add_bos: Whether the model wants `bos` also where its template does not write it.
            model: Its name, for errors.

        Raises:
            ModelLoadError: The template is broken, or it loses what it is given.
        """
        self._bos, self._eos, self._add_bos = bos, eos, add_bos
        self._model = model or "the model"
        self._sentinel = f"tera{secrets.token_hex(8)}"
        self._render = self._compile(source)
        self._frames: dict[int, list[str]] = {}
        self._form = self._find_form()
        words = {"<think>", "</think>", bos, eos} - {""}
        words.update(LOOK_ALIKES.findall("".join(self._frame(max(TURNS_TRIED)))))
        self._word = re.compile(f"(?={'|'.join(map(re.escape, sorted(words)))})")

    def fixed(self, system: str) -> list[Segment]:
        """Return what every prompt with this system text has before its first question."""
        before, between = self._frame(0)[:2]
        return _present(Segment(before, True), *self._plain(system), Segment(between, True))

    def segments(self, prompt: Prompt) -> list[Segment]:
        """Return a prompt as the model reads it; it begins with `fixed(prompt.system)`.

        White space around a content is dropped, as most templates do. A content that has the look
        of a mark is in several segments, because some files have marks that are recognised in any
        text; tokenize each segment by itself.

        Raises:
            ModelLoadError: The template cannot show so many turns.
        """
        _, *marks = self._frame(len(prompt.turns))
        contents = [part for turn in prompt.turns for part in (turn.question, _said(turn.answer))]
        segments = self.fixed(prompt.system)
        for content, mark in zip((*contents, prompt.user), marks[1:], strict=True):
            segments += [*self._plain(content), Segment(mark, True)]
        return _present(*segments)

    def _plain(self, content: str) -> list[Segment]:
        """Return a content, cut within everything that has the look of a mark."""
        text = content.strip()
        cuts = [0, *(match.start() + 1 for match in self._word.finditer(text)), len(text)]
        return [Segment(text[start:end], False) for start, end in pairwise(cuts)]

    def _compile(self, source: str) -> Callable[..., str]:
        """Return what renders the template, as transformers does."""
        from jinja2 import TemplateError, ext, nodes
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        class Generation(ext.Extension):
            """{% generation %}, which marks answers for training, changes nothing."""

            tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

            def parse(self, parser: Any) -> list[nodes.Node]:
                next(parser.stream)
                body: list[nodes.Node] = parser.parse_statements(
                    ("name:endgeneration",), drop_needle=True
                )
                return body

        def refuse(reason: str) -> None:
            raise TemplateError(reason)

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, ext.loopcontrols]
        )
        environment.globals |= {
            "raise_exception": refuse,
            "strftime_now": FIXED_DATE.strftime,
            "bos_token": self._bos,
            "eos_token": self._eos,
            "add_generation_prompt": True,
            # Thinking costs a slow processor minutes, and small models little is gained by it.
            "enable_thinking": False,
        }
        try:
            return environment.from_string(source).render
        except Exception as error:
            raise self._error(str(error)) from error

    def _find_form(self) -> _Form:
        """Return the first form in which no content is lost."""
        first: ModelLoadError | None = None
        for in_parts, is_merged, names_tools in product(
            (False, True), (False, True), (True, False)
        ):
            self._form = _Form(in_parts, is_merged, names_tools)
            try:
                self._frames = {turns: self._cut(turns) for turns in TURNS_TRIED}
            except ModelLoadError as error:
                first = first or error
            else:
                return self._form
        assert first
        raise first

    def _frame(self, turns: int) -> list[str]:
        """Return the template's texts around the contents of a prompt with so many turns."""
        if turns not in self._frames:
            self._frames[turns] = self._cut(turns)
        return self._frames[turns]

    def _cut(self, turns: int) -> list[str]:
        names = [f"{self._sentinel}{number:04}" for number in range(2 * turns + 2)]
        variables: dict[str, Any] = {"messages": self._messages(names)}
        if self._form.names_tools:
            variables["tools"] = None
        try:
            text = self._render(**variables)
        except Exception as error:
            # A template can fail in any way that an expression can.
            raise self._error(str(error)) from error
        pieces = re.split(f"({self._sentinel}[0-9]{{4}})", text)
        if pieces[1::2] != names or "{'type'" in text:
            raise self._error("it does not show every message once and in order")
        frame = pieces[::2]
        if self._add_bos and not frame[0].lstrip().startswith(self._bos):
            frame[0] = self._bos + frame[0]
        if "<think>" in frame[-1].rpartition("</think>")[2]:
            # The template always lets the model think; a thought that is over lets it answer.
            frame[-1] = f"{frame[-1].rstrip()}\n\n</think>\n\n"
        return frame

    def _messages(self, names: list[str]) -> list[dict[str, Any]]:
        system, *others = names
        if self._form.is_merged:
            others[0] = f"{system}\n\n{others[0]}"
            said = []
        else:
            said = [("system", system)]
        said += [("assistant" if at % 2 else "user", name) for at, name in enumerate(others)]
        return [
            {
                "role": role,
                "content": [{"type": "text", "text": name}] if self._form.in_parts else name,
            }
            for role, name in said
        ]

    def _error(self, reason: str) -> ModelLoadError:
        line = (reason.strip().splitlines() or ["no reason given"])[0]
        return ModelLoadError(
            f"the chat template of {self._model} cannot be used: {line}",
            hint=f'give it chat_template = "{FALLBACK}" in your models.toml: tera config path',
        )


def choose_template(
    spec: ModelSpec, source: str, bos: str = "", eos: str = "", *, add_bos: bool = False
) -> ChatTemplate:
    """Return the template that models.toml names, else the file's own, else ChatML.

    Args:
        spec: What models.toml says of the model.
        source: `tokenizer.chat_template` of its file; empty if it has none.
        bos: See `ChatTemplate`, as for the two after it.
        eos: See there.
        add_bos: See there.

    Raises:
        ConfigError: models.toml names a template that Tera does not have.
        ModelLoadError: The template cannot be used.
    """
    if spec.chat_template and spec.chat_template not in NAMED_TEMPLATES:
        raise ConfigError(
            f"unknown chat_template {spec.chat_template!r} of {spec.name}",
            hint=f"leave it out for the file's own, or one of: {', '.join(NAMED_TEMPLATES)}",
        )
    if spec.chat_template or not source.strip():
        source = NAMED_TEMPLATES[spec.chat_template or FALLBACK]
    return ChatTemplate(source, bos, eos, add_bos=add_bos, model=spec.name)


def _said(answer: str) -> str:
    return "".join(without_thoughts([answer]))


def _present(*segments: Segment) -> list[Segment]:
    return [segment for segment in segments if segment.text]
