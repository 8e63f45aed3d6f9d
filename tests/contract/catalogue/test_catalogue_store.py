"""What every catalogue store does, on a file and on a real server."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from colonnade.errors import ColonnadeError, Conflict, NotFound, TooLarge
from colonnade.registry.adapters import said
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_rollouts import SqlRolloutStore
from colonnade.registry.catalogue.grammar import parsed
from colonnade.registry.catalogue.paging import model_order, version_order
from colonnade.registry.catalogue.records import Metric, ModelChange, Tagging, VersionChange
from colonnade.registry.domain import Reference, Target
from colonnade.registry.rollouts.machine import begun, taken_back
from colonnade.registry.rollouts.plan import Plan, Step
from colonnade.registry.rollouts.ports import Event, Record
from colonnade.security.inputs.catalogue import MAX_TAGS
from colonnade.security.inputs.once import Once
from tests.contract.conftest import KINDS, Opener
from tests.unit.registry.fakes import START, draft

LATER = START + timedelta(seconds=15)
BY: dict[str, Any] = {"by": "acme/eve", "at": LATER}


@dataclass
class Stores:
    said: SqlCatalogueStore
    versions: SqlVersionStore
    rollouts: SqlRolloutStore

    async def add(self, name: str, *seeds: int, **more: Any) -> None:
        """The first is in production, the last a candidate."""
        for seed in seeds:
            await self.versions.register(draft(name, seed, **more), alias="")
            await self.versions.register(draft(name, seed, **more), alias="candidate")

    async def say(self, name: str, number: int, **change: Any) -> None:
        await self.said.describe_version(name, number, VersionChange(**change), **BY)

    async def found(self, filter_text: str, order: str = "") -> list[tuple[str, int]]:
        records = await self.said.search_versions(
            parsed(filter_text), version_order(order), after=(), limit=100
        )
        return [(each.version.manifest.name, each.version.manifest.version) for each in records]

    async def models(self, filter_text: str, order: str = "") -> list[str]:
        found = await self.said.search_models(parsed(filter_text), model_order(order), after=(), limit=100)
        return [each.model.name for each in found]

    async def roll_out(self, model: str, number: int) -> Record:
        def make(targets: Any) -> tuple[Record, Event]:
            plan = Plan(steps=(Step(10, 60),))
            rollout = begun("ro_1", model, "candidate", number, targets, plan, START)
            return Record(rollout, "careful", START, "acme/eve", START), Event(START, "begun", "acme/eve", "")

        return await self.rollouts.begin(model, "candidate", make, None)

    async def free(self, name: str) -> None:
        """Of its aliases."""
        model = await self.versions.find_model(name)
        assert model is not None
        for alias in model.aliases:
            await self.versions.delete_alias(name, alias.name, **BY)


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, opened: Opener) -> Stores:
    database = opened(request.param, "colonnade.registry")
    return Stores(SqlCatalogueStore(database), SqlVersionStore(database), SqlRolloutStore(database))


def metric(key: str, value: float, step: int = 0, **more: Any) -> Metric:
    return Metric(key, value, step, **{"at": LATER, **more})


async def test_a_model_without_versions(stores: Stores) -> None:
    once = Once("acme/eve", "k1", "print")
    change = ModelChange("empty yet", Tagging({"team": "search"}))
    made = await stores.said.create_model("new", change, once=once, **BY)
    assert (made.model.latest_version, made.model.tenant, made.model.family) == (0, "acme", "")
    assert (made.model.description, made.tags, made.updated_at) == ("empty yet", {"team": "search"}, LATER)
    assert await stores.said.create_model("new", change, once=once, **BY) == made
    with pytest.raises(Conflict, match="there is a model new"):
        await stores.said.create_model("new", change, once=None, **BY)
    with pytest.raises(Conflict, match="key"):
        await stores.said.create_model("other", change, once=replace(once, fingerprint="x"), **BY)
    assert [each.name for each in await stores.versions.list_models(after="", limit=9)] == ["new"]
    assert await stores.versions.find_model("new") == made.model
    with pytest.raises(NotFound, match="no versions"):
        await stores.said.find_version("new", 0)
    with pytest.raises(NotFound, match="no version 1"):
        await stores.versions.move_alias("new", "x", [Target(1, 100)], expected_revision=None, **BY)
    assert await stores.models("name = 'new'") == await stores.models("version = 0") == ["new"]
    await stores.add("new", 1)
    assert (await stores.said.find_model("new")).model.latest_version == 1


async def test_what_is_said_of_a_model(stores: Stores) -> None:
    await stores.add("smol", 1)
    await stores.said.describe_model("smol", ModelChange("small", Tagging({"a": "1", "b.c/d": ""})), **BY)
    found = await stores.said.describe_model("smol", ModelChange(None, Tagging({"e": "5"}, ("a",))), **BY)
    assert (found.model.description, found.tags) == ("small", {"b.c/d": "", "e": "5"})
    assert found == await stores.said.find_model("smol")
    many = Tagging({str(number): "" for number in range(MAX_TAGS)})
    with pytest.raises(TooLarge, match="202 tags"):
        await stores.said.describe_model("smol", ModelChange(tags=many), **BY)
    with pytest.raises(NotFound):
        await stores.said.describe_model("nobody", ModelChange(), **BY)


async def test_what_is_said_of_a_version(stores: Stores) -> None:
    await stores.add("smol", 1, 2)
    first = await stores.said.find_version("smol", 0)
    assert (first.version.manifest.version, first.revision, first.aliases) == (2, 0, ("candidate",))
    change = VersionChange(
        description="better", card="# Smol", signature="{}", tags=Tagging({"x": "1"}),
        metrics=[metric("loss", 2.5, 1), metric("acc", 0.5)], expected_revision=0,
    )  # fmt: skip
    said = await stores.said.describe_version("smol", 2, change, **BY)
    assert (said.description, said.card, said.signature, said.tags) == ("better", "# Smol", "{}", {"x": "1"})
    assert [(each.key, each.value, each.step) for each in said.metrics] == [("acc", 0.5, 0), ("loss", 2.5, 1)]
    assert (said.revision, said.updated_at, said.version) == (1, LATER, first.version)
    with pytest.raises(Conflict, match="revision 1, not 0") as refusal:
        await stores.said.describe_version("smol", 2, change, **BY)
    assert refusal.value.details["revision"] == 1
    kept = await stores.said.describe_version("smol", 2, VersionChange(card="# New"), **BY)
    assert (kept.card, kept.signature, kept.description) == ("# New", "{}", "better")
    assert (await stores.said.find_version("smol", 1)).card == ""
    for name, number in (("smol", 9), ("nobody", 1), ("nobody", 0)):
        with pytest.raises(NotFound):
            await stores.said.find_version(name, number)


async def test_a_card_that_comes_with_a_version(stores: Stores) -> None:
    await stores.versions.register(replace(draft("smol", 1), card="# Read me"), alias="")
    assert (await stores.said.find_version("smol", 1)).card == "# Read me"


async def test_metrics(stores: Stores) -> None:
    await stores.add("smol", 1)
    await stores.say("smol", 1, metrics=[metric("loss", step, step) for step in (5, 3, 9)])
    await stores.say("smol", 1, metrics=[metric("loss", 7.5, 9), metric("loss", 0.25, 9, dataset="sha256:d")])
    whole = await stores.said.find_version("smol", 1)
    assert [(each.value, each.step, each.dataset) for each in whole.metrics] == [
        (3, 3, ""), (5, 5, ""), (7.5, 9, ""), (0.25, 9, "sha256:d"),
    ]  # fmt: skip
    assert await stores.found("metrics.loss = 0.25") == [("smol", 1)]
    (listed,) = await stores.said.search_versions((), version_order(""), after=(), limit=9)
    assert [each.value for each in listed.metrics] == [0.25]


async def test_a_version_has_no_end_of_metrics(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said, "MAX_METRICS", 3)
    await stores.add("smol", 1)
    await stores.say("smol", 1, metrics=[metric("a", 1, step) for step in (1, 2, 3)])
    with pytest.raises(TooLarge, match="4 metrics; 3 are the most"):
        await stores.say("smol", 1, metrics=[metric("b", 1)])
    await stores.say("smol", 1, metrics=[metric("a", 2, 3)])
    assert [each.value for each in (await stores.said.find_version("smol", 1)).metrics] == [1, 1, 2]


async def test_searches(stores: Stores) -> None:
    await stores.add("smol", 1, 2)
    await stores.add("big", 3, size="7B")
    await stores.say("smol", 1, tags=Tagging({"team": "search", "odd key": "x" * 4000}))
    await stores.say("smol", 2, tags=Tagging({"team": "ads"}), metrics=[metric("loss", 1.5)])
    assert await stores.found("") == [("big", 1), ("smol", 2), ("smol", 1)]
    assert await stores.found("tags.team != 'search'") == [("big", 1), ("smol", 2)]
    assert await stores.found(f"tags.`odd key` = '{'x' * 4000}'") == [("smol", 1)]
    assert await stores.found(f"tags.`odd key` = '{'x' * 3999}'") == []
    assert await stores.found("metrics.loss < 2 AND tenant = 'acme' AND created_by LIKE '%eve'") == [
        ("smol", 2)
    ]
    assert await stores.found("size_label IN ('7B', '1B') AND parameters >= 1003") == [("big", 1)]
    assert await stores.found("alias = 'production'") == [("big", 1), ("smol", 1)]
    assert await stores.found("alias != 'production'") == [("smol", 2)]
    assert await stores.found("", "updated_at DESC, name") == [("smol", 1), ("smol", 2), ("big", 1)]
    assert await stores.models("name LIKE 'S%'") == []
    assert await stores.models("name ILIKE 'S%' AND metrics.loss = 1.5") == ["smol"]
    assert await stores.models("", "name DESC") == ["smol", "big"]


async def test_a_version_leaves_and_its_number_with_it(stores: Stores) -> None:
    await stores.add("smol", 1, 2, 3)
    await stores.say("smol", 2, card="x", tags=Tagging({"a": "b"}), metrics=[metric("loss", 1)])
    await stores.versions.register(draft("smol", 2), alias="", once=Once("acme/eve", "k", "f"))
    await stores.said.delete_version("smol", 2, why="old", **BY)
    with pytest.raises(NotFound):
        await stores.said.find_version("smol", 2)
    assert await stores.versions.find_manifest(draft("smol", 2).content.digest) is None
    await stores.free("smol")
    await stores.said.delete_version("smol", 3, why="", **BY)
    assert (await stores.said.find_model("smol")).model.latest_version == 1
    again = await stores.versions.register(draft("smol", 2), alias="")
    assert again.manifest.version == 4
    record = await stores.said.find_version("smol", 4)
    assert (record.card, record.tags, record.metrics, record.revision) == ("", {}, (), 0)
    with pytest.raises(NotFound):
        await stores.said.delete_version("smol", 3, why="", **BY)


async def refused(act: Any, words: str) -> None:
    with pytest.raises(Conflict, match=words):
        await act


async def test_what_is_needed_stays(stores: Stores) -> None:
    await stores.add("smol", 1, 2, 3)
    await refused(stores.said.delete_version("smol", 1, why="", **BY), "smol@production means smol:1")
    await refused(stores.said.delete_model("smol", why="", **BY), "has the alias candidate")
    await stores.versions.delete_alias("smol", "production", **BY)
    await stores.add("lora", 9, base=draft("smol", 1).content.digest)
    await refused(stores.said.delete_version("smol", 1, why="", **BY), "the adapter lora:1 belongs to smol:1")
    await stores.add("copy", 1)
    await stores.said.delete_version("smol", 1, why="", **BY)
    await stores.roll_out("smol", 2)
    await stores.said.describe_model("smol", ModelChange("said all the same"), **BY)
    await refused(stores.said.delete_version("smol", 2, why="", **BY), "ro_1|candidate")
    await refused(stores.said.rename_model("smol", "new", **BY), "ro_1 is under way")
    versions = await stores.versions.list_versions("smol", limit=9)
    assert [each.manifest.version for each in versions] == [3, 2]


async def test_a_model_leaves(stores: Stores) -> None:
    await stores.add("smol", 1, 2)
    await stores.said.describe_model("smol", ModelChange(tags=Tagging({"a": "b"})), **BY)
    await stores.roll_out("smol", 1)
    back: Callable[[Record], Any] = lambda record: (  # noqa: E731
        taken_back(record.rollout, LATER, by="eve", why="x"), Event(LATER, "x", "eve", "")
    )  # fmt: skip
    await stores.rollouts.change("ro_1", back, **BY)
    await stores.free("smol")
    await stores.said.delete_model("smol", why="done", **BY)
    assert await stores.versions.find_model("smol") is None
    assert await stores.rollouts.find("ro_1") is None
    for act in (stores.said.find_model("smol"), stores.said.delete_model("smol", why="", **BY)):
        with pytest.raises(NotFound):
            await act
    assert (await stores.versions.register(draft("smol", 1), alias="")).manifest.version == 3
    await refused(stores.said.rename_model("smol", "smol", **BY), "there is a model smol already")


async def test_a_new_name(stores: Stores) -> None:
    await stores.add("smol", 1, 2)
    await stores.say("smol", 1, card="x", tags=Tagging({"a": "b"}), metrics=[metric("loss", 1)])
    once = Once("acme/eve", "k", "f")
    await stores.versions.register(draft("smol", 3), alias="", once=once)
    await stores.roll_out("smol", 3)
    await stores.rollouts.change("ro_1", lambda r: (taken_back(r.rollout, LATER, by="e", why=""), None), **BY)
    before, manifest = await stores.said.find_model("smol"), await stores.said.find_version("smol", 1)
    renamed = await stores.said.rename_model("smol", "tiny", **BY)
    assert renamed.model == replace(before.model, name="tiny")
    after = await stores.said.find_version("tiny", 1)
    assert after == replace(
        manifest, version=replace(manifest.version, manifest=replace(manifest.version.manifest, name="tiny"))
    )
    assert (await stores.versions.recall(once)) == (await stores.versions.list_versions("tiny", limit=1))[0]
    record = await stores.rollouts.find("ro_1")
    assert record is not None
    assert record.rollout.model == "tiny"
    assert await stores.versions.find_targets(Reference("smol", "production")) == []
    assert len(await stores.versions.find_targets(Reference("tiny", "production"))) == 1
    with pytest.raises(NotFound):
        await stores.said.find_model("smol")


async def test_an_old_name_never_means_other_versions(stores: Stores) -> None:
    await stores.add("smol", 1, 2)
    await stores.said.rename_model("smol", "tiny", **BY)
    await stores.add("other", 5)
    await refused(stores.said.rename_model("other", "smol", **BY), "was another model's name")
    assert (await stores.said.rename_model("tiny", "smol", **BY)).model.latest_version == 2
    await stores.said.rename_model("smol", "tiny", **BY)
    assert (await stores.versions.register(draft("smol", 7), alias="")).manifest.version == 3
    with pytest.raises(NotFound):
        await stores.said.rename_model("nobody", "x", **BY)
    await refused(stores.said.rename_model("smol", "tiny", **BY), "already")


@pytest.mark.parametrize("text", ["name = 'x' --", "tags.a = ''''"])
async def test_text_is_never_a_part_of_the_statement(stores: Stores, text: str) -> None:
    await stores.add("smol", 1)
    try:
        assert await stores.found(text) == []
    except ColonnadeError as error:
        assert error.details["field"] == "filter"  # noqa: PT017 - one of the two has to be
