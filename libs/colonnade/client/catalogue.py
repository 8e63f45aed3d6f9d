"""What both clients' ``models`` know beside importing and aliases: search, cards, tags, metrics, leaving."""

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from colonnade.client import catalogue_calls as calls
from colonnade.client.catalogue_calls import FoundVersion, Metric, VersionDetail
from colonnade.client.results import Model

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncCatalogue:
    """What is said of models and versions."""

    _client: "Colonnade"

    def search(self, filter: str = "", *, order_by: str | None = None) -> builtins.list[Model]:  # noqa: A002
        """Models that a filter holds of, as ``"family = 'lora' AND tags.team = 'x'"``, with their tags."""
        found, token = builtins.list[Model](), ""
        while True:
            page = self._client._call(calls.search(filter, order_by, token))
            found += page.models
            token = page.next_page_token
            if not token:
                return found

    def search_versions(
        self,
        filter: str = "",  # noqa: A002
        *,
        order_by: str | None = None,
    ) -> builtins.list[FoundVersion]:
        """Versions of all models that a filter holds of, as ``"metrics.loss < 2"``."""
        found, token = builtins.list[FoundVersion](), ""
        while True:
            page = self._client._call(calls.search_versions(filter, order_by, token))
            found += page.versions
            token = page.next_page_token
            if not token:
                return found

    def version(self, name: str, version: int) -> VersionDetail:
        """One version with all that is said of it."""
        return self._client._call(calls.version(name, version))

    def card(self, name: str, version: int) -> str:
        """Markdown: what its author wrote, and after it what the platform knows."""
        return self._client._call(calls.card(name, version))

    def create(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Model:
        """A model without versions; ``Conflict`` where it is there."""
        return self._client._call(calls.create(name, description, tags))

    def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        set_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
    ) -> Model:
        """What is not given stays."""
        return self._client._call(calls.describe(name, description, set_tags, remove_tags))

    def describe_version(
        self,
        name: str,
        version: int,
        *,
        description: str | None = None,
        card: str | None = None,
        signature: Mapping[str, Any] | None = None,
        set_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
        add_metrics: Sequence[Metric] = (),
        expected_revision: int | None = None,
    ) -> VersionDetail:
        """What is not given stays; the files never change.

        ``expected_revision`` raises ``Conflict`` where someone else changed it first."""
        call = calls.describe_version(
            name,
            version,
            description=description,
            card=card,
            signature=signature,
            set_tags=set_tags,
            remove_tags=list(remove_tags),
            add_metrics=add_metrics,
            expected_revision=expected_revision,
        )
        return self._client._call(call)

    def delete(self, name: str, *, why: str | None = None) -> None:
        """A model with all versions; ``Conflict`` while it has an alias or something needs a version."""
        self._client._call(calls.delete(name, why))

    def delete_version(self, name: str, version: int, *, why: str | None = None) -> None:
        """``Conflict`` while an alias, a rollout or an adapter needs it. Its number is never given again."""
        self._client._call(calls.delete_version(name, version, why))

    def rename(self, name: str, to: str) -> Model:
        """Nothing answers to the old name any more."""
        return self._client._call(calls.rename(name, to))


class AsyncCatalogue:
    """What is said of models and versions."""

    _client: "AsyncColonnade"

    async def search(self, filter: str = "", *, order_by: str | None = None) -> builtins.list[Model]:  # noqa: A002
        """Models that a filter holds of, as ``"family = 'lora' AND tags.team = 'x'"``, with their tags."""
        found, token = builtins.list[Model](), ""
        while True:
            page = await self._client._call(calls.search(filter, order_by, token))
            found += page.models
            token = page.next_page_token
            if not token:
                return found

    async def search_versions(
        self,
        filter: str = "",  # noqa: A002
        *,
        order_by: str | None = None,
    ) -> builtins.list[FoundVersion]:
        """Versions of all models that a filter holds of, as ``"metrics.loss < 2"``."""
        found, token = builtins.list[FoundVersion](), ""
        while True:
            page = await self._client._call(calls.search_versions(filter, order_by, token))
            found += page.versions
            token = page.next_page_token
            if not token:
                return found

    async def version(self, name: str, version: int) -> VersionDetail:
        """One version with all that is said of it."""
        return await self._client._call(calls.version(name, version))

    async def card(self, name: str, version: int) -> str:
        """Markdown: what its author wrote, and after it what the platform knows."""
        return await self._client._call(calls.card(name, version))

    async def create(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Model:
        """A model without versions; ``Conflict`` where it is there."""
        return await self._client._call(calls.create(name, description, tags))

    async def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        set_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
    ) -> Model:
        """What is not given stays."""
        return await self._client._call(calls.describe(name, description, set_tags, remove_tags))

    async def describe_version(
        self,
        name: str,
        version: int,
        *,
        description: str | None = None,
        card: str | None = None,
        signature: Mapping[str, Any] | None = None,
        set_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
        add_metrics: Sequence[Metric] = (),
        expected_revision: int | None = None,
    ) -> VersionDetail:
        """What is not given stays; the files never change.

        ``expected_revision`` raises ``Conflict`` where someone else changed it first."""
        call = calls.describe_version(
            name,
            version,
            description=description,
            card=card,
            signature=signature,
            set_tags=set_tags,
            remove_tags=list(remove_tags),
            add_metrics=add_metrics,
            expected_revision=expected_revision,
        )
        return await self._client._call(call)

    async def delete(self, name: str, *, why: str | None = None) -> None:
        """A model with all versions; ``Conflict`` while it has an alias or something needs a version."""
        await self._client._call(calls.delete(name, why))

    async def delete_version(self, name: str, version: int, *, why: str | None = None) -> None:
        """``Conflict`` while an alias, a rollout or an adapter needs it. Its number is never given again."""
        await self._client._call(calls.delete_version(name, version, why))

    async def rename(self, name: str, to: str) -> Model:
        """Nothing answers to the old name any more."""
        return await self._client._call(calls.rename(name, to))
