"""What a client may ask the agent to do: names -> functions of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tera import doctor
from tera.agent.codec import decode, hints_of
from tera.engine import Engine

OPERATIONS: Mapping[str, Callable[..., object]] = {
    "remember_batch": Engine.remember_batch,
    "restore_batch": Engine.restore_batch,
    "find": Engine.find,
    "select": Engine.select,
    "edit": Engine.edit,
    "forget": Engine.forget,
    "log": Engine.log,
    "undo": Engine.undo,
    "search": Engine.search,
    "ask": Engine.ask,
    "embedder_name": Engine.embedder_name,
    "load_embedder": Engine.load_embedder,
    "use_embedder": Engine.use_embedder,
    "facts": Engine.facts,
    "examine": doctor.examine,
    "repair": doctor.repair,
}


def arguments_of(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call as the engine takes them.

    Raises:
        KeyError: There is no such operation or argument.
        ValueError: An argument is not of its type.
    """
    hints = hints_of(OPERATIONS[operation])
    return {name: decode(hints[name], value) for name, value in given.items()}
