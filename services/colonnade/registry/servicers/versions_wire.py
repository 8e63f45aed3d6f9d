"""The registry's domain in the words of its protobuf contract, and back."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import manifest_pb2, registry_pb2
from colonnade.registry import domain
from colonnade.registry.ports import Progress


def manifest(found: domain.Manifest) -> manifest_pb2.Manifest:
    content = found.content
    return manifest_pb2.Manifest(
        name=found.name,
        version=found.version,
        digest=found.digest,
        family=content.family,
        parameters=content.parameters,
        size_label=content.size_label,
        context_length=content.context_length,
        base=content.base,
        artefacts=[
            manifest_pb2.Artefact(path=artefact.path, digest=artefact.digest, size_bytes=artefact.size_bytes)
            for artefact in content.artefacts
        ],
    )


def version(found: domain.Version) -> registry_pb2.Version:
    message = registry_pb2.Version(
        manifest=manifest(found.manifest),
        created_by=found.created_by,
        source=found.source,
        source_digest=found.source_digest,
    )
    message.created_at.FromDatetime(found.created_at)
    return message


def alias(found: domain.Alias) -> registry_pb2.Alias:
    updated_at = Timestamp()
    updated_at.FromDatetime(found.updated_at)
    return registry_pb2.Alias(
        name=found.name,
        targets=[
            registry_pb2.AliasTarget(version=target.version, weight=target.weight) for target in found.targets
        ],
        revision=found.revision,
        updated_at=updated_at,
        updated_by=found.updated_by,
    )


def model(found: domain.Model) -> registry_pb2.Model:
    created_at = Timestamp()
    created_at.FromDatetime(found.created_at)
    return registry_pb2.Model(
        name=found.name,
        description=found.description,
        aliases=[alias(item) for item in found.aliases],
        latest_version=found.latest_version,
        created_at=created_at,
        size_label=found.size_label,
        family=found.family,
        base=found.base,
        tenant=found.tenant,
    )


def resolution(found: domain.Resolution) -> registry_pb2.ResolveResponse:
    targets = [
        registry_pb2.ResolvedTarget(manifest=manifest(target), weight=weight)
        for target, weight in found.targets
    ]
    return registry_pb2.ResolveResponse(name=found.name, alias=found.alias, targets=targets)


def targets(messages: Iterable[registry_pb2.AliasTarget]) -> list[domain.Target]:
    return [domain.Target(message.version, message.weight) for message in messages]


def import_event(event: Progress | domain.Version) -> registry_pb2.ImportModelResponse:
    if isinstance(event, Progress):
        return registry_pb2.ImportModelResponse(
            stage=event.stage, fraction=event.fraction, message=event.message
        )
    return registry_pb2.ImportModelResponse(stage="done", fraction=1.0, version=version(event))
