"""Drafts over real gRPC on a socket, from the gateway's side: uploads that break off, seals, files."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade import rpc
from colonnade.api.registry.v1.drafts_pb2_grpc import add_DraftServiceServicer_to_server
from colonnade.errors import Conflict, NotFound, PermissionDenied
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.drafts import RegistryDrafts
from colonnade.gateway.domain.drafts import DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import ImportProgress
from colonnade.registry.servicers.drafts import FULL_NAME, DraftServicer
from colonnade.security.access.registry import RPCS
from colonnade.security.identity import Principal, Role
from tests.unit.registry.drafts.files import announced, pieces
from tests.unit.registry.drafts.house import House
from tests.unit.registry.fakes import ENGINEER

CALLER = Caller(ENGINEER, "req-1")
TEXT = b"to be, or not to be\n" * 200_000


@pytest.fixture
async def drafts(house: House) -> AsyncIterator[RegistryDrafts]:
    folder = Path(tempfile.mkdtemp(prefix="cln-"))  # short: sockets live in it
    identity = rpc.Identity("registry", folder / "identity")
    server = rpc.Server(f"unix:{folder / 's'}", RPCS, identity)
    server.add(add_DraftServiceServicer_to_server, DraftServicer(house.drafts), FULL_NAME)
    await server.start()
    async with rpc.Peer("registry", server.address, identity) as peer:
        yield RegistryDrafts(Calls(peer, identity))
    await server.stop(0)
    shutil.rmtree(folder)


def file_of(path: str, content: bytes) -> DraftFile:
    file = announced(path, content)
    return DraftFile(file.path, file.size_bytes, file.digest)


async def test_from_order_to_files(drafts: RegistryDrafts, house: House) -> None:
    order = DraftOrder("smol", description="small", alias="candidate", idempotency_key="k")
    begun = await drafts.begin(CALLER, order)
    assert (begun.number, begun.state, begun.alias, begun.created_by) == (1, "open", "candidate", "acme/eve")
    assert await drafts.begin(CALLER, order) == begun
    opened = await drafts.open_file(CALLER, "smol", 1, file_of("merges.txt", TEXT))
    assert opened.received == 0
    parts = (TEXT[:10], TEXT[10 : 3 * 2**20], TEXT[3 * 2**20 :])
    written = await drafts.write_file(CALLER, "smol", 1, "merges.txt", 0, pieces(*parts))
    assert written.complete
    assert [draft.files for draft in await drafts.list(CALLER, "smol")] == [(written,)]
    steps = [step async for step in drafts.seal(CALLER, "smol", 1)]
    version = steps[-1].version
    assert isinstance(steps[0], ImportProgress)
    assert version is not None
    assert version.version == 1
    assert (await drafts.get(CALLER, "smol", 1)).state == "ready"
    artefact = version.artefacts[0]
    content = house.importer.files[artefact.path]
    assert b"".join([piece async for piece in drafts.read_file(CALLER, artefact.digest)]) == content
    assert b"".join([piece async for piece in drafts.read_file(CALLER, artefact.digest, 1)]) == content[1:]


async def test_a_client_that_breaks_off_loses_nothing_that_arrived(drafts: RegistryDrafts) -> None:
    await drafts.begin(CALLER, DraftOrder("smol"))
    await drafts.open_file(CALLER, "smol", 1, file_of("merges.txt", TEXT))
    with pytest.raises(ConnectionResetError):
        await drafts.write_file(
            CALLER,
            "smol",
            1,
            "merges.txt",
            0,
            pieces(TEXT[:100], TEXT[100:500], fault=ConnectionResetError()),
        )
    assert (await drafts.get(CALLER, "smol", 1)).files[0].received == 500
    with pytest.raises(Conflict) as refused:
        await drafts.write_file(CALLER, "smol", 1, "merges.txt", 100, pieces(TEXT[100:]))
    assert refused.value.details["offset"] == 500
    rest = await drafts.write_file(CALLER, "smol", 1, "merges.txt", 500, pieces(TEXT[500:]))
    assert rest.complete


async def test_who_asks_goes_along(drafts: RegistryDrafts) -> None:
    await drafts.begin(CALLER, DraftOrder("smol"))
    other = Caller(Principal("other", "bob", frozenset({Role.MODEL_ENGINEER})), "req-2")
    reader = Caller(Principal("acme", "ann", frozenset({Role.CALLER})), "req-3")
    for caller in (other, reader):
        assert (await drafts.get(caller, "smol", 1)).number == 1
        with pytest.raises(PermissionDenied):
            await drafts.discard(caller, "smol", 1)
    await drafts.discard(CALLER, "smol", 1)
    assert (await drafts.get(CALLER, "smol", 1)).state == "discarded"
    with pytest.raises(NotFound):
        await drafts.get(CALLER, "smol", 2)
