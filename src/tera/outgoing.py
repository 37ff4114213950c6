"""What leaves for an endpoint: announced once, and without passwords, keys and tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tera.config import Config
from tera.datatypes import Turn
from tera.endpoint import Endpoint
from tera.prompts import Prompt

if TYPE_CHECKING:
    from tera.llms import LLM
    from tera.model_loader import Listener

WHAT_LEAVES = (
    "the question, the passages that fit it with their dates and titles,"
    " and the conversation so far"
)
WHAT_STAYS = "all other memories, the store and its vectors"


def goes_there(endpoint: Endpoint) -> str:
    """Return in a few words what leaves the machine."""
    return "nothing leaves the machine" if endpoint.is_local else "question and passages go there"


def open_endpoint(config: Config, endpoint: Endpoint, listener: Listener) -> LLM:
    """Return the language model at an endpoint, after the person was told what goes there.

    Raises:
        ModelLoadError: It cannot be reached.
        ConfigError: The key is none.
    """
    from tera.llms import connect_llm

    if endpoint.is_local:
        return connect_llm(config.llm_model, endpoint, listener, config.llm_context_tokens)
    listener.note(
        f"{config.llm_model} at {endpoint.name} answers: {goes_there(endpoint)}",
        "tera ask --local keeps them here",
    )

    def cleaned(prompt: Prompt) -> Prompt:
        return without_secrets(prompt, endpoint, listener)

    return connect_llm(config.llm_model, endpoint, listener, config.llm_context_tokens, cleaned)


def without_secrets(prompt: Prompt, endpoint: Endpoint, listener: Listener) -> Prompt:
    """Return a prompt with its secrets blacked out; the listener hears how many they were."""
    from tera.sensitive import find_secrets, redact

    count = 0

    def clean(text: str) -> str:
        nonlocal count
        found = find_secrets(text)
        count += len(found)
        return redact(text, found)

    turns = tuple(Turn(clean(turn.question), clean(turn.answer)) for turn in prompt.turns)
    cleaned = replace(prompt, user=clean(prompt.user), turns=turns)
    if count:
        secrets = "1 secret is" if count == 1 else f"{count} secrets are"
        listener.note(f"{secrets} blacked out in what goes to {endpoint.name}")
    return cleaned
