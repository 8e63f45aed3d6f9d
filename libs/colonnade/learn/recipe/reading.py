"""From a YAML file, and ``field=value`` beside it, to a ``Recipe``; what does not fit is refused by field."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from colonnade.errors import InvalidArgument, NotFound
from colonnade.learn.recipe.confinement import check_reads
from colonnade.learn.recipe.convert import ConvertRecipe
from colonnade.learn.recipe.evaluate import EvaluateRecipe
from colonnade.learn.recipe.schema import Recipe

AnyRecipe: TypeAlias = Recipe | EvaluateRecipe | ConvertRecipe
_KINDS: Mapping[str, type[AnyRecipe]] = {
    "train": Recipe, "evaluate": EvaluateRecipe, "convert": ConvertRecipe
}  # fmt: skip
_LARGEST = 1 << 20
_MOST_SAID = 5


def read_any(path: Path, changes: Sequence[str] = ()) -> AnyRecipe:
    """``changes`` are like ``optimiser.learning_rate=3e-4``. Raises ``InvalidArgument`` or ``NotFound``."""
    return parse_any(_text(path), changes)


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """A training's; ``InvalidArgument`` for one of another kind."""
    return parse_recipe(_text(path), changes)


def parse_recipe(text: str, changes: Sequence[str] = ()) -> Recipe:
    recipe = parse_any(text, changes)
    if not isinstance(recipe, Recipe):
        raise InvalidArgument(f"kind is {recipe.kind}; name the recipe of a training here", field="kind")
    return recipe


def schema() -> dict[str, Any]:
    """Of every kind, as JSON Schema; a recipe that says no kind is a training's."""
    every = Annotated[AnyRecipe, Field(discriminator="kind")]
    return TypeAdapter[AnyRecipe](every).json_schema(by_alias=True)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidArgument(f"a recipe has at most {_LARGEST} bytes", field="recipe", limit=_LARGEST)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no recipe {path.name}", field="recipe") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"the recipe {path.name} cannot be read as text", field="recipe") from error


def parse_any(text: str, changes: Sequence[str] = ()) -> AnyRecipe:
    said = _loaded(text, "recipe")
    if not isinstance(said, dict):
        raise InvalidArgument("a recipe is a YAML mapping: name: ..., data: ..., model: ...", field="recipe")
    for change in changes:
        _apply(said, change)
    kind = _kind(said)
    try:
        recipe = kind.model_validate(said)
    except ValidationError as error:
        raise _refusal(error) from error
    if recipe.reads is not None:
        check_reads(recipe, recipe.reads)
    return recipe


def _kind(said: Mapping[str, Any]) -> type[AnyRecipe]:
    kind = said.get("kind", "train")
    if kind == "import":
        raise InvalidArgument(
            "kind: imports are the platform's: submit the recipe with colonnade train, or use"
            " colonnade models import",
            field="kind",
        )
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InvalidArgument(f"kind must be one of {', '.join(_KINDS)}", field="kind")
    return _KINDS[kind]


def _loaded(text: str, field: str) -> Any:
    try:
        return yaml.load(text, _Numbers)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        why = getattr(error, "problem", None) or "it cannot be read"
        raise InvalidArgument(f"the {field} is not YAML: {why}{place}", field=field) from error


class _Numbers(yaml.SafeLoader):
    """YAML 1.1 takes 3e-4 for text; everybody else takes it for a number."""


_Numbers.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _apply(said: dict[str, Any], change: str) -> None:
    path, equals, value = change.partition("=")
    names = path.strip().split(".")
    if not equals or not all(names):
        raise InvalidArgument(f"a change is written section.field=value, not {change[:80]!r}", field="set")
    place: Any = said
    for name in names[:-1]:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise InvalidArgument(f"{path.strip()} lies within something that has no fields", field=path.strip())
    place[names[-1]] = _loaded(value, path.strip())


def _refusal(error: ValidationError) -> InvalidArgument:
    """The first few complaints, each with its field, in words."""
    said = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in each["loc"])
        why = each["msg"].removeprefix("Value error, ")
        said.append((field, f"{field}: {why}" if field else why))
    more = f" (and {len(said) - _MOST_SAID} more)" if len(said) > _MOST_SAID else ""
    text = "; ".join(sentence for _, sentence in said[:_MOST_SAID])
    return InvalidArgument(f"the recipe does not fit: {text}{more}", field=said[0][0] or "recipe")
