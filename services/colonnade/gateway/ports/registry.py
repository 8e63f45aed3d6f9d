"""The registry, for models and rollouts."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    ImportOrder,
    ImportProgress,
    ModelDetail,
    ModelPage,
    Resolution,
    Target,
)
from colonnade.gateway.domain.rollouts import Policy, Rollout, RolloutOrder, RolloutPage, Seen


class ModelCatalog(Protocol):
    """The registry. Raises the ``ColonnadeError`` that it raised; ``Unavailable`` where it is away."""

    async def resolve(
        self, caller: Caller, reference: str, size_label: str, *, embeds: bool = False
    ) -> Resolution:
        """Without reference and size the default: for ``embeds``, a model that is made for embeddings."""

    async def version(self, caller: Caller, digest: str) -> Target:
        """The version of a digest; ``NotFound`` if there is none."""

    async def list_models(self, caller: Caller, page_size: int, page_token: str) -> ModelPage: ...

    async def get(self, caller: Caller, name: str) -> ModelDetail: ...

    def import_model(self, caller: Caller, order: ImportOrder) -> AsyncGenerator[ImportProgress, None]:
        """Progress until the version is there; closing the iterator gives the import up."""

    async def set_alias(
        self, caller: Caller, name: str, alias: str, targets: Sequence[AliasTarget], revision: int | None
    ) -> Alias: ...

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None: ...


class RolloutBook(Protocol):
    """The registry's rollouts. Raises as ``ModelCatalog`` does."""

    async def start(self, caller: Caller, order: RolloutOrder) -> Rollout: ...

    async def get(self, caller: Caller, rollout_id: str) -> Rollout: ...

    async def page(
        self, caller: Caller, model: str, under_way: bool, page_size: int, page_token: str
    ) -> RolloutPage: ...

    async def change(
        self, caller: Caller, rollout_id: str, act: str, why: str, revision: int | None
    ) -> Rollout: ...

    async def policies(self, caller: Caller) -> Sequence[Policy]: ...


class OutcomeReports(Protocol):
    """Who judges rollouts by what gateways saw."""

    async def report(self, instance: str, seen: Sequence[Seen]) -> None:
        """Of one process, as the service itself: each replaces what was said of its phase before."""
