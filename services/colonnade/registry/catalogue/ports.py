"""What the catalogue needs of the world, in its own words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from colonnade.registry.catalogue.filters import Filter, Value
from colonnade.registry.catalogue.grammar import Order
from colonnade.registry.catalogue.records import ModelChange, ModelRecord, VersionChange, VersionRecord
from colonnade.security.inputs.once import Once


class CatalogueStore(Protocol):
    """Every method is one transaction. ``NotFound`` for models and versions that are not there."""

    async def find_model(self, name: str) -> ModelRecord: ...

    async def create_model(
        self, name: str, change: ModelChange, *, by: str, at: datetime, once: Once | None
    ) -> ModelRecord:
        """A model without versions. ``Conflict`` where it is there, unless the key made it."""
        ...

    async def describe_model(
        self, name: str, change: ModelChange, *, by: str, at: datetime
    ) -> ModelRecord: ...

    async def find_version(self, name: str, number: int) -> VersionRecord:
        """With its card and all metrics. 0: the newest."""
        ...

    async def describe_version(
        self, name: str, number: int, change: VersionChange, *, by: str, at: datetime
    ) -> VersionRecord:
        """``Conflict`` where another revision was expected; ``TooLarge`` past the limits."""
        ...

    async def delete_version(self, name: str, number: int, *, by: str, at: datetime, why: str) -> None:
        """``Conflict`` while an alias, a rollout under way or an adapter needs it."""
        ...

    async def delete_model(self, name: str, *, by: str, at: datetime, why: str) -> None:
        """``Conflict`` as for each of its versions."""
        ...

    async def rename_model(self, name: str, to: str, *, by: str, at: datetime) -> ModelRecord:
        """``Conflict`` where the new name is or was another model's, or a rollout is under way.

        Seals bind the name, so the versions are sealed anew."""
        ...

    async def search_models(
        self, asked: Filter, order: Sequence[Order], *, after: Sequence[Value], limit: int
    ) -> Sequence[ModelRecord]:
        """Those past the position ``after``, which is empty for the first page."""
        ...

    async def search_versions(
        self, asked: Filter, order: Sequence[Order], *, after: Sequence[Value], limit: int
    ) -> Sequence[VersionRecord]:
        """Without cards and signatures, and with the last value of each metric."""
        ...
