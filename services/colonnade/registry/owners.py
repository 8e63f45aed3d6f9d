"""Whose a model is decides who may change it; everybody may see and ask it."""

from colonnade.registry.domain import check_owner
from colonnade.registry.ports import VersionStore
from colonnade.security.identity import Principal


class Owners:
    def __init__(self, store: VersionStore) -> None:
        self._store = store

    async def check(self, model: str, principal: Principal) -> None:
        """``PermissionDenied`` where the model is another tenant's. A new name is free to take."""
        if known := await self._store.find_model(model):
            check_owner(model, known.tenant, principal.tenant)
