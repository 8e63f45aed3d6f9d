"""What every version store does, whatever it keeps its versions in."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.domain import Reference, Target
from colonnade.registry.ports import VersionStore
from colonnade.security.identity import HOME_TENANT
from colonnade.security.inputs.once import Once
from tests.contract.conftest import KINDS, Opener
from tests.unit.registry.fakes import START, MemoryVersionStore, draft

LATER = START + timedelta(days=1)


@pytest.fixture(params=["memory", *KINDS])
async def store(request: pytest.FixtureRequest, opened: Opener) -> VersionStore:
    if request.param == "memory":
        return MemoryVersionStore()
    return SqlVersionStore(opened(request.param, "colonnade.registry"))


async def test_an_empty_store(store: VersionStore) -> None:
    assert await store.list_models(after="", limit=10) == []
    assert await store.find_model("smol") is None
    assert list(await store.list_versions("smol", limit=10)) == []
    assert list(await store.find_targets(Reference("smol", version=1))) == []
    assert await store.find_manifest(f"sha256:{'0' * 64}") is None
    assert await store.find_promoted() is None


async def test_a_registered_version_is_as_it_was_drafted(store: VersionStore) -> None:
    made = draft("smol", 1, description="small")
    version = await store.register(made, alias="")
    assert version == made.numbered(1)
    assert list(await store.list_versions("smol", limit=10)) == [version]
    assert await store.find_manifest(version.manifest.digest) == version.manifest
    model = await store.find_model("smol")
    assert model is not None
    assert (model.name, model.description, model.latest_version) == ("smol", "small", 1)
    assert (model.created_at, model.size_label) == (START, "135M")
    assert [alias.name for alias in model.aliases] == ["production"]


async def test_versions_count_up_a_model_and_come_newest_first(store: VersionStore) -> None:
    for seed in range(1, 6):
        await store.register(draft("smol", seed), alias="")
    await store.register(draft("other", 1), alias="")
    found = await store.list_versions("smol", limit=3)
    assert [version.manifest.version for version in found] == [5, 4, 3]
    assert [version.manifest.version for version in await store.list_versions("other", limit=3)] == [1]


async def test_equal_content_under_one_name_is_one_version(store: VersionStore) -> None:
    first = await store.register(draft("smol", 1), alias="")
    await store.register(draft("smol", 2), alias="")
    again = await store.register(draft("smol", 1, at=LATER), alias="canary")
    assert again == first
    assert len(await store.list_versions("smol", limit=9)) == 2
    assert await store.find_targets(Reference("smol", alias="canary")) == [(first.manifest, 100)]


async def test_equal_content_under_two_names_keeps_its_first_manifest(store: VersionStore) -> None:
    first = await store.register(draft("zoo", 1), alias="")
    second = await store.register(draft("ark", 1, at=LATER), alias="")
    assert second.manifest.digest == first.manifest.digest
    assert await store.find_manifest(first.manifest.digest) == first.manifest
    assert await store.find_targets(Reference("ark", version=1)) == [(second.manifest, 100)]


async def test_only_the_first_import_promotes_by_itself(store: VersionStore) -> None:
    await store.register(draft("smol", 1), alias="")
    await store.register(draft("smol", 2), alias="")
    targets = await store.find_targets(Reference("smol", alias="production"))
    assert [manifest.version for manifest, _ in targets] == [1]
    await store.delete_alias("smol", "production", by="x", at=LATER)
    await store.register(draft("smol", 3), alias="")
    targets = await store.find_targets(Reference("smol", alias="production"))
    assert [manifest.version for manifest, _ in targets] == [3]


async def test_registering_again_does_not_move_an_alias_that_is_there(store: VersionStore) -> None:
    for _ in range(2):
        await store.register(draft("smol", 1), alias="production")
    model = await store.find_model("smol")
    assert model is not None
    assert model.aliases[0].revision == 1


async def test_a_description_is_replaced_only_by_another(store: VersionStore) -> None:
    for seed, description in enumerate(["first", "", "third"], start=1):
        await store.register(draft("smol", seed, description=description), alias="")
        model = await store.find_model("smol")
        assert model is not None
        assert model.description == ("third" if seed == 3 else "first")


async def test_a_weighted_alias(store: VersionStore) -> None:
    first = await store.register(draft("smol", 1), alias="")
    second = await store.register(draft("smol", 2), alias="")
    moved = await store.move_alias(
        "smol", "production", [Target(2, 10), Target(1, 90)], expected_revision=1, by="acme/eve", at=LATER
    )
    assert (moved.revision, moved.updated_by, moved.updated_at) == (2, "acme/eve", LATER)
    model = await store.find_model("smol")
    assert model is not None
    assert model.aliases == (moved,)
    targets = await store.find_targets(Reference("smol", alias="production"))
    assert targets == [(first.manifest, 90), (second.manifest, 10)]


async def test_moves_that_are_refused_change_nothing(store: VersionStore) -> None:
    await store.register(draft("smol", 1), alias="")
    before = await store.find_model("smol")

    async def move(
        error: type[Exception], name: str, targets: list[Target], expected: int | None = None
    ) -> None:
        with pytest.raises(error):
            await store.move_alias(name, "production", targets, expected_revision=expected, by="x", at=LATER)

    await move(NotFound, "other", [Target(1, 100)])
    await move(NotFound, "smol", [Target(1, 50), Target(2, 50)])
    await move(InvalidArgument, "smol", [Target(1, 99)])
    await move(Conflict, "smol", [Target(1, 100)], 0)
    await move(Conflict, "smol", [Target(1, 100)], 2)
    assert await store.find_model("smol") == before


async def test_a_deleted_alias_is_gone_and_its_revisions_go_on(store: VersionStore) -> None:
    await store.register(draft("smol", 1), alias="canary")
    await store.delete_alias("smol", "canary", by="x", at=LATER)
    assert list(await store.find_targets(Reference("smol", alias="canary"))) == []
    model = await store.find_model("smol")
    assert model is not None
    assert model.aliases == ()
    for name, alias in (("smol", "canary"), ("smol", "never"), ("other", "canary")):
        with pytest.raises(NotFound):
            await store.delete_alias(name, alias, by="x", at=LATER)
    back = await store.move_alias("smol", "canary", [Target(1, 100)], expected_revision=0, by="x", at=LATER)
    assert back.revision == 3


async def test_the_model_promoted_last(store: VersionStore) -> None:
    await store.register(draft("smol", 1, size="135M", at=LATER), alias="")
    await store.register(draft("big", 2, size="7B"), alias="")
    await store.register(draft("aside", 3, size="7B"), alias="canary")
    assert await store.find_promoted() == "big"
    assert await store.find_promoted("7B") == "big"
    assert await store.find_promoted("135M") == "smol"
    assert await store.find_promoted("1B") is None
    await store.move_alias("smol", "production", [Target(1, 100)], expected_revision=None, by="x", at=START)
    assert await store.find_promoted() == "smol"  # by order, whatever the clock said
    await store.delete_alias("big", "production", by="x", at=LATER)
    assert await store.find_promoted("7B") is None


async def test_encoders_are_for_those_who_ask_for_them(store: VersionStore) -> None:
    await store.register(draft("smol", 1, size="135M"), alias="")
    assert await store.find_promoted(encoders=True) is None
    await store.register(draft("minilm", 2, size="23M", family="encoder"), alias="")
    assert (await store.find_promoted(), await store.find_promoted(encoders=True)) == ("smol", "minilm")
    assert (await store.find_promoted("23M"), await store.find_promoted("23M", encoders=True)) == (
        None,
        "minilm",
    )
    assert await store.find_promoted("135M", encoders=True) is None


async def test_a_size_is_that_of_all_targets(store: VersionStore) -> None:
    await store.register(draft("smol", 1, size="135M"), alias="")
    await store.register(draft("smol", 2, size="7B"), alias="")
    both = [Target(1, 50), Target(2, 50)]
    await store.move_alias("smol", "production", both, expected_revision=None, by="x", at=LATER)
    assert await store.find_promoted() == "smol"
    assert await store.find_promoted("7B") is None
    assert await store.find_promoted("135M") is None


async def test_a_key_gives_the_same_version_again(store: VersionStore) -> None:
    once = Once("acme/eve", "key", "a")
    assert await store.recall(once) is None
    first = await store.register(draft("smol", 1), alias="", once=once)
    assert await store.recall(once) == first
    assert await store.register(draft("smol", 2), alias="canary", once=once) == first
    assert len(await store.list_versions("smol", limit=9)) == 1
    assert await store.recall(Once("acme/adam", "key", "b")) is None
    other = Once("acme/eve", "key", "b")
    with pytest.raises(Conflict):
        await store.recall(other)
    with pytest.raises(Conflict):
        await store.register(draft("new", 3), alias="", once=other)
    assert await store.find_model("new") is None


async def test_pages_by_name(store: VersionStore) -> None:
    for seed, name in enumerate(["b", "a", "a-b", "c", "a.b"], start=1):
        await store.register(draft(name, seed), alias="")
    names = [model.name for model in await store.list_models(after="", limit=9)]
    assert names == sorted(names)
    assert [model.name for model in await store.list_models(after="a-b", limit=2)] == ["a.b", "b"]


async def test_registrations_at_once_get_numbers_without_gaps(store: VersionStore) -> None:
    made = await asyncio.gather(*(store.register(draft("smol", seed), alias="") for seed in range(1, 21)))
    assert sorted(version.manifest.version for version in made) == list(range(1, 21))


async def test_one_of_two_movers_at_once_loses(store: VersionStore) -> None:
    await store.register(draft("smol", 1), alias="")
    await store.register(draft("smol", 2), alias="")

    async def move(version: int) -> int:
        try:
            targets = [Target(version, 100)]
            await store.move_alias("smol", "production", targets, expected_revision=1, by="x", at=LATER)
        except Conflict:
            return 0
        return version

    won = await asyncio.gather(*(move(1 + number % 2) for number in range(10)))
    assert len([version for version in won if version]) == 1
    targets = await store.find_targets(Reference("smol", alias="production"))
    assert [manifest.version for manifest, _ in targets] == [max(won)]


async def test_an_adapter_keeps_its_base_and_is_never_the_default(store: VersionStore) -> None:
    base = await store.register(draft("smol", 1), alias="")
    made = await store.register(draft("poet", 2, base=base.manifest.digest), alias="")
    assert made.manifest.content.base == base.manifest.digest
    ((found, _),) = await store.find_targets(Reference("poet", alias="production"))
    assert found == made.manifest
    models = {model.name: model for model in await store.list_models(after="", limit=9)}
    assert (models["poet"].family, models["poet"].base) == ("lora", base.manifest.digest)
    assert (models["smol"].family, models["smol"].base) == ("transformer", "")
    assert await store.find_promoted() == "smol"
    assert await store.find_promoted("135M") == "smol"


async def test_of_many_with_one_key_one_registers(store: VersionStore) -> None:
    once = Once("acme/eve", "key", "a")
    made = await asyncio.gather(
        *(store.register(draft("smol", seed), alias="", once=once) for seed in range(1, 11))
    )
    assert len({version.manifest.digest for version in made}) == 1
    assert list(await store.list_versions("smol", limit=99)) == [made[0]]


async def test_the_same_content_from_many_at_once_is_one_version(store: VersionStore) -> None:
    made = await asyncio.gather(*(store.register(draft(name, 1), alias="") for name in ["ark", "bee"] * 5))
    assert {(version.manifest.name, version.manifest.version) for version in made} == {("ark", 1), ("bee", 1)}


async def test_a_model_is_its_makers(store: VersionStore) -> None:
    await store.register(draft("smol", 1), alias="")
    rival = replace(draft("smol", 2), created_by="rival/rob")
    with pytest.raises(PermissionDenied, match="acme"):
        await store.register(rival, alias="")
    home = replace(draft("smol", 3), created_by=f"{HOME_TENANT}/ann")
    await store.register(home, alias="")
    model = await store.find_model("smol")
    assert model is not None
    assert (model.tenant, model.latest_version) == ("acme", 2)


async def test_what_an_import_began_with_has_to_be_there_still(store: VersionStore) -> None:
    """A conversion takes hours, in which a model can be renamed and a base deleted."""
    with pytest.raises(Conflict, match="renamed or deleted") as refused:
        await store.register(draft("smol", 1), alias="", of_known_model=True)
    assert refused.value.details["field"] == "name"
    with pytest.raises(Conflict, match="base was deleted") as refused:
        await store.register(draft("poet", 2, base=f"sha256:{0:064x}"), alias="")
    assert refused.value.details["field"] == "base"
    assert await store.list_models(after="", limit=9) == []
    await store.register(draft("smol", 1), alias="")
    await store.register(draft("smol", 2), alias="", of_known_model=True)


async def test_a_name_is_of_one_kind_also_when_two_come_at_once(store: VersionStore) -> None:
    base = (await store.register(draft("smol", 1), alias="")).manifest.digest
    made = [store.register(draft("poet", 2, base=base), alias=""), store.register(draft("poet", 3), alias="")]
    found = await asyncio.gather(*made, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Conflict", "Version"]


async def test_a_guarded_alias_is_made_and_not_moved(store: VersionStore) -> None:
    await store.register(draft("smol", 1), alias="stable", guarded=True)
    with pytest.raises(Conflict, match="rollouts alone"):
        await store.register(draft("smol", 2), alias="stable", guarded=True)
    assert [each.manifest.version for each in await store.list_versions("smol", limit=9)] == [1]
    await store.register(draft("smol", 1), alias="stable", guarded=True)
