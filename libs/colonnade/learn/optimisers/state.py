"""An optimiser's state as flat tensors and JSON, and back: no pickle.

``optimiser/<parameter name>/<key>`` is a tensor; everything else (numbers, options, which parameters each
group has) is in the facts. What is restored gives the bit-same next step.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from colonnade.errors import InvalidArgument

PREFIX = "optimiser/"
MOVING = frozenset({"lr", "step"})
"""What changes in a group as it learns. Everything else is a setting, and must still be the same."""
_HOW = frozenset({"fused", "foreach"})
"""Of a setting, what suits the place where the run goes on: how a step is computed, not which."""

Names = Mapping[str, Tensor]
"""A model's parameters by name: ``dict(model.named_parameters())``."""


def flatten(optimiser: Optimizer, names: Names) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state's tensors (not copied) and the facts about it, which are JSON."""
    called = {id(parameter): name for name, parameter in names.items()}
    tensors: dict[str, Tensor] = {}
    state: dict[str, Any] = {}
    for parameter, entries in optimiser.state.items():
        name = called[id(parameter)]
        state[name] = {"tensors": [], "values": {}}
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{PREFIX}{name}/{key}"] = value
                state[name]["tensors"].append(key)
            else:
                state[name]["values"][key] = value
    groups = [_options(group) | {"parameters": _called(group, called)} for group in optimiser.param_groups]
    return tensors, {"kind": type(optimiser).__name__, "groups": groups, "state": state}


def restore(
    optimiser: Optimizer, names: Names, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Puts copies of what ``flatten`` gave into an optimiser made with the same settings for the same model.

    Refuses, naming it, whatever does not fit: the kind, a group's parameters or settings, a tensor that is
    missing, unknown or of another shape. Nothing is changed then.
    """
    _same("kind", type(optimiser).__name__, facts["kind"])
    _same("number of groups", len(optimiser.param_groups), len(facts["groups"]))
    called = {id(parameter): name for name, parameter in names.items()}
    for number, (group, stored) in enumerate(zip(optimiser.param_groups, facts["groups"], strict=True)):
        _check_group(number, group, stored, called)
    _same_names("parameters with state", facts["state"], facts["state"].keys() & set(called.values()))
    stored_names = {f"{PREFIX}{name}/{key}" for name, e in facts["state"].items() for key in e["tensors"]}
    given = {name for name in tensors if name.startswith(PREFIX)}
    _same_names("tensors", stored_names, given)
    state = {names[n]: _entries(n, names[n], tensors, stored) for n, stored in facts["state"].items()}
    for group, stored in zip(optimiser.param_groups, facts["groups"], strict=True):
        group.update({key: stored[key] for key in MOVING & stored.keys()})
    optimiser.state.clear()
    optimiser.state.update(state)
    _place_steps(optimiser)


def _options(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in group.items() if key != "params"}


def _plain(value: Any) -> Any:
    """As it reads when it comes back from JSON."""
    return list(value) if isinstance(value, tuple) else value


def _called(group: Mapping[str, Any], called: Mapping[int, str]) -> list[str]:
    return [called[id(parameter)] for parameter in group["params"]]


def _check_group(
    number: int, group: Mapping[str, Any], stored: Mapping[str, Any], called: Mapping[int, str]
) -> None:
    mine, theirs = _called(group, called), stored["parameters"]
    _same_names(f"group {number}'s parameters", theirs, mine)
    _same(f"order of group {number}'s parameters", mine, theirs)
    options = _options(group)
    for key in sorted((options.keys() | stored.keys()) - MOVING - _HOW - {"parameters"}):
        _same(f"{key} of group {number}", options.get(key), stored.get(key))


def _entries(
    name: str, parameter: Tensor, tensors: Mapping[str, Tensor], stored: Mapping[str, Any]
) -> dict[str, Any]:
    entries: dict[str, Any] = dict(stored["values"])
    for key in stored["tensors"]:
        flat = f"{PREFIX}{name}/{key}"
        value = tensors[flat]
        if not _fits(value.shape, parameter.shape):
            raise _refusal(flat, f"has shape {list(value.shape)}, the parameter {list(parameter.shape)}")
        place = parameter.device if value.dim() else value.device
        entries[key] = value.detach().to(place, copy=True)
    return entries


def _fits(shape: torch.Size, parameter: torch.Size) -> bool:
    """A number, the parameter's own shape, or with 1 in places (a row or a column of sums)."""
    if not shape:
        return True
    return len(shape) == len(parameter) and all(m in (1, n) for m, n in zip(shape, parameter, strict=True))


def _place_steps(optimiser: Optimizer) -> None:
    """A fused step reads its counter on the parameter's device; every other kind wants it on the CPU."""
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if isinstance(step := optimiser.state.get(parameter, {}).get("step"), Tensor):
                device = parameter.device if group.get("fused") else torch.device("cpu")
                optimiser.state[parameter]["step"] = step.to(device)


def _same(what: str, mine: Any, stored: Any) -> None:
    if mine != stored:
        raise _refusal(what, f"is {mine!r} here and {stored!r} in what is restored")


def _same_names(what: str, stored: Iterable[str], mine: Iterable[str]) -> None:
    missing, unknown = sorted(set(stored) - set(mine)), sorted(set(mine) - set(stored))
    if missing or unknown:
        parts = [f"{word} {', '.join(n[:3])}" for word, n in (("without", missing), ("with", unknown)) if n]
        raise _refusal(what, f"do not match what is restored: here {' and '.join(parts)}")


def _refusal(what: str, why: str) -> InvalidArgument:
    remedy = "go on with the recipe that the state was made with, or begin a run of its own"
    return InvalidArgument(f"optimiser: {what} {why}; {remedy}", field=what)
