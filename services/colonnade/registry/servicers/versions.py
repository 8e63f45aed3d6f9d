"""The registry's gRPC methods: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from colonnade.api.registry.v1 import registry_pb2 as messages
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceServicer
from colonnade.registry.imports import ImportRequest, Imports
from colonnade.registry.rollouts.service import Rollouts
from colonnade.registry.seals.service import Seals
from colonnade.registry.service import Registry
from colonnade.registry.servicers import rollouts_wire, seals_wire, versions_wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["RegistryService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class RegistryServicer(RegistryServiceServicer):
    def __init__(self, registry: Registry, imports: Imports, rollouts: Rollouts, seals: Seals) -> None:
        self._registry = registry
        self._imports = imports
        self._rollouts = rollouts
        self._seals = seals

    async def ListModels(
        self, request: messages.ListModelsRequest, context: _Context
    ) -> messages.ListModelsResponse:
        page = await self._registry.list_models(page_size=request.page_size, page_token=request.page_token)
        return messages.ListModelsResponse(
            models=[versions_wire.model(model) for model in page.models], next_page_token=page.next_token
        )

    async def GetModel(
        self, request: messages.GetModelRequest, context: _Context
    ) -> messages.GetModelResponse:
        model, versions = await self._registry.get_model(request.name)
        return messages.GetModelResponse(
            model=versions_wire.model(model),
            versions=[versions_wire.version(version) for version in versions],
        )

    async def Resolve(self, request: messages.ResolveRequest, context: _Context) -> messages.ResolveResponse:
        found = await self._registry.resolve(request.reference, request.size_label, embeds=request.embeds)
        answer = versions_wire.resolution(found)
        if watched := await self._rollouts.watched(found):
            answer.rollout.CopyFrom(rollouts_wire.watched(watched))
        return answer

    async def GetManifest(
        self, request: messages.GetManifestRequest, context: _Context
    ) -> messages.GetManifestResponse:
        if request.with_seal:
            shown = await self._seals.shown(request.digest, request.name, request.version)
            return messages.GetManifestResponse(manifest=seals_wire.manifest(shown))
        manifest = await self._registry.get_manifest(request.digest)
        return messages.GetManifestResponse(manifest=versions_wire.manifest(manifest))

    async def SetAlias(
        self, request: messages.SetAliasRequest, context: _Context
    ) -> messages.SetAliasResponse:
        expected = request.expected_revision if request.HasField("expected_revision") else None
        targets = versions_wire.targets(request.targets)
        moved = await self._registry.set_alias(
            request.name, request.alias, targets, current().principal, expected_revision=expected
        )
        return messages.SetAliasResponse(alias=versions_wire.alias(moved))

    async def DeleteAlias(
        self, request: messages.DeleteAliasRequest, context: _Context
    ) -> messages.DeleteAliasResponse:
        await self._registry.delete_alias(request.name, request.alias, current().principal)
        return messages.DeleteAliasResponse()

    async def ImportModel(
        self, request: messages.ImportModelRequest, context: _Context
    ) -> AsyncIterator[messages.ImportModelResponse]:
        asked = ImportRequest(
            request.source, request.name, request.alias, request.description, request.idempotency_key,
            request.base,
        )  # fmt: skip
        async with aclosing(self._imports.run(asked, current().principal)) as events:
            async for event in events:
                yield versions_wire.import_event(event)
