"""What a recipe says of an import: where the registry fetches a model from. Whether it may is the registry's
to judge; that nothing else is said is judged here, since no worker does."""

from collections.abc import Collection, Mapping
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import check_text
from colonnade.security.inputs.catalogue import MAX_SOURCE_BYTES

_SAYS = ("kind", "name", "description", "source", "output")
_OF_OUTPUT = ("model", "alias", "rollout")
_SCHEMES = ("https://", "http://")


def source_of(recipe: Mapping[str, Any]) -> str:
    """As the registry takes it. ``InvalidArgument`` by the field, also for what an import has no use for."""
    _check_only(recipe, _SAYS, "recipe")
    if isinstance(output := recipe.get("output"), dict):
        _check_only(output, _OF_OUTPUT, "recipe.output")
    said = recipe.get("source")
    found = list(said.items()) if isinstance(said, dict) else []
    if len(found) != 1 or found[0][0] not in ("url", "path") or not isinstance(found[0][1], str):
        raise InvalidArgument(
            "recipe.source must be {url: https://...}, or {path: ...} for a folder or a .gguf file of the"
            " registry's machine",
            field="recipe.source",
        )
    kind, value = map(str, found[0])
    field = f"recipe.source.{kind}"
    check_text(value, field, MAX_SOURCE_BYTES, controls="line")
    if (kind == "url") != value.startswith(_SCHEMES):
        raise InvalidArgument(f"{field}: an address is a url, anything else a path", field=field)
    return value


def _check_only(said: Mapping[str, Any], known: Collection[str], place: str) -> None:
    if unknown := sorted(set(said) - set(known)):
        field = f"{place}.{unknown[0]}"
        raise InvalidArgument(
            f"{field}: an import says {', '.join(known)} here and nothing else", field=field
        )
