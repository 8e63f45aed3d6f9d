"""The catalogue's use cases on a database: who may, what is recorded, pages, and refusals."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import Conflict, InvalidArgument, PermissionDenied, TooLarge
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.catalogue.records import Metric, ModelChange, Tagging, VersionChange
from colonnade.registry.catalogue.service import Catalogue, Search
from colonnade.registry.owners import Owners
from colonnade.security.identity import Principal
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.registry.fakes import ENGINEER, START, MemoryTrail, draft, ticking

OTHER = replace(ENGINEER, tenant="rival")


class House:
    def __init__(self, database: Database) -> None:
        self.versions, self.trail = SqlVersionStore(database), MemoryTrail()
        owners = Owners(self.versions)
        self.catalogue = Catalogue(SqlCatalogueStore(database), owners, self.trail, clock=ticking())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database(sqlite_url(tmp_path / "registry.db"))
    await migrate(database, "colonnade.registry")
    house = House(database)
    for seed in range(1, 6):
        await house.versions.register(draft("smol", seed), alias="")
    yield house
    await database.close()


async def test_each_change_is_its_owners_and_recorded(house: House) -> None:
    said, change = house.catalogue, ModelChange("x")
    acts: dict[str, Callable[[Principal], Awaitable[object]]] = {
        "registry.model.describe": lambda who: said.describe_model("smol", change, who),
        "registry.version.describe": lambda who: said.describe_version("smol", 1, VersionChange("x"), who),
        "registry.version.delete": lambda who: said.delete_version("smol", 2, who, why="old"),
        "registry.model.rename": lambda who: said.rename_model("smol", "tiny", who),
    }
    for name, act in acts.items():
        with pytest.raises(PermissionDenied):
            await act(OTHER)
        await act(ENGINEER)
        assert [record[0] for record in house.trail.records[-4:]] == [name] * 4
        assert house.trail.outcomes[-4:] == ["begun", "refused", "begun", "ok"]
    with pytest.raises(PermissionDenied):
        await said.delete_model("tiny", OTHER)
    with pytest.raises(Conflict):
        await said.delete_model("tiny", ENGINEER)


async def test_a_key_makes_a_model_once(house: House) -> None:
    made = await house.catalogue.create_model("new", ModelChange("x"), ENGINEER, key="k")
    assert await house.catalogue.create_model("new", ModelChange("x"), ENGINEER, key="k") == made
    with pytest.raises(Conflict, match="idempotency key"):
        await house.catalogue.create_model("new", ModelChange("y"), ENGINEER, key="k")


async def test_a_version_always_has_a_signature(house: House) -> None:
    assert '"prompt"' in (await house.catalogue.get_version("smol", 0)).signature
    said = await house.catalogue.describe_version("smol", 1, VersionChange(signature="{}"), ENGINEER)
    assert said.signature == "{}"
    again = await house.catalogue.describe_version("smol", 1, VersionChange(signature=""), ENGINEER)
    assert '"prompt"' in again.signature


async def test_pages_meet_everything_once(house: House) -> None:
    for order in ("", "version", "updated_at DESC", "parameters DESC, name"):
        numbers: list[int] = []
        search = Search("name = 'smol'", order, page_size=2)
        while True:
            found, token = await house.catalogue.search_versions(search)
            numbers += [each.version.manifest.version for each in found]
            if not token:
                break
            search = replace(search, page_token=token)
        assert sorted(numbers) == [1, 2, 3, 4, 5]
    models, token = await house.catalogue.search_models(Search(page_size=1))
    assert ([each.model.name for each in models], token) == (["smol"], "")


async def test_a_token_is_of_its_order(house: House) -> None:
    _, token = await house.catalogue.search_versions(Search(page_size=2))
    for search in (
        Search(order_by="version", page_token=token),
        Search(page_token="nonsense"),
        Search(page_token="é"),
        Search(page_token="W10"),
        Search(page_size=201),
        Search(order_by="colour"),
        Search("name"),
    ):
        with pytest.raises(InvalidArgument):
            await house.catalogue.search_versions(search)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (VersionChange(description="x" * 2001), "description"),
        (VersionChange(card="x" * (256 * 1024 + 1)), "card"),
        (VersionChange(card="\0"), "card"),
        (VersionChange(signature="nonsense"), "signature"),
        (VersionChange(tags=Tagging({"": "x"})), "set_tags"),
        (VersionChange(tags=Tagging({"a;b": "x"})), "set_tags"),
        (VersionChange(tags=Tagging({"a": "x" * 5001})), "set_tags[a]"),
        (VersionChange(tags=Tagging({}, ("a" * 129,))), "remove_tags"),
        (VersionChange(metrics=[Metric("loss", float("nan"), 0, START)]), "metrics.value"),
        (VersionChange(metrics=[Metric("loss", float("inf"), 0, START)]), "metrics.value"),
        (VersionChange(metrics=[Metric("", 0.0, 0, START)]), "metrics.key"),
        (VersionChange(metrics=[Metric("a", 0.0, 0, START, "a b")]), "metrics.dataset"),
        (VersionChange(metrics=[Metric("a", 0.0, 0, START)] * 1001), "add_metrics"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_limits(house: House, change: VersionChange, field: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)) as refusal:
        await house.catalogue.describe_version("smol", 1, change, ENGINEER)
    assert refusal.value.details["field"] == field


@pytest.mark.parametrize("name", ["", "A", "../x", "x" * 200])
async def test_names(house: House, name: str) -> None:
    calls: list[Any] = [
        house.catalogue.create_model(name, ModelChange(), ENGINEER),
        house.catalogue.get_version(name, 1),
        house.catalogue.rename_model("smol", name, ENGINEER),
        house.catalogue.delete_model(name, ENGINEER),
    ]
    for call in calls:
        with pytest.raises(InvalidArgument):
            await call
    for number in (-1, 2**60):
        with pytest.raises(InvalidArgument):
            await house.catalogue.get_version("smol", number)
