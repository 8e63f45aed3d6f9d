"""Engines that check seals are shown each name and number once; what they refuse is on record."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from colonnade.errors import Conflict, Unavailable
from colonnade.inference.domain import Chunk, Loaded, Manifest, Ref, Stats, Work
from colonnade.inference.refusals import Refusals
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import FakeEngine, FakeRegistry, digest

REFUSED = Conflict("its seal is of another version", field="manifest.seal", integrity="seal")


@dataclass
class SealedEngine(FakeEngine):
    """Checks the seals of what it is shown."""

    good: set[Ref] = field(default_factory=set)

    async def stats(self) -> Stats:
        found = await super().stats()
        loaded = {name: replace(each, sealed=frozenset(self.good)) for name, each in found.loaded.items()}
        return replace(found, loaded=loaded)

    async def load(self, manifest: Manifest) -> Loaded:
        loaded = await super().load(manifest)
        self.good.add(manifest.ref)
        return replace(loaded, adapters=frozenset(self.adapters), sealed=frozenset(self.good))

    async def load_adapter(self, model: str, manifest: Manifest) -> None:
        await super().load_adapter(model, manifest)
        self.good.add(manifest.ref)

    async def submit(self, work: Work) -> AsyncGenerator[Chunk]:
        assert work.ref in self.good
        async for chunk in super().submit(work):
            yield chunk


class Names(FakeRegistry):
    """Has every name and number for each content it knows."""

    async def manifest(self, ref: Ref) -> Manifest:
        found = await super().manifest(ref)
        return replace(found, name=ref.name or found.name, version=ref.version or found.version)


@dataclass
class Trail:
    records: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False

    async def record(self, action: str, principal: object, outcome: str, **facts: Any) -> object:
        if self.away:
            raise Unavailable("the audit log cannot be written")
        self.records.append({"action": action, "outcome": outcome, **facts})
        return None


def named(number: int, name: str = "m", **more: Any) -> Work:
    return Work(digest("m"), "m", named=(name, number), **more)


async def test_what_is_loaded_under_one_name_is_shown_under_another_once(routing: Routing) -> None:
    engine = SealedEngine("a")
    router = await routing(engine, registry=Names())
    for _ in range(2):
        for number in (3, 5):
            await router.texts(named(number))
    assert engine.good == {Ref(digest("m"), "m", 3), Ref(digest("m"), "m", 5)}
    assert len(engine.loads) == 2
    await router.heard()
    await router.texts(named(5))
    assert len(engine.loads) == 2


async def test_an_engine_that_was_shown_it_needs_no_registry(routing: Routing) -> None:
    registry, ref = Names(), Ref(digest("m"), "m", 3)
    engine = SealedEngine("a", loaded={digest("m")}, good={ref})
    router = await routing(engine, registry=registry)
    registry.down = True
    assert await router.texts(named(3)) == ["a", "b"]
    with pytest.raises(Unavailable):
        await router.texts(named(5))


async def test_a_refusal_is_on_record_and_the_manifest_is_fetched_again(routing: Routing) -> None:
    registry, trail = Names(), Trail()
    engine = SealedEngine("a", loaded={digest("m")}, good={Ref(digest("m"), "m", 3)})
    router = await routing(engine, registry=registry)
    router.placement.loads._refusals = Refusals(trail)
    engine.load_errors = [REFUSED]
    with pytest.raises(Conflict):
        await router.texts(named(5))
    (record,) = trail.records
    assert (record["action"], record["outcome"]) == ("inference.version.refused", "refused")
    assert (record["model"], record["version"], record["reason"], record["engine"]) == ("m", 5, "seal", "a")
    asked = len(registry.asked)
    assert await router.texts(named(5)) == ["a", "b"]  # as it was signed meanwhile
    assert len(registry.asked) == asked + 1


async def test_an_adapter_is_shown_under_its_own_name(routing: Routing) -> None:
    engine = SealedEngine("a")
    router = await routing(engine, registry=Names())
    for number in (1, 1, 2):
        await router.texts(named(3, adapter=digest("poet"), adapter_named=("poet", number)))
    assert Ref(digest("poet"), "poet", 2) in engine.good
    assert engine.loads == ["m", "poet", "poet"]


async def test_what_cannot_be_put_on_record_is_refused_all_the_same() -> None:
    refusals = Refusals(Trail(away=True))
    assert await refusals.heard(Ref(digest("m"), "m", 1), REFUSED)
    assert not await refusals.heard(Ref(digest("m"), "m", 1), Conflict("something else"))
