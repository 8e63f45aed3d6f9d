"""What is said of models and versions, on the registry's gRPC."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import catalogue_pb2 as wire
from colonnade.api.registry.v1.catalogue_pb2_grpc import CatalogueServiceStub
from colonnade.errors import NotFound
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.registry import model_of, time_of, version_of
from colonnade.gateway.domain.catalogue import (
    FoundModels,
    FoundVersions,
    Metric,
    ModelChange,
    ModelRecord,
    Search,
    VersionChange,
    VersionRecord,
)
from colonnade.gateway.domain.exchange import Caller
from colonnade.security.inputs import model_name

_SECONDS = 10.0
_LONG_SECONDS = 60.0
"""For what takes many rows along."""


class RegistryCatalogue:
    """Implements ``ports.Catalogue``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = CatalogueServiceStub(calls.peer.channel)

    async def create_model(
        self, caller: Caller, name: str, change: ModelChange, idempotency_key: str
    ) -> ModelRecord:
        request = _model_request(name, change)
        request.create, request.idempotency_key = True, idempotency_key
        return await self._described(caller, request)

    async def get_model(self, caller: Caller, name: str) -> ModelRecord:
        found = await self.search_models(caller, Search(f"name = '{model_name(name)}'", page_size=1))
        if not found.records:
            raise NotFound(f"there is no model {name}; list the models to see which there are", field="model")
        return found.records[0]

    async def describe_model(self, caller: Caller, name: str, change: ModelChange) -> ModelRecord:
        return await self._described(caller, _model_request(name, change))

    async def get_version(self, caller: Caller, name: str, version: int) -> VersionRecord:
        request, method = wire.GetVersionRequest(name=name, version=version), self._stub.GetVersion
        answer = await self._calls.unary(caller, method, request, wire.GetVersionResponse, _SECONDS)
        return _version(answer.record)

    async def describe_version(
        self, caller: Caller, name: str, version: int, change: VersionChange
    ) -> VersionRecord:
        request = wire.DescribeVersionRequest(
            name=name,
            version=version,
            description=change.description,
            card=change.card,
            signature=change.signature,
            set_tags=change.set_tags,
            remove_tags=change.remove_tags,
            add_metrics=_metrics(change.add_metrics),
            expected_revision=change.expected_revision,
        )
        method = self._stub.DescribeVersion
        answer = await self._calls.unary(caller, method, request, wire.DescribeVersionResponse, _SECONDS)
        return _version(answer.record)

    async def delete_version(self, caller: Caller, name: str, version: int, why: str) -> None:
        request = wire.DeleteVersionRequest(name=name, version=version, why=why)
        method = self._stub.DeleteVersion
        await self._calls.unary(caller, method, request, wire.DeleteVersionResponse, _LONG_SECONDS)

    async def delete_model(self, caller: Caller, name: str, why: str) -> None:
        request, method = wire.DeleteModelRequest(name=name, why=why), self._stub.DeleteModel
        await self._calls.unary(caller, method, request, wire.DeleteModelResponse, _LONG_SECONDS)

    async def rename_model(self, caller: Caller, name: str, to: str) -> ModelRecord:
        request, method = wire.RenameModelRequest(name=name, to=to), self._stub.RenameModel
        answer = await self._calls.unary(caller, method, request, wire.RenameModelResponse, _LONG_SECONDS)
        return _model(answer.record)

    async def search_models(self, caller: Caller, search: Search) -> FoundModels:
        request = wire.SearchModelsRequest(
            filter=search.filter,
            order_by=search.order_by,
            page_size=search.page_size,
            page_token=search.page_token,
        )
        method = self._stub.SearchModels
        answer = await self._calls.unary(caller, method, request, wire.SearchModelsResponse, _SECONDS)
        return FoundModels(tuple(map(_model, answer.models)), answer.next_page_token)

    async def search_versions(self, caller: Caller, search: Search) -> FoundVersions:
        request = wire.SearchVersionsRequest(
            filter=search.filter,
            order_by=search.order_by,
            page_size=search.page_size,
            page_token=search.page_token,
        )
        method = self._stub.SearchVersions
        answer = await self._calls.unary(caller, method, request, wire.SearchVersionsResponse, _SECONDS)
        return FoundVersions(tuple(map(_version, answer.versions)), answer.next_page_token)

    async def _described(self, caller: Caller, request: wire.DescribeModelRequest) -> ModelRecord:
        method = self._stub.DescribeModel
        answer = await self._calls.unary(caller, method, request, wire.DescribeModelResponse, _SECONDS)
        return _model(answer.record)


def _model_request(name: str, change: ModelChange) -> wire.DescribeModelRequest:
    return wire.DescribeModelRequest(
        name=name,
        description=change.description,
        set_tags=change.set_tags,
        remove_tags=change.remove_tags,
    )


def _metrics(metrics: Iterable[Metric]) -> list[wire.Metric]:
    found = []
    for metric in metrics:
        message = wire.Metric(key=metric.key, value=metric.value, step=metric.step, dataset=metric.dataset)
        if metric.at is not None:
            stamp = Timestamp()
            stamp.FromDatetime(metric.at)
            message.at.CopyFrom(stamp)
        found.append(message)
    return found


def _model(record: wire.ModelRecord) -> ModelRecord:
    return ModelRecord(model_of(record.model), dict(record.tags), time_of(record.updated_at))


def _version(record: wire.VersionRecord) -> VersionRecord:
    return VersionRecord(
        version=version_of(record.version),
        tenant=record.tenant,
        description=record.description,
        card=record.card,
        signature=record.signature,
        tags=dict(record.tags),
        metrics=tuple(
            Metric(each.key, each.value, each.step, time_of(each.at), each.dataset) for each in record.metrics
        ),
        aliases=tuple(record.aliases),
        updated_at=time_of(record.updated_at),
        revision=record.revision,
    )
