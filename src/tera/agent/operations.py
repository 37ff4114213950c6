"""What a client may ask the agent to do: names -> methods of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tera.agent.codec import decode, hints_of
from tera.upkeep import Keeper

OPERATIONS: Mapping[str, Callable[..., object]] = {
    "remember_batch": Keeper.remember_batch,
    "read_before": Keeper.read_before,
    "restore_batch": Keeper.restore_batch,
    "find": Keeper.find,
    "select": Keeper.select,
    "edit": Keeper.edit,
    "forget": Keeper.forget,
    "log": Keeper.log,
    "undo": Keeper.undo,
    "search": Keeper.search,
    "ask": Keeper.ask,
    "embedder_name": Keeper.embedder_name,
    "load_embedder": Keeper.load_embedder,
    "use_embedder": Keeper.use_embedder,
    "facts": Keeper.facts,
    "examine": Keeper.examine,
    "repair": Keeper.repair,
    "selftest_plan": Keeper.selftest_plan,
    "export": Keeper.export,
    "backup": Keeper.backup,
    "restore_backup": Keeper.restore_backup,
}


def arguments_of(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call as the engine takes them.

    Raises:
        KeyError: There is no such operation or argument.
        ValueError: An argument is not of its type.
    """
    hints = hints_of(OPERATIONS[operation])
    return {name: decode(hints[name], value) for name, value in given.items()}
