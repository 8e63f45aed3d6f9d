"""The model catalogue on the registry's gRPC."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import manifest_pb2, registry_pb2
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import (
    Alias,
    AliasTarget,
    Artefact,
    ImportOrder,
    ImportProgress,
    Model,
    ModelDetail,
    ModelPage,
    Resolution,
    Target,
    Version,
    Watched,
)

_SECONDS = 10.0
"""A registry that takes longer to look something up counts as away."""


class RegistryCatalog:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = RegistryServiceStub(calls.peer.channel)

    async def resolve(
        self, caller: Caller, reference: str, size_label: str, *, embeds: bool = False
    ) -> Resolution:
        request = registry_pb2.ResolveRequest(reference=reference, size_label=size_label, embeds=embeds)
        answer = await self._calls.unary(
            caller, self._stub.Resolve, request, registry_pb2.ResolveResponse, _SECONDS
        )
        watched = _watched(answer.rollout) if answer.HasField("rollout") else None
        return Resolution(answer.name, answer.alias, tuple(map(_target, answer.targets)), watched)

    async def version(self, caller: Caller, digest: str) -> Target:
        request = registry_pb2.GetManifestRequest(digest=digest)
        answer = await self._calls.unary(
            caller, self._stub.GetManifest, request, registry_pb2.GetManifestResponse, _SECONDS
        )
        return _target_of(answer.manifest, 100)

    async def list_models(self, caller: Caller, page_size: int, page_token: str) -> ModelPage:
        request = registry_pb2.ListModelsRequest(page_size=page_size, page_token=page_token)
        answer = await self._calls.unary(
            caller, self._stub.ListModels, request, registry_pb2.ListModelsResponse, _SECONDS
        )
        return ModelPage(tuple(model_of(model) for model in answer.models), answer.next_page_token)

    async def get(self, caller: Caller, name: str) -> ModelDetail:
        request = registry_pb2.GetModelRequest(name=name)
        answer = await self._calls.unary(
            caller, self._stub.GetModel, request, registry_pb2.GetModelResponse, _SECONDS
        )
        return ModelDetail(model_of(answer.model), tuple(version_of(version) for version in answer.versions))

    async def import_model(self, caller: Caller, order: ImportOrder) -> AsyncGenerator[ImportProgress, None]:
        request = registry_pb2.ImportModelRequest(
            source=order.source,
            name=order.name,
            alias=order.alias,
            description=order.description,
            idempotency_key=order.idempotency_key,
            base=order.base,
        )
        steps = self._calls.stream(caller, self._stub.ImportModel, request, registry_pb2.ImportModelResponse)
        async with aclosing(steps):
            async for step in steps:
                yield import_progress(step)

    async def set_alias(
        self, caller: Caller, name: str, alias: str, targets: Sequence[AliasTarget], revision: int | None
    ) -> Alias:
        request = registry_pb2.SetAliasRequest(
            name=name,
            alias=alias,
            targets=[
                registry_pb2.AliasTarget(version=target.version, weight=target.weight) for target in targets
            ],
            expected_revision=revision,
        )
        answer = await self._calls.unary(
            caller, self._stub.SetAlias, request, registry_pb2.SetAliasResponse, _SECONDS
        )
        return _alias(answer.alias)

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        request = registry_pb2.DeleteAliasRequest(name=name, alias=alias)
        await self._calls.unary(
            caller, self._stub.DeleteAlias, request, registry_pb2.DeleteAliasResponse, _SECONDS
        )


def import_progress(step: registry_pb2.ImportModelResponse) -> ImportProgress:
    version = version_of(step.version) if step.HasField("version") else None
    return ImportProgress(step.stage, step.fraction, step.message, version)


def _target(target: registry_pb2.ResolvedTarget) -> Target:
    return _target_of(target.manifest, target.weight)


def _watched(watched: registry_pb2.Watched) -> Watched:
    return Watched(
        watched.rollout,
        watched.phase,
        _target_of(watched.candidate, 100),
        watched.shadow_percent,
        _target_of(watched.stable, 100) if watched.HasField("stable") else None,
    )


def _target_of(manifest: manifest_pb2.Manifest, weight: int) -> Target:
    return Target(
        manifest.name, manifest.version, manifest.digest, weight, manifest.context_length, manifest.base
    )


def model_of(model: registry_pb2.Model) -> Model:
    return Model(
        name=model.name,
        description=model.description,
        size_label=model.size_label,
        latest_version=model.latest_version,
        aliases=tuple(_alias(alias) for alias in model.aliases),
        created_at=time_of(model.created_at),
        family=model.family,
        base=model.base,
        tenant=model.tenant,
    )


def _alias(alias: registry_pb2.Alias) -> Alias:
    return Alias(
        name=alias.name,
        targets=tuple(AliasTarget(target.version, target.weight) for target in alias.targets),
        revision=alias.revision,
        updated_at=time_of(alias.updated_at),
        updated_by=alias.updated_by,
    )


def version_of(version: registry_pb2.Version) -> Version:
    manifest: manifest_pb2.Manifest = version.manifest
    return Version(
        name=manifest.name,
        version=manifest.version,
        digest=manifest.digest,
        family=manifest.family,
        parameters=manifest.parameters,
        size_label=manifest.size_label,
        context_length=manifest.context_length,
        size_bytes=sum(artefact.size_bytes for artefact in manifest.artefacts),
        source=version.source,
        source_digest=version.source_digest,
        created_by=version.created_by,
        created_at=time_of(version.created_at),
        base=manifest.base,
        artefacts=tuple(Artefact(each.path, each.digest, each.size_bytes) for each in manifest.artefacts),
    )


def time_of(stamp: Timestamp) -> datetime | None:
    """None where the registry did not say."""
    return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds or stamp.nanos else None
