"""The gRPC methods of the catalogue: message to domain, one use case, domain to message."""

from typing import Any

import grpc

from colonnade.api.registry.v1 import catalogue_pb2 as messages
from colonnade.api.registry.v1.catalogue_pb2_grpc import CatalogueServiceServicer
from colonnade.registry.catalogue.service import Catalogue
from colonnade.registry.service import utc_now
from colonnade.registry.servicers import catalogue_wire as wire
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["CatalogueService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class CatalogueServicer(CatalogueServiceServicer):
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def DescribeModel(
        self, request: messages.DescribeModelRequest, context: _Context
    ) -> messages.DescribeModelResponse:
        change, principal = wire.model_change(request), current().principal
        if request.create:
            key = request.idempotency_key
            record = await self._catalogue.create_model(request.name, change, principal, key=key)
        else:
            record = await self._catalogue.describe_model(request.name, change, principal)
        return messages.DescribeModelResponse(record=wire.model(record))

    async def GetVersion(
        self, request: messages.GetVersionRequest, context: _Context
    ) -> messages.GetVersionResponse:
        record = await self._catalogue.get_version(request.name, request.version)
        return messages.GetVersionResponse(record=wire.version(record))

    async def DescribeVersion(
        self, request: messages.DescribeVersionRequest, context: _Context
    ) -> messages.DescribeVersionResponse:
        change = wire.version_change(request, utc_now)
        record = await self._catalogue.describe_version(
            request.name, request.version, change, current().principal
        )
        return messages.DescribeVersionResponse(record=wire.version(record))

    async def DeleteVersion(
        self, request: messages.DeleteVersionRequest, context: _Context
    ) -> messages.DeleteVersionResponse:
        await self._catalogue.delete_version(
            request.name, request.version, current().principal, why=request.why
        )
        return messages.DeleteVersionResponse()

    async def DeleteModel(
        self, request: messages.DeleteModelRequest, context: _Context
    ) -> messages.DeleteModelResponse:
        await self._catalogue.delete_model(request.name, current().principal, why=request.why)
        return messages.DeleteModelResponse()

    async def RenameModel(
        self, request: messages.RenameModelRequest, context: _Context
    ) -> messages.RenameModelResponse:
        record = await self._catalogue.rename_model(request.name, request.to, current().principal)
        return messages.RenameModelResponse(record=wire.model(record))

    async def SearchModels(
        self, request: messages.SearchModelsRequest, context: _Context
    ) -> messages.SearchModelsResponse:
        found, token = await self._catalogue.search_models(wire.search(request))
        return messages.SearchModelsResponse(models=map(wire.model, found), next_page_token=token)

    async def SearchVersions(
        self, request: messages.SearchVersionsRequest, context: _Context
    ) -> messages.SearchVersionsResponse:
        found, token = await self._catalogue.search_versions(wire.search(request))
        return messages.SearchVersionsResponse(versions=map(wire.version, found), next_page_token=token)
