"""What the service reads of a recipe: its kind, its name, its steps, and what it asks of the registry. The
rest is the worker's to judge; of an import, which has none, there is no rest.

A recipe is kept as the text that it came as. It is looked at as a stream of YAML events within bounds, and no
value of it is built but plain texts: aliases, which make a small text a huge document, are refused.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from colonnade.errors import InvalidArgument
from colonnade.security.inputs.sizes import KIB
from colonnade.security.inputs.texts import check_text
from colonnade.training.domain import IMPORT, KINDS, Output
from colonnade.training.recipe_outputs import OWN, brings_of, output_of
from colonnade.training.recipe_source import source_of

MAX_BYTES = 256 * KIB
MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_STEPS = 100_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_STEPS = re.compile(r"[0-9]{1,9}", re.ASCII)
# Texts alone; libyaml's is a hundred times faster where it is there.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Head:
    name: str
    steps: int
    """0 of what has none."""
    digest: str
    """Of the text."""
    output: Output = field(default_factory=Output)
    brings: Mapping[str, str] = field(default_factory=dict)
    """The registry's models that it names, by the field that does."""
    kind: str = KINDS[0]
    source: str = ""
    """Of an import."""


def read_head(text: str) -> Head:
    """``InvalidArgument`` or ``TooLarge``, naming the field, for what cannot be a recipe."""
    check_text(text, "recipe", MAX_BYTES, controls="text")
    try:
        _check_bounds(text)
        said = yaml.load(text, _LOADER)  # noqa: S506 - it builds texts, lists and mappings alone
    except yaml.YAMLError as error:
        raise _not_yaml(error) from None
    except (TypeError, ValueError):  # a mapping as the key of another
        raise InvalidArgument("recipe must be a YAML mapping whose keys are texts", field="recipe") from None
    if not isinstance(said, dict):
        raise InvalidArgument("recipe must be a YAML mapping: name: ..., data: ...", field="recipe")
    if OWN in said:
        raise InvalidArgument(
            f"recipe.{OWN} is for the service to say; leave it out, or run the recipe yourself",
            field=f"recipe.{OWN}",
        )
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    kind, name = _kind(said.get("kind", KINDS[0])), _name(said.get("name"))
    steps = _steps(said.get("steps")) if kind == KINDS[0] else 0
    source, brings = ("", brings_of(said)) if kind != IMPORT else (source_of(said), {})
    return Head(name, steps, digest, output_of(said, kind, name, brings), brings, kind, source)


def _check_bounds(text: str) -> None:
    depth = nodes = documents = 0
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise InvalidArgument(
                "recipe must not have YAML aliases (*name); write what they stand for", field="recipe"
            )
        documents += isinstance(event, yaml.DocumentStartEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        _at_most(documents, 1, "documents")
        _at_most(depth, MAX_DEPTH, "levels")
        _at_most(nodes, MAX_NODES, "values")


def _at_most(found: int, limit: int, what: str) -> None:
    if found > limit:
        raise InvalidArgument(
            f"recipe has more than {limit} {what}; make it smaller", field="recipe", limit=limit
        )


def _kind(said: object) -> str:
    if isinstance(said, str) and said in KINDS:
        return said
    raise InvalidArgument(f"recipe.kind must be one of {', '.join(KINDS)}", field="recipe.kind")


def _name(said: object) -> str:
    if isinstance(said, str) and _NAME.fullmatch(said):
        return said
    raise InvalidArgument(
        "recipe.name must be lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit "
        "(at most 63 characters)",
        field="recipe.name",
        limit=63,
    )


def _steps(said: object) -> int:
    if isinstance(said, str) and _STEPS.fullmatch(said) and 1 <= int(said) <= MAX_STEPS:
        return int(said)
    raise InvalidArgument(
        f"recipe.steps must be a whole number from 1 to {MAX_STEPS}", field="recipe.steps", limit=MAX_STEPS
    )


def _not_yaml(error: yaml.YAMLError) -> InvalidArgument:
    mark = getattr(error, "problem_mark", None)
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    why = getattr(error, "problem", None) or "it cannot be read"
    return InvalidArgument(f"recipe is not YAML: {why}{place}", field="recipe")
