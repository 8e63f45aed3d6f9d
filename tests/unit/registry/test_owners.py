"""A model is changed by its owner's people and those of the installation's own tenant, and by nobody else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colonnade.errors import PermissionDenied
from colonnade.registry.domain import Target
from colonnade.registry.owners import Owners
from colonnade.registry.service import Registry
from colonnade.security.identity import HOME_TENANT
from tests.unit.registry.fakes import ENGINEER, MemoryTrail, MemoryVersionStore, draft
from tests.unit.registry.test_imports import Fixture

OTHER = replace(ENGINEER, tenant="rival")
HOME = replace(ENGINEER, tenant=HOME_TENANT)


@pytest.fixture
async def store() -> MemoryVersionStore:
    store = MemoryVersionStore()
    await store.register(draft("smol", 1), alias="")
    return store


async def test_the_owner_and_the_home_tenant_may(store: MemoryVersionStore) -> None:
    owners = Owners(store)
    await owners.check("smol", ENGINEER)
    await owners.check("smol", HOME)
    with pytest.raises(PermissionDenied, match="belongs to the tenant acme"):
        await owners.check("smol", OTHER)


async def test_a_name_that_nobody_has_is_free(store: MemoryVersionStore) -> None:
    await Owners(store).check("new", OTHER)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda r: r.set_alias("smol", "canary", [Target(1, 100)], OTHER), id="set"),
        pytest.param(lambda r: r.delete_alias("smol", "production", OTHER), id="delete"),
    ],
)
async def test_aliases_of_others_stay(
    store: MemoryVersionStore, act: Callable[[Registry], Awaitable[object]]
) -> None:
    trail = MemoryTrail()
    with pytest.raises(PermissionDenied):
        await act(Registry(store, trail))
    assert trail.outcomes == ["begun", "refused"]
    model = await store.find_model("smol")
    assert model is not None
    assert [alias.name for alias in model.aliases] == ["production"]


async def test_an_import_under_the_name_of_others(tmp_path: Path) -> None:
    fixture = Fixture(tmp_path)
    await fixture.store.register(draft("smol", 1), alias="")
    with pytest.raises(PermissionDenied, match="acme"):
        async for _ in fixture.imports.run(fixture.request(), OTHER):
            pass
    assert len(await fixture.store.list_versions("smol", limit=9)) == 1
