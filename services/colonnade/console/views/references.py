"""What can be asked in the playground: aliases first, then versions."""

from collections.abc import Iterable, Mapping

from colonnade.client import Model

_VERSIONS = 20
_ENCODERS = frozenset({"bert"})
_ADAPTER = "lora"


def references(models: Iterable[Model]) -> dict[str, bool]:
    """References to what generates, and whether each is an adapter's; of each model the newest versions."""
    found: dict[str, bool] = {}
    for model in models:
        if model.family in _ENCODERS:
            continue
        adapter = model.family == _ADAPTER
        found |= {f"{model.name}@{alias.name}": adapter for alias in model.aliases}
        newest = range(model.latest_version, max(0, model.latest_version - _VERSIONS), -1)
        found |= {f"{model.name}:{version}": adapter for version in newest}
    return found


def matching(models: Iterable[Model], searched: str) -> list[Model]:
    """Those with every searched word in their name, whatever its case."""
    words = searched.lower().split()
    return [model for model in models if all(word in model.name for word in words)]


def first_of(found: Mapping[str, bool]) -> str | None:
    """``production`` of some model, if there is one."""
    return next((each for each in found if each.endswith("@production")), next(iter(found), None))
