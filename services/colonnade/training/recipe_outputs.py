"""What a recipe asks of the registry: the version that comes of it, and the models that it starts from.

A recipe is here as texts, lists and mappings; whether all of it fits together is the worker's to judge."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.security.inputs import alias_name, check_text, model_name, model_reference
from colonnade.training.domain import Output

OWN = "reads"
"""The section that the service alone writes: what a worker may read."""
SCHEME = "registry:"
BROUGHT = ("model.from", "objective.teacher", "data.tokenizer.path")
"""Where a recipe may name a model of the registry in place of a folder."""
_BASE = "model.from"
_YES, _NO = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_POLICY = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_ADAPTERS = frozenset({"lora", "qlora"})
_DESCRIPTION_BYTES = 2000


def brings_of(recipe: Mapping[str, Any]) -> Mapping[str, str]:
    """``InvalidArgument`` for what is no reference."""
    found = {}
    for field in BROUGHT:
        said: Any = recipe
        for name in field.split("."):
            said = said.get(name) if isinstance(said, dict) else None
        if isinstance(said, str) and said.startswith(SCHEME):
            reference = said.removeprefix(SCHEME)
            found[field] = _checked(model_reference, reference, f"recipe.{field}")
    return found


def output_of(recipe: Mapping[str, Any], kind: str, name: str, brings: Mapping[str, str]) -> Output:
    """``InvalidArgument`` by the field."""
    said, tuning = _section(recipe, "output"), _section(recipe, "tuning")
    if not _switch(said, "register", default=True):
        return Output()
    if kind == "evaluate":  # recorded with what was judged, where the registry has that
        return Output(register=_BASE in brings)
    adapter = tuning.get("kind") in _ADAPTERS and not _switch(said, "merged", default=False)
    if adapter and _BASE not in brings:
        raise InvalidArgument(
            f"recipe.model.from: an adapter is registered beside its base; write {SCHEME}NAME:VERSION for one"
            " that the registry has, or output: {merged: true} for a whole model, or {register: false}",
            field="recipe.model.from",
        )
    description = recipe.get("description")
    return Output(
        register=True,
        model=_named(said, "model", model_name) or name,
        alias=_named(said, "alias", alias_name),
        rollout=_named(said, "rollout", _policy),
        adapter=adapter,
        description=_described(description) if isinstance(description, str) else "",
    )


def _section(recipe: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = recipe.get(name)
    return found if isinstance(found, dict) else {}


def _named(said: Mapping[str, Any], name: str, check: Callable[[str, str], str]) -> str:
    found = said.get(name)
    if found is None or found in ("", "null", "~"):
        return ""
    if not isinstance(found, str):
        raise InvalidArgument(f"recipe.output.{name} must be a text", field=f"recipe.output.{name}")
    return _checked(check, found, f"recipe.output.{name}")


def _checked(check: Callable[[str, str], str], value: str, field: str) -> str:
    try:
        return check(value, field)
    except ColonnadeError as error:
        raise InvalidArgument(error.message, **{**error.details, "field": field}) from None


def _policy(value: str, field: str) -> str:
    if _POLICY.fullmatch(value):
        return value
    raise InvalidArgument(
        f"{field} must be the name of a rollout's policy: careful, quick, or one of your own", field=field
    )


def _switch(said: Mapping[str, Any], name: str, *, default: bool) -> bool:
    found = said.get(name)
    if found is None:
        return default
    if isinstance(found, str) and found.lower() in _YES | _NO:
        return found.lower() in _YES
    raise InvalidArgument(f"recipe.output.{name} must be true or false", field=f"recipe.output.{name}")


def _described(words: str) -> str:
    """What it is for; the worker refuses what is too long."""
    return (
        check_text(
            words.strip()[:_DESCRIPTION_BYTES],
            "recipe.description",
            4 * _DESCRIPTION_BYTES,
            allow_empty=True,
            controls="text",
        )
        .encode()[:_DESCRIPTION_BYTES]
        .decode(errors="ignore")
    )
