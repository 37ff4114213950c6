"""Language model at an OpenAI-compatible endpoint, on this machine or another one."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tera.endpoint import Endpoint
from tera.errors import GenerationError
from tera.llms.aside import run_aside
from tera.llms.endpoint_requests import (
    Dialect,
    Ended,
    Note,
    Request,
    Waiting,
    ask_for_answer,
    ask_for_models,
)
from tera.llms.keys import find_key
from tera.models import ModelSpec
from tera.prompts import NO_ANSWER, Prompt

if TYPE_CHECKING:
    from tera.model_loader import Listener

CHARACTERS_A_TOKEN = 3.5
"""Of ASCII text; today's tokenizers take 4 to 4.5 of English, fewer of code and numbers."""
MESSAGE_TOKENS = 4
"""What a message takes besides its text."""
CONTEXT_TOKENS = 8192
"""Where neither the settings nor the endpoint say more; hardly a model that is served has less."""
CONTEXT_NAMES = (
    *("max_model_len", "context_length", "context_window", "max_context_length"),
    *("loaded_context_length", "n_ctx"),
)
"""How vLLM, OpenRouter, Groq, Mistral, LM Studio and llama.cpp call a model's context."""


def _never() -> bool:
    return False


def _as_it_is(prompt: Prompt) -> Prompt:
    return prompt


class OpenAICompatibleLLM:
    """A model behind `/chat/completions`; several threads may use it at once."""

    def __init__(
        self,
        model: str,
        endpoint: Endpoint,
        listener: Listener,
        *,
        context_tokens: int = 0,
        before_it_goes: Callable[[Prompt], Prompt] = _as_it_is,
    ) -> None:
        """Ask the endpoint what it has.

        Args:
            model: Its name there.
            endpoint: Where it is.
            listener: Hears what a person should know.
            context_tokens: What it reads and writes at most; 0 for what the endpoint says.
            before_it_goes: Gets each prompt and returns what is sent instead.

        Raises:
            ModelLoadError: The endpoint cannot be reached, or not with this key.
            ConfigError: The key is none.
        """
        self._endpoint = endpoint
        self._listener = listener
        self._before_it_goes = before_it_goes
        self._dialect = Dialect()
        described = self._look(model)
        self.models = tuple(sorted(described))
        told = context_tokens or _context_of(described.get(model, {})) or CONTEXT_TOKENS
        self.spec = ModelSpec(model, "llm", "openai", context_tokens=told)
        self.context_tokens = told

    def count_tokens(self, text: str) -> int:
        """Return about how many tokens a text has, rather too many; see `LLM.count_tokens`."""
        size = len(text.encode("utf-8", "replace"))
        plain = sum(character < "\x80" for character in text)
        others = len(text) - plain
        # é and д have two bytes and count half a token, 好 has three and counts one.
        return math.ceil(plain / CHARACTERS_A_TOKEN + (size - plain - others) / 2)

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return about how many tokens a prompt takes; see `LLM.prompt_tokens`."""
        messages = _messages(prompt)
        counts = (self.count_tokens(message["content"]) for message in messages)
        return MESSAGE_TOKENS * (len(messages) + 1) + sum(counts)

    def generate(
        self, prompt: Prompt, max_tokens: int, should_stop: Callable[[], bool] = _never
    ) -> Iterator[str]:
        """Yield the answer piece by piece; see `LLM.generate`.

        One that breaks off in the middle ends there, and the listener hears of it.
        """
        tokens = self.prompt_tokens(prompt)
        room = self.context_tokens - tokens
        if room < 1:
            raise GenerationError(
                f"the prompt has about {tokens} tokens, but {self.spec.name} reads at most"
                f" {self.context_tokens - 1}",
                hint="ask a shorter question, or set llm.context_tokens",
            )
        messages = _messages(self._before_it_goes(prompt))
        most = min(max_tokens, room)
        while True:
            had_room = self._dialect.thinks
            if not (yield from self._answer(messages, most, should_stop)):
                return
            if had_room:
                raise GenerationError(
                    f"{self.spec.name} thought and came to no answer",
                    hint="raise ask.max_tokens, or use a model that thinks less",
                )
            self._dialect.thinks = True

    def tokens_within(self, seconds: float) -> int:
        """Return all that it can read: an endpoint is fast; see `LLM.tokens_within`."""
        return self.context_tokens

    def close(self) -> None:
        """Do nothing: no connection outlives its answer."""

    def _answer(
        self, messages: list[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Generator[str, None, bool]:
        """Yield an answer; return whether the model did nothing but think."""
        request = Request(
            self._endpoint,
            self.spec.name,
            find_key(self._endpoint),
            messages,
            max_tokens,
            self.models,
        )
        only_thoughts = False
        work = partial(ask_for_answer, request, self._dialect)
        for event in run_aside(work, should_stop):
            match event:
                case Waiting(task):
                    self._listener.progress(task, 0, 0)
                case Note(text, hint):
                    self._listener.note(text, hint)
                case Ended():
                    only_thoughts = event.only_thoughts
                case _:
                    yield event
        return only_thoughts

    def _look(self, model: str) -> dict[str, dict[str, Any]]:
        """Return what the endpoint says of its models; empty where it does not say."""

        def is_unheard() -> bool:
            # A listener that nobody hears any more raises an error, which ends the wait.
            self._listener.progress(f"asking {self._endpoint.name}", 0, 0)
            return False

        request = Request(self._endpoint, model, find_key(self._endpoint))
        described: dict[str, dict[str, Any]] = {}
        for told in run_aside(partial(ask_for_models, request), is_unheard):
            described |= told
        return described


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    said = [("system", prompt.system)]
    for turn in prompt.turns:
        said += [("user", turn.question), ("assistant", turn.answer or NO_ANSWER)]
    said.append(("user", prompt.user))
    return [{"role": role, "content": text} for role, text in said]


def _context_of(described: Mapping[str, Any]) -> int:
    """Return how many tokens an endpoint says that a model reads; 0 where it does not say."""
    meta = described.get("meta")
    for table in (described, meta if isinstance(meta, dict) else {}):
        for name in CONTEXT_NAMES:
            if isinstance(table.get(name), int) and table[name] > 0:
                return int(table[name])
    return 0
