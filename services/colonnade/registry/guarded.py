"""Aliases that are moved by rollouts alone."""

from colonnade.registry.domain import Reference, guarded_alias
from colonnade.registry.ports import VersionStore


class Guarded:
    """Names of aliases, of every model. The first move of one is free: there is nothing to protect yet."""

    def __init__(self, store: VersionStore, names: frozenset[str] = frozenset()) -> None:
        self._store = store
        self._names = names

    def __contains__(self, alias: str) -> bool:
        return alias in self._names

    async def check(self, model: str, alias: str) -> None:
        """``Conflict`` where only a rollout may move the alias."""
        if alias in self and await self._store.find_targets(Reference(model, alias=alias)):
            raise guarded_alias(model, alias)
