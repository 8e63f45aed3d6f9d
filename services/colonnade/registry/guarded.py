"""Aliases that are moved by rollouts alone."""

from colonnade.errors import Conflict
from colonnade.registry.domain import Reference
from colonnade.registry.ports import VersionStore


class Guarded:
    """Names of aliases, of every model. The first move of one is free: there is nothing to protect yet."""

    def __init__(self, store: VersionStore, names: frozenset[str] = frozenset()) -> None:
        self._store = store
        self._names = names

    async def check(self, model: str, alias: str) -> None:
        """``Conflict`` where only a rollout may move the alias."""
        if alias in self._names and await self._store.find_targets(Reference(model, alias=alias)):
            raise Conflict(
                f"{alias} is guarded here: it is moved by rollouts alone; begin one "
                f"(`colonnade rollout start {model} VERSION --alias {alias}`)",
                field="alias",
            )
