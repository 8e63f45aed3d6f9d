"""Seals in the words of their protobuf contract."""

from colonnade.api.registry.v1 import manifest_pb2, seals_pb2
from colonnade.registry.seals.ports import Owned, Seal
from colonnade.registry.seals.service import Listing
from colonnade.registry.servicers import versions_wire


def seal(version: int, found: Seal | None, current: str) -> seals_pb2.Seal:
    message = seals_pb2.Seal(version=version)
    if found is not None:
        message.key, message.sealed_by = found.key, found.sealed_by
        message.current = found.key == current
        message.sealed_at.FromDatetime(found.sealed_at)
    return message


def listing(found: Listing) -> seals_pb2.ListSealsResponse:
    seals = [seal(version, each, found.key) for version, each in found.seals]
    return seals_pb2.ListSealsResponse(seals=seals, key=found.key, public_key=found.public_key)


def detail(found: Owned, current: str) -> seals_pb2.GetSealResponse:
    return seals_pb2.GetSealResponse(
        seal=seal(found.manifest.version, found.seal, current),
        bundle=found.seal.bundle if found.seal else "",
        statement=found.sealed.statement,
    )


def manifest(found: Owned) -> manifest_pb2.Manifest:
    """As an engine is shown it."""
    message = versions_wire.manifest(found.manifest)
    message.tenant = found.tenant
    message.seal = found.seal.bundle if found.seal else ""
    return message
