"""Versions and stages as MLflow has them, on a registry in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from colonnade.errors import (
    AlreadyExists,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    Unavailable,
    Unsupported,
)
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.mlflow import FAILED, PENDING, READY, RUN_ID, Asked, VersionOrder
from colonnade.gateway.domain.models import Alias, AliasTarget, ModelDetail
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.drafts import Drafts
from colonnade.gateway.service.lineage import Lineage
from colonnade.gateway.service.mlflow import Making, Mlflow, ModelVersions, RegisteredModels
from colonnade.gateway.service.models import Models
from tests.unit.gateway.every_route import LOCAL
from tests.unit.gateway.fake_lineage import FakeEvaluations, FakeLineage
from tests.unit.gateway.fakes import DIGEST, FakeAudit, FakeCatalog
from tests.unit.gateway.memory_registry import MemoryCatalogue, MemoryDrafts

PROMPT = {"mlflow.prompt.is_prompt": "true"}


@dataclass
class Aliases(FakeCatalog):
    """The aliases of such a catalogue."""

    shelf: MemoryCatalogue = field(default_factory=MemoryCatalogue)

    async def get(self, caller: Caller, name: str) -> ModelDetail:
        found = [each.version for (model, _), each in sorted(self.shelf.versions.items()) if model == name]
        return ModelDetail((await self.shelf.get_model(caller, name)).model, tuple(reversed(found)))

    async def set_alias(
        self, caller: Caller, name: str, alias: str, targets: Sequence[AliasTarget], revision: int | None
    ) -> Alias:
        await self.delete_alias(caller, name, alias)
        made, record = Alias(alias, tuple(targets), 2), self.shelf.models[name]
        model = replace(record.model, aliases=(*record.model.aliases, made))
        self.shelf.models[name] = replace(record, model=model)
        return made

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        self._note(caller, "delete_alias", name, alias)
        record = self.shelf.models[name]
        left = tuple(each for each in record.model.aliases if each.name != alias)
        self.shelf.models[name] = replace(record, model=replace(record.model, aliases=left))


class Room:
    """MLflow's words on a shelf, whose clients wait so long."""

    def __init__(self, wait_seconds: float = 60.0) -> None:
        self.shelf = MemoryCatalogue()
        self.drafts = MemoryDrafts(self.shelf)
        audit, catalog = FakeAudit(), Aliases(shelf=self.shelf)
        models, drafts = Models(catalog, audit), Drafts(self.drafts, self.shelf, audit)
        self.lineage = FakeLineage()
        said = Descriptions(self.shelf, FakeEvaluations(), audit)
        self.making = Making(drafts, said, Lineage(self.lineage, audit), wait_seconds)
        self.mlflow = Mlflow(RegisteredModels(models, said), ModelVersions(models, said, drafts, self.making))
        self.models, self.versions = self.mlflow.models, self.mlflow.versions

    def aliases(self, name: str = "qwen") -> dict[str, list[int]]:
        found = self.shelf.models[name].model.aliases
        return {alias.name: [target.version for target in alias.targets] for alias in found}


@pytest.fixture
def room() -> Room:
    return Room()


async def test_a_version_is_made_and_described(room: Room) -> None:
    room.shelf.put("qwen")
    order = VersionOrder("qwen", "bundled:x", "the first", {RUN_ID: "r1", "team": "search"})
    made = await room.versions.create(LOCAL, order)
    assert (made.version, made.status, made.description, made.stage) == (1, READY, "the first", "None")
    assert made.tags == {RUN_ID: "r1", "team": "search"}
    assert await room.versions.get(LOCAL, "qwen", 1) == made
    [([edge], _)] = room.lineage.said
    assert (edge.source.key, edge.relation, edge.target.key) == (
        f"version:{DIGEST}",
        "produced_by",
        "run:r1",
    )


async def test_a_run_that_no_lineage_can_name(room: Room) -> None:
    room.shelf.put("qwen")
    room.lineage.error = InvalidArgument("a run's id has other letters")
    made = await room.versions.create(LOCAL, VersionOrder("qwen", "bundled:x", tags={RUN_ID: "my run"}))
    assert (made.status, made.tags) == (READY, {RUN_ID: "my run"})


async def test_it_needs_a_model(room: Room) -> None:
    with pytest.raises(NotFound):
        await room.versions.create(LOCAL, VersionOrder("qwen", "bundled:x"))


async def test_nobody_waits_for_ever() -> None:
    room = Room(wait_seconds=0.0)
    room.shelf.put("qwen")
    room.shelf.slow = True
    made = await room.versions.create(LOCAL, VersionOrder("qwen", "bundled:x", tags={"team": "search"}))
    assert (made.version, made.status) == (1, PENDING)
    assert (await room.versions.get(LOCAL, "qwen", 1)).status == PENDING
    tasks = list(room.making._under_way.values())
    room.drafts.end("qwen", 1)
    assert (await room.versions.get(LOCAL, "qwen", 1)).status == PENDING, "its tags are not there yet"
    await asyncio.gather(*tasks)
    found = await room.versions.get(LOCAL, "qwen", 1)
    assert (found.status, found.tags) == (READY, {"team": "search"})


async def test_the_gateway_stops_while_a_version_is_made() -> None:
    room = Room(wait_seconds=0.0)
    room.shelf.put("qwen")
    room.shelf.slow = True
    await room.versions.create(LOCAL, VersionOrder("qwen", "bundled:x"))
    await room.making.close()
    assert (await room.versions.get(LOCAL, "qwen", 1)).status == PENDING
    room.drafts.end("qwen", 1)
    assert (await room.versions.get(LOCAL, "qwen", 1)).status == READY


async def test_a_source_that_is_no_model(room: Room) -> None:
    room.shelf.put("qwen")
    room.shelf.broken = "the file is no model"
    made = await room.versions.create(LOCAL, VersionOrder("qwen", "bundled:x"))
    assert (made.status, made.status_message) == (FAILED, "the file is no model")
    assert await room.versions.get(LOCAL, "qwen", 1) == made
    await room.drafts.discard(LOCAL, "qwen", 1)
    with pytest.raises(NotFound, match="no version 1"):
        await room.versions.get(LOCAL, "qwen", 1)


async def test_equal_content_is_one_version(room: Room) -> None:
    room.shelf.put("qwen", 1)
    room.shelf.equal_to = 1
    made = await room.versions.create(LOCAL, VersionOrder("qwen", "bundled:x"))
    assert made.version == 1
    assert (await room.versions.get(LOCAL, "qwen", 2)).version == 1


async def test_a_copy_has_the_files_of_its_source(room: Room) -> None:
    room.shelf.put("qwen", 1)
    room.shelf.put("copy")
    made = await room.versions.create(LOCAL, VersionOrder("copy", "models:/qwen/1", tags={"a": "b"}))
    assert (made.name, made.version, made.status, made.tags) == ("copy", 1, READY, {"a": "b"})
    assert room.shelf.seals == [("copy", 1)]
    room.shelf.lost = True
    with pytest.raises(Unavailable):
        await room.versions.create(LOCAL, VersionOrder("copy", "models:/qwen/1"))
    assert room.shelf.drafts["copy", 2].state == "discarded"
    with pytest.raises(NotFound):
        await room.versions.create(LOCAL, VersionOrder("copy", "models:/qwen/7"))


async def test_a_copy_that_is_refused(room: Room) -> None:
    room.shelf.put("qwen", 1)
    room.shelf.sealing = InvalidArgument("no")
    made = await room.versions.create(LOCAL, VersionOrder("qwen", "models:/qwen/1"))
    assert (made.status, made.status_message) == (FAILED, "no")


async def test_a_copy_waits_for_its_turn(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.shelf.put("qwen", 1)
    room.shelf.sealing = Overloaded("others import", retry_after_seconds=7)
    waited = list[float]()

    async def passed(seconds: float) -> None:
        waited.append(seconds)
        room.shelf.sealing = None

    monkeypatch.setattr("colonnade.gateway.service.mlflow.making.asyncio.sleep", passed)
    made = await room.versions.create(LOCAL, VersionOrder("qwen", "models:/qwen/1"))
    assert (made.version, made.status, waited) == (2, READY, [7.0])


async def test_stages_are_aliases(room: Room) -> None:
    room.shelf.put("qwen", 1, 2)
    staged = await room.versions.transition(LOCAL, "qwen", 1, "staging", archive=False)
    assert (staged.stage, room.aliases()) == ("Staging", {"staging": [1]})
    promoted = await room.versions.transition(LOCAL, "qwen", 1, "Production", archive=True)
    assert (promoted.stage, room.aliases()) == ("Production", {"production": [1]})
    await room.versions.transition(LOCAL, "qwen", 2, "Production", archive=False)
    assert room.aliases() == {"production": [2]}
    gone = await room.versions.transition(LOCAL, "qwen", 2, "Archived", archive=False)
    assert (gone.stage, room.aliases()) == ("None", {})
    with pytest.raises(InvalidArgument, match="Production, Staging"):
        await room.versions.transition(LOCAL, "qwen", 2, "Live", archive=False)
    with pytest.raises(InvalidArgument, match="archive_existing_versions"):
        await room.versions.transition(LOCAL, "qwen", 2, "None", archive=True)
    with pytest.raises(NotFound):
        await room.versions.transition(LOCAL, "qwen", 3, "Production", archive=False)


async def test_an_alias_of_several_versions_is_no_stage_to_leave(room: Room) -> None:
    room.shelf.put("qwen", 1, 2, production={1: 90, 2: 10})
    with pytest.raises(Conflict, match="shares its requests"):
        await room.versions.transition(LOCAL, "qwen", 1, "Staging", archive=False)
    assert room.aliases() == {"production": [1, 2]}
    assert (await room.models.by_alias(LOCAL, "qwen", "production")).version == 1


async def test_of_equal_weights_the_oldest_is_meant(room: Room) -> None:
    room.shelf.put("qwen", 1, 2, 3, production={3: 40, 2: 40, 1: 20})
    assert (await room.models.by_alias(LOCAL, "qwen", "production")).version == 2
    assert (await room.models.get(LOCAL, "qwen")).aliases == {"production": 2}
    with pytest.raises(NotFound, match="no alias canary"):
        await room.models.by_alias(LOCAL, "qwen", "canary")


async def test_latest_versions(room: Room) -> None:
    room.shelf.put("qwen", 1, 2, 3, 4, production={4: 100}, staging={2: 100})
    for stages, expected in {
        (): [4, 2, 3],
        ("None",): [3],
        ("staging", "Production"): [4, 2],
        ("Archived",): [],
    }.items():
        assert [each.version for each in await room.models.latest(LOCAL, "qwen", stages)] == expected
    assert [each.version for each in (await room.models.get(LOCAL, "qwen")).latest] == [4, 2]
    room.shelf.put("empty")
    assert (await room.models.get(LOCAL, "empty")).latest == ()
    assert await room.models.latest(LOCAL, "empty", []) == []


async def test_models(room: Room) -> None:
    made = await room.models.create(LOCAL, "qwen", "good", {"team": "search"})
    assert (made.description, made.tags, made.latest) == ("good", {"team": "search"}, ())
    with pytest.raises(AlreadyExists):
        await room.models.create(LOCAL, "qwen", "", {})
    for tags in (PROMPT, {"mlflow.prompt.is_prompt": "True"}):
        with pytest.raises(Unsupported, match="prompts"):
            await room.models.create(LOCAL, "prompt", "", tags)
    with pytest.raises(Unsupported, match="prompts"):
        await room.versions.create(LOCAL, VersionOrder("qwen", "prompt-template", tags=PROMPT))
    room.shelf.put("other", 1)
    with pytest.raises(AlreadyExists):
        await room.models.rename(LOCAL, "qwen", "other")
    assert (await room.models.rename(LOCAL, "qwen", "qwen2")).name == "qwen2"
    await room.models.delete_alias(LOCAL, "other", "nobody")


@pytest.mark.parametrize(
    ("most", "sizes", "more"), [(1, [1], True), (5, [5, 3, 1], True), (9, [9, 7, 5], False)]
)
async def test_pages_are_gathered(room: Room, most: int, sizes: list[int], more: bool) -> None:
    room.shelf.put("qwen", 1, 2)
    room.shelf.pages = 3 if not more else 9
    found, token = await room.versions.search(LOCAL, Asked("name = 'qwen'", most=most, page_token="x"))
    assert [search.page_size for search in room.shelf.searches] == sizes
    assert [search.page_token for search in room.shelf.searches] == ["x", "1", "2"][: len(sizes)]
    assert (len(found) >= most, bool(token)) == (more, more)
    assert {search.order_by for search in room.shelf.searches} == {"updated_at DESC"}


async def test_a_search_for_prompts_asks_nobody(room: Room) -> None:
    asked = Asked("tags.`mlflow.prompt.is_prompt` = 'true'")
    assert await room.models.search(LOCAL, asked) == ([], "")
    assert await room.versions.search(LOCAL, asked) == ([], "")
    assert not room.shelf.searches
