"""Both clients' ``models``."""

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from colonnade.client import calls, lineage_calls
from colonnade.client.catalogue import AsyncCatalogue, SyncCatalogue
from colonnade.client.lineage import all_evaluations, all_evaluations_async
from colonnade.client.lineage_calls import Evaluation
from colonnade.client.results import Alias, AliasTarget, ImportProgress, Model, Prepared, Version
from colonnade.client.streams import AsyncStream, Stream

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncModels(SyncCatalogue):
    """The registry's models, versions and aliases."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def list(self) -> list[Model]:
        models: builtins.list[Model] = []
        page = self._client._call(calls.list_models(""))
        models += page.models
        while page.next_page_token:
            page = self._client._call(calls.list_models(page.next_page_token))
            models += page.models
        return models

    def get(self, name: str) -> Model:
        """With all versions, newest first."""
        return self._client._call(calls.get_model(name))

    def import_(
        self,
        source: str,
        *,
        name: str | None = None,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
    ) -> Stream[ImportProgress, Version]:
        """Converts a source into a new version; iterate for progress.

        ``source`` is ``bundled:<name>``, or a folder or ``.gguf`` file on the platform's machine;
        ``alias`` is moved to the version once it is there. A folder with a LoRA adapter that PEFT saved needs
        its ``base``: the model version that it was made for, as in ``"smollm2:1"``.
        """
        return Stream(self._client, calls.import_model(source, name, alias, description, base))

    def prepare(self, reference: str) -> Stream[Prepared, builtins.list[Prepared]]:
        """Has an engine load what ``name``, ``name@alias`` or ``name:version`` means, ahead of its requests;
        iterate, or ``wait``, for the versions that are ready."""
        return Stream(self._client, calls.prepare_model(reference))

    def set_alias(
        self,
        name: str,
        alias: str,
        targets: int | Sequence[AliasTarget],
        *,
        expected_revision: int | None = None,
    ) -> Alias:
        """Moves an alias to one version, or to several by weight.

        ``expected_revision`` raises ``Conflict`` where someone else moved it first; 0: it must not exist yet.
        """
        return self._client._call(calls.set_alias(name, alias, targets, expected_revision))

    def delete_alias(self, name: str, alias: str) -> None:
        self._client._call(calls.delete_alias(name, alias))

    def evaluations(self, name: str, version: int) -> builtins.list[Evaluation]:
        """What was measured of a version, newest first."""
        return all_evaluations(self._client, name, version)

    def record_evaluation(
        self,
        name: str,
        version: int,
        suite: str,
        results: Mapping[str, float],
        *,
        suite_digest: str | None = None,
        outcome: str | None = None,
        origin: str | None = None,
    ) -> Evaluation:
        """Keeps what was measured of a version: figures by name. ``outcome`` is ``passed`` or ``failed``
        where something was at stake, ``origin`` the run that it was made for."""
        call = lineage_calls.record_evaluation(name, version, suite, results, suite_digest, outcome, origin)
        return self._client._call(call)


class AsyncModels(AsyncCatalogue):
    """The registry's models, versions and aliases."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def list(self) -> list[Model]:
        models: builtins.list[Model] = []
        page = await self._client._call(calls.list_models(""))
        models += page.models
        while page.next_page_token:
            page = await self._client._call(calls.list_models(page.next_page_token))
            models += page.models
        return models

    async def get(self, name: str) -> Model:
        """With all versions, newest first."""
        return await self._client._call(calls.get_model(name))

    def import_(
        self,
        source: str,
        *,
        name: str | None = None,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
    ) -> AsyncStream[ImportProgress, Version]:
        """Converts a source into a new version; iterate for progress.

        ``source`` is ``bundled:<name>``, or a folder or ``.gguf`` file on the platform's machine;
        ``alias`` is moved to the version once it is there. A folder with a LoRA adapter that PEFT saved needs
        its ``base``: the model version that it was made for, as in ``"smollm2:1"``.
        """
        return AsyncStream(self._client, calls.import_model(source, name, alias, description, base))

    def prepare(self, reference: str) -> AsyncStream[Prepared, builtins.list[Prepared]]:
        """Has an engine load what ``name``, ``name@alias`` or ``name:version`` means, ahead of its requests;
        iterate, or ``wait``, for the versions that are ready."""
        return AsyncStream(self._client, calls.prepare_model(reference))

    async def set_alias(
        self,
        name: str,
        alias: str,
        targets: int | Sequence[AliasTarget],
        *,
        expected_revision: int | None = None,
    ) -> Alias:
        """Moves an alias to one version, or to several by weight.

        ``expected_revision`` raises ``Conflict`` where someone else moved it first; 0: it must not exist yet.
        """
        return await self._client._call(calls.set_alias(name, alias, targets, expected_revision))

    async def delete_alias(self, name: str, alias: str) -> None:
        await self._client._call(calls.delete_alias(name, alias))

    async def evaluations(self, name: str, version: int) -> builtins.list[Evaluation]:
        """What was measured of a version, newest first."""
        return await all_evaluations_async(self._client, name, version)

    async def record_evaluation(
        self,
        name: str,
        version: int,
        suite: str,
        results: Mapping[str, float],
        *,
        suite_digest: str | None = None,
        outcome: str | None = None,
        origin: str | None = None,
    ) -> Evaluation:
        """Keeps what was measured of a version: figures by name. ``outcome`` is ``passed`` or ``failed``
        where something was at stake, ``origin`` the run that it was made for."""
        call = lineage_calls.record_evaluation(name, version, suite, results, suite_digest, outcome, origin)
        return await self._client._call(call)
