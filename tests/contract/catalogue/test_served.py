"""The gateway's port of the catalogue, on a real registry over its socket: each says what the other means."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.catalogue import RegistryCatalogue
from colonnade.gateway.adapters.registry import RegistryCatalog
from colonnade.gateway.adapters.seals import RegistrySeals
from colonnade.gateway.domain.catalogue import Metric, ModelChange, Search, VersionChange
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import ImportOrder
from colonnade.registry.__main__ import wired
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import Identity, Peer
from colonnade.security.identity import Principal, Role

CONVERTER = Path(__file__).parents[2] / "unit" / "registry" / "converter.py"
LIMIT = 60.0
EVE = Caller(Principal("acme", "eve", frozenset({Role.MODEL_ENGINEER})), "r")
ROB = Caller(Principal("rival", "rob", frozenset({Role.MODEL_ENGINEER})), "r")
ANN = Caller(Principal("acme", "ann", frozenset({Role.CALLER})), "r")


@pytest.fixture
async def calls(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Calls]:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    monkeypatch.setenv("COLONNADE_REGISTRY_IMPORT_ROOTS", str(short_folder))
    monkeypatch.setenv("COLONNADE_REGISTRY_METRICS_PORT", "0")
    command = (sys.executable, "-P", str(CONVERTER))
    async with asyncio.timeout(LIMIT), wired(RegistrySettings(), command) as server:
        await server.start()
        await server.ready(True)
        identity = Identity("gateway", short_folder / "identity")
        async with Peer("registry", f"unix:{short_folder}/run/registry.sock", identity) as peer:
            yield Calls(peer, identity)
        await server.stop(0)


async def imported(calls: Calls, folder: Path) -> None:
    source = folder / "source.gguf"
    source.write_text("convert\nweights")
    async for _ in RegistryCatalog(calls).import_model(EVE, ImportOrder(str(source), "smol")):
        pass


async def test_the_whole_of_it(calls: Calls, short_folder: Path) -> None:
    said = RegistryCatalogue(calls)
    await imported(calls, short_folder)
    made = await said.create_model(EVE, "new", ModelChange("x", {"a": "b"}), "k1")
    assert await said.create_model(EVE, "new", ModelChange("x", {"a": "b"}), "k1") == made
    assert (made.model.latest_version, made.model.tenant, made.tags) == (0, "acme", {"a": "b"})
    assert await said.get_model(ANN, "new") == made
    change = VersionChange(
        "good", "# Card", '{"inputs": []}', {"team": "x"}, (), (Metric("loss", 1.5, 3),), 0
    )
    record = await said.describe_version(EVE, "smol", 1, change)
    assert (record.description, record.card, record.signature) == ("good", "# Card", '{"inputs": []}')
    assert (record.tenant, record.aliases, record.revision) == ("acme", ("production",), 1)
    assert [(each.key, each.value, each.step) for each in record.metrics] == [("loss", 1.5, 3)]
    assert await said.get_version(ANN, "smol", 0) == record
    found = await said.search_versions(ANN, Search("tags.team = 'x' AND metrics.loss < 2"))
    assert [each.version for each in found.records] == [record.version]
    first = await said.search_models(ANN, Search(order_by="name DESC", page_size=1))
    rest = await said.search_models(
        ANN, Search(order_by="name DESC", page_size=1, page_token=first.next_page_token)
    )
    assert [each.model.name for each in (*first.records, *rest.records)] == ["smol", "new"]
    renamed = await said.rename_model(EVE, "new", "newer")
    assert renamed.model.name == "newer"
    described = await said.describe_model(EVE, "newer", ModelChange(remove_tags=("a",)))
    assert (described.model.description, described.tags) == ("x", {})
    await said.delete_model(EVE, "newer", "done")


async def test_refusals_come_through(calls: Calls, short_folder: Path) -> None:
    said = RegistryCatalogue(calls)
    await imported(calls, short_folder)
    with pytest.raises(PermissionDenied, match="acme"):
        await said.describe_model(ROB, "smol", ModelChange("mine"))
    with pytest.raises(PermissionDenied):
        await said.describe_model(ANN, "smol", ModelChange("mine"))
    with pytest.raises(Conflict, match="smol@production means smol:1"):
        await said.delete_version(EVE, "smol", 1, "")
    with pytest.raises(InvalidArgument, match="filter"):
        await said.search_models(ANN, Search("name"))
    for call in (said.get_model(ANN, "nobody"), said.get_version(ANN, "smol", 2)):
        with pytest.raises(NotFound):
            await call


async def test_a_renamed_model_is_sealed_anew(calls: Calls, short_folder: Path) -> None:
    await imported(calls, short_folder)
    before = await RegistrySeals(calls).get(EVE, "smol", 1)
    await RegistryCatalogue(calls).rename_model(EVE, "smol", "tiny")
    after = await RegistrySeals(calls).get(EVE, "tiny", 1)
    assert after.bundle
    assert after.bundle != before.bundle
    found = await RegistryCatalog(calls).resolve(ANN, "tiny:1", "")
    assert (await RegistryCatalog(calls).version(ANN, found.targets[0].digest)).name == "tiny"
