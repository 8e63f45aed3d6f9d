"""What can be asked in the playground: aliases first, then versions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from colonnade.client import Model

_VERSIONS = 20
_MOST = 1000
"""More make a page slow; others are typed."""
_ENCODERS = frozenset({"bert"})
_ADAPTER = "lora"


@dataclass(frozen=True, slots=True)
class Askable:
    """References to what generates; ``adapters``: the names of the models that are some."""

    references: tuple[str, ...]
    adapters: frozenset[str] = frozenset()
    whole: bool = True
    """Whether these are all that there are."""

    def is_adapter(self, reference: str) -> bool:
        return name_of(reference) in self.adapters

    def first(self, but: str = "") -> str:
        """``production`` of some model, if there is one; another than ``but``, if there is another."""
        free = [each for each in self.references if each != but] or self.references
        return next((each for each in free if each.endswith("@production")), next(iter(free), ""))


def askable(models: Iterable[Model], asked: str = "") -> Askable:
    """Of each model the aliases and newest versions, and what is ``asked`` for, however old it is."""
    kept = [model for model in models if model.family not in _ENCODERS]
    found = [asked] if name_of(asked) in {model.name for model in kept} else []
    for model in kept:
        found += [f"{model.name}@{alias.name}" for alias in model.aliases]
        newest = range(model.latest_version, max(0, model.latest_version - _VERSIONS), -1)
        found += [f"{model.name}:{version}" for version in newest]
        if len(found) > _MOST:
            break
    adapters = frozenset(model.name for model in kept if model.family == _ADAPTER)
    return Askable(tuple(dict.fromkeys(found[:_MOST])), adapters, whole=len(found) <= _MOST)


def name_of(reference: str) -> str:
    return re.split("[@:]", reference, maxsplit=1)[0]


def matching(models: Iterable[Model], searched: str) -> list[Model]:
    """Those with every searched word in their name, whatever its case."""
    words = searched.lower().split()
    return [model for model in models if all(word in model.name for word in words)]
